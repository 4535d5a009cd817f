/* One walk over the checks counts and keeps the worst; the sentence is put together from the counts:
 *
 *	trouble   the worst check's clause (or, of several with the same rule, that rule's words for many), how many more
 *	          problems there are, then how many miners earn all the same
 *	no more   how many earn, with figures, then who does not and why that is no trouble
 *	unknown   that, and since when
 */
#include "services/health/summary.h"

#include "services/health/words.h"
#include <math.h>
#include <string.h>

static const double FOLLOW_AT_ONCE = 0.2, FOLLOW_LATER = 0.05;

struct group { /* of miners that are alike */
	size_t count;
	const struct check *first;
};

struct tally {
	size_t by_status[4], miners;
	struct group earning, starting, resting, answering, unknown;
	struct bx_wall unheard; /* the newest that was known of one that is unknown now */
	const struct check *worst[BX_COUNT(((struct bx_summary *)0)->worst)];
	size_t worst_count;
};

static bool is_trouble(const struct check *check)
{
	return check_worst(check) != NULL;
}

/* Status first, then what costs money: rules are in that order. */
static bool is_worse(const struct check *one, const struct check *other)
{
	if (one->status != other->status)
		return one->status > other->status;
	return check_worst(one) < check_worst(other);
}

static void keep_worst(struct tally *tally, const struct check *check)
{
	size_t place = tally->worst_count;
	while (place > 0 && is_worse(check, tally->worst[place - 1]))
		place--;
	if (place == BX_COUNT(tally->worst))
		return;
	if (tally->worst_count < BX_COUNT(tally->worst))
		tally->worst_count++;
	memmove(&tally->worst[place + 1], &tally->worst[place],
		(tally->worst_count - place - 1) * sizeof(struct check *));
	tally->worst[place] = check;
}

static struct group *group_of(struct tally *tally, const struct check *check)
{
	const struct judge *earns = check_judge_of(check, RULE_EARNS);
	if (check->status == BX_STATUS_UNKNOWN)
		return &tally->unknown;
	if (judge_status(earns) == BX_STATUS_OK)
		return &tally->earning;
	if (earns->news == NEWS_RESTS)
		return &tally->resting;
	return earns->news == NEWS_STARTS ? &tally->starting : &tally->answering;
}

static void count_checks(const struct checks *checks, struct tally *tally)
{
	for (size_t i = 0; i < checks_count(checks); i++) {
		const struct check *check = checks_at(checks, i);
		tally->by_status[check->status]++;
		if (is_trouble(check))
			keep_worst(tally, check);
		if (check->status == BX_STATUS_UNKNOWN && check->since.ms > tally->unheard.ms)
			tally->unheard = check->since;
		if (check->scope != BX_MINER)
			continue;
		tally->miners++;
		if (is_trouble(check))
			continue;
		struct group *group = group_of(tally, check);
		if (group->count++ == 0)
			group->first = check;
	}
}

/* --- the sentence --- */

/* Appends "; " where something stands before, then one of the two: of one by its name, of several by their number. */
static void say_group(
	struct bx_text *text, const struct group *group, const char *one, const char *many, size_t all)
{
	if (group->count == 0)
		return;
	if (text->length > 0)
		bx_text_say(text, "; ");
	struct words words = { .name = group->first->name,
		.value = (double)NAN,
		.span_ms = -1,
		.count = group->count,
		.all = all };
	words_fill(text, group->count == 1 ? one : many, &words);
}

static void say_earning(struct bx_text *text, const struct summary_input *input, const struct tally *tally)
{
	const struct group *earning = &tally->earning;
	bool all = earning->count == tally->miners;
	if (tally->miners == 1)
		say_group(text, earning, "{name} earns", "", 1);
	else
		say_group(text, earning, "{count} of {all} miners earns",
			all ? "all {count} miners earn" : "{count} of {all} miners earn", tally->miners);
	if (earning->count == 0 || tally->worst_count > 0 || !(input->figures.hashrate_ghs > 0))
		return;
	bx_text_say(text, ": ");
	words_hashrate(text, input->figures.hashrate_ghs);
	if (!isnan(input->figures.power_w)) {
		bx_text_say(text, ", ");
		words_power(text, input->figures.power_w);
	}
}

/* All miners that are in no trouble. */
static void say_miners(struct bx_text *text, const struct summary_input *input, const struct tally *tally)
{
	say_earning(text, input, tally);
	say_group(text, &tally->starting, "{name} has just started", "{count} miners have just started", 0);
	say_group(text, &tally->resting, "{name} is paused", "{count} miners are paused", 0);
	say_group(text, &tally->answering, "{name} answers, what it should earn is not known",
		"{count} miners answer, what they should earn is not known", 0);
	say_group(
		text, &tally->unknown, "nothing is known of {name}", "nothing is known of {count} miners", 0);
}

/* The same rule's trouble of several, as the rule's words for many. */
static size_t count_same(const struct checks *checks, const struct rule *rule, struct bx_wall *first)
{
	size_t count = 0;
	for (size_t i = 0; i < checks_count(checks); i++) {
		const struct check *check = checks_at(checks, i);
		if (!is_trouble(check) || check_worst(check) != rule)
			continue;
		count++;
		if (check->since.ms != 0 && (first->ms == 0 || check->since.ms < first->ms))
			*first = check->since;
	}
	return count;
}

static void say_trouble(struct bx_text *text, const struct summary_input *input, const struct tally *tally)
{
	const struct check *worst = tally->worst[0];
	const struct rule *rule = check_worst(worst);
	size_t problems = tally->by_status[BX_STATUS_WARNING] + tally->by_status[BX_STATUS_CRITICAL];
	struct words words = {
		.value = (double)NAN, .span_ms = -1, .now = input->now.wall, .all = tally->miners
	};
	words.count = count_same(input->checks, rule, &words.since);
	bool many = words.count > 1 && rule->clause_many;
	if (many)
		words_fill(text, rule->clause_many, &words);
	else
		check_clause(worst, input->now, text);
	size_t others = problems - (many ? words.count : 1);
	if (others > 0)
		bx_text_print(text, ", and %zu more problem%s", others, others == 1 ? "" : "s");
	if (tally->miners == 0)
		bx_text_say(text,
			input->miner_count == 0 ? "; no miner is registered yet" : "; no miner is enabled");
	else if (worst->scope == BX_MINER && (many ? words.count : 1) == tally->miners)
		bx_text_print(text, "; %s", rule->remedy); /* no other miner is worth a word */
	else
		say_miners(text, input, tally);
}

static void say_nothing_known(
	struct bx_text *text, const struct summary_input *input, const struct tally *tally)
{
	struct words words = {
		.value = (double)NAN, .span_ms = -1, .since = tally->unheard, .now = input->now.wall
	};
	if (input->is_judged && input->is_lost)
		words_fill(text, "the collector does not run; nothing is known of the miners[ since {since}]",
			&words);
	else
		words_fill(text, "nothing is known yet", &words);
}

static void make_sentence(const struct summary_input *input, const struct tally *tally, struct bx_text *text)
{
	if (!input->is_judged || input->is_lost)
		say_nothing_known(text, input, tally);
	else if (tally->worst_count > 0)
		say_trouble(text, input, tally);
	else if (input->miner_count == 0)
		bx_text_say(text, "No miner is registered yet; add one: bxctl miner add ADDRESS");
	else if (tally->miners == 0)
		bx_text_say(text, "No miner is enabled; nothing is judged but the box");
	else
		say_miners(text, input, tally);
	bx_text_say(text, ".");
}

static enum bx_status overall(const struct summary_input *input, const struct tally *tally)
{
	if (!input->is_judged)
		return BX_STATUS_UNKNOWN;
	if (tally->by_status[BX_STATUS_CRITICAL] > 0)
		return BX_STATUS_CRITICAL;
	if (tally->by_status[BX_STATUS_WARNING] > 0)
		return BX_STATUS_WARNING;
	return tally->by_status[BX_STATUS_OK] > 0 ? BX_STATUS_OK : BX_STATUS_UNKNOWN;
}

void summary_make(const struct summary_input *input, struct bx_summary *summary)
{
	struct tally tally = { 0 };
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, sizeof summary->sentence - 1);
	if (input->is_judged)
		count_checks(input->checks, &tally); /* before, they are as an earlier run left them */
	make_sentence(input, &tally, &text);
	summary->overall_status = overall(input, &tally);
	(void)bx_text_copy(summary->sentence, sizeof summary->sentence, text.data); /* bounded above */
	summary->ok = (double)tally.by_status[BX_STATUS_OK];
	summary->warning = (double)tally.by_status[BX_STATUS_WARNING];
	summary->critical = (double)tally.by_status[BX_STATUS_CRITICAL];
	summary->unknown = (double)tally.by_status[BX_STATUS_UNKNOWN];
	summary->worst_count = tally.worst_count;
	for (size_t i = 0; i < tally.worst_count; i++) {
		struct bx_worst *worst = &summary->worst[i];
		bx_text_clear(&text);
		check_clause(tally.worst[i], input->now, &text);
		bx_text_print(&text, "; %s.", check_worst(tally.worst[i])->remedy);
		worst->status = tally.worst[i]->status;
		(void)bx_text_copy(
			worst->target, sizeof worst->target, tally.worst[i]->target); /* same size */
		(void)bx_text_copy(worst->sentence, sizeof worst->sentence, text.data); /* cut is fine */
	}
}

void summary_say(struct bx_summary *summary, const char *sentence)
{
	*summary = (struct bx_summary){ .overall_status = BX_STATUS_UNKNOWN };
	(void)bx_text_copy(summary->sentence, sizeof summary->sentence, sentence); /* ours, short */
}

/* --- figures --- */

struct figures summary_figures(const struct bx_values *fleet)
{
	struct figures figures = { (double)NAN, (double)NAN };
	double partial;
	if (!bx_values_get(fleet, BX_HASHRATE_10M, &figures.hashrate_ghs))
		(void)bx_values_get(fleet, BX_HASHRATE, &figures.hashrate_ghs); /* NaN stays */
	if (!bx_values_get(
		    fleet, BX_POWER_MINERS, &partial)) /* the power of some would read as that of all */
		(void)bx_values_get(fleet, BX_POWER, &figures.power_w);
	return figures;
}

static bool differs(double shown, double now, double share)
{
	return isnan(shown) != isnan(now) || fabs(now - shown) > share * fabs(shown);
}

bool summary_follow(struct figures *shown, const struct figures *now, int64_t shown_ms)
{
	double share = shown_ms < CHECK_REFRESH_MS ? FOLLOW_AT_ONCE : FOLLOW_LATER;
	if (!differs(shown->hashrate_ghs, now->hashrate_ghs, share) &&
		!differs(shown->power_w, now->power_w, share))
		return false;
	*shown = *now;
	return true;
}
