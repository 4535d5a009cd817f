/* The rules: a row a rule, what is looked at, what is wrong, for how long, and the words for it. Adding a rule is adding a
 * row and a test.
 *
 * A rule has a value of its target at each moment, two limits, and a wrong side. Holding for a while keeps a passing peak
 * from anyone's sleep, hysteresis keeps a value at the limit from flapping, and `calm_ms` one good value from ending it. */
#pragma once
#include "libbus/run/config.h"
#include "services/health/facts.h"

enum rule_id { RULE_ANSWERS, RULE_EARNS, RULE_CPU, RULE_MEMORY, RULE_DISK, RULE_TEMPERATURE, RULE_COUNT };
enum rule_reads {
	RULE_PRESENCE, /* 1 answers, 0 does not */
	RULE_METRIC, /* the metric itself */
	RULE_SHARE, /* the metric in percent of another */
};
enum rule_wrong {
	RULE_ABOVE,
	RULE_BELOW
}; /* above: at the limit or over it, as the keys of the original mean it */
enum rule_level { LEVEL_WARNING, LEVEL_CRITICAL, LEVELS };

struct rule {
	const char *name;
	enum bx_scope scope; /* of its targets */
	enum rule_reads reads;
	enum bx_metric metric, share_of;
	enum rule_wrong wrong;
	struct rule_limit {
		enum bx_key key; /* 0: `fixed` is the limit (SITE, the first key, is none) */
		double fixed;
		int64_t hold_ms; /* wrong for so long before it counts */
	} levels[LEVELS];
	double hysteresis; /* right again only so far behind the limit */
	int64_t calm_ms; /* and only after so long */
	int64_t warmup_ms; /* nothing is judged in the first so many ms after its start */
	/* words.h says how they are filled: {name}, {value}, {span}, {since}; [left out where unknown] */
	const char *clause; /* "{name} does not answer[ since {since}]" */
	const char *
		clause_many; /* {count}, {all}: the same of several targets; NULL: there is one such target */
	const char *remedy; /* what to do: "check plug and Wi-Fi" */
	const char *evidence; /* the value as a fact, NULL: the clause says all */
};

const struct rule *rules_row(enum rule_id id);

/* The two limits of a rule, as configured. */
struct rule_limits {
	double at[LEVELS];
};
void rules_limits(const struct bx_config *config, struct rule_limits limits[RULE_COUNT]);

enum rule_news {
	NEWS_NONE, /* no value: what was known stays so until it is too old */
	NEWS_VALUE,
	NEWS_STARTS, /* its target has just started: trouble stays, all else must show itself anew */
	NEWS_RESTS, /* its owner has paused it: not judged */
};
struct rule_reading {
	enum rule_news news;
	double value;
	struct bx_mono at; /* when it was heard */
};
struct rule_reading rules_read(const struct rule *rule, const struct facts *facts);
