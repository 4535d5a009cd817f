/* The miners as the bus has them now, in the order in which they matter, and as a table. */
#pragma once
#include "services/bxctl/client.h"
#include "services/bxctl/show.h"

enum fleet_state { FLEET_OFFLINE, FLEET_UNKNOWN, FLEET_ONLINE, FLEET_OFF }; /* in the order of showing */

struct fleet_miner {
	struct bx_miner_entry entry;
	enum fleet_state state;
	bool has_values, old; /* old: its values are older than three polls */
	int64_t age_ms; /* -1: not known */
	struct bx_values values;
};

struct fleet {
	struct fleet_miner *miners;
	size_t count;
};

/* What fleet_read needs of the mirror. */
#define FLEET_TOPICS \
	BX_MINER_CONFIG, BX_MINER_AVAILABILITY, BX_MINER_TELEMETRY, BX_FLEET_TELEMETRY, \
		BX_SERVICE_AVAILABILITY, BX_SERVICE_STATS

void fleet_read(struct fleet *fleet, const struct client *client);
void fleet_done(struct fleet *fleet);
const char *fleet_word(enum fleet_state state);

/* The first `rows_max` of them, the sum, and a line that says how many more there are. */
void fleet_print(const struct fleet *fleet, const struct client *client, size_t rows_max);

/* How old a moment is, by the wall clock; -1: not known. */
int64_t fleet_age(struct bx_wall time);
