/* The order of things: exchange_begin (LWS_CALLBACK_HTTP) asks the routes at once, or waits for the body (BODY_COMPLETION).
 * The answer comes to exchange_take, from within the asking or much later. exchange_write (HTTP_WRITEABLE) sends the head,
 * then the body in pieces, and ends the exchange when lws has sent all of it. */
#include "services/gateway/exchange.h"

#include "services/gateway/guard.h"
#include "services/gateway/problem.h"
#include <stdio.h>
#include <string.h>

enum { ARGUMENTS_MAX = 16, HOST_SIZE = 300 };

static void set_deadline(struct connection *connection, int64_t seconds)
{
	lws_set_timer_usecs(connection->wsi, seconds * LWS_USEC_PER_SEC);
}

/* --- the request --- */

static enum method method_of(int lws_method)
{
	static const enum method methods[] = {
		[LWSHUMETH_GET] = METHOD_GET, [LWSHUMETH_HEAD] = METHOD_HEAD, [LWSHUMETH_POST] = METHOD_POST
	};
	bool known = lws_method >= 0 && (size_t)lws_method < BX_COUNT(methods) && methods[lws_method];
	return known ? methods[lws_method] : METHOD_OTHER;
}

/* Empty where there is none. False: too long. */
static bool copy_header(struct lws *wsi, enum lws_token_indexes token, char *to, int size)
{
	to[0] = '\0';
	return lws_hdr_total_length(wsi, token) == 0 || lws_hdr_copy(wsi, to, size, token) >= 0;
}

/* What the routes see of a path: "/miners/monitoring" is "/monitoring" where the base is "/miners". A proxy that takes it off
 * itself is fine, too. */
static const char *strip_base(const struct server *server, const char *path)
{
	size_t length = strlen(server->base);
	if (length == 0 || strncmp(path, server->base, length) != 0)
		return path;
	if (path[length] == '\0')
		return "/";
	return path[length] == '/' ? path + length : path;
}

static bool is_http_1_0(struct lws *wsi)
{
	char version[16];
	return !copy_header(wsi, WSI_TOKEN_HTTP, version, sizeof version) || strcmp(version, "HTTP/1.1") != 0;
}

/* 0: fine. Else the status, and *why. */
static int judge_host(const struct connection *connection, const char **why)
{
	const struct server *server = connection->server;
	struct guard guard = {
		.listen = server->at.address, .arrived = connection->arrived, .host_name = server->host_name
	};
	char host[HOST_SIZE];
	bool fits = copy_header(connection->wsi, WSI_TOKEN_HOST, host, sizeof host);
	if (fits && host[0] == '\0' && is_http_1_0(connection->wsi))
		return 0; /* it had no Host then, and no browser speaks it */
	*why = "this name is not one of ours; ask by the address, by localhost or by the machine's own name";
	return fits && guard_host(&guard, host) ? 0 : 421;
}

/* The length of the body. -1: *status says what is wrong with it. */
static int64_t body_length(struct connection *connection, int lws_method, int *status)
{
	char text[32];
	int64_t length = 0;
	struct lws *wsi = connection->wsi;
	bool wants =
		lws_method == LWSHUMETH_POST || lws_method == LWSHUMETH_PUT || lws_method == LWSHUMETH_PATCH;
	bool told = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
	bool chunked = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0;
	*status = chunked || (wants && !told) ? 411 : 0;
	if (told &&
		(!copy_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof text) ||
			!bx_parse_integer(text, 0, INT64_MAX, &length)))
		*status = 400;
	if (length > BODY_BYTES_MAX)
		*status = 413;
	return *status ? -1 : length;
}

static void refuse(struct connection *connection, int status, const char *why)
{
	struct answer answer;
	connection->asked = true;
	connection->close = true;
	problem_make(&answer, status, why);
	exchange_take(connection->server, connection->exchange, &answer);
}

static void ask(struct connection *connection)
{
	struct lws *wsi = connection->wsi;
	struct reply reply = { exchange_take, connection->server, connection->exchange };
	const char *arguments[ARGUMENTS_MAX + 1];
	char texts[HEAD_BYTES_MAX + ARGUMENTS_MAX], none_match[256];
	char *uri = NULL;
	int size = 0, used = 0, length;
	size_t count = 0;
	if (lws_http_get_uri_and_method(wsi, &uri, &size) < 0) {
		refuse(connection, 400, "this is no request");
		return;
	}
	connection->asked = true;
	set_deadline(connection, ANSWER_S);
	while (count < ARGUMENTS_MAX &&
		(length = lws_hdr_copy_fragment(wsi, texts + used, (int)sizeof texts - used,
			 WSI_TOKEN_HTTP_URI_ARGS, (int)count)) >= 0) {
		arguments[count++] = texts + used;
		used += length + 1;
	}
	arguments[count] = NULL;
	if (!copy_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, none_match, sizeof none_match))
		none_match[0] = '\0'; /* no browser keeps so many */
	struct request request = { .method = connection->method,
		.path = strip_base(connection->server, uri),
		.arguments = arguments,
		.if_none_match = none_match };
	routes_answer(connection->server->gateway, &request, &reply);
}

/* --- the answer --- */

static struct connection *find(struct server *server, uint64_t exchange)
{
	struct connection *connection;
	LIST_FOREACH (connection, &server->connections, link)
		if (connection->exchange == exchange)
			return connection;
	return NULL;
}

void exchange_take(void *to, uint64_t exchange, struct answer *answer)
{
	struct server *server = to;
	struct connection *connection = server->stopped ? NULL : find(server, exchange);
	if (!connection || connection->has_answer) {
		free(answer->body); /* who asked has gone */
		return;
	}
	connection->answer = *answer;
	connection->has_answer = true;
	set_deadline(connection, SEND_S + (int64_t)(answer->size / SEND_BYTES));
	lws_callback_on_writable(connection->wsi);
}

static bool add(struct lws *wsi, const char *name, const char *value, unsigned char **at, unsigned char *end)
{
	return !value ||
		lws_add_http_header_by_name(wsi, (const unsigned char *)name, (const unsigned char *)value,
			(int)strlen(value), at, end) == 0;
}

/* Status, our headers and, from the vhost, those of every answer. False: no room, or the socket is gone. */
static bool write_head(struct connection *connection, const struct answer *answer)
{
	struct lws *wsi = connection->wsi;
	unsigned char head[LWS_PRE + 2048], *start = head + LWS_PRE, *at = start,
					    *end = head + sizeof head - 1;
	char disposition[80] = "";
	if (answer->file_name)
		(void)snprintf(
			disposition, sizeof disposition, "attachment; filename=\"%s\"", answer->file_name);
	bool fits = lws_add_http_header_status(wsi, (unsigned)answer->status, &at, end) == 0 &&
		add(wsi, "content-type:", answer->type, &at, end) &&
		add(wsi, "etag:", answer->etag, &at, end) &&
		add(wsi, "cache-control:", answer->cache, &at, end) &&
		add(wsi, "location:", answer->location, &at, end) &&
		add(wsi, "allow:", answer->allow, &at, end) &&
		add(wsi, "content-disposition:", answer->file_name ? disposition : NULL, &at, end) &&
		add(wsi, "connection:", connection->close ? "close" : "keep-alive", &at, end) &&
		(answer->status == 304 ||
			lws_add_http_header_content_length(wsi, answer->size, &at, end) == 0);
	return fits && lws_finalize_write_http_header(wsi, start, &at, end) == 0;
}

static bool has_more(const struct connection *connection)
{
	return connection->method != METHOD_HEAD && connection->sent < connection->answer.size;
}

static bool write_piece(struct connection *connection)
{
	unsigned char piece[LWS_PRE + SEND_BYTES]; /* lws may scribble: not the kept bytes themselves */
	const struct answer *answer = &connection->answer;
	const char *body = answer->body ? answer->body : answer->kept;
	size_t size = answer->size - connection->sent;
	if (size > SEND_BYTES)
		size = SEND_BYTES;
	memcpy(piece + LWS_PRE, body + connection->sent, size);
	connection->sent += size;
	enum lws_write_protocol how = has_more(connection) ? LWS_WRITE_HTTP : LWS_WRITE_HTTP_FINAL;
	return lws_write(connection->wsi, piece + LWS_PRE, size, how) == (int)size;
}

void exchange_end(struct connection *connection)
{
	free(connection->answer.body);
	connection->answer = (struct answer){ 0 };
	connection->has_answer = connection->head_sent = connection->asked = false;
	connection->sent = 0;
	connection->exchange = 0;
}

int exchange_write(struct connection *connection)
{
	if (!connection->has_answer)
		return 0;
	if (!connection->head_sent || has_more(connection)) {
		bool written = connection->head_sent ? write_piece(connection)
						     : write_head(connection, &connection->answer);
		connection->head_sent = true;
		lws_callback_on_writable(connection->wsi);
		return written ? 0 : -1;
	}
	exchange_end(connection); /* lws calls again only when it has sent all */
	if (connection->close)
		return -1;
	set_deadline(connection, IDLE_S);
	return lws_http_transaction_completed(connection->wsi) ? -1 : 0;
}

/* Writes an answer that is there without waiting for the socket: lws keeps what it does not take, and sends it before it
 * closes. -1: written, and to be closed. */
static int answer_now(struct connection *connection)
{
	while (connection->has_answer)
		if (exchange_write(connection) < 0)
			return -1;
	return 0;
}

/* A byte behind a body, in the same read, makes 4.1.6 come here again and again, tens of thousands of times, until its own
 * buffers burst. So an answer that is there is written at once and the connection closed; a second call is the end of one
 * that is not. (lws_rx_flow_control does not help: it keeps HTTP_WRITEABLE away, too, and the loop spins.) */
int exchange_body_ended(struct connection *connection)
{
	if (connection->asked || connection->exchange == 0)
		return -1;
	ask(connection);
	return answer_now(connection);
}

/* --- the beginning --- */

int exchange_begin(struct connection *connection)
{
	struct lws *wsi = connection->wsi;
	char *uri = NULL;
	const char *why = NULL;
	int size = 0, status = 0;
	int method = lws_http_get_uri_and_method(wsi, &uri, &size);
	exchange_end(connection);
	connection->exchange = ++connection->server->exchanges;
	connection->method = method_of(method);
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* ours count; lws' would end a long query */

	/* HTTP/1.0 with keep-alive stalls, and a body is trouble enough (see exchange_body_ended): neither gets a second
	 * exchange on its connection. */
	int64_t body = body_length(connection, method, &status);
	bool has_body = body > 0 || (body == 0 && connection->method == METHOD_POST);
	connection->close = has_body || body < 0 || (connection->method & (METHOD_GET | METHOD_HEAD)) == 0 ||
		is_http_1_0(wsi);
	if (status) { /* lws may take the rest for a body */
		why = status == 413 ? "a body has at most 64 kB"
				    : "a body needs its length in Content-Length, in digits";
		refuse(connection, status, why);
	} else if ((status = judge_host(connection, &why)) != 0) {
		refuse(connection, status, why);
	} else if (has_body) {
		set_deadline(connection, REQUEST_S);
	} else {
		ask(connection);
	}
	return body == 0 ? 0 : answer_now(connection);
}

/* --- the upgrade --- */

/* No exchange is under way here and none can be: written at once, and closed. */
static int refuse_upgrade(struct connection *connection, int status, const char *why)
{
	struct answer answer;
	connection->close = true;
	connection->method = METHOD_GET;
	problem_make(&answer, status, why);
	connection->answer = answer;
	connection->sent = 0;
	if (write_head(connection, &connection->answer))
		(void)write_piece(connection); /* it closes, whatever came of it */
	exchange_end(connection);
	return -1;
}

int exchange_upgrade(struct connection *connection, const char *protocol)
{
	struct lws *wsi = connection->wsi;
	const char *why = "";
	char *uri = NULL, host[HOST_SIZE], origin[HOST_SIZE];
	int size = 0;
	int method = lws_http_get_uri_and_method(wsi, &uri, &size);
	int status = judge_host(connection, &why);
	if (status)
		return refuse_upgrade(connection, status, why);
	if (strcmp(protocol, "websocket") != 0) /* h2c breaks larger POSTs in every version */
		return refuse_upgrade(connection, 400, "there is no upgrade but to WebSocket");
	if (method != LWSHUMETH_GET || strcmp(strip_base(connection->server, uri), "/monitoring/ws") != 0)
		return refuse_upgrade(connection, 404, "the WebSocket is at /monitoring/ws");
	if (!copy_header(wsi, WSI_TOKEN_HOST, host, sizeof host) ||
		!copy_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin) || !guard_origin(origin, host))
		return refuse_upgrade(connection, 403, "a page of another site may not listen here");
	return 0;
}
