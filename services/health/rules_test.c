#include "services/health/rules.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const double NONE = (double)NAN;

/* What is given, and what the rule reads of it. */
static const struct row {
	int number;
	const char *words;
	enum rule_id rule;
	enum presence presence;
	const char *json; /* telemetry; NULL: none was heard */
	enum rule_news news;
	double value;
} rows[] = {
	{ 1, "an unheard miner tells nothing", RULE_ANSWERS, PRESENCE_UNHEARD, NULL, NEWS_NONE, NONE },
	{ 2, "an offline miner does not answer", RULE_ANSWERS, PRESENCE_OFFLINE, "{}", NEWS_VALUE, 0 },
	{ 3, "an online miner answers", RULE_ANSWERS, PRESENCE_ONLINE, "{}", NEWS_VALUE, 1 },
	{ 4, "an online miner answers before its first telemetry", RULE_ANSWERS, PRESENCE_ONLINE, NULL,
		NEWS_VALUE, 1 },
	{ 5, "earning is the 10-minute hashrate in percent of expected", RULE_EARNS, PRESENCE_ONLINE,
		"{\"hashrate_10m\":900,\"hashrate_expected\":1200,\"uptime\":5000}", NEWS_VALUE, 75 },
	{ 6, "without expected there is no percentage", RULE_EARNS, PRESENCE_ONLINE, "{\"hashrate_10m\":900}",
		NEWS_NONE, NONE },
	{ 7, "an expected of 0 is none", RULE_EARNS, PRESENCE_ONLINE,
		"{\"hashrate_10m\":900,\"hashrate_expected\":0}", NEWS_NONE, NONE },
	{ 8, "up for 15 min is still starting", RULE_EARNS, PRESENCE_ONLINE,
		"{\"hashrate_10m\":900,\"hashrate_expected\":1200,\"uptime\":900}", NEWS_STARTS, NONE },
	{ 9, "up for longer is judged", RULE_EARNS, PRESENCE_ONLINE,
		"{\"hashrate_10m\":900,\"hashrate_expected\":1200,\"uptime\":901}", NEWS_VALUE, 75 },
	{ 10, "firmware without uptime is judged", RULE_EARNS, PRESENCE_ONLINE,
		"{\"hashrate_10m\":900,\"hashrate_expected\":1200}", NEWS_VALUE, 75 },
	{ 11, "paused by its owner is not judged", RULE_EARNS, PRESENCE_ONLINE,
		"{\"hashrate_10m\":0,\"hashrate_expected\":1200,\"state\":\"paused\"}", NEWS_RESTS, NONE },
	{ 12, "a fault is no rest", RULE_EARNS, PRESENCE_ONLINE,
		"{\"hashrate_10m\":0,\"hashrate_expected\":1200,\"state\":\"fault\"}", NEWS_VALUE, 0 },
	{ 13, "a metric is itself", RULE_CPU, PRESENCE_UNHEARD, "{\"cpu_usage\":12.5}", NEWS_VALUE, 12.5 },
	{ 14, "an absent metric is absent, not 0", RULE_CPU, PRESENCE_UNHEARD, "{\"memory_usage\":12.5}",
		NEWS_NONE, NONE },
	{ 15, "a metric of a wrong type is absent", RULE_DISK, PRESENCE_UNHEARD, "{\"disk_usage\":\"full\"}",
		NEWS_NONE, NONE },
};

static void reads_what_the_rows_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		const struct rule *rule = rules_row(row->rule);
		struct bx_values values;
		struct facts facts = { .is_believed = true,
			.presence = row->presence,
			.presence_at = { 8000 },
			.values_at = { 9000 },
			.now = { 10000 } };
		if (row->json && bx_values_decode(&values, rule->scope, row->json, strlen(row->json), NULL))
			facts.values = &values;
		struct rule_reading reading = rules_read(rule, &facts);
		bool good = reading.news == row->news &&
			(row->news != NEWS_VALUE || fabs(reading.value - row->value) < 1e-9) &&
			(row->news != NEWS_VALUE || row->presence == PRESENCE_OFFLINE ||
				reading.at.ms == (row->json ? 9000 : 8000));
		if (!good)
			fail_msg("%d, %s: news %d, value %g, at %d", row->number, row->words,
				(int)reading.news, reading.value, (int)reading.at.ms);
	}
}

static void takes_limits_from_the_keys(void **state)
{
	(void)state;
	static const char text[] = "CPU_WARNING_THRESHOLD=70\nTEMP_CRITICAL_THRESHOLD=99\n";
	static const double expected[RULE_COUNT][LEVELS] = { [RULE_ANSWERS] = { 1, 1 },
		[RULE_EARNS] = { 90, 70 },
		[RULE_CPU] = { 70, 95 },
		[RULE_MEMORY] = { 80, 90 },
		[RULE_DISK] = { 80, 90 },
		[RULE_TEMPERATURE] = { 70, 99 } };
	struct rule_limits limits[RULE_COUNT];
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 1000);
	BX_OWNED(bx_config_free)
	struct bx_config *config = bx_config_parse("test", text, sizeof text - 1, &problems);
	assert_non_null(config);
	rules_limits(config, limits);
	for (size_t id = 0; id < RULE_COUNT; id++)
		for (size_t level = 0; level < LEVELS; level++)
			if (fabs(limits[id].at[level] - expected[id][level]) > 0)
				fail_msg("%s: %g", rules_row((enum rule_id)id)->name, limits[id].at[level]);
}

static void every_row_is_whole(void **state)
{
	(void)state;
	for (size_t id = 0; id < RULE_COUNT; id++) {
		const struct rule *rule = rules_row((enum rule_id)id);
		assert_true(bx_is_slug(rule->name));
		assert_non_null(rule->clause);
		assert_non_null(rule->remedy);
		assert_true(rule->scope == BX_HOST || rule->clause_many); /* there may be several */
		if (rule->reads != RULE_PRESENCE)
			assert_true(bx_catalog_row(rule->metric)->scopes & rule->scope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_the_rows_say),
		cmocka_unit_test(takes_limits_from_the_keys),
		cmocka_unit_test(every_row_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
