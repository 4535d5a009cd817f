/* A connection as server.c and exchange.c see it; nobody else does. */
#pragma once
#include "services/gateway/gateway.h"
#include "services/gateway/routes.h"
#include <libwebsockets.h>
#include <sys/queue.h>

enum {
	REQUEST_S = 10, /* for a request, head and body, from its connection's first byte or from its head */
	ANSWER_S = 30, /* until we know the answer */
	SEND_S = 10, /* to take the answer, and one more for each SEND_BYTES */
	SEND_BYTES = 16 * 1024,
	IDLE_S = 60, /* between two requests */
	HEAD_BYTES_MAX = 4096, /* of a request, its address included */
	BODY_BYTES_MAX = 64 * 1024,
};

struct connection {
	struct server *server;
	struct lws *wsi;
	char peer[48], arrived[48]; /* numeric addresses: theirs, ours */
	LIST_ENTRY(connection) link;

	/* the HTTP exchange under way */
	uint64_t exchange; /* 0: none */
	enum method method;
	bool asked; /* the route has it */
	bool close; /* once answered */
	bool has_answer, head_sent;
	struct answer answer;
	size_t sent; /* of the body */

	/* a WebSocket */
	struct live_client *client; /* NULL: it is none */
	struct bx_text wish; /* what it is saying */
};

struct server {
	struct gateway *gateway;
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct listen_at at;
	char base[96], url[80], host_name[256];
	uint64_t exchanges;
	LIST_HEAD(, connection) connections;
	bool stopped;
	struct bx_text piece; /* of a WebSocket's message, behind LWS_PRE bytes that lws scribbles in */
};
