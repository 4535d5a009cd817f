/* The order: find folder and programs, look who has our ports (root still sees that), enter the folder (root becomes the
 * user bitaxe), take the lock, make what is missing, then run. From there on everything is an event: a child speaks, ends,
 * or the bus brings news; each ends in look(), which does what supervise.c decides. */
#include "services/bxctl/up.h"

#include "libbus/base/file.h"
#include "libbus/run/child.h"
#include "services/bxctl/broker.h"
#include "services/bxctl/client.h"
#include "services/bxctl/demo.h"
#include "services/bxctl/place.h"
#include "services/bxctl/port.h"
#include "services/bxctl/programs.h"
#include "services/bxctl/show.h"
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KNOCK_MS = 100, KNOCK_PATIENCE_MS = 20, ENVIRONMENT_MAX = 24 };

/* An address of the configuration that another program has. */
struct taken {
	enum bx_key key;
	char host[64];
	int port, next; /* next: the first free one */
	char owner[96];
};

struct process {
	struct up *up;
	size_t place; /* in programs[] */
	char path[PROGRAM_PATH_SIZE];
	struct bx_child *child; /* NULL: never started */
};

struct up {
	const struct request *request;
	struct place place;
	struct taken taken[2];
	size_t taken_count;
	struct bx_config *config;
	struct console console;
	struct bx_loop *loop;
	struct bx_bus *bus;
	struct bx_commands *commands;
	struct process processes[PROGRAM_COUNT];
	struct supervise_child children[PROGRAM_COUNT];
	struct supervise supervise;
	struct demo demo;
	struct bx_mono began;
	const char *environment[ENVIRONMENT_MAX];
	char bodies[PROGRAM_PATH_SIZE]; /* the simulator's samples, "": it knows better */
	char web[PROGRAM_PATH_SIZE]; /* BITAXE_WEB=..., "": the gateway knows better */
	uint64_t look_timer, knock_timer;
	bool number_told, page_told;
	int status;
};

/* --- before it runs --- */

static void split_address(const char *text, char host[64], int *port)
{
	const char *colon = strrchr(text, ':');
	int64_t number = 0;
	size_t length = colon ? (size_t)(colon - text) : 0;
	if (colon)
		(void)bx_parse_integer(colon + 1, 1, 65535, &number); /* 0: none */
	if (length > 1 && text[0] == '[') {
		text++;
		length -= 2;
	}
	(void)snprintf(host, 64, "%.*s", (int)length, text);
	*port = (int)number;
}

static void note_if_taken(struct up *up, enum bx_key key, const char *address)
{
	struct taken *taken = &up->taken[up->taken_count];
	split_address(address, taken->host, &taken->port);
	if (taken->port == 0 || port_is_free(taken->host, taken->port))
		return;
	taken->key = key;
	taken->next = port_next_free(taken->host, taken->port + 1);
	port_owner(taken->port, taken->owner, sizeof taken->owner);
	up->taken_count++;
}

static void look_at_ports(struct up *up)
{
	BX_TEXT_OWNED struct bx_text ignored;
	char bus[40];
	bx_text_init(&ignored, 8000);
	BX_OWNED(bx_config_free)
	struct bx_config *config = access(up->place.config, F_OK) == 0
		? bx_config_read(up->place.config, &ignored)
		: bx_config_parse("", "", 0, &ignored);
	if (!config)
		return; /* said when it is read for good */
	(void)snprintf(bus, sizeof bus, "127.0.0.1:%s", bx_config_text(config, BX_KEY_BUS_PORT));
	note_if_taken(up, BX_KEY_BUS_PORT, bus);
	note_if_taken(up, BX_KEY_WEB_LISTEN, bx_config_text(config, BX_KEY_WEB_LISTEN));
}

static bool move_port(struct up *up, const struct taken *taken, struct bx_error *error)
{
	char value[80];
	const char *name = bx_key_row(taken->key)->name;
	if (taken->key == BX_KEY_BUS_PORT)
		(void)snprintf(value, sizeof value, "%d", taken->next);
	else
		(void)snprintf(value, sizeof value, strchr(taken->host, ':') ? "[%s]:%d" : "%s:%d",
			taken->host, taken->next);
	if (!up->place.own_config || taken->next == 0)
		return bx_fail(error, BX_CONFLICT, "port %d is taken by %s; write %s=%s into %s", taken->port,
			taken->owner, name, value, up->place.config);
	console_tell(&up->console, "port %d is taken by %s; %s is %s from now on", taken->port, taken->owner,
		name, value);
	return place_change(&up->place, taken->key, value, error);
}

static bool check_socket(const struct up *up, struct bx_error *error)
{
	const char *bus = bx_config_text(up->config, BX_KEY_BUS);
	BX_OWNED(free) char *folder = bx_copy(bus);
	char *slash = strrchr(folder, '/');
	if (slash && slash > folder)
		*slash = '\0';
	return access(folder, W_OK) == 0 ||
		bx_fail(error, BX_DENIED,
			"BUS=%s: %s is not there, or not ours to write; write BUS=%s/bus.sock into %s", bus,
			folder, up->place.folder, up->place.config);
}

static bool prepare(struct up *up, struct bx_error *error)
{
	char broker[PLACE_PATH_SIZE + 16];
	look_at_ports(up);
	if (!place_enter(&up->place, error))
		return false;
	if (place_lock(&up->place, error) < 0) { /* kept till the process ends */
		bx_error_prefix(error, "`bxctl up` of this folder");
		return false;
	}
	if (!place_make_config(&up->place, error))
		return false;
	for (size_t i = 0; i < up->taken_count; i++)
		if (!move_port(up, &up->taken[i], error))
			return false;
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 64 * 1024);
	up->config = bx_config_read(up->place.config, &problems);
	if (!up->config) {
		(void)fputs(problems.data, stderr);
		return bx_fail(error, BX_INVALID, "the configuration is wrong, see above");
	}
	(void)snprintf(broker, sizeof broker, "%s/broker", up->place.folder);
	return check_socket(up, error) && broker_make(up->config, broker, error);
}

static bool find_programs(struct up *up, struct bx_error *error)
{
	char home[PROGRAM_PATH_SIZE];
	if (!programs_home(home, sizeof home))
		return bx_fail(
			error, BX_FAILED, "/proc/self/exe does not say where we are; is /proc mounted?");
	const char *libexec = request_value(up->request, "libexec");
	char web[PROGRAM_PATH_SIZE - 16];
	if (program_folder("dist", home, libexec, web, sizeof web))
		(void)snprintf(up->web, sizeof up->web, "BITAXE_WEB=%s", web);
	if (!program_folder("bodies", home, libexec, up->bodies, sizeof up->bodies))
		up->bodies[0] = '\0';
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		struct process *process = &up->processes[i];
		process->up = up;
		process->place = i;
		up->children[i].stage = programs[i].stage;
		bool wanted = programs[i].kind != PROGRAM_SIMULATOR || up->place.demo;
		up->children[i].absent = !wanted ||
			!program_find(&programs[i], home, libexec, process->path, sizeof process->path);
		if (!wanted || !up->children[i].absent)
			continue;
		if (programs[i].kind == PROGRAM_BROKER)
			return bx_fail(
				error, BX_MISSING, "there is no mosquitto; install the package mosquitto");
		console_tell(&up->console, "%s is not here (%s); the rest runs without it", programs[i].name,
			programs[i].file);
	}
	return true;
}

/* Theirs is what a program needs to run; nothing of a systemd unit or a session that we may run in. Services write their
 * lines as to the journal, with a priority that the console turns into colour. */
static void make_environment(struct up *up)
{
	static const char *const names[] = { "PATH", "HOME", "LANG", "LC_ALL", "TZ", "ASAN_OPTIONS",
		"LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LLVM_PROFILE_FILE", "BITAXE_WEB" };
	extern char **environ;
	size_t count = 0;
	up->environment[count++] = "JOURNAL_STREAM=bxctl:up";
	if (!getenv("BITAXE_WEB") && up->web[0])
		up->environment[count++] = up->web;
	for (char **variable = environ; *variable; variable++)
		for (size_t i = 0; i < BX_COUNT(names); i++)
			if (strncmp(*variable, names[i], strlen(names[i])) == 0 &&
				(*variable)[strlen(names[i])] == '=' && count + 1 < ENVIRONMENT_MAX)
				up->environment[count++] = *variable;
	up->environment[count] = NULL;
}

/* --- children --- */

static void look(void *arg);

static void look_soon(struct up *up)
{
	bx_cancel(up->loop, up->look_timer);
	up->look_timer = bx_after(up->loop, 0, look, up);
}

static void on_said(void *arg, const char *line)
{
	struct process *process = arg;
	struct up *up = process->up;
	if (programs[process->place].kind == PROGRAM_BROKER && strstr(line, "Unable to set TCP_NODELAY"))
		return; /* mosquitto 2.0.11 says so of each connection by the unix socket, which needs none */
	console_say(&up->console, programs[process->place].name, process->place, line);
	if (programs[process->place].kind == PROGRAM_SIMULATOR && strncmp(line, "ready ", 6) == 0) {
		up->demo.simulated = true;
		demo_add(&up->demo);
	}
}

static void on_ended(void *arg, int code, int number)
{
	struct process *process = arg;
	struct up *up = process->up;
	struct supervise_child *child = &up->children[process->place];
	child->alive = false;
	look_soon(up);
	if (up->supervise.stopping)
		return;
	int64_t now_ms = bx_now(up->loop).ms;
	supervise_ended(child, now_ms);
	console_tell(&up->console, "%s ended (%s %d); again in %.1f s", programs[process->place].name,
		number ? "signal" : "exit code", number ? number : code,
		(double)(child->start_at_ms - now_ms) / 1000);
}

/* The command line, by kind. Its texts live in *text. */
static void make_argv(
	struct up *up, const struct process *process, struct bx_text *text, const char *argv[16])
{
	size_t count = 0, starts[DEMO_MINERS];
	argv[count++] = process->path;
	switch (programs[process->place].kind) {
	case PROGRAM_BROKER:
		bx_text_print(text, "%s/broker/mosquitto.conf", up->place.folder);
		argv[count++] = "-c";
		argv[count++] = text->data;
		break;
	case PROGRAM_SERVICE:
		argv[count++] = "--config";
		argv[count++] = up->place.config;
		break;
	case PROGRAM_SIMULATOR:
		bx_text_print(text, "%d", up->demo.port);
		bx_text_add(text, "", 1);
		for (size_t i = 0; i < DEMO_MINERS; i++) {
			starts[i] = text->length;
			bx_text_print(text, "%s=%s", demo_miners[i].address, demo_miners[i].sample);
			bx_text_add(text, "", 1);
		}
		if (up->bodies[0]) {
			argv[count++] = "--bodies";
			argv[count++] = up->bodies;
		}
		argv[count++] = "--port";
		argv[count++] = text->data;
		for (size_t i = 0; i < DEMO_MINERS; i++) {
			argv[count++] = "--device";
			argv[count++] = text->data + starts[i];
		}
		break;
	}
	argv[count] = NULL;
}

static void start(struct up *up, struct process *process)
{
	struct supervise_child *child = &up->children[process->place];
	const char *argv[16];
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 2000); /* fits: paths are bounded */
	make_argv(up, process, &text, argv);
	/* SIGTERM to orphans, not SIGKILL: storage writes what it has */
	struct bx_child_options options = { .argv = argv,
		.environment = up->environment,
		.folder = up->place.folder,
		.orphan_signal = SIGTERM,
		.arg = process,
		.said = on_said,
		.ended = on_ended };
	struct bx_error error;
	bx_child_free(process->child); /* of the one before */
	process->child = bx_child_new(up->loop, &options, &error);
	child->started_ms = bx_now(up->loop).ms;
	child->alive = process->child != NULL;
	if (child->alive)
		return;
	supervise_ended(child, child->started_ms);
	console_tell(&up->console, "%s does not start: %s", programs[process->place].name, error.message);
}

static void stop(struct up *up, int status)
{
	int64_t now_ms = bx_now(up->loop).ms;
	if (up->supervise.stopping)
		up->supervise.stop_ms = now_ms - SUPERVISE_STOP_MS; /* asked twice: at once */
	else
		up->supervise.stop_ms = now_ms;
	up->supervise.stopping = true;
	up->status = status;
	look_soon(up);
}

static void on_signal(void *arg)
{
	struct up *up = arg;
	console_tell(&up->console, up->supervise.stopping ? "stopping at once" : "stopping");
	stop(up, EXIT_DONE);
}

static void look(void *arg)
{
	struct up *up = arg;
	int64_t now_ms = bx_now(up->loop).ms;
	up->look_timer = 0;
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		switch (supervise_decide(&up->supervise, i, now_ms)) {
		case SUPERVISE_NOTHING:
			break;
		case SUPERVISE_START:
			start(up, &up->processes[i]);
			break;
		case SUPERVISE_ASK:
			bx_child_signal(up->processes[i].child, SIGTERM);
			up->children[i].asked = true;
			break;
		case SUPERVISE_KILL:
			bx_child_kill(up->processes[i].child);
			break;
		}
	}
	if (supervise_is_over(&up->supervise)) {
		bx_loop_stop(up->loop);
		return;
	}
	if (!up->supervise.stopping && supervise_is_hopeless(&up->supervise)) {
		console_tell(&up->console, "the broker does not start; what it said stands above");
		stop(up, EXIT_FAILED);
		return;
	}
	int64_t wait_ms = supervise_wait_ms(&up->supervise, now_ms);
	if (wait_ms != INT64_MAX && up->look_timer == 0)
		up->look_timer = bx_after(up->loop, wait_ms, look, up);
}

/* --- what the bus brings --- */

static void on_settled(void *arg)
{
	struct up *up = arg;
	up->supervise.accepts = true;
	look_soon(up);
}

static void on_telemetry(void *arg, const struct bx_message *message)
{
	struct up *up = arg;
	double value;
	char text[SHOW_CELL_SIZE];
	if (up->number_told || message->ended ||
		!bx_values_get(&message->payload->values, BX_HASHRATE, &value))
		return;
	up->number_told = true;
	show_value(BX_HASHRATE, value, text);
	console_tell(&up->console, "first number: %s, %s %s, %.1f s after the start", message->name,
		bx_catalog_row(BX_HASHRATE)->label, text,
		(double)(bx_now(up->loop).ms - up->began.ms) / 1000);
}

/* Is there somebody at the page's address? A loopback connection is there or refused at once. */
static bool knock(const char *listen_address, char page[160])
{
	char host[64];
	int port;
	split_address(listen_address, host, &port);
	bool any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 || host[0] == '\0';
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	(void)snprintf(page, 160, "http://%s:%d", any ? "127.0.0.1" : host, port);
	if (inet_pton(AF_INET, any ? "127.0.0.1" : host, &to.sin_addr) != 1)
		return true; /* IPv6 or a name: its word is taken for it */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), why = 0;
	socklen_t size = sizeof why;
	struct pollfd answer = { .fd = fd, .events = POLLOUT };
	(void)connect(fd, (const struct sockaddr *)&to,
		sizeof to); /* under way, or a failure that SO_ERROR tells */
	bool there = poll(&answer, 1, KNOCK_PATIENCE_MS) == 1 &&
		!(answer.revents & (POLLERR | POLLHUP | POLLNVAL)) &&
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) == 0 && why == 0;
	if (fd >= 0)
		(void)close(fd); /* nothing was said */
	return there;
}

static void on_knock(void *arg)
{
	struct up *up = arg;
	char page[160];
	up->knock_timer = 0;
	if (up->page_told)
		return;
	if (!knock(bx_config_text(up->config, BX_KEY_WEB_LISTEN), page)) {
		up->knock_timer = bx_after(up->loop, KNOCK_MS, on_knock, up);
		return;
	}
	up->page_told = true;
	console_tell(&up->console, "the page: %s%s/monitoring", page,
		bx_config_text(up->config, BX_KEY_WEB_BASE_PATH));
}

static void on_availability(void *arg, const struct bx_message *message)
{
	struct up *up = arg;
	bool online = !message->ended && message->payload->online;
	if (strcmp(message->name, "collector") == 0 && up->place.demo) {
		up->demo.collected = online;
		demo_add(&up->demo);
	}
	if (strcmp(message->name, "gateway") == 0 && online && !up->knock_timer)
		on_knock(up);
}

/* The collector tells its registry before its availability: what is known is known when it answers. */
static void on_entry(void *arg, const struct bx_message *message)
{
	if (!message->ended)
		demo_note(&((struct up *)arg)->demo, &message->payload->miner_entry);
}

static bool open_bus(struct up *up, struct bx_error *error)
{
	char name[BX_ID_SIZE];
	struct bx_link *link = client_link(up->loop, up->config, "", error);
	if (!link)
		return false;
	(void)snprintf(name, sizeof name, "bxctl-%d", (int)getpid());
	struct bx_bus_options options = {
		.site = bx_config_text(up->config, BX_KEY_SITE), .client = name, .role = "bxctl"
	};
	up->bus = bx_bus_new(up->loop, &options, link);
	up->commands = bx_commands_new(up->bus, NULL, 0, error); /* without tables nothing can fail */
	bx_hear(up->bus, BX_SERVICE_AVAILABILITY, NULL, on_availability, up);
	bx_hear(up->bus, BX_MINER_TELEMETRY, NULL, on_telemetry, up);
	bx_hear(up->bus, BX_MINER_CONFIG, NULL, on_entry, up);
	bx_when_settled(up->bus, on_settled, up);
	bx_bus_open(up->bus);
	return true;
}

/* --- life --- */

static bool run(struct up *up, struct bx_error *error)
{
	const char *given = up->request->config ? up->request->config : getenv("BITAXE_CONFIG");
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 64 * 1024);
	if (!place_find(&up->place, given, request_value(up->request, "demo") != NULL, &problems)) {
		(void)fputs(problems.data, stderr);
		return bx_fail(error, BX_INVALID, "there is no place to run in, see above");
	}
	if (!find_programs(up, error) || !prepare(up, error))
		return false;
	make_environment(up);
	up->loop = bx_loop_new();
	up->began = bx_now(up->loop);
	up->supervise = (struct supervise){ .children = up->children, .count = PROGRAM_COUNT };
	if (!open_bus(up, error))
		return false;
	demo_init(&up->demo, up->loop, up->commands, &up->console, up->place.demo ? demo_port() : 0);
	bx_on_signal(up->loop, SIGINT, on_signal, up);
	bx_on_signal(up->loop, SIGTERM, on_signal, up);
	bx_on_signal(up->loop, SIGHUP, on_signal, up);
	console_tell(&up->console, "all of it lives in %s; end it with Ctrl-C", up->place.folder);
	look(up);
	bx_loop_run(up->loop);
	console_tell(&up->console, "all have stopped, in %.1f s",
		(double)(bx_now(up->loop).ms - up->supervise.stop_ms) / 1000);
	return true;
}

int up_run(const struct request *request)
{
	struct up up = { .request = request, .console = { .json = request->json } };
	struct bx_error error;
	if (!run(&up, &error))
		up.status = client_fail(request, &error);
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		bx_child_free(up.processes[i].child);
	if (up.loop) {
		demo_done(&up.demo);
		bx_cancel(up.loop, up.look_timer);
		bx_cancel(up.loop, up.knock_timer);
	}
	bx_commands_free(up.commands);
	bx_bus_free(up.bus);
	bx_loop_free(up.loop);
	bx_config_free(up.config);
	return up.status;
}
