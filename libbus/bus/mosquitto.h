/* The link to a Mosquitto broker, by libmosquitto on our loop. */
#pragma once
#include "libbus/base/loop.h"
#include "libbus/bus/link.h"

struct bx_broker {
	const char *address; /* a unix socket's path (at most 107 bytes), or a loopback address */
	int port; /* 0: a unix socket */
	const char *user, *password; /* NULL: none */
	const char *client; /* our id */
};

/* Connecting blocks for as long as a local socket takes: 0.2 ms. All is copied. */
struct bx_link *bx_mosquitto_new(struct bx_loop *loop, const struct bx_broker *broker);
