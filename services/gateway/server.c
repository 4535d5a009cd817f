/* lws calls on_event for everything; the connection is found by its opaque pointer, since a wsi's user space does not outlive
 * an exchange. Its connections, exchanges and WebSockets have our own deadlines: lws begins its timeouts anew with every byte.
 *
 * How it ends (any other order leaks or aborts): lws_context_destroy begins the closing, the loop runs until all is closed,
 * lws_context_destroy once more frees. There is no event for "all is closed": hence STOP_MS. */
#include "services/gateway/server.h"

#include "libbus/base/log.h"
#include "services/gateway/connection.h"
#include "services/gateway/exchange.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum {
	STOP_MS = 100,
	SEND_BUFFER_BYTES = 32 *
		1024, /* else the kernel takes a megabyte of stale state for a client that stands still */
	PING_S = 30,
	HANG_UP_S = 40, /* without any sign of life */
	FREE_TURNS = 10,
};

/* --- connections --- */

/* "::ffff:10.0.0.7" is 10.0.0.7. */
static void print_address(const struct sockaddr_storage *from, char text[48])
{
	text[0] = '\0';
	if (from->ss_family == AF_INET)
		(void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)from)->sin_addr, text,
			48); /* fits */
	if (from->ss_family == AF_INET6)
		(void)inet_ntop(
			AF_INET6, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, text, 48);
	if (strncmp(text, "::ffff:", 7) == 0 && strchr(text, '.'))
		memmove(text, text + 7, strlen(text + 7) + 1);
}

static void read_peer(int fd, char text[48])
{
	struct sockaddr_storage storage = { 0 };
	socklen_t size = sizeof storage;
	(void)getpeername(fd, (struct sockaddr *)&storage, &size); /* fails: it has gone, "" */
	print_address(&storage, text);
}

static void read_arrived(int fd, char text[48])
{
	struct sockaddr_storage storage = { 0 };
	socklen_t size = sizeof storage;
	(void)getsockname(fd, (struct sockaddr *)&storage, &size);
	print_address(&storage, text);
}

static int on_arrival(const struct server *server, int fd)
{
	char peer[48];
	size_t count = 0;
	const struct connection *connection;
	read_peer(fd, peer);
	if (strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0)
		return 0;
	LIST_FOREACH (connection, &server->connections, link)
		count += strcmp(connection->peer, peer) == 0;
	return count >= SERVER_PEER_MAX;
}

static void connect_one(struct server *server, struct lws *wsi)
{
	struct connection *connection = bx_alloc(1, sizeof *connection);
	connection->server = server;
	connection->wsi = wsi;
	read_peer(lws_get_socket_fd(wsi), connection->peer);
	read_arrived(lws_get_socket_fd(wsi), connection->arrived);
	bx_text_init(&connection->wish, LIVE_WISH_BYTES_MAX);
	LIST_INSERT_HEAD(&server->connections, connection, link);
	lws_set_opaque_user_data(wsi, connection);
	lws_set_timer_usecs(wsi, REQUEST_S * LWS_USEC_PER_SEC);
}

static void disconnect_one(struct connection *connection)
{
	lws_set_opaque_user_data(connection->wsi, NULL);
	exchange_end(connection);
	live_leave(connection->client);
	bx_text_done(&connection->wish);
	LIST_REMOVE(connection, link);
	free(connection);
}

/* --- WebSockets --- */

static void wake(void *arg)
{
	lws_callback_on_writable(((struct connection *)arg)->wsi);
}

static void begin_watching(struct connection *connection)
{
	int bytes = SEND_BUFFER_BYTES;
	(void)setsockopt(
		lws_get_socket_fd(connection->wsi), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes); /* a wish */
	connection->client = live_join(connection->server->gateway->live, wake, connection);
	wake(connection);
}

static int write_piece(struct connection *connection)
{
	static const int how[] = { [LIVE_WHOLE] = LWS_WRITE_TEXT,
		[LIVE_FIRST] = LWS_WRITE_TEXT | LWS_WRITE_NO_FIN,
		[LIVE_MIDDLE] = LWS_WRITE_CONTINUATION | LWS_WRITE_NO_FIN,
		[LIVE_LAST] = LWS_WRITE_CONTINUATION };
	static const char room[LWS_PRE];
	struct bx_text *piece = &connection->server->piece;
	bx_text_clear(piece);
	bx_text_add(piece, room, sizeof room);
	enum live_piece place = connection->client ? live_next(connection->client, piece) : LIVE_NOTHING;
	if (place == LIVE_NOTHING)
		return 0;
	size_t size = piece->length - LWS_PRE;
	if (piece->cut ||
		lws_write(connection->wsi, (unsigned char *)piece->data + LWS_PRE, size,
			(enum lws_write_protocol)how[place]) < (int)size)
		return -1;
	if (live_has_more(connection->client))
		wake(connection);
	return 0;
}

static int hang_up(struct connection *connection, enum lws_close_status status, const char *why)
{
	unsigned char reason[124]; /* RFC 6455: a control frame has at most 125 bytes, two are the status */
	(void)bx_text_copy((char *)reason, sizeof reason, why); /* cut is fine */
	lws_close_reason(connection->wsi, status, reason, strlen((char *)reason));
	return -1;
}

static int on_wish(struct connection *connection, const char *bytes, size_t size)
{
	struct bx_text *wish = &connection->wish;
	struct bx_error error;
	if (!connection->client)
		return 0;
	bx_text_add(wish, bytes, size);
	if (wish->cut)
		return hang_up(connection, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "a message has at most 4 kB");
	if (lws_remaining_packet_payload(connection->wsi) || !lws_is_final_fragment(connection->wsi))
		return 0;
	bool good = live_wish(connection->client, wish->data ? wish->data : "", wish->length, &error);
	bx_text_clear(wish);
	return good ? 0 : hang_up(connection, LWS_CLOSE_STATUS_POLICY_VIOLATION, error.message);
}

/* --- what lws calls --- */

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size)
{
	(void)user;
	struct server *server = lws_context_user(lws_get_context(wsi));
	struct connection *connection = lws_get_opaque_user_data(wsi);
	if (reason == LWS_CALLBACK_FILTER_NETWORK_CONNECTION)
		return on_arrival(server, (int)(intptr_t)in);
	if (reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED)
		connect_one(server, wsi);
	if (!connection)
		return 0; /* a listening socket, or lws' own */

	switch ((int)reason) { /* a few of a hundred */
	case LWS_CALLBACK_HTTP:
		return exchange_begin(connection);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return exchange_body_ended(connection);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return exchange_write(connection);
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return exchange_upgrade(connection, in);
	case LWS_CALLBACK_ESTABLISHED:
		begin_watching(connection);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return write_piece(connection);
	case LWS_CALLBACK_RECEIVE:
		return on_wish(connection, in, size);
	case LWS_CALLBACK_CLOSED:
		live_leave(connection->client);
		connection->client = NULL;
		return 0;
	case LWS_CALLBACK_TIMER: /* a deadline has passed; a WebSocket has none, and 4.1.6 fires at once what it should cancel */
		return connection->client ? 0 : -1;
	case LWS_CALLBACK_WSI_DESTROY:
		disconnect_one(connection);
		return 0;
	default:
		return 0;
	}
}

/* --- the server --- */

/* What goes with every answer, lws' own refusals included. */
static const struct lws_protocol_vhost_options headers[] = {
	{ .next = &headers[1],
		.name = "content-security-policy:",
		.value = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
			 "object-src 'none'" },
	{ .next = &headers[2], .name = "x-content-type-options:", .value = "nosniff" },
	{ .next = &headers[3], .name = "referrer-policy:", .value = "no-referrer" },
	{ .name = "cross-origin-resource-policy:", .value = "same-origin" },
};

static const struct lws_protocols protocols[] = {
	{ .name = "bitaxe", .callback = on_event, .rx_buffer_size = 4096 }, { 0 }
};
static const lws_retry_bo_t life_signs = { .secs_since_valid_ping = PING_S,
	.secs_since_valid_hangup = HANG_UP_S };

static void log_loud(int level, const char *line)
{
	(void)level;
	char text[256];
	bx_clean(text, sizeof text, line);
	bx_log(BX_WARNING, "libwebsockets", BX_F("said", (const char *)text));
}

/* While it serves, an outsider can make it say most of its lines. */
static void log_quiet(int level, const char *line)
{
	(void)level;
	char text[256];
	bx_clean(text, sizeof text, line);
	bx_log(BX_DEBUG, "libwebsockets", BX_F("said", (const char *)text));
}

static bool open_context(struct server *server, struct bx_error *error)
{
	void *loops[] = { bx_loop_uv(server->gateway->service->loop) };
	const char *address = server->at.is_any ? NULL : server->at.address;
	struct lws_context_creation_info info = {
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
		.foreign_loops = loops,
		.user = server,
		.fd_limit_per_thread = SERVER_CONNECTIONS_MAX,
		.max_http_header_data = HEAD_BYTES_MAX,
		.max_http_header_pool =
			SERVER_CONNECTIONS_MAX, /* made as needed: who drips a header keeps none from another */
		.pt_serv_buf_size = 16384,
		.timeout_secs = REQUEST_S,
		.server_string = "bitaxe",
	};
	server->context = lws_create_context(&info);
	if (!server->context)
		return bx_fail(error, BX_FAILED,
			"libwebsockets does not start; is libwebsockets-evlib-uv installed?");
	struct lws_context_creation_info vhost = {
		.options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
			(server->at.is_six ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6),
		.vhost_name = "gateway",
		.iface = address,
		.port = server->at.port,
		.protocols = protocols,
		.headers = headers,
		.keepalive_timeout = IDLE_S,
		.retry_and_idle_policy = &life_signs,
		.alpn = "http/1.1", /* HTTP/2 breaks larger POSTs and gains us nothing */
	};
	server->vhost = lws_create_vhost(server->context, &vhost);
	return server->vhost ||
		bx_fail(error, BX_FAILED, "libwebsockets does not listen on %s port %u", server->at.address,
			server->at.port);
}

static bool take_base(struct server *server, const char *base, struct bx_error *error)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
	size_t length = strlen(base);
	bool good = length == 0 || (base[0] == '/' && base[1] != '/' && base[length - 1] != '/');
	return (good && strspn(base, letters) == length &&
		       bx_text_copy(server->base, sizeof server->base, base)) ||
		bx_fail(error, BX_INVALID,
			"WEB_BASE_PATH=%.80s: write a path such as /miners, without a / at its end", base);
}

struct server *server_new(
	struct gateway *gateway, const struct listen_at *at, const char *base, struct bx_error *error)
{
	BX_OWNED(server_free) struct server *server = bx_alloc(1, sizeof *server);
	server->gateway = gateway;
	server->at = *at;
	LIST_INIT(&server->connections);
	bx_text_init(&server->piece, LWS_PRE + LIVE_PIECE_BYTES_MAX);
	if (gethostname(server->host_name, sizeof server->host_name - 1) < 0)
		server->host_name[0] = '\0'; /* then nobody finds us by it */
	if (!take_base(server, base, error) || (at->port != 0 && !listen_try(at, error)))
		return NULL;
	lws_set_log_level(LLL_ERR | LLL_WARN, log_loud);
	if (!open_context(server, error))
		return NULL;
	lws_set_log_level(LLL_ERR | LLL_WARN, log_quiet);
	server->at.port = (uint16_t)lws_get_vhost_listen_port(server->vhost);
	listen_url(&server->at, server->url, sizeof server->url);
	struct server *opened = server;
	server = NULL; /* the caller's */
	return opened;
}

void server_stop(struct server *server, void (*stopped)(void *arg), void *arg)
{
	server->stopped = true;
	lws_context_destroy(server->context);
	bx_after(server->gateway->service->loop, STOP_MS, stopped, arg);
}

void server_free(struct server *server)
{
	if (!server)
		return;
	if (server->context && !server->stopped) { /* it could not listen: nobody else is on the loop yet */
		lws_context_destroy(server->context);
		for (int turn = 0; turn < FREE_TURNS; turn++)
			uv_run(bx_loop_uv(server->gateway->service->loop), UV_RUN_NOWAIT);
	}
	if (server->context)
		lws_context_destroy(server->context);
	bx_text_done(&server->piece);
	free(server);
}

const char *server_url(const struct server *server)
{
	return server->url;
}
