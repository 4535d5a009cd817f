/* HTTP and WebSocket on our loop, by libwebsockets (4.1.6; what it lacks and gets wrong is mended here and in exchange.c). */
#pragma once
#include "libbus/base/error.h"
#include "libbus/base/memory.h"
#include "services/gateway/listen.h"

#define SERVER_CONNECTIONS_MAX 1024 /* further ones wait until one of them ends */
#define SERVER_PEER_MAX \
	64 /* of one other machine; further ones are closed. This one may be a proxy: no bound */

struct gateway;
struct server;

/* Listens. `base` is WEB_BASE_PATH ("" or "/miners"), taken off before the routes see a path. NULL: BX_INVALID (the base is
 * none), BX_CONFLICT (the port is taken), BX_FAILED. */
struct server *server_new(
	struct gateway *gateway, const struct listen_at *at, const char *base, struct bx_error *error);
/* Closes all connections, calls `stopped` once they are gone, in 0.1 s; then server_free. */
void server_stop(struct server *server, void (*stopped)(void *arg), void *arg);
void server_free(struct server *server);
BX_OWNED_BY(struct server, server_free)

/* "http://127.0.0.1:5000": with the port that was found where 0 was asked for. */
const char *server_url(const struct server *server);
