/* How a service lives: a service is tables and functions, and this runs them.
 *
 * bx_service_main reads arguments and configuration, takes the lock of the state folder, calls `open`, hands back durable
 * state, connects, runs jobs, and on SIGTERM refuses new calls, calls `finish`, sends what waits (1 s), says offline, calls
 * `close`. SIGHUP or the command `reload`: the file is checked; good, the process hands over and executes itself anew; bad,
 * it says so and goes on. There is no second way to be configured.
 *
 * ping, log-level and reload are answered here, availability, info and stats are said here. */
#pragma once
#include "libbus/base/loop.h"
#include "libbus/bus/command.h"
#include "libbus/run/config.h"
#include "libbus/run/jobs.h"

#define BX_VERSION "0.1.0"

/* What a service stands on; borrowed from `open` to `close`. */
struct bx_service {
	struct bx_loop *loop;
	struct bx_bus *bus;
	struct bx_commands *commands;
	const struct bx_config *config;
	const char *folder; /* its own state folder; it exists */
};

struct bx_listen {
	enum bx_topic topic;
	void (*heard)(void *state, const struct bx_message *message);
};

/* Tables end with a zeroed row; NULL is an empty one. */
struct bx_spec {
	const char *name;
	const char *role; /* the broker's user; NULL: "suite" */
	size_t state_size;
	const struct bx_listen *recall; /* own durable state, handed back before the bus opens */
	const struct bx_listen *listen; /* what others say */
	const struct bx_command *commands; /* all its rows of verbs.rows */
	const struct bx_job *jobs;
	bool (*open)(void *state, struct bx_service *service, struct bx_error *error); /* state is zeroed */
	/* Optional: has work to finish before it leaves the bus; calls `finished` once, within 10 s. */
	void (*finish)(void *state, void (*finished)(void *arg), void *arg);
	void (*close)(void *state); /* also of a state that `open` left half-built */
};

/* Exit status: 0 stopped as asked, 1 failed to start, 2 wrong arguments or configuration. */
int bx_service_main(int argc, char **argv, const struct bx_spec *spec);
