/* bxctl on the bus: as role bxctl, for the length of one command. Straight-line code: each of these runs the loop until its
 * answer is there, or its deadline. */
#pragma once
#include "libbus/bus/command.h"
#include "libbus/bus/mirror.h"
#include "libbus/run/config.h"
#include "services/bxctl/arguments.h"

enum { CLIENT_SETTLE_MS = 2000, CLIENT_ANSWER_MS = 20000, CLIENT_ENTRIES_MAX = 50000 };

struct client {
	struct bx_config *config;
	struct bx_loop *loop;
	struct bx_bus *bus;
	struct bx_commands *commands;
	struct bx_mirror *mirror; /* of the topics asked for */
	bool settled;
};

/* The configuration for a request: --config, $BITAXE_CONFIG, /etc/bitaxe/monitoring.conf, the one of the embedded run that
 * runs or ran here, else defaults alone. NULL: its problems have been said. */
struct bx_config *client_config(const struct request *request);
/* Its path, NULL: defaults alone. Into *path. */
const char *client_config_path(const struct request *request, char *path, size_t size);

/* Opens the link to our broker as another client: "<client>-<what>". NULL: the password cannot be read. */
struct bx_link *client_link(
	struct bx_loop *loop, const struct bx_config *config, const char *what, struct bx_error *error);

/* Configuration, broker, and all that is retained on `topics`. Not EXIT_DONE: that is the exit code, and why has been said.
 * To be closed in any case. */
int client_open(
	struct client *client, const struct request *request, const enum bx_topic *topics, size_t count);
/* The same with a configuration at hand, which is the client's from here on, and silent: *error says why. */
bool client_open_with(struct client *client, struct bx_config *config, const enum bx_topic *topics,
	size_t count, struct bx_error *error);
void client_close(struct client *client);

/* Asks a service; on success *result is its JSON object, the caller's. Progress is shown on a terminal. */
bool client_ask(struct client *client, enum bx_verb verb, const char *service, const char *arguments,
	int64_t deadline_ms, char **result, struct bx_error *error);

/* Opens, runs, closes: the whole of a command that looks at the mirror. Gives the exit code. */
int client_run(const struct request *request, const enum bx_topic *topics, size_t count,
	int (*run)(const struct client *client, const struct request *request));
/* Prints a command's answer as JSON; a cut one is a failure. */
enum { CLIENT_JSON_MAX = 16 * 1024 * 1024 };
int client_finish(const struct request *request, const struct bx_text *json);
/* Says an error on standard error (and as JSON where that is asked for), and gives its exit code. */
int client_fail(const struct request *request, const struct bx_error *error);
