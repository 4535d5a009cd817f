#include "services/health/judge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MINUTE_MS = 60000, STEP_MS = 15000, EXPIRES_MS = 55000 };
static const int64_t BEGIN_WALL_MS = 1767225600000; /* 2026-01-01T00:00:00Z */

/* Each row is a life: letters a step of 15 s each, and the status behind each as a letter.
 * Values: a digit d is 10 x d percent, '!' 97, '-' no value, 's' starting, 'r' resting, 'x' the source is gone.
 * Status: . OK, w WARNING, c CRITICAL, ? UNKNOWN. Limits 80 and 95, hysteresis 5, hold and calm of the row in steps. */
static const struct row {
	int number;
	const char *words, *values, *statuses;
	int hold_warning, hold_critical, calm;
} rows[] = {
	{ 1, "absent until heard", "---5", "???.", 0, 0, 0 },
	{ 2, "without a hold it counts at once", "58!5", ".wc.", 0, 0, 0 },
	{ 3, "at the limit is over it", "78", ".w", 0, 0, 0 },
	{ 4, "a peak shorter than the hold is none", "5999959999", "..........", 4, 4, 0 },
	{ 5, "held for long enough it counts", "599999995", ".....www.", 4, 4, 0 },
	{ 6, "each level holds by itself", "599!!!!!!", ".....wwcc", 4, 4, 0 },
	{ 7, "a later hold of the worse level", "!!!!!!", "wwwwcc", 0, 4, 0 },
	{ 8, "the first value is OK until it has held", "99999", "....w", 4, 4, 0 },
	{ 9, "one good value does not end it", "5998998998", "..wwwwwwww", 1, 1, 2 },
	{ 10, "good for long enough ends it", "59955555", "..wwww..", 1, 1, 3 },
	{ 11, "a missing value leaves all as it is", "5998-8-8", "..wwwwww", 1, 1, 0 },
	{ 12, "missing for too long it is unknown", "99-----9", "wwwww??w", 0, 0, 0 },
	{ 13, "a source that is gone makes it unknown at once", "9xx9", "w??w", 0, 0, 0 },
	{ 14, "a hold does not go on over a gap", "599xx9999", "...??...w", 3, 3, 0 },
	{ 15, "trouble stays while it starts", "9ssss5", "wwwww.", 0, 0, 0 },
	{ 16, "calm must show itself anew after a start", "5ss5", ".??.", 0, 0, 0 },
	{ 17, "resting is not judged", "9rr9", "w??w", 0, 0, 0 },
	{ 18, "a start ends a span", "999s9999", "...?...w", 3, 3, 0 },
	{ 19, "time turns it, also where the value is missing", "59--", "..ww", 1, 1, 0 },
};

static struct judge_terms terms_of(const struct row *row, struct rule *rule)
{
	*rule = (struct rule){
		.name = "test", .wrong = RULE_ABOVE, .hysteresis = 5, .calm_ms = row->calm * STEP_MS
	};
	rule->levels[LEVEL_WARNING].hold_ms = row->hold_warning * STEP_MS;
	rule->levels[LEVEL_CRITICAL].hold_ms = row->hold_critical * STEP_MS;
	return (struct judge_terms){ rule, { { 80, 95 } }, EXPIRES_MS };
}

static struct moment moment_of(int64_t ms)
{
	return (struct moment){ { 5000 + ms }, { BEGIN_WALL_MS + ms } };
}

static void live(struct judge *judge, const struct judge_terms *terms, char letter, struct moment now)
{
	struct rule_reading reading = { NEWS_VALUE, letter == '!' ? 97 : 10.0 * (letter - '0'), now.mono };
	if (letter == 'x') {
		judge_lose(judge);
		return;
	}
	if (letter == '-')
		reading.news = NEWS_NONE;
	else if (letter == 's')
		reading.news = NEWS_STARTS;
	else if (letter == 'r')
		reading.news = NEWS_RESTS;
	judge_take(judge, terms, &reading, now);
}

static void judges_as_the_rows_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct rule rule;
		struct judge_terms terms = terms_of(row, &rule);
		struct judge judge = { 0 };
		char found[32] = "";
		for (size_t step = 0; row->values[step]; step++) {
			live(&judge, &terms, row->values[step], moment_of((int64_t)step * STEP_MS));
			found[step] = ".wc?"[judge_status(&judge)];
		}
		if (strcmp(found, row->statuses) != 0)
			fail_msg("%d, %s: %s gives %s, not %s", row->number, row->words, row->values, found,
				row->statuses);
	}
}

static void takes_below_as_it_takes_above(void **state)
{
	(void)state;
	struct rule rule = { .wrong = RULE_BELOW, .hysteresis = 3 };
	struct judge_terms terms = { &rule, { { 90, 70 } }, EXPIRES_MS };
	static const double values[] = { 100, 90, 89.9, 92.9, 93, 69, 72, 73, 95 };
	struct judge judge = { 0 };
	char found[16] = "";
	for (size_t i = 0; i < BX_COUNT(values); i++) {
		struct moment now = moment_of((int64_t)i * STEP_MS);
		struct rule_reading reading = { NEWS_VALUE, values[i], now.mono };
		judge_take(&judge, &terms, &reading, now);
		found[i] = ".wc?"[judge_status(&judge)];
	}
	assert_string_equal(found, "..ww.ccw.");
}

/* Since when, of a life: the step is in minutes. */
static void since_is_when_it_began(void **state)
{
	(void)state;
	struct row row = { .hold_warning = 4, .hold_critical = 8, .calm = 4 };
	struct rule rule;
	struct judge_terms terms = terms_of(&row, &rule);
	struct judge judge = { 0 };
	int64_t at_ms = 0;
	static const char values[] = "55!!!!!!!!!!xx!55555";
	for (size_t i = 0; values[i]; i++, at_ms += STEP_MS) {
		live(&judge, &terms, values[i], moment_of(at_ms));
		if (judge_status(&judge) == BX_STATUS_WARNING || judge_status(&judge) == BX_STATUS_CRITICAL)
			assert_int_equal(judge.since.ms, BEGIN_WALL_MS + 2LL * STEP_MS);
	}
	assert_int_equal(judge_status(&judge), BX_STATUS_OK);
	assert_int_equal(judge.since.ms, BEGIN_WALL_MS + 15LL * STEP_MS);
}

static void a_step_of_the_clock_changes_no_judgement(void **state)
{
	(void)state;
	for (int64_t step_ms = -400LL * 86400000; step_ms <= 400LL * 86400000; step_ms += 100LL * 86400000) {
		struct row row = { .hold_warning = 4, .hold_critical = 8 };
		struct rule rule;
		struct judge_terms terms = terms_of(&row, &rule);
		struct judge judge = { 0 };
		char found[16] = "";
		for (int i = 0; i < 12; i++) {
			struct moment now = moment_of((int64_t)i * STEP_MS);
			if (i >= 3)
				now.wall.ms += step_ms;
			live(&judge, &terms, '!', now);
			found[i] = ".wc?"[judge_status(&judge)];
		}
		assert_string_equal(found, "....wwwwcccc");
	}
}

static void says_when_time_alone_changes_it(void **state)
{
	(void)state;
	struct row row = { .hold_warning = 2, .hold_critical = 100, .calm = 1 };
	struct rule rule;
	struct judge_terms terms = terms_of(&row, &rule);
	struct judge judge = { 0 };
	assert_int_equal(judge_next(&judge, &terms).ms, INT64_MAX);
	live(&judge, &terms, '5', moment_of(0));
	assert_int_equal(judge_next(&judge, &terms).ms, 5000 + EXPIRES_MS + 1);
	live(&judge, &terms, '9', moment_of(1000));
	int64_t next_ms = judge_next(&judge, &terms).ms;
	assert_int_equal(next_ms, 5000 + 1000 + 2 * STEP_MS);
	live(&judge, &terms, '-', moment_of(next_ms - 5000 - 1));
	assert_int_equal(judge_status(&judge), BX_STATUS_OK);
	live(&judge, &terms, '-', moment_of(next_ms - 5000));
	assert_int_equal(judge_status(&judge), BX_STATUS_WARNING);
	assert_true(judge_next(&judge, &terms).ms > next_ms);
}

static void goes_on_from_what_an_earlier_run_found(void **state)
{
	(void)state;
	struct row row = { .hold_warning = 20, .hold_critical = 20 };
	struct rule rule;
	struct judge_terms terms = terms_of(&row, &rule);
	struct judge judge = { 0 };
	struct bx_wall since = { BEGIN_WALL_MS - 3600000 };
	judge_restore(&judge, BX_STATUS_CRITICAL, since, moment_of(0));
	assert_int_equal(judge_status(&judge), BX_STATUS_UNKNOWN); /* nothing was heard yet */
	live(&judge, &terms, '!', moment_of(STEP_MS));
	assert_int_equal(judge_status(&judge), BX_STATUS_CRITICAL);
	assert_int_equal(judge.since.ms, since.ms);
	assert_int_equal(judge.begun.ms, 5000 - 3600000);
	live(&judge, &terms, '5', moment_of(2LL * STEP_MS));
	assert_int_equal(judge_status(&judge), BX_STATUS_OK);
}

static void a_month_of_noise_is_no_trouble(void **state)
{
	(void)state;
	const struct rule *rule = rules_row(RULE_EARNS);
	struct judge_terms terms = { rule, { { 90, 70 } }, EXPIRES_MS };
	struct judge judge = { 0 };
	uint64_t random = 1;
	for (int64_t at_ms = 0; at_ms < 30LL * 86400000; at_ms += STEP_MS) {
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		struct moment now = moment_of(at_ms);
		struct rule_reading reading = { NEWS_VALUE,
			75 + (double)(random >> 33) / (double)(1ULL << 31) * 50, now.mono };
		judge_take(&judge, &terms, &reading, now); /* from 75 to 125 percent */
		assert_int_equal(judge_status(&judge), BX_STATUS_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_as_the_rows_say),
		cmocka_unit_test(takes_below_as_it_takes_above),
		cmocka_unit_test(since_is_when_it_began),
		cmocka_unit_test(a_step_of_the_clock_changes_no_judgement),
		cmocka_unit_test(says_when_time_alone_changes_it),
		cmocka_unit_test(goes_on_from_what_an_earlier_run_found),
		cmocka_unit_test(a_month_of_noise_is_no_trouble),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
