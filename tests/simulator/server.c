#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "loop.h"
#include "port.h"

enum { CLIENTS_MAX = 60000, EVENTS_MAX = 64, LINE_BYTES_MAX = 8192, PORT_TRIES = 50, SLEEP_MAX_MS = 60000 };

struct server {
	struct server_options options;
	struct hub hub;
	int signals;
	char line[LINE_BYTES_MAX]; /* of stdin, what is there of it */
	size_t line_length;
	bool is_line_too_long;
};

/* All devices on one port, the one asked for or one that is free everywhere. */
static bool listen_everywhere(struct server *server, struct complaint *complaint)
{
	const struct server_options *options = &server->options;
	struct port *ports = server->hub.ports;
	size_t i = 0;
	for (int tries = 0; tries < (options->port ? 1 : PORT_TRIES); tries++) {
		server->hub.number = options->port;
		for (i = 0; i < options->device_count && port_listen(&ports[i]); i++)
			;
		if (i == options->device_count)
			return true;
		int reason = errno;
		for (size_t k = 0; k < i; k++)
			port_close_listener(&ports[k]);
		errno = reason;
		if (reason != EADDRINUSE)
			break;
	}
	return complain(complaint,
		"cannot listen at %s port %u: %s; take another --port, or 0 for a free one",
		options->devices[i].name, server->hub.number, strerror(errno));
}

static bool raise_limit(struct server *server, struct complaint *complaint)
{
	struct rlimit limit;
	size_t needed = server->options.device_count * 2 + 64;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return complain(complaint, "cannot read the limit of open files: %s", strerror(errno));
	limit.rlim_cur = limit.rlim_max < CLIENTS_MAX ? limit.rlim_max : CLIENTS_MAX;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < needed)
		return complain(complaint,
			"%zu devices need %zu open files, the limit is %llu; raise it (ulimit -n)",
			server->options.device_count, needed, (unsigned long long)limit.rlim_cur);
	server->hub.client_slots = (size_t)limit.rlim_cur;
	server->hub.clients = calloc(server->hub.client_slots, sizeof(struct client *));
	if (!server->hub.clients)
		abort();
	return true;
}

static bool start(struct server *server, struct complaint *complaint)
{
	sigset_t ends;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	(void)signal(SIGPIPE, SIG_IGN); /* cannot fail with this signal */
	if (sigprocmask(SIG_BLOCK, &ends, NULL) != 0)
		return complain(complaint, "cannot take signals: %s", strerror(errno));
	server->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	server->hub.http = port_start_http(&server->hub, CLIENTS_MAX);
	if (!loop_init(&server->hub.loop) || server->signals < 0 || !server->hub.http)
		return complain(complaint, "cannot start the loop: %s", strerror(errno));
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->hub.http, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || !loop_watch(&server->hub.loop, info->epoll_fd, SOURCE_HTTP, 0, EPOLLIN) ||
		!loop_watch(&server->hub.loop, server->signals, SOURCE_SIGNAL, 0, EPOLLIN))
		return complain(complaint, "cannot watch the sockets: %s", strerror(errno));
	return true;
}

struct server *server_open(const struct server_options *options, struct complaint *complaint)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server)
		abort();
	server->options = *options;
	server->signals = server->hub.loop.epoll = -1;
	server->hub.ledger = options->ledger;
	server->hub.reboot_ms = options->reboot_ms;
	server->hub.ports = calloc(options->device_count, sizeof(struct port));
	if (!server->hub.ports)
		abort();
	for (size_t i = 0; i < options->device_count; i++)
		port_init(&server->hub.ports[i], &server->hub, &options->devices[i]);
	if (!raise_limit(server, complaint) || !start(server, complaint) ||
		!listen_everywhere(server, complaint)) {
		server_close(server);
		return NULL;
	}
	for (size_t i = 0; i < options->device_count; i++)
		port_update_accepting(&server->hub.ports[i]);
	return server;
}

void server_close(struct server *server)
{
	if (!server)
		return;
	server->hub.is_ending = true;
	for (size_t i = 0; i < server->options.device_count; i++) {
		port_close_listener(&server->hub.ports[i]);
		port_drop_all(&server->hub.ports[i]);
	}
	if (server->hub.http) {
		(void)MHD_run(server->hub.http); /* suspended connections must not meet its end */
		MHD_stop_daemon(server->hub.http);
	}
	loop_done(&server->hub.loop);
	if (server->signals >= 0)
		(void)close(server->signals);
	free(server->hub.clients);
	free(server->hub.ports);
	free(server);
}

uint16_t server_port(const struct server *server)
{
	return server->hub.number;
}

struct device *server_find(struct server *server, const char *address)
{
	struct in_addr parsed;
	if (inet_pton(AF_INET, address, &parsed) != 1)
		return NULL;
	uint32_t wanted = ntohl(parsed.s_addr);
	size_t low = 0, high = server->options.device_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct device *device = &server->options.devices[middle];
		if (device->address == wanted)
			return device;
		if (device->address < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* A piece of stdin. A line that is too long is one wrong line ("?"), not several. */
static void take_input(
	struct server *server, const char *piece, size_t length, server_line *on_line, void *context)
{
	for (size_t i = 0; i < length; i++) {
		if (piece[i] != '\n') {
			server->is_line_too_long |= server->line_length == LINE_BYTES_MAX - 1;
			if (!server->is_line_too_long)
				server->line[server->line_length++] = piece[i];
			continue;
		}
		server->line[server->line_length] = '\0';
		char wrong[] = "?";
		on_line(context, server->is_line_too_long ? wrong : server->line);
		server->line_length = 0;
		server->is_line_too_long = false;
	}
}

/* False at its end. Only called when there is something, so it does not block. */
static bool on_input(struct server *server, server_line *on_line, void *context)
{
	char piece[4096];
	ssize_t length = read(STDIN_FILENO, piece, sizeof(piece));
	if (length > 0)
		take_input(server, piece, (size_t)length, on_line, context);
	return length > 0 || (length < 0 && errno == EINTR);
}

static int time_to_wait(const struct server *server)
{
	MHD_UNSIGNED_LONG_LONG http_ms;
	int64_t most_ms = SLEEP_MAX_MS;
	if (MHD_get_timeout(server->hub.http, &http_ms) == MHD_YES && http_ms < SLEEP_MAX_MS)
		most_ms = (int64_t)http_ms;
	return loop_wait_ms(&server->hub.loop, most_ms);
}

/* The order matters: who hung up is gone, and what was answered is done, before the next connection
 * counts. */
static bool serve_once(
	struct server *server, server_line *on_line, void *context, struct complaint *complaint)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(server->hub.loop.epoll, events, EVENTS_MAX, time_to_wait(server));
	if (count < 0 && errno != EINTR)
		return complain(complaint, "the loop failed: %s", strerror(errno));

	for (int i = 0; i < count; i++) {
		size_t number = events[i].data.u64 & UINT32_MAX;
		if (events[i].data.u64 >> 32 == SOURCE_CLIENT && server->hub.clients[number])
			port_client_hung_up(server->hub.clients[number]);
	}
	loop_fire(&server->hub.loop);
	if (MHD_run(server->hub.http) != MHD_YES)
		return complain(complaint, "libmicrohttpd's loop failed");
	for (int i = 0; i < count; i++) {
		size_t number = events[i].data.u64 & UINT32_MAX;
		switch ((enum source)(events[i].data.u64 >> 32)) {
		case SOURCE_LISTENER:
			if (server->hub.ports[number].is_accepting &&
				!port_accept(&server->hub.ports[number], complaint))
				return false;
			break;
		case SOURCE_STDIN:
			if (!on_input(server, on_line, context))
				loop_unwatch(&server->hub.loop, STDIN_FILENO);
			break;
		case SOURCE_SIGNAL:
			server->hub.is_ending = true;
			break;
		case SOURCE_CLIENT:
		case SOURCE_HTTP:
			break;
		}
	}
	return true;
}

bool server_run(struct server *server, server_line *on_line, void *context, struct complaint *complaint)
{
	/* A file or /dev/null cannot be watched, but never blocks. */
	if (!loop_watch(&server->hub.loop, STDIN_FILENO, SOURCE_STDIN, 0, EPOLLIN)) {
		while (on_input(server, on_line, context))
			;
	}
	while (!server->hub.is_ending) {
		if (!serve_once(server, on_line, context, complaint))
			return false;
	}
	return true;
}
