#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 5, /* ESP-IDF's */
	CONNECTION_BYTES = 16384, /* request line and headers */
	BLOCK_BYTES = 8192, /* most answers in one piece */
	DRIP_MS = 1000,
};

/* One connection, from accept until libmicrohttpd closed it. */
struct client {
	TAILQ_ENTRY(client) link; /* in port->clients */
	TAILQ_ENTRY(client) waiting; /* in port->queue */
	struct port *port;
	struct MHD_Connection *connection;
	int fd;
	bool is_under_way; /* accepted or asking, not yet answered */
	bool is_overlapping; /* ... and another one was when this began */
	bool is_gone; /* hung up, or dropped by us: no more answers */
	bool has_left; /* had hung up before it was accepted: answered like any, but in nobody's way */
	bool is_suspended;
	bool is_queued;
	bool is_released; /* its slow time is over */
	bool has_asked;
	uint64_t used; /* order of last use */
	struct timer timer;
	/* the request */
	bool has_begun;
	bool is_write;
	int64_t arrived_ms; /* since 1970 */
	char method[16], path[256], origin[128];
	struct answer answer;
};

/* Whether connections are taken: a full device without purge, a rebooting and a dead one leave them
 * waiting. */
void port_update_accepting(struct port *port)
{
	const struct manners *manners = port->device->manners;
	bool is_full = port->open_count >= manners->sockets && !manners->purges;
	bool accepts = port->listener >= 0 && !port->is_rebooting && !is_full;
	if (accepts == port->is_accepting)
		return;
	port->is_accepting = accepts;
	if (!accepts)
		loop_unwatch(&port->hub->loop, port->listener);
	else if (!loop_watch(&port->hub->loop, port->listener, SOURCE_LISTENER,
			 (size_t)(port - port->hub->ports), EPOLLIN))
		abort();
}

static void hold(struct client *client)
{
	MHD_suspend_connection(client->connection);
	client->is_suspended = true;
	client->port->device->counts.held++;
	if (!loop_watch(&client->port->hub->loop, client->fd, SOURCE_CLIENT, (size_t)client->fd, EPOLLRDHUP))
		abort();
}

static void wake(struct client *client)
{
	struct loop *loop = &client->port->hub->loop;
	timer_clear(loop, &client->timer);
	if (client->is_queued)
		TAILQ_REMOVE(&client->port->queue, client, waiting);
	client->is_queued = false;
	if (!client->is_suspended)
		return;
	client->is_suspended = false;
	client->port->device->counts.held--;
	loop_unwatch(loop, client->fd);
	MHD_resume_connection(client->connection);
}

static void begin_under_way(struct client *client)
{
	client->is_overlapping = client->port->under_way_count > 0;
	client->is_under_way = true;
	client->port->under_way_count++;
}

static void end_under_way(struct client *client)
{
	if (client->is_under_way)
		client->port->under_way_count--;
	client->is_under_way = false;
}

/* The client has hung up, or is to think we have. libmicrohttpd closes it in its next run. */
static void give_up(struct client *client)
{
	if (client->is_gone)
		return;
	client->is_gone = true;
	client->port->open_count--;
	end_under_way(client);
	wake(client);
}

static void drop(struct client *client)
{
	(void)shutdown(client->fd, SHUT_RDWR); /* fails when the client was faster */
	give_up(client);
}

void port_drop_all(struct port *port)
{
	for (struct client *client = TAILQ_FIRST(&port->clients); client; client = TAILQ_NEXT(client, link))
		drop(client);
}

void port_client_hung_up(struct client *client)
{
	give_up(client);
}

static void end_reboot(void *context)
{
	struct port *port = context;
	port->is_rebooting = false;
	life_reboot(&port->device->life, now_ms());
	port_update_accepting(port);
}

void port_reboot(struct port *port)
{
	timer_clear(&port->hub->loop, &port->reboot);
	port->is_rebooting = true;
	timer_set(&port->hub->loop, &port->reboot, port->hub->reboot_ms);
	port_drop_all(port);
	port_update_accepting(port);
}

static void end_wait(void *context)
{
	struct client *client = context;
	client->is_released = true;
	wake(client);
}

static ssize_t on_read(void *context, uint64_t position, char *buffer, size_t size)
{
	struct client *client = context;
	const struct answer *answer = &client->answer;
	size_t end = answer->delivery == DELIVERY_CUT ? answer->length / 2 : answer->length;

	if (client->is_gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (position >= end)
		return answer->delivery == DELIVERY_CUT ? MHD_CONTENT_READER_END_WITH_ERROR
							: MHD_CONTENT_READER_END_OF_STREAM;
	size_t part = end - (size_t)position;
	part = part < size ? part : size;
	if (answer->delivery == DELIVERY_DRIP) {
		if (!client->is_released) {
			timer_set(&client->port->hub->loop, &client->timer, DRIP_MS);
			hold(client);
			return 0;
		}
		client->is_released = false;
		part = 1;
	}
	memcpy(buffer, answer->text + position, part);
	return (ssize_t)part;
}

static void add_headers(struct MHD_Response *response, const struct client *client)
{
	const struct answer *answer = &client->answer;
	const struct device *device = client->port->device;
	const struct {
		const char *name, *text;
		bool is_sent;
	} headers[] = {
		{ "Content-Type", answer->type, true },
		{ "Location", "/", answer->status == 302 },
		{ "Connection", "close", device->manners->closes },
		{ "Access-Control-Allow-Origin", "*", answer->has_cors },
		{ "Access-Control-Allow-Methods", "GET, POST, PATCH, OPTIONS", answer->has_cors },
		{ "Access-Control-Allow-Headers", "Content-Type", answer->has_cors },
		{ "Access-Control-Allow-Credentials", "true",
			answer->has_cors && device->manners->family == FAMILY_ESP_MINER &&
				device->version < VERSION(2, 1, 0) },
	};
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (headers[i].is_sent &&
			MHD_add_response_header(response, headers[i].name, headers[i].text) != MHD_YES)
			abort();
	}
}

static enum MHD_Result answer_now(struct client *client, const char *url)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(client->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	size_t line_bytes = strlen(client->method) + strlen(client->path) + strlen("  HTTP/1.1\r\n");
	const struct request request = {
		.method = client->method,
		.path = url,
		.origin = *client->origin ? client->origin : NULL,
		.header_bytes = info->header_size > line_bytes ? info->header_size - line_bytes : 0,
	};
	client->answer = device_answer(client->port->device, &request, now_ms());
	const struct answer *answer = &client->answer;
	if (answer->delivery == DELIVERY_NONE)
		return MHD_NO;
	struct MHD_Response *response = MHD_create_response_from_callback(
		answer->delivery == DELIVERY_CHUNKED ? MHD_SIZE_UNKNOWN : answer->length, BLOCK_BYTES,
		on_read, client, NULL);
	if (!response)
		abort();
	add_headers(response, client);
	enum MHD_Result result = MHD_queue_response(client->connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

static void *on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
	(void)context;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct client *client = info->socket_context;
	client->has_asked = true;
	client->used = ++client->port->hub->uses;
	client->arrived_ms = wall_ms();
	(void)snprintf(client->path, sizeof(client->path), "%s", uri);
	if (!client->is_under_way && !client->is_gone && !client->has_left)
		begin_under_way(client);
	return client;
}

static void begin_request(struct client *client, const char *method, const char *url)
{
	struct device *device = client->port->device;
	const char *origin = MHD_lookup_connection_value(client->connection, MHD_HEADER_KIND, "Origin");
	(void)snprintf(client->method, sizeof(client->method), "%s", method);
	(void)snprintf(client->origin, sizeof(client->origin), "%s", origin ? origin : "");
	client->has_begun = true;
	client->is_write =
		strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "OPTIONS") != 0;
	bool is_restart = strcmp(method, "POST") == 0 && strcmp(url, "/api/system/restart") == 0;
	if (is_restart && device->expected_restarts > 0) {
		device->expected_restarts--;
		client->is_write = false;
	}
}

/* libmicrohttpd calls this when the headers are there, for each part of a body, at its end, and again
 * after each time the connection was held. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size, void **request)
{
	(void)context, (void)connection, (void)version, (void)upload;
	struct client *client = *request;
	struct port *port = client->port;

	if (!client->has_begun) {
		begin_request(client, method, url);
		return MHD_YES;
	}
	if (*upload_size > 0) { /* nobody reads it */
		*upload_size = 0;
		return MHD_YES;
	}
	if (client->is_gone)
		return MHD_NO;
	if (port->served && port->served != client) {
		TAILQ_INSERT_TAIL(&port->queue, client, waiting);
		client->is_queued = true;
		hold(client);
		return MHD_YES;
	}
	port->served = client;
	if (port->device->fault == FAULT_SILENT) {
		hold(client);
		return MHD_YES;
	}
	if (port->device->fault == FAULT_SLOW && !client->is_released) {
		timer_set(&port->hub->loop, &client->timer, port->device->slow_ms);
		hold(client);
		return MHD_YES;
	}
	client->is_released = false;
	return answer_now(client, url);
}

static void note(struct client *client)
{
	const struct entry entry = {
		.method = client->method,
		.path = client->path,
		.origin = client->origin,
		.status = client->answer.status,
		.is_overlapping = client->is_overlapping,
		.is_write = client->is_write,
		.time_ms = client->arrived_ms,
	};
	ledger_note(client->port->hub->ledger, client->port->device, &entry);
}

/* The answer is out, or never will be. */
static void on_completed(void *context, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode code)
{
	(void)context, (void)connection, (void)code;
	struct client *client = *request;
	if (!client)
		return;
	struct port *port = client->port;
	bool reboots = client->answer.reboots;

	note(client);
	free(client->answer.text);
	client->answer = (struct answer){ 0 };
	client->has_begun = client->is_write = client->is_released = client->is_overlapping = false;
	client->method[0] = client->path[0] = client->origin[0] = '\0';
	client->used = ++port->hub->uses;
	end_under_way(client);
	*request = NULL;
	if (port->served == client) {
		port->served = NULL;
		struct client *next = TAILQ_FIRST(&port->queue);
		if (next) {
			port->served = next;
			wake(next);
		}
	}
	if (reboots && !port->hub->is_ending)
		port_reboot(port);
}

static void client_free(struct client *client)
{
	struct port *port = client->port;
	give_up(client);
	if (port->served == client)
		port->served = NULL;
	TAILQ_REMOVE(&port->clients, client, link);
	port->hub->clients[client->fd] = NULL;
	port_update_accepting(port);
	free(client->answer.text);
	free(client);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct hub *hub = context;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		*socket_context = hub->clients[info->connect_fd];
		hub->clients[info->connect_fd]->connection = connection;
		return;
	}
	struct client *client = *socket_context;
	if (!client->has_asked && !client->has_left)
		note(client);
	client_free(client);
}

/* The least recently used connection that is not being answered makes room. */
static void purge(struct port *port)
{
	struct client *oldest = NULL;
	for (struct client *client = TAILQ_FIRST(&port->clients); client; client = TAILQ_NEXT(client, link)) {
		if (!client->is_gone && client != port->served && (!oldest || client->used < oldest->used))
			oldest = client;
	}
	if (oldest)
		drop(oldest);
}

static bool has_hung_up(int fd)
{
	struct pollfd state = { .fd = fd, .events = POLLRDHUP };
	return poll(&state, 1, 0) != 0;
}

/* One connection a round of the loop: what its client ended before it began must be seen first. */
bool port_accept(struct port *port, struct complaint *complaint)
{
	struct hub *hub = port->hub;
	struct sockaddr_in peer;
	socklen_t peer_size = sizeof(peer);
	int fd = accept4(port->listener, (struct sockaddr *)&peer, &peer_size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return complain(complaint, "out of descriptors; raise the limit (ulimit -n)");
	if (fd < 0)
		return true; /* the client was faster */
	if ((size_t)fd >= hub->client_slots) {
		(void)close(fd);
		return true;
	}
	if (port->open_count >= port->device->manners->sockets)
		purge(port);

	struct client *client = calloc(1, sizeof(*client));
	if (!client)
		abort();
	*client = (struct client){ .port = port, .fd = fd, .used = ++hub->uses, .has_left = has_hung_up(fd) };
	client->timer = (struct timer){ .context = client, .on_due = end_wait };
	client->arrived_ms = wall_ms();
	TAILQ_INSERT_TAIL(&port->clients, client, link);
	port->open_count++;
	hub->clients[fd] = client;
	if (!client->has_left)
		begin_under_way(client);
	port_update_accepting(port);
	/* takes the descriptor, whether it succeeds or not; on_connection has the rest */
	if (MHD_add_connection(hub->http, fd, (struct sockaddr *)&peer, peer_size) != MHD_YES &&
		hub->clients[fd] == client)
		client_free(client);
	return true;
}

bool port_listen(struct port *port)
{
	struct hub *hub = port->hub;
	struct sockaddr_in name = { .sin_family = AF_INET,
		.sin_port = htons(hub->number),
		.sin_addr.s_addr = htonl(port->device->address) };
	socklen_t size = sizeof(name);
	int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
		bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0 || listen(fd, BACKLOG) != 0 ||
		getsockname(fd, (struct sockaddr *)&name, &size) != 0) {
		int reason = errno;
		(void)close(fd);
		errno = reason;
		return false;
	}
	hub->number = ntohs(name.sin_port);
	port->listener = fd;
	return true;
}

void port_close_listener(struct port *port)
{
	if (port->listener < 0)
		return;
	if (port->is_accepting)
		loop_unwatch(&port->hub->loop, port->listener);
	port->is_accepting = false;
	(void)close(port->listener);
	port->listener = -1;
}

bool port_set_fault(struct port *port, enum fault fault, struct complaint *complaint)
{
	struct device *device = port->device;
	if (fault != FAULT_DEAD && port->listener < 0) {
		if (!port_listen(port))
			return complain(
				complaint, "cannot listen at %s again: %s", device->name, strerror(errno));
	}
	if (fault == FAULT_DEAD) {
		port_close_listener(port);
		port_drop_all(port);
	}
	/* What was never to be answered is not answered now either. */
	if (device->fault == FAULT_SILENT && fault != FAULT_SILENT && port->served)
		drop(port->served);
	device->fault = fault;
	port_update_accepting(port);
	return true;
}

void port_init(struct port *port, struct hub *hub, struct device *device)
{
	*port = (struct port){ .hub = hub, .device = device, .listener = -1 };
	port->reboot = (struct timer){ .context = port, .on_due = end_reboot };
	device->port = port;
	TAILQ_INIT(&port->clients);
	TAILQ_INIT(&port->queue);
}

struct MHD_Daemon *port_start_http(struct hub *hub, unsigned client_limit)
{
	/* the firmware sends no Date */
	const unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
		MHD_USE_SUPPRESS_DATE_NO_CLOCK;
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, hub, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, hub, MHD_OPTION_NOTIFY_CONNECTION, on_connection, hub,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, hub, MHD_OPTION_CONNECTION_LIMIT, client_limit,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
}
