/* The demo's miners: which, where, and their way into the registry, by the same command that a person gives. */
#pragma once
#include "libbus/bus/command.h"
#include "services/bxctl/console.h"

enum { DEMO_MINERS = 3, DEMO_PORT = 8700, DEMO_TRIES = 10 };

/* A simulated miner: bodies/<sample>.json of tests/simulator. */
struct demo_miner {
	const char *name, *address, *sample;
};
extern const struct demo_miner demo_miners[DEMO_MINERS];

struct demo {
	struct console *console;
	struct bx_commands *commands;
	int port;
	bool simulated, collected; /* the simulator is ready, the collector answers */
	struct demo_entry {
		struct demo *demo;
		const struct demo_miner *miner;
		unsigned tries;
		bool under_way, done;
		uint64_t timer;
	} entries[DEMO_MINERS];
	struct bx_loop *loop;
};

/* The port of all of them, the first free one: it stays the same where nobody takes it, so the registry's entries stay true. */
int demo_port(void);
void demo_init(struct demo *demo, struct bx_loop *loop, struct bx_commands *commands, struct console *console,
	int port);
void demo_done(struct demo *demo);
/* An entry of the registry: a miner that is there is not added again, so that what its owner changed stays. */
void demo_note(struct demo *demo, const struct bx_miner_entry *entry);
/* Adds those that are not there yet, once simulator and collector are ready. */
void demo_add(struct demo *demo);
