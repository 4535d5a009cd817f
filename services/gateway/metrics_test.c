/* What a request for history may say, and how the answer is written. */
#include "services/gateway/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1767225600, HOUR = 3600 }; /* 2026-01-01T00:00:00Z */

static const struct {
	const char *arguments[4];
	int64_t from, to, step;
	size_t points;
	enum metrics_format format;
} wishes[] = {
	{ { NULL }, NOW + 1 - 24 * HOUR, NOW + 1, 0, 0, METRICS_JSON },
	{ { "hours=1" }, NOW + 1 - HOUR, NOW + 1, 0, 0, METRICS_JSON },
	{ { "hours=0.5", "points=10" }, NOW + 1 - HOUR / 2, NOW + 1, 0, 10, METRICS_JSON },
	{ { "from=1000", "to=2000", "step=60" }, 1000, 2000, 60, 0, METRICS_JSON },
	{ { "from=2025-12-31T23:00:00Z", "format=csv" }, NOW - HOUR, NOW + 1, 0, 0, METRICS_CSV },
	{ { "to=2026-01-01T00:00:00.000Z", "hours=2", "format=json" }, NOW - 2 * HOUR, NOW, 0, 0,
		METRICS_JSON },
	{ { "to=100", "hours=24" }, 0, 100, 0, 0, METRICS_JSON },
};

static void reads_each_argument(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(wishes); i++) {
		struct request request = { .arguments = wishes[i].arguments };
		struct metrics_wish wish;
		struct bx_error error;
		if (!metrics_read_wish(&request, NOW, &wish, &error))
			fail_msg("row %zu: %s", i, error.message);
		assert_int_equal(wish.range.from, wishes[i].from);
		assert_int_equal(wish.range.to, wishes[i].to);
		assert_int_equal(wish.range.step, wishes[i].step);
		assert_int_equal(wish.range.points, wishes[i].points);
		assert_int_equal(wish.format, wishes[i].format);
		assert_null(wish.range.series);
	}
}

static void refuses_and_names_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *arguments[4];
		const char *names;
	} bad[] = {
		{ { "hours=0" }, "hours" },
		{ { "hours=-1" }, "hours" },
		{ { "hours=" }, "hours" },
		{ { "hours=nan" }, "hours" },
		{ { "hours=1e9" }, "hours" },
		{ { "hours=1", "from=1" }, "from" },
		{ { "from=yesterday" }, "from" },
		{ { "from=-1" }, "from" },
		{ { "to=9e99" }, "to" },
		{ { "from=2000", "to=1000" }, "from" },
		{ { "from=2000", "to=2000" }, "from" },
		{ { "step=0" }, "step" },
		{ { "step=1.5" }, "step" },
		{ { "points=0" }, "points" },
		{ { "points=5001" }, "points" },
		{ { "points=5", "step=5" }, "points" },
		{ { "format=xml" }, "format" },
	};
	for (size_t i = 0; i < BX_COUNT(bad); i++) {
		struct request request = { .arguments = bad[i].arguments };
		struct metrics_wish wish;
		struct bx_error error;
		if (metrics_read_wish(&request, NOW, &wish, &error))
			fail_msg("took %s", bad[i].arguments[0]);
		assert_int_equal(error.code, BX_INVALID);
		assert_non_null(strstr(error.message, bad[i].names));
	}
}

static struct bx_history *history_of_three_steps(void)
{
	struct bx_history_range range = { .from = NOW, .to = NOW + 180, .step = 60 };
	struct bx_history *history = bx_history_new(&range, NULL);
	struct bx_values values;
	bx_values_init(&values, BX_HOST, (struct bx_wall){ (int64_t)NOW * 1000 });
	bx_values_set(&values, BX_CPU_USAGE, 10);
	(void)bx_values_set_part(&values, BX_DISK_PART_USAGE, "root", 61.2);
	bx_history_add(history, "host", &values);
	values.time.ms += 30000;
	bx_values_set(&values, BX_CPU_USAGE, 20);
	bx_history_add(history, "host", &values);
	bx_values_init(&values, BX_HOST, (struct bx_wall){ (int64_t)(NOW + 120) * 1000 });
	bx_values_set(&values, BX_LOAD_AVERAGE, 0.75);
	bx_history_add(history, "host", &values);
	return history;
}

static void prints_json_with_gaps_as_null(void **state)
{
	(void)state;
	BX_OWNED(bx_history_free) struct bx_history *history = history_of_three_steps();
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, METRICS_BYTES_MAX);
	metrics_print(history, METRICS_JSON, &text);
	assert_string_equal(text.data,
		"{\"from\":1767225600,\"to\":1767225780,\"step\":60,\"times\":[1767225600,1767225660,1767225720],\"series\":{"
		"\"host/cpu_usage\":{\"unit\":\"%\",\"min\":[10,null,null],\"mean\":[15,null,null],\"max\":[20,null,null]},"
		"\"host/disk/root/usage\":{\"unit\":\"%\",\"min\":[61.2,null,null],\"mean\":[61.2,null,null],"
		"\"max\":[61.2,null,null]},"
		"\"host/load_average\":{\"unit\":\"\",\"min\":[null,null,0.75],\"mean\":[null,null,0.75],"
		"\"max\":[null,null,0.75]}}}");
}

static void prints_csv_with_the_units_in_its_heads(void **state)
{
	(void)state;
	BX_OWNED(bx_history_free) struct bx_history *history = history_of_three_steps();
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, METRICS_BYTES_MAX);
	metrics_print(history, METRICS_CSV, &text);
	assert_string_equal(text.data,
		"time,\"host/cpu_usage min (%)\",\"host/cpu_usage mean (%)\",\"host/cpu_usage max (%)\","
		"\"host/disk/root/usage min (%)\",\"host/disk/root/usage mean (%)\",\"host/disk/root/usage max (%)\","
		"\"host/load_average min\",\"host/load_average mean\",\"host/load_average max\"\r\n"
		"2026-01-01T00:00:00.000Z,10,15,20,61.2,61.2,61.2,,,\r\n"
		"2026-01-01T00:01:00.000Z,,,,,,,,,\r\n"
		"2026-01-01T00:02:00.000Z,,,,,,,0.75,0.75,0.75\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_argument),
		cmocka_unit_test(refuses_and_names_what_is_wrong),
		cmocka_unit_test(prints_json_with_gaps_as_null),
		cmocka_unit_test(prints_csv_with_the_units_in_its_heads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
