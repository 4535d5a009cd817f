/* Who is asked when, and gently: one request at a time to a miner, Connection: close, no Origin, spread over the interval,
 * slower once it is offline. A miner's web server serves one client after the other and dies of too many. */
#pragma once
#include "libbus/base/loop.h"
#include "libbus/run/fetch.h"
#include "services/collector/axeos.h"

struct poll;

/* What an address answered. Borrowed for the callback; `reading` is NULL where `error` says why. */
struct poll_answer {
	struct axeos_reading *reading;
	const struct bx_error *error;
	int64_t took_ms;
};

struct poll_hooks {
	void *arg;
	/* Each poll of a target ends here; `id` as it was given. */
	void (*answered)(void *arg, const char *id, const struct poll_answer *answer);
};

struct poll *poll_new(struct bx_loop *loop, int64_t interval_ms, const struct poll_hooks *hooks);
void poll_free(struct poll *poll); /* nothing calls back any more */
BX_OWNED_BY(struct poll, poll_free)

/* Asks `url` as `id` from now on, soon for the first time; a known id is asked at the new url. */
void poll_watch(struct poll *poll, const char *id, const char *url);
void poll_forget(struct poll *poll, const char *id);
/* Asks all soon that are not being asked; returns how many. */
size_t poll_all(struct poll *poll);

/* Asks an address once, out of turn. `number` comes back with the answer. */
void poll_probe(struct poll *poll, const char *url, uint64_t number,
	void (*answered)(void *arg, uint64_t number, const struct poll_answer *answer));
