/* History: a range of time, of some series, in steps with minimum, mean and maximum.
 *
 * A series is "<source>/<row>": "miner/gamma-3/hashrate", "host/cpu_usage", "host/disk/root/usage". What is not yet in the
 * database (at most one commit interval) is added by who heard it: bx_history_add. Words have no mean and are left out. */
#pragma once
#include "libbus/contract/values.h"
#include "libbus/store/database.h"

#define BX_HISTORY_POINTS_MAX 5000
#define BX_HISTORY_SERIES_MAX 2000
#define BX_HISTORY_CELLS_MAX 1000000 /* series x points, 28 MB; further series are left out */

struct bx_history_range {
	int64_t from, to; /* unix seconds; from is included, to is not */
	int64_t step; /* seconds, at least 1; 0: what gives at most `points` */
	size_t points; /* 0: 500 */
	const char *
		series; /* globs, separated by commas: "miner/ * /hashrate,host/ *" without the blanks; NULL: all */
};

struct bx_history;

/* NULL: BX_INVALID, the range is empty or has more than BX_HISTORY_POINTS_MAX steps. Starts at a multiple of the step. */
struct bx_history *bx_history_new(const struct bx_history_range *range, struct bx_error *error);
void bx_history_free(struct bx_history *history);
BX_OWNED_BY(struct bx_history, bx_history_free)

/* Adds what the database holds, in one transaction. Blocking. False: BX_FAILED; what was read stays. */
bool bx_history_read(struct bx_history *history, struct bx_database *database, struct bx_error *error);
/* Adds values of a source ("miner/gamma-3", "host") at values->time; those that the database had already (up to its newest of
 * that source) are skipped. After bx_history_read. */
void bx_history_add(struct bx_history *history, const char *source, const struct bx_values *values);

/* What came of it. */
int64_t bx_history_from(const struct bx_history *history); /* of step 0 */
int64_t bx_history_step(const struct bx_history *history);
size_t bx_history_points(const struct bx_history *history);
struct bx_history_series {
	const char *name, *unit;
	const double *min, *mean, *max; /* bx_history_points each; NaN: a gap */
};
size_t bx_history_count(const struct bx_history *history); /* of series, sorted by name */
struct bx_history_series bx_history_at(struct bx_history *history, size_t index);
