/* What storage may not have yet: once by its key, until it is acknowledged, within the bound. */
#include "services/gateway/tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINER "miner/gamma-3/telemetry"

static void put(struct tail *tail, const char *topic, uint64_t number, int second)
{
	char json[120];
	(void)snprintf(json, sizeof json, "{\"time\":\"2026-01-01T00:%02d:%02d.500Z\",\"hashrate\":%d}",
		second / 60, second % 60, second);
	tail_put(tail, topic, 7, number, json, strlen(json));
}

static void a_record_sent_again_is_kept_once(void **state)
{
	(void)state;
	struct tail *tail = tail_new(TAIL_BYTES_MAX);
	put(tail, MINER, 1, 0);
	put(tail, MINER, 1, 0);
	put(tail, "host/telemetry", 2, 0);
	assert_int_equal(tail_count(tail), 2);
	tail_free(tail);
}

static void what_is_no_sample_is_not_kept(void **state)
{
	(void)state;
	struct tail *tail = tail_new(TAIL_BYTES_MAX);
	static const struct {
		const char *topic, *json;
	} others[] = {
		{ "event/miner/gamma-3", "{\"id\":\"1\",\"type\":\"miner.added\"}" },
		{ MINER, "{\"hashrate\":1}" }, /* without a time */
		{ MINER, "{" },
		{ MINER, "[]" },
		{ "nothing/of/ours", "{\"time\":\"2026-01-01T00:00:00.000Z\"}" },
		{ "", "{}" },
	};
	for (size_t i = 0; i < BX_COUNT(others); i++)
		tail_put(tail, others[i].topic, 7, i + 1, others[i].json, strlen(others[i].json));
	assert_int_equal(tail_count(tail), 0);
	tail_free(tail);
}

static void goes_when_it_is_in_the_database(void **state)
{
	(void)state;
	struct tail *tail = tail_new(TAIL_BYTES_MAX);
	for (int i = 1; i <= 10; i++)
		put(tail, MINER, (uint64_t)i, i);
	struct bx_acknowledged other = { .session = 8, .range_count = 1, .ranges = { { 1, 10 } } };
	struct bx_acknowledged some = { .session = 7, .range_count = 2, .ranges = { { 1, 4 }, { 9, 9 } } };

	tail_acknowledge(tail, &other);
	assert_int_equal(tail_count(tail), 10);
	tail_acknowledge(tail, &some);
	assert_int_equal(tail_count(tail), 5);
	tail_free(tail);
}

static void at_the_bound_the_oldest_goes(void **state)
{
	(void)state;
	struct tail *tail = tail_new(20000);
	for (int i = 0; i < 1000; i++)
		put(tail, MINER, (uint64_t)i + 1, i);
	size_t count;
	struct tail_record **records = tail_take(tail, 0, INT64_MAX, &count);
	assert_in_range(count, 20, 100);
	assert_non_null(strstr(records[count - 1]->bytes, "\"hashrate\":999}"));
	tail_give_back(records, count);
	tail_free(tail);
}

static void what_is_taken_stays_when_all_else_goes(void **state)
{
	(void)state;
	struct tail *tail = tail_new(TAIL_BYTES_MAX);
	for (int i = 1; i <= 5; i++)
		put(tail, MINER, (uint64_t)i, i);
	size_t count;
	int64_t second = 1767225600; /* 2026-01-01T00:00:00Z */
	struct tail_record **records = tail_take(tail, second + 2, second + 4, &count);
	struct bx_acknowledged all = { .session = 7, .range_count = 1, .ranges = { { 1, 5 } } };

	tail_acknowledge(tail, &all);
	tail_free(tail);

	assert_int_equal(count, 2);
	assert_string_equal(records[0]->source, "miner/gamma-3");
	assert_int_equal(records[0]->second, second + 2);
	assert_int_equal(records[1]->second, second + 3);
	assert_non_null(strstr(records[1]->bytes, "\"hashrate\":3}"));
	tail_give_back(records, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_sent_again_is_kept_once),
		cmocka_unit_test(what_is_no_sample_is_not_kept),
		cmocka_unit_test(goes_when_it_is_in_the_database),
		cmocka_unit_test(at_the_bound_the_oldest_goes),
		cmocka_unit_test(what_is_taken_stays_when_all_else_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
