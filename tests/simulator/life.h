/* How the values of a body live: noise about the sample's value, counters that rise as shares are found,
 * clocks.
 *
 * Shares come at the rate that the hash rate and the pool's difficulty make, so a client that works out
 * the hash rate from them gets it right; the best difficulty is the best of those shares. All draws come
 * from one seed, but how many there are depends on when the device is asked. */
#ifndef SIMULATOR_LIFE_H
#define SIMULATOR_LIFE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "body.h"
#include "manners.h"

enum life_kind {
	/* noise: amount is the standard deviation relative to the sample's value */
	LIFE_HASHRATE,
	LIFE_MINUTE,
	LIFE_TEN_MINUTES,
	LIFE_HOUR,
	LIFE_TEMPERATURE,
	LIFE_LOAD,
	LIFE_SUPPLY,
	LIFE_FAN,
	LIFE_RADIO,
	LIFE_LATENCY,
	LIFE_MEMORY,
	/* counters: 0 at boot, but for the last */
	LIFE_ACCEPTED,
	LIFE_REJECTED,
	LIFE_JOBS,
	LIFE_ERRORS,
	LIFE_BLOCKS,
	/* the rest, each with its own rule */
	LIFE_REASONS, /* why shares were rejected: empty after a boot */
	LIFE_BEST,
	LIFE_SESSION,
	LIFE_UPTIME, /* s since boot */
	LIFE_UPTIME_MS, /* ms since boot, of the last reading */
	LIFE_AGE, /* s, goes on over boots */
	LIFE_HASHES,
	LIFE_BOOT_REASON,
};

enum { LIFE_NOISES = LIFE_MEMORY + 1, LIFE_COUNTERS = LIFE_BLOCKS + 1 };

struct life_row {
	const char *path; /* "[]" stands for any index */
	enum life_kind kind;
	double amount;
	double step; /* the value is a multiple of it; 0: any */
};

struct life {
	const struct body *body;
	const struct manners *manners;
	double hashrate; /* GH/s of the sample */
	double hash_factor; /* of what the sample says: 1, or what an order made of it */
	double difficulty; /* of a share */
	double best, session; /* difficulties */
	double hashes; /* since start */
	double age_s; /* since start */
	double noise[LIFE_NOISES]; /* of standard deviation 1 */
	double counted[LIFE_COUNTERS]; /* since start or boot; those before LIFE_ACCEPTED unused */
	uint64_t random;
	int64_t booted_ms; /* monotonic, like all moments here */
	int64_t last_ms; /* until when it has lived */
	int64_t reading_ms; /* of the last change */
	bool has_rebooted;
	bool is_stopped; /* a sample of faults/: nothing but uptime moves */
};

const struct life_row *life_row_find(const char *path);

/* uptime_s < 0: the sample's. Nothing to be undone. */
void life_init(struct life *life, const struct body *body, const struct manners *manners, uint64_t seed,
	int64_t uptime_s, int64_t now_ms);

/* Lives until now: fresh noise, counters by the time that went by. `is_frozen`: that time is lost, values
 * stay. */
void life_advance(struct life *life, int64_t now_ms, bool is_frozen);

/* Uptime and counters begin at 0. */
void life_reboot(struct life *life, int64_t now_ms);

/* Writes what `value` reads now. False: as in the sample, nothing was written. */
bool life_write(const struct life *life, const struct value *value, int64_t now_ms, FILE *out);

#endif
