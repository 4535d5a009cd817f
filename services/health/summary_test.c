#include "services/health/summary.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const struct moment NOW = { { 10000000 }, { 1769868120000 } }; /* 2026-01-31T14:02:00Z */

/* A letter a miner: e earns, s silent (critical S), l earns too little (critical L), b has just started (boots), p paused,
 * a answers without an expected hashrate, ? unknown. The box: o well, w CPU at 85 (W: 97), ? unknown, blank: not watched. */
static const struct row {
	int number;
	const char *words, *miners, *box;
	size_t registered;
	enum { JUDGED, TOO_EARLY, LOST } how;
	double hashrate, power;
	enum bx_status status;
	const char *sentence;
} rows[] = {
	{ 1, "too early", "", " ", 3, TOO_EARLY, 0, 0, BX_STATUS_UNKNOWN, "Nothing is known yet." },
	{ 2, "no miner", "", "o", 0, JUDGED, 0, 0, BX_STATUS_OK,
		"No miner is registered yet; add one: bxctl miner add ADDRESS." },
	{ 3, "no miner, and no box", "", " ", 0, JUDGED, 0, 0, BX_STATUS_UNKNOWN,
		"No miner is registered yet; add one: bxctl miner add ADDRESS." },
	{ 4, "none enabled", "", "o", 2, JUDGED, 0, 0, BX_STATUS_OK,
		"No miner is enabled; nothing is judged but the box." },
	{ 5, "all earn", "eee", "o", 3, JUDGED, 6400, 107, BX_STATUS_OK,
		"All 3 miners earn: 6.40 TH/s, 107 W." },
	{ 6, "all earn, power not known", "eee", "o", 3, JUDGED, 6400, (double)NAN, BX_STATUS_OK,
		"All 3 miners earn: 6.40 TH/s." },
	{ 7, "all earn, no figures", "eee", "o", 3, JUDGED, (double)NAN, 107, BX_STATUS_OK,
		"All 3 miners earn." },
	{ 8, "the one miner earns", "e", "o", 1, JUDGED, 1200, 18, BX_STATUS_OK,
		"M1 earns: 1.20 TH/s, 18.0 W." },
	{ 9, "one is silent", "ees", "o", 3, JUDGED, 4200, 70, BX_STATUS_WARNING,
		"M3 does not answer since 13:47; 2 of 3 miners earn." },
	{ 10, "two are silent", "Ses", "o", 3, JUDGED, 2100, 35, BX_STATUS_CRITICAL,
		"2 of 3 miners do not answer, the first since 13:47; 1 of 3 miners earns." },
	{ 11, "all are silent", "sss", "o", 3, JUDGED, (double)NAN, (double)NAN, BX_STATUS_WARNING,
		"3 of 3 miners do not answer, the first since 13:47; check plug and Wi-Fi." },
	{ 12, "the one miner is silent", "S", "o", 1, JUDGED, (double)NAN, (double)NAN, BX_STATUS_CRITICAL,
		"M1 does not answer since 13:47; check plug and Wi-Fi." },
	{ 13, "the worst first, others counted", "slLe", "w", 4, JUDGED, 1, 1, BX_STATUS_CRITICAL,
		"2 of 4 miners earn too little, the first since 13:47, and 2 more problems; 1 of 4 miners earns." },
	{ 14, "of equals the miner before the box", "es", "w", 2, JUDGED, 1, 1, BX_STATUS_WARNING,
		"M2 does not answer since 13:47, and 1 more problem; 1 of 2 miners earns." },
	{ 15, "the box is in trouble", "eee", "W", 3, JUDGED, 6400, 107, BX_STATUS_CRITICAL,
		"CPU at 97 % for 15 min; all 3 miners earn." },
	{ 16, "the box is in trouble, no miner", "", "w", 0, JUDGED, 0, 0, BX_STATUS_WARNING,
		"CPU at 85 % for 15 min; no miner is registered yet." },
	{ 17, "some are unknown", "ee?", "o", 3, JUDGED, 4200, 70, BX_STATUS_OK,
		"2 of 3 miners earn: 4.20 TH/s, 70.0 W; nothing is known of M3." },
	{ 18, "all are unknown", "???", "?", 3, JUDGED, (double)NAN, (double)NAN, BX_STATUS_UNKNOWN,
		"Nothing is known of 3 miners." },
	{ 19, "some have just started", "ebb", "o", 3, JUDGED, 2100, 35, BX_STATUS_OK,
		"1 of 3 miners earns: 2.10 TH/s, 35.0 W; 2 miners have just started." },
	{ 20, "all have just started", "bbb", "o", 3, JUDGED, 10, 10, BX_STATUS_OK,
		"3 miners have just started." },
	{ 21, "one is paused", "ep", "o", 2, JUDGED, 2100, 35, BX_STATUS_OK,
		"1 of 2 miners earns: 2.10 TH/s, 35.0 W; M2 is paused." },
	{ 22, "one tells no expected hashrate", "ea", "o", 2, JUDGED, 2100, 35, BX_STATUS_OK,
		"1 of 2 miners earns: 2.10 TH/s, 35.0 W; M2 answers, what it should earn is not known." },
	{ 23, "the collector is gone", "ees", "o", 3, LOST, 6400, 107, BX_STATUS_UNKNOWN,
		"The collector does not run; nothing is known of the miners since 14:02." },
	{ 24, "the collector was never there", "", " ", 0, LOST, 0, 0, BX_STATUS_UNKNOWN,
		"The collector does not run; nothing is known of the miners." },
};

static struct judge_terms terms[RULE_COUNT];

static void set_terms(void)
{
	BX_TEXT_OWNED struct bx_text problems;
	struct rule_limits limits[RULE_COUNT];
	bx_text_init(&problems, 1000);
	BX_OWNED(bx_config_free) struct bx_config *config = bx_config_parse("test", "", 0, &problems);
	assert_non_null(config);
	rules_limits(config, limits);
	for (size_t id = 0; id < RULE_COUNT; id++)
		terms[id] = (struct judge_terms){ rules_row((enum rule_id)id), limits[id], 55000 };
}

/* A quarter of an hour of the same, so that what must hold has held. */
static void live(struct check *check, const struct bx_values *values, enum presence presence, bool lost)
{
	for (int64_t ago_ms = 15 * 60000; ago_ms >= 0; ago_ms -= 30000) {
		struct moment now = { { NOW.mono.ms - ago_ms }, { NOW.wall.ms - ago_ms } };
		struct facts facts = { .is_believed = !(lost && ago_ms == 0),
			.values = values,
			.values_at = now.mono,
			.presence = presence,
			.presence_at = now.mono,
			.now = now.mono };
		check_judge(check, terms, &facts, now);
	}
}

static void put_miner(struct checks *checks, size_t number, char letter, bool lost)
{
	static const double share[128] = { ['e'] = 100, ['l'] = 85, ['L'] = 50 };
	char target[BX_NAME_SIZE], name[8];
	struct bx_values values;
	(void)snprintf(target, sizeof target, "miner/m-%zu", number);
	(void)snprintf(name, sizeof name, "M%zu", number);
	struct check *check = checks_admit(checks, target, BX_MINER, name);
	bool silent = letter == 's' || letter == 'S';
	bx_values_init(&values, BX_MINER, (struct bx_wall){ 0 });
	if (letter == 'b')
		bx_values_set(&values, BX_UPTIME, 100);
	if (letter == 'p')
		bx_values_set_word(&values, BX_MINER_STATE, "paused");
	if (share[(unsigned char)letter] > 0) {
		bx_values_set(&values, BX_HASHRATE_EXPECTED, 1000);
		bx_values_set(&values, BX_HASHRATE_10M, 10 * share[(unsigned char)letter]);
	}
	live(check, silent || letter == '?' ? NULL : &values,
		silent                  ? PRESENCE_OFFLINE
			: letter == '?' ? PRESENCE_UNHEARD
					: PRESENCE_ONLINE,
		lost);
	if (letter == 's')
		check->judges[RULE_ANSWERS].levels[LEVEL_CRITICAL].is_on = false; /* not for long enough */
	check->status = letter == 's' && !lost ? BX_STATUS_WARNING : check->status;
}

static void put_box(struct checks *checks, char letter, bool lost)
{
	struct bx_values values;
	if (letter == ' ')
		return;
	struct check *check = checks_admit(checks, "host/home", BX_HOST, "the box");
	bx_values_init(&values, BX_HOST, (struct bx_wall){ 0 });
	bx_values_set(&values, BX_CPU_USAGE, letter == 'w' ? 85 : letter == 'W' ? 97 : 10);
	live(check, letter == '?' ? NULL : &values, PRESENCE_UNHEARD, lost);
}

static void says_as_the_rows_say(void **state)
{
	(void)state;
	set_terms();
	for (size_t i = 0; i < BX_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		BX_OWNED(checks_free) struct checks *checks = checks_new();
		struct bx_summary summary;
		for (size_t miner = 0; row->miners[miner]; miner++)
			put_miner(checks, miner + 1, row->miners[miner], row->how == LOST);
		put_box(checks, row->box[0], row->how == LOST);
		struct summary_input input = { .checks = checks,
			.miner_count = row->registered,
			.is_judged = row->how != TOO_EARLY,
			.is_lost = row->how == LOST,
			.figures = { row->hashrate, row->power },
			.now = NOW };
		summary_make(&input, &summary);
		if (strcmp(summary.sentence, row->sentence) != 0 || summary.overall_status != row->status)
			fail_msg("%d, %s: %s %s", row->number, row->words,
				bx_status_word(summary.overall_status), summary.sentence);
	}
}

static void names_the_five_worst_in_order(void **state)
{
	(void)state;
	set_terms();
	BX_OWNED(checks_free) struct checks *checks = checks_new();
	static const char letters[] = "seseLeLe";
	struct bx_summary summary;
	for (size_t i = 0; letters[i]; i++)
		put_miner(checks, i, letters[i], false);
	put_box(checks, 'w', false);
	struct summary_input input = { .checks = checks,
		.miner_count = 8,
		.is_judged = true,
		.figures = { (double)NAN, (double)NAN },
		.now = NOW };
	summary_make(&input, &summary);
	static const char *const expected[] = { "miner/m-4", "miner/m-6", "miner/m-0", "miner/m-2",
		"host/home" };
	assert_int_equal(summary.worst_count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(summary.worst[i].target, expected[i]);
	assert_string_equal(summary.worst[0].sentence,
		"M4 earns 50 % of what it should since 13:47; check supply and cooling, then restart it.");
}

static void a_long_name_still_makes_a_sentence(void **state)
{
	(void)state;
	set_terms();
	BX_OWNED(checks_free) struct checks *checks = checks_new();
	struct bx_check payload;
	char name[64];
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	struct check *check = checks_admit(checks, "miner/x", BX_MINER, name);
	live(check, NULL, PRESENCE_OFFLINE, false);
	check_print(check, terms, NOW, &payload);
	assert_int_equal(payload.status, BX_STATUS_CRITICAL);
	assert_non_null(strstr(payload.sentence, "x does not answer since 13:47; check plug and Wi-Fi."));
}

static void figures_follow_when_a_reader_would_care(void **state)
{
	(void)state;
	static const struct {
		int number;
		double shown, now;
		int64_t shown_ms;
		bool follows;
	} cases[] = { { 1, 6400, 6600, 3600000, false }, { 2, 6400, 6800, 3600000, true },
		{ 3, 6400, 6800, 1000, false }, { 4, 6400, 4000, 1000, true },
		{ 5, (double)NAN, 4000, 1000, true }, { 6, 4000, (double)NAN, 1000, true },
		{ 7, (double)NAN, (double)NAN, 3600000, false }, { 8, 0, 1, 1000, true } };
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct figures shown = { cases[i].shown, 100 }, now = { cases[i].now, 100 };
		if (summary_follow(&shown, &now, cases[i].shown_ms) != cases[i].follows)
			fail_msg("%d", cases[i].number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_as_the_rows_say),
		cmocka_unit_test(names_the_five_worst_in_order),
		cmocka_unit_test(a_long_name_still_makes_a_sentence),
		cmocka_unit_test(figures_follow_when_a_reader_would_care),
	};
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
