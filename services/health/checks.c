#include "services/health/checks.h"

#include "services/health/words.h"
#include <math.h>
#include <string.h>

struct checks {
	size_t count;
	struct check *checks[CHECKS_MAX]; /* by target */
};

_Static_assert(RULE_COUNT <= BX_COUNT(((struct bx_check *)0)->rules),
	"the payload has room for every rule of a scope");
_Static_assert(RULE_COUNT <= 14, "check_pattern has four bits a rule");

/* --- the list --- */

struct checks *checks_new(void)
{
	return bx_alloc(1, sizeof(struct checks));
}

void checks_free(struct checks *checks)
{
	for (size_t i = 0; checks && i < checks->count; i++)
		free(checks->checks[i]);
	free(checks);
}

size_t checks_count(const struct checks *checks)
{
	return checks->count;
}

struct check *checks_at(const struct checks *checks, size_t index)
{
	return checks->checks[index];
}

/* Where it is, or would be. */
static size_t place_of(const struct checks *checks, const char *target)
{
	size_t low = 0, high = checks->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(checks->checks[middle]->target, target) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct check *checks_find(const struct checks *checks, const char *target)
{
	size_t place = place_of(checks, target);
	bool found = place < checks->count && strcmp(checks->checks[place]->target, target) == 0;
	return found ? checks->checks[place] : NULL;
}

struct check *checks_admit(struct checks *checks, const char *target, enum bx_scope scope, const char *name)
{
	struct check *check = checks_find(checks, target);
	if (!check) {
		if (checks->count == CHECKS_MAX)
			return NULL;
		size_t place = place_of(checks, target);
		check = bx_alloc(1, sizeof *check);
		(void)bx_text_copy(check->target, sizeof check->target, target); /* a topic's name, bounded */
		check->scope = scope;
		check->status = BX_STATUS_UNKNOWN;
		check->due = NEVER;
		memmove(&checks->checks[place + 1], &checks->checks[place],
			(checks->count - place) * sizeof(struct check *));
		checks->checks[place] = check;
		checks->count++;
	}
	(void)bx_text_copy(check->name, sizeof check->name, name); /* same size */
	return check;
}

void checks_remove(struct checks *checks, const char *target)
{
	size_t place = place_of(checks, target);
	if (!checks_find(checks, target))
		return;
	free(checks->checks[place]);
	checks->count--;
	memmove(&checks->checks[place], &checks->checks[place + 1],
		(checks->count - place) * sizeof(struct check *));
}

/* --- one check --- */

static bool has_rule(const struct check *check, size_t id)
{
	return rules_row((enum rule_id)id)->scope == check->scope;
}

const struct judge *check_judge_of(const struct check *check, enum rule_id rule)
{
	return &check->judges[rule];
}

static bool is_trouble(enum bx_status status)
{
	return status == BX_STATUS_WARNING || status == BX_STATUS_CRITICAL;
}

/* The rule that makes the status; of several the first in the table. RULE_COUNT: nothing is known. */
static size_t deciding_rule(const struct check *check)
{
	size_t worst = RULE_COUNT;
	for (size_t id = 0; id < RULE_COUNT; id++) {
		enum bx_status status = judge_status(&check->judges[id]);
		if (has_rule(check, id) && status != BX_STATUS_UNKNOWN &&
			(worst == RULE_COUNT || status > judge_status(&check->judges[worst])))
			worst = id;
	}
	return worst;
}

const struct rule *check_worst(const struct check *check)
{
	size_t id = deciding_rule(check);
	return id != RULE_COUNT && is_trouble(judge_status(&check->judges[id])) ? rules_row((enum rule_id)id)
										: NULL;
}

/* When the newest of it was heard. */
static struct bx_wall heard_at(const struct check *check, struct moment now)
{
	bool is_known = check->was_heard && now.wall.ms != 0;
	return (struct bx_wall){ is_known ? now.wall.ms - (now.mono.ms - check->heard.ms) : 0 };
}

static void set_status(struct check *check, struct moment now)
{
	size_t id = deciding_rule(check);
	enum bx_status status = id == RULE_COUNT ? BX_STATUS_UNKNOWN : judge_status(&check->judges[id]);
	bool same = status == check->status || (is_trouble(status) && is_trouble(check->status));
	if (!same || check->since.ms == 0)
		check->since = id == RULE_COUNT ? heard_at(check, now) : check->judges[id].since;
	check->status = status;
}

static void take_heard(struct check *check, const struct facts *facts)
{
	if (facts->values)
		check->heard = facts->values_at;
	else if (facts->presence != PRESENCE_UNHEARD)
		check->heard = facts->presence_at;
	check->was_heard |= facts->values || facts->presence != PRESENCE_UNHEARD;
}

void check_judge(struct check *check, const struct judge_terms terms[RULE_COUNT], const struct facts *facts,
	struct moment now)
{
	check->is_lost = !facts->is_believed;
	check->due = NEVER;
	take_heard(check, facts);
	for (size_t id = 0; id < RULE_COUNT; id++) {
		if (!has_rule(check, id))
			continue;
		struct rule_reading reading = rules_read(terms[id].rule, facts);
		if (facts->is_believed)
			judge_take(&check->judges[id], &terms[id], &reading, now);
		else
			judge_lose(&check->judges[id]);
		struct bx_mono next = judge_next(&check->judges[id], &terms[id]);
		check->due = next.ms < check->due.ms ? next : check->due;
	}
	set_status(check, now);
	if (check->status != BX_STATUS_OK && now.mono.ms + CHECK_REFRESH_MS < check->due.ms)
		check->due.ms = now.mono.ms + CHECK_REFRESH_MS; /* its words have values and times in them */
}

void check_restore(struct check *check, const struct bx_check *said, struct moment now)
{
	check->status = check->told = said->status;
	if (said->status == BX_STATUS_UNKNOWN)
		check->told = BX_STATUS_OK;
	check->since = said->since;
	for (size_t i = 0; i < said->rule_count; i++)
		for (size_t id = 0; id < RULE_COUNT; id++)
			if (has_rule(check, id) &&
				strcmp(rules_row((enum rule_id)id)->name, said->rules[i].rule) == 0 &&
				said->rules[i].status != BX_STATUS_UNKNOWN)
				judge_restore(&check->judges[id], said->rules[i].status, said->since, now);
}

uint64_t check_pattern(const struct check *check)
{
	uint64_t pattern = (uint64_t)check->status * 2 + check->is_lost + 8; /* never 0: nothing said */
	for (size_t id = 0; id < RULE_COUNT; id++)
		pattern = pattern * 16 + (uint64_t)judge_status(&check->judges[id]) * 4 +
			(uint64_t)check->judges[id].news % 4;
	return pattern;
}

/* --- its words --- */

static struct words words_of(const struct check *check, size_t id, struct moment now)
{
	const struct judge *judge = &check->judges[id];
	return (struct words){ .name = check->name,
		.value = judge->was_judged ? judge->value : (double)NAN,
		.span_ms = now.mono.ms - judge->begun.ms,
		.since = judge->since,
		.now = now.wall };
}

void check_clause(const struct check *check, struct moment now, struct bx_text *text)
{
	size_t id = deciding_rule(check);
	if (id == RULE_COUNT)
		return;
	struct words words = words_of(check, id, now);
	words_fill(text, rules_row((enum rule_id)id)->clause, &words);
}

static const char *calm_words(const struct check *check)
{
	const struct judge *earns = &check->judges[RULE_EARNS];
	if (check->scope != BX_MINER)
		return "the box is well";
	if (judge_status(earns) == BX_STATUS_OK)
		return "{name} earns";
	if (earns->news == NEWS_RESTS)
		return "{name} is paused and not judged";
	if (earns->news == NEWS_STARTS)
		return "{name} has just started; what it earns is judged after 15 min";
	return "{name} answers; what it should earn is not known";
}

static const char *unknown_words(const struct check *check)
{
	if (check->is_lost)
		return "the collector does not run; nothing is known of {name}[ since {since}]";
	return check->since.ms != 0 ? "nothing is heard of {name} since {since}, though the collector runs"
				    : "nothing is known of {name} yet";
}

static void print_sentence(const struct check *check, struct moment now, char *sentence, size_t size)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, size);
	struct words words = { .name = check->name,
		.value = (double)NAN,
		.span_ms = -1,
		.since = check->since,
		.now = now.wall };
	const struct rule *worst = check_worst(check);
	if (worst) {
		check_clause(check, now, &text);
		bx_text_print(&text, "; %s", worst->remedy);
	} else if (check->status == BX_STATUS_OK) {
		words_fill(&text, calm_words(check), &words);
	} else {
		words_fill(&text, unknown_words(check), &words);
	}
	bx_text_say(&text, ".");
	(void)bx_text_copy(sentence, size, text.data); /* names are bounded: it fits */
}

static void print_rule(const struct check *check, size_t id, const struct judge_terms *terms,
	struct moment now, struct bx_check_rule *printed)
{
	const struct judge *judge = &check->judges[id];
	*printed = (struct bx_check_rule){ .status = judge_status(judge),
		.value = (double)NAN,
		.warning = (double)NAN,
		.critical = (double)NAN };
	(void)bx_text_copy(printed->rule, sizeof printed->rule, terms->rule->name); /* short */
	if (terms->rule->reads != RULE_PRESENCE) {
		printed->warning = terms->limits.at[LEVEL_WARNING];
		printed->critical = terms->limits.at[LEVEL_CRITICAL];
	}
	if (!is_trouble(printed->status) || !terms->rule->evidence)
		return;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, sizeof printed->evidence - 1);
	struct words words = words_of(check, id, now);
	words_fill(&text, terms->rule->evidence, &words);
	(void)bx_text_copy(printed->evidence, sizeof printed->evidence, text.data); /* same size */
	printed->value = bx_round(judge->value, 1);
}

void check_print(const struct check *check, const struct judge_terms terms[RULE_COUNT], struct moment now,
	struct bx_check *payload)
{
	payload->status = check->status;
	payload->since = check->since;
	payload->rule_count = 0;
	for (size_t id = 0; id < RULE_COUNT; id++)
		if (has_rule(check, id))
			print_rule(check, id, &terms[id], now, &payload->rules[payload->rule_count++]);
	print_sentence(check, now, payload->sentence, sizeof payload->sentence);
}
