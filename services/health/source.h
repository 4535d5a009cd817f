/* Is what the collector said to be believed? Not before an interval after it began (it has not asked all miners yet), and for
 * a while after it went: a reload takes seconds, and no thousand checks turn over for it. Pure. */
#pragma once
#include "libbus/base/clock.h"
#include <stdbool.h>

enum { SOURCE_PATIENCE_MS = 30000 };

enum source_state {
	SOURCE_WAITED_FOR, /* not heard since we began; nothing is judged yet */
	SOURCE_FIRST, /* runs, the first time, less than an interval */
	SOURCE_RUNS,
	SOURCE_FALTERS, /* does not run, less than SOURCE_PATIENCE_MS */
	SOURCE_GONE,
	SOURCE_RETURNS, /* runs again, less than an interval */
};

/* Zeroed: waited for, from the first step on. */
struct source {
	enum source_state state;
	bool has_begun;
	struct bx_mono since; /* the state */
};

/* True: the state changed. */
bool source_step(struct source *source, bool runs, int64_t interval_ms, struct bx_mono now);
bool source_is_judged(const struct source *source); /* anything may be said of what it watches */
bool source_is_believed(const struct source *source); /* and its values count */
/* When time alone changes the state; INT64_MAX: it does not. */
struct bx_mono source_next(const struct source *source, int64_t interval_ms);
