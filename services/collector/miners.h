/* The registry: which miners there are, by MAC, and the totals of the fleet. Pure: what is told and kept is main.c's
 * business.
 *
 * A miner's id is the slug of its first name, else of its model with the last four digits of its MAC (of its address, where
 * the firmware tells none), and stays for its life. Without a MAC its identity is the address until a MAC is seen. */
#pragma once
#include "libbus/base/error.h"
#include "libbus/base/memory.h"
#include "libbus/contract/payloads.h"
#include "services/collector/average.h"
#include "services/collector/axeos.h"

#define MINERS_MAX 5000
#define MISSES_TO_OFFLINE 3

enum miner_presence { MINER_NOT_ASKED, MINER_ONLINE, MINER_OFFLINE };

struct miner {
	struct bx_miner_entry entry;
	enum miner_presence presence;
	unsigned misses; /* in a row */
	double polls_missed; /* since the collector's start */
	double expected; /* last known hashrate_expected, 0: none */
	bool fan_seen; /* its fan has turned once: then 0 rpm is a stop, not a missing wire */
	bool stranger_told;
	bool record; /* its next reading is one to keep */
	struct average average;
	struct bx_values values; /* the newest reading */
	struct bx_miner_facts facts;
};

struct miners;
struct miners *miners_new(void);
void miners_free(struct miners *miners);
BX_OWNED_BY(struct miners, miners_free)

size_t miners_count(const struct miners *miners);
struct miner *miners_at(struct miners *miners, size_t index);
struct miner *miners_find(struct miners *miners, const char *id); /* NULL: there is none */

/* "10.0.0.7:80", "http://Gamma.local:8080/" become "http://10.0.0.7", "http://gamma.local:8080". */
bool miners_normalise(const char *address, char *url, size_t size, struct bx_error *error);

/* What is asked for a miner; NULL: not given. */
struct miner_wish {
	const char *name, *url, *group, *enabled;
};
/* Admits the miner that answered at wish->url; one whose MAC is known already is found at its new address and keeps its id.
 * NULL: BX_CONFLICT (the address is another's), BX_FULL. */
struct miner *miners_admit(struct miners *miners, const struct miner_wish *wish,
	const struct axeos_reading *seen, struct bx_error *error);
/* Changes an entry; `seen` is what answered at a new url, NULL if the url stays. */
struct miner *miners_change(struct miners *miners, const char *id, const struct miner_wish *wish,
	const struct axeos_reading *seen, struct bx_error *error);
/* Takes an entry of an earlier run. */
void miners_restore(struct miners *miners, const struct bx_miner_entry *entry);
bool miners_remove(struct miners *miners, const char *id, struct bx_error *error);

/* What a poll came to. */
enum miner_news {
	MINER_SAME = 0,
	MINER_CAME = 1, /* online now */
	MINER_WENT = 2, /* offline now */
	MINER_IDENTIFIED = 4, /* its MAC is known now: the entry changed */
	MINER_TELLS = 8, /* its facts changed */
	MINER_STRANGER = 16, /* another miner answers at its address: not believed */
};
/* Takes an answer: completes it (own average, efficiency, counters) into miner->values. A mask of enum miner_news. */
unsigned miners_answered(struct miners *miners, struct miner *miner, struct axeos_reading *reading,
	struct bx_wall time, struct bx_mono now);
unsigned miners_missed(struct miner *miner);

/* Sums and extremes over the enabled ones. False: some was not asked yet. */
bool miners_totals(const struct miners *miners, struct bx_wall time, struct bx_values *fleet);
