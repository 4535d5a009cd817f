/* One rule on one target, over time: values in, status out. Pure: no loop, no bus, no clock of its own.
 *
 * Spans are of the monotonic clock alone; the wall clock gives the `since` that people are shown, once, and a step of it
 * changes no judgement. Absent until heard: without a value the status is UNKNOWN, never an invented OK. */
#pragma once
#include "libbus/contract/payloads.h"
#include "services/health/rules.h"

#define NEVER ((struct bx_mono){ INT64_MAX })

/* Zeroed: nothing was heard. Looked at from outside, changed in here alone. */
struct judge {
	bool was_judged, is_known;
	enum rule_news news; /* the newest */
	double value; /* the newest, where was_judged */
	struct bx_mono at; /* when it was heard */
	struct judge_level {
		bool is_on, is_turning;
		struct bx_mono turned; /* since when its value says otherwise */
	} levels[LEVELS];
	struct bx_mono begun; /* the trouble, or the calm; growing from WARNING to CRITICAL begins nothing */
	struct bx_wall since; /* the same for people; 0: not known */
};

/* What a rule is applied with. */
struct judge_terms {
	const struct rule *rule;
	struct rule_limits limits;
	int64_t expires_ms; /* a value counts for so long */
};

void judge_take(struct judge *judge, const struct judge_terms *terms, const struct rule_reading *reading,
	struct moment now);
/* Its source is gone: nothing is known until the next value. Trouble is remembered: silence mends nothing. */
void judge_lose(struct judge *judge);
/* What an earlier run had found: the status (not UNKNOWN) and since when. The next value decides whether it holds on. */
void judge_restore(struct judge *judge, enum bx_status status, struct bx_wall since, struct moment now);

enum bx_status judge_status(const struct judge *judge);
/* When time alone may change the status; NEVER. */
struct bx_mono judge_next(const struct judge *judge, const struct judge_terms *terms);
