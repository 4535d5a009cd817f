/* Two switches, one a level, each turned by a value on the other side that stays there for long enough. The status is the
 * higher switch that is on. What is known and what is judged are kept apart: a source that falls silent makes the status
 * UNKNOWN and leaves the switches as they are, so that the same trouble after a gap is the same trouble, since the same
 * moment. A span that has begun does not go on over a gap. */
#include "services/health/judge.h"

static bool is_wrong(
	const struct judge_terms *terms, const struct judge_level *level, double limit, double value)
{
	double slack = level->is_on ? terms->rule->hysteresis : 0;
	if (terms->rule->wrong == RULE_ABOVE)
		return value >= limit - slack;
	return value < limit + slack;
}

/* True: it has turned over. */
static bool turn(
	struct judge_level *level, bool wrong, int64_t needed_ms, struct bx_mono at, struct bx_mono now)
{
	if (wrong == level->is_on) {
		level->is_turning = false;
		return false;
	}
	if (!level->is_turning)
		level->turned = at;
	level->is_turning = now.ms - level->turned.ms < needed_ms;
	if (!level->is_turning)
		level->is_on = wrong;
	return !level->is_turning;
}

static bool is_trouble(const struct judge *judge)
{
	return judge->levels[LEVEL_WARNING].is_on || judge->levels[LEVEL_CRITICAL].is_on;
}

static struct bx_wall wall_of(struct bx_mono then, struct moment now)
{
	return (struct bx_wall){ now.wall.ms == 0 ? 0 : now.wall.ms - (now.mono.ms - then.ms) };
}

static void forget_turning(struct judge *judge)
{
	for (size_t i = 0; i < LEVELS; i++)
		judge->levels[i].is_turning = false;
}

void judge_lose(struct judge *judge)
{
	forget_turning(judge);
	judge->is_known = false;
}

/* Trouble begins with the first wrong value of those that made it, calm with the first right one. */
static void take_value(struct judge *judge, const struct judge_terms *terms, double value, struct bx_mono at,
	struct moment now)
{
	bool was_trouble = is_trouble(judge);
	struct bx_mono begun = at;
	judge->value = value;
	judge->at = at;
	for (size_t i = LEVELS; i-- > 0;) {
		struct judge_level *level = &judge->levels[i];
		bool wrong = is_wrong(terms, level, terms->limits.at[i], value);
		if (turn(level, wrong, level->is_on ? terms->rule->calm_ms : terms->rule->levels[i].hold_ms,
			    at, now.mono))
			begun = level->turned;
	}
	if (!judge->was_judged || is_trouble(judge) != was_trouble) {
		judge->begun = begun;
		judge->since = wall_of(begun, now);
	}
	judge->was_judged = judge->is_known = true;
}

void judge_take(struct judge *judge, const struct judge_terms *terms, const struct rule_reading *reading,
	struct moment now)
{
	judge->news = reading->news;
	switch (reading->news) {
	case NEWS_VALUE:
		if (now.mono.ms - reading->at.ms <= terms->expires_ms)
			take_value(judge, terms, reading->value, reading->at, now);
		break;
	case NEWS_STARTS:
		forget_turning(judge);
		if (is_trouble(judge) && judge->is_known)
			judge->at = reading->at;
		else
			judge_lose(judge);
		break;
	case NEWS_RESTS:
		judge_lose(judge);
		break;
	case NEWS_NONE:
		if (judge->is_known)
			take_value(judge, terms, judge->value, judge->at, now); /* time alone may turn it */
		break;
	}
	if (judge->is_known && now.mono.ms - judge->at.ms > terms->expires_ms)
		judge_lose(judge);
	if (judge->was_judged && judge->since.ms == 0)
		judge->since = wall_of(judge->begun, now); /* the clock was not to be trusted then */
}

void judge_restore(struct judge *judge, enum bx_status status, struct bx_wall since, struct moment now)
{
	bool in_past = now.wall.ms != 0 && since.ms != 0 && since.ms <= now.wall.ms;
	judge->levels[LEVEL_WARNING].is_on = status == BX_STATUS_WARNING || status == BX_STATUS_CRITICAL;
	judge->levels[LEVEL_CRITICAL].is_on = status == BX_STATUS_CRITICAL;
	judge->was_judged = true;
	judge->since = since;
	judge->begun.ms = now.mono.ms - (in_past ? now.wall.ms - since.ms : 0);
}

enum bx_status judge_status(const struct judge *judge)
{
	if (!judge->is_known)
		return BX_STATUS_UNKNOWN;
	if (judge->levels[LEVEL_CRITICAL].is_on)
		return BX_STATUS_CRITICAL;
	return judge->levels[LEVEL_WARNING].is_on ? BX_STATUS_WARNING : BX_STATUS_OK;
}

struct bx_mono judge_next(const struct judge *judge, const struct judge_terms *terms)
{
	if (!judge->is_known)
		return NEVER;
	struct bx_mono next = { judge->at.ms + terms->expires_ms + 1 };
	for (size_t i = 0; i < LEVELS; i++) {
		const struct judge_level *level = &judge->levels[i];
		int64_t needed_ms = level->is_on ? terms->rule->calm_ms : terms->rule->levels[i].hold_ms;
		if (level->is_turning && level->turned.ms + needed_ms < next.ms)
			next.ms = level->turned.ms + needed_ms;
	}
	return next;
}
