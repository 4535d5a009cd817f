/* The checks as one status and one sentence: what holds, or what is wrong and since when. Pure. */
#pragma once
#include "services/health/checks.h"

/* What the fleet makes, NaN: not known. */
struct figures {
	double hashrate_ghs, power_w;
};
struct figures summary_figures(const struct bx_values *fleet);
/* Lets `shown` follow `now` once they differ so much that a reader would care: by 20 %, or by 5 % when it was shown for a
 * minute. So a healthy fleet's sentence stays. */
bool summary_follow(struct figures *shown, const struct figures *now, int64_t shown_ms);

struct summary_input {
	const struct checks *checks;
	size_t miner_count; /* registered, enabled or not */
	bool is_judged; /* false: too early to say anything */
	bool is_lost; /* the collector is gone */
	struct figures figures;
	struct moment now;
};
void summary_make(const struct summary_input *input, struct bx_summary *summary);
/* The same where nothing is judged at all: UNKNOWN and that sentence. */
void summary_say(struct bx_summary *summary, const char *sentence);
