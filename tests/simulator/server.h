/* The sockets of all devices and the one loop that serves them.
 *
 * How it works: each device has its own listening socket, accepted here and handed to one libmicrohttpd
 * daemon that runs on this loop by its epoll descriptor. So a dead device is a closed socket, a full or
 * rebooting one is simply not accepted from, and a request that must wait is a suspended connection. A
 * suspended connection is watched for its client's hanging up, which libmicrohttpd does not do.
 *
 * Not simulated: the 5 s after which the firmware gives up on half a request, its refusal of clients
 * outside of private networks (all here are on loopback), SYNs that get no answer at all (a device that is
 * full or reboots lets the kernel complete the handshake, and at most BACKLOG of them wait), WebSockets. */
#ifndef SIMULATOR_SERVER_H
#define SIMULATOR_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "complaint.h"
#include "device.h"
#include "ledger.h"

/* A device is at most 20 connections, a fleet at most so many devices. */
enum { DEVICES_MAX = 4096 };

struct server;

struct server_options {
	struct device *devices; /* sorted by address, borrowed */
	size_t device_count;
	struct ledger *ledger; /* borrowed */
	uint16_t port; /* 0: one that is free at all addresses */
	int64_t reboot_ms;
};

/* Listens at all addresses. The result is the caller's: server_close. */
struct server *server_open(const struct server_options *options, struct complaint *complaint);
void server_close(struct server *server);

uint16_t server_port(const struct server *server);

/* What the loop does with a line of stdin (its end cut off, may be changed). */
typedef void server_line(void *context, char *line);

/* Serves until SIGTERM or SIGINT. False: the loop itself failed. */
bool server_run(struct server *server, server_line *on_line, void *context, struct complaint *complaint);

/* NULL: no device has this address. */
struct device *server_find(struct server *server, const char *address);

#endif
