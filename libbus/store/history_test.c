/* History over databases written by hand, as STORAGE.md describes them. */
#define _GNU_SOURCE
#include "libbus/store/history.h"

#include "libbus/base/text.h"
#include "libbus/store/schema.h"
#include <ftw.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOON = 1767268800 }; /* 2026-01-01 12:00:00, a multiple of 3600 */

static char folder[40], path[64];
static sqlite3 *handle; /* storage's, so to speak */
static struct bx_database *database;
static struct bx_history *history;

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...)
{
	char sql[4000], *error = NULL;
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(sql, sizeof sql, format, arguments);
	va_end(arguments);
	if (sqlite3_exec(handle, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
}

static int set_up(void **state)
{
	struct bx_error error;
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/bx-history-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof path, "%s/a.db", folder);
	if (sqlite3_open(path, &handle) != SQLITE_OK)
		return -1;
	run("PRAGMA page_size = 2048; PRAGMA journal_mode = WAL; PRAGMA application_id = %d; PRAGMA user_version = %d",
		BX_DATABASE_APPLICATION, BX_DATABASE_VERSION);
	for (int i = 0; i < BX_DATABASE_VERSION; i++)
		if (sqlite3_exec(handle, bx_schema_steps[i], NULL, NULL, NULL) != SQLITE_OK)
			return -1;
	database = bx_database_open(path, &error);
	history = NULL;
	return database ? 0 : -1;
}

static int remove_one(const char *name, const struct stat *seen, int type, struct FTW *where)
{
	(void)seen, (void)type, (void)where;
	return remove(name);
}

static int tear_down(void **state)
{
	(void)state;
	bx_history_free(history);
	bx_database_close(database);
	sqlite3_close(handle);
	(void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* The box as source 0 with two series, a miner as source 1 with three. */
static void put_two_sources(void)
{
	run("INSERT INTO source VALUES(0, 'host', ''), (1, 'miner', 'gamma-3');"
	    "INSERT INTO series VALUES(0, 'cpu_usage', '%%'), (1, 'disk/root/usage', '%%'),"
	    " (4096, 'hashrate', 'GH/s'), (4097, 'state', ''), (4098, 'asic_1_hashrate', 'GH/s')");
}

/* A row of `open`: times are seconds after noon. */
static void put_row(int commit, int source, const char *times, const char *data)
{
	run("INSERT INTO open SELECT %d << 12 | %d, json_group_array(%d + value), '%s' FROM json_each('%s')",
		commit, source, NOON, data, times);
}

static void read_range(struct bx_history_range range)
{
	struct bx_error error;
	bx_history_free(history);
	history = bx_history_new(&range, &error);
	if (!history || !bx_history_read(history, database, &error))
		fail_msg("%s", error.message);
}

static struct bx_history_series find(const char *name)
{
	for (size_t i = 0; i < bx_history_count(history); i++)
		if (strcmp(bx_history_at(history, i).name, name) == 0)
			return bx_history_at(history, i);
	fail_msg("there is no %s", name);
	return (struct bx_history_series){ 0 };
}

static void assert_point(const char *name, size_t point, double min, double mean, double max)
{
	struct bx_history_series series = find(name);
	assert_true(point < bx_history_points(history));
	if (series.min[point] != min || series.mean[point] != mean || series.max[point] != max)
		fail_msg("%s at %zu: %.17g %.17g %.17g", name, point, series.min[point], series.mean[point],
			series.max[point]);
}

static void assert_gap(const char *name, size_t point)
{
	struct bx_history_series series = find(name);
	assert_true(isnan(series.min[point]) && isnan(series.mean[point]) && isnan(series.max[point]));
}

static void assert_names(const char *expected)
{
	char names[1000] = "";
	for (size_t i = 0; i < bx_history_count(history); i++) {
		size_t length = strlen(names);
		(void)snprintf(names + length, sizeof names - length, "%s%s", i ? " " : "",
			bx_history_at(history, i).name);
	}
	assert_string_equal(names, expected);
}

/* --- the range --- */

static void a_range_becomes_steps(void **state)
{
	static const struct {
		const char *what;
		struct bx_history_range range;
		int64_t from, step;
		size_t points;
	} cases[] = {
		{ "an hour by the minute", { .from = NOON, .to = NOON + 3600, .step = 60 }, NOON, 60, 60 },
		{ "a second", { .from = NOON, .to = NOON + 1, .step = 1 }, NOON, 1, 1 },
		{ "a day in at most 500", { .from = NOON, .to = NOON + 86400 }, NOON - NOON % 174, 174, 498 },
		{ "a day in at most 10", { .from = NOON, .to = NOON + 86400, .points = 10 },
			NOON - NOON % 8640, 8640, 10 },
		{ "as many as may be, begun within a step",
			{ .from = NOON + 1, .to = NOON + 10001, .points = 5000 }, NOON + 1 - (NOON + 1) % 3,
			3, 3334 },
		{ "five seconds in at most 500", { .from = NOON, .to = NOON + 5 }, NOON, 1, 5 },
		{ "begins in a step", { .from = NOON + 59, .to = NOON + 61, .step = 60 }, NOON, 60, 2 },
		{ "ends in a step", { .from = NOON, .to = NOON + 61, .step = 60 }, NOON, 60, 2 },
		{ "as many as may be", { .from = NOON, .to = NOON + 5000, .step = 1 }, NOON, 1, 5000 },
		{ "a step longer than the range", { .from = NOON + 5, .to = NOON + 9, .step = 3600 }, NOON,
			3600, 1 },
		{ "more points than may be", { .from = NOON, .to = NOON + 86400, .points = SIZE_MAX },
			NOON - NOON % 18, 18, 4800 },
		{ "from 1970", { .from = 0, .to = 100, .step = 10 }, 0, 10, 10 },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct bx_error error;
		BX_OWNED(bx_history_free) struct bx_history *made = bx_history_new(&cases[i].range, &error);
		if (!made)
			fail_msg("%s: %s", cases[i].what, error.message);
		if (bx_history_from(made) != cases[i].from || bx_history_step(made) != cases[i].step)
			fail_msg("%s: from %" PRId64 " by %" PRId64, cases[i].what, bx_history_from(made),
				bx_history_step(made));
		if (bx_history_points(made) > cases[i].points ||
			bx_history_points(made) + 1 < cases[i].points)
			fail_msg("%s: %zu points", cases[i].what, bx_history_points(made));
		assert_int_equal(bx_history_count(made), 0);
	}
}

static void a_range_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *what;
		struct bx_history_range range;
	} cases[] = {
		{ "empty", { .from = NOON, .to = NOON } },
		{ "backwards", { .from = NOON, .to = NOON - 1 } },
		{ "before 1970", { .from = -1, .to = NOON } },
		{ "a step below 0", { .from = NOON, .to = NOON + 60, .step = -1 } },
		{ "one step too many", { .from = NOON, .to = NOON + 5001, .step = 1 } },
		{ "for ever", { .from = 0, .to = INT64_MAX, .step = 1 } },
		{ "a step without end", { .from = NOON, .to = NOON + 60, .step = INT64_MAX } },
		{ "for ever, from the beginning", { .from = INT64_MIN, .to = INT64_MAX } },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct bx_error error = { 0 };
		BX_OWNED(bx_history_free) struct bx_history *made = bx_history_new(&cases[i].range, &error);
		if (made || error.code != BX_INVALID)
			fail_msg("%s: not refused", cases[i].what);
	}
}

/* --- what the database holds --- */

static void each_step_has_minimum_mean_and_maximum(void **state)
{
	(void)state;
	put_two_sources();
	put_row(0, 0, "[0,15,30,45,60,75]", "[[10,20,60,30,5,7],61.2]");

	read_range((struct bx_history_range){ .from = NOON, .to = NOON + 120, .step = 60 });

	assert_point("host/cpu_usage", 0, 10, 30, 60);
	assert_point("host/cpu_usage", 1, 5, 6, 7);
	assert_point("host/disk/root/usage", 0, 61.2, (61.2 + 61.2 + 61.2 + 61.2) / 4, 61.2);
	assert_string_equal(find("host/cpu_usage").unit, "%");
}

static void from_is_in_the_range_and_to_is_not(void **state)
{
	(void)state;
	put_two_sources();
	put_row(0, 0, "[-1,0,59,60]", "[[1,2,4,8]]");

	read_range((struct bx_history_range){ .from = NOON, .to = NOON + 60, .step = 60 });

	assert_int_equal(bx_history_points(history), 1);
	assert_point("host/cpu_usage", 0, 2, 3, 4);
}

static void a_gap_is_a_gap(void **state)
{
	(void)state;
	put_two_sources();
	put_row(0, 0, "[0,60,180]", "[[1,null,3],null]");
	put_row(1, 0, "[240]", "[5]"); /* fewer columns than there are */

	read_range((struct bx_history_range){ .from = NOON - 60, .to = NOON + 360, .step = 60 });

	assert_gap("host/cpu_usage", 0);
	assert_point("host/cpu_usage", 1, 1, 1, 1);
	assert_gap("host/cpu_usage", 2); /* null */
	assert_gap("host/cpu_usage", 3); /* nothing at that time */
	assert_point("host/cpu_usage", 4, 3, 3, 3);
	assert_point("host/cpu_usage", 5, 5, 5, 5);
	assert_gap("host/cpu_usage", 6);
	for (size_t point = 0; point < 7; point++)
		assert_gap("host/disk/root/usage", point);
}

static void rows_come_in_any_order(void **state)
{
	(void)state;
	put_two_sources();
	put_row(0, 0, "[120,180]", "[[3,4]]");
	put_row(1, 0, "[0]", "[1]"); /* late: the clock was a day back */
	put_row(2, 0, "[60]", "[2]");

	read_range((struct bx_history_range){ .from = NOON, .to = NOON + 240, .step = 60 });

	for (size_t point = 0; point < 4; point++)
		assert_point(
			"host/cpu_usage", point, (double)point + 1, (double)point + 1, (double)point + 1);
}

static void words_are_left_out_and_numbers_beside_them_stay(void **state)
{
	(void)state;
	put_two_sources();
	put_row(0, 1, "[0,60]", "[[1,2],\"mining\",1071.25]");
	put_row(1, 1, "[120,180]", "[3,[\"mining\",\"paused\"],[1,2]]");

	read_range((struct bx_history_range){ .from = NOON, .to = NOON + 240, .step = 60 });

	assert_point("miner/gamma-3/hashrate", 3, 3, 3, 3);
	assert_point("miner/gamma-3/asic_1_hashrate", 0, 1071.25, 1071.25, 1071.25);
	for (size_t point = 0; point < 4 && bx_history_count(history) == 5; point++)
		assert_gap("miner/gamma-3/state", point);
}

static void series_are_sorted_by_name(void **state)
{
	(void)state;
	put_two_sources();
	put_row(0, 1, "[0]", "[1,\"mining\",1]");
	put_row(0, 0, "[0]", "[1,1]");
	read_range((struct bx_history_range){
		.from = NOON, .to = NOON + 60, .step = 60, .series = "*hashrate,host/*" });
	assert_names(
		"host/cpu_usage host/disk/root/usage miner/gamma-3/asic_1_hashrate miner/gamma-3/hashrate");
}

static void globs_choose_series(void **state)
{
	static const struct {
		const char *globs, *names;
	} cases[] = {
		{ "host/cpu_usage", "host/cpu_usage" },
		{ "miner/*/hashrate", "miner/gamma-3/hashrate" },
		{ "host/cpu_usage,miner/*/hashrate", "host/cpu_usage miner/gamma-3/hashrate" },
		{ "host/*", "host/cpu_usage host/disk/root/usage" },
		{ "host/disk/*/usage", "host/disk/root/usage" },
		{ "*/asic_?_hashrate", "miner/gamma-3/asic_1_hashrate" },
		{ ",,host/cpu_usage,,", "host/cpu_usage" },
		{ "host/cpu_usage,host/cpu_usage", "host/cpu_usage" },
		{ "", "" },
		{ ",", "" },
		{ "cpu_usage", "" },
		{ "HOST/*", "" },
		{ "host", "" },
	};
	(void)state;
	put_two_sources();
	put_row(0, 0, "[0]", "[1,1]");
	put_row(0, 1, "[0]", "[1,\"mining\",1]");
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		read_range((struct bx_history_range){
			.from = NOON, .to = NOON + 60, .step = 60, .series = cases[i].globs });
		assert_names(cases[i].names);
	}
	char longer[400];
	memset(longer, '*', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	read_range((struct bx_history_range){ .from = NOON, .to = NOON + 60, .step = 60, .series = longer });
	assert_names(""); /* longer than any name can be */
}

static void at_most_2000_series_are_read(void **state)
{
	(void)state;
	run("INSERT INTO source VALUES(0, 'host', ''), (1, 'miner', 'a');"
	    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1499)"
	    " INSERT INTO series SELECT s << 12 | i, 'x' || i, '' FROM n, (SELECT 0 AS s UNION ALL SELECT 1)");
	run("INSERT INTO open SELECT source.id, '[%d]', (SELECT json_group_array(1) FROM series WHERE id < 4096) FROM source",
		NOON);
	read_range((struct bx_history_range){ .from = NOON, .to = NOON + 60, .step = 60 });
	assert_int_equal(bx_history_count(history), BX_HISTORY_SERIES_MAX);
	for (size_t i = 0; i < bx_history_count(history); i++)
		assert_float_equal(bx_history_at(history, i).mean[0], 1, 0);
}

/* A unit that changed makes a second position of the same name. */
static void two_positions_of_a_name_are_one_series(void **state)
{
	(void)state;
	run("INSERT INTO source VALUES(0, 'host', ''); INSERT INTO series VALUES(0, 'x', 'mV'), (1, 'x', 'V')");
	put_row(0, 0, "[0]", "[1]");
	put_row(1, 0, "[60]", "[null,2]");
	read_range((struct bx_history_range){ .from = NOON, .to = NOON + 120, .step = 60 });
	assert_names("host/x");
	assert_point("host/x", 0, 1, 1, 1);
	assert_point("host/x", 1, 2, 2, 2);
}

static void a_row_that_is_broken_costs_itself_alone(void **state)
{
	(void)state;
	put_two_sources();
	put_row(0, 0, "[0]", "[1,1]");
	put_row(1, 0, "[60,120]", "[[2]]"); /* fewer values than times */
	put_row(2, 0, "[180]", "nonsense");
	run("INSERT INTO open VALUES(3 << 12, 'nonsense', '[4]'), (4 << 12, '{}', '{}'), (5 << 12, '[\"x\"]', '[5]')");
	put_row(6, 0, "[300]", "[{},[],7]");
	put_row(7, 0, "[360]", "[8]");
	read_range((struct bx_history_range){ .from = NOON, .to = NOON + 420, .step = 60 });
	assert_point("host/cpu_usage", 0, 1, 1, 1);
	assert_point("host/cpu_usage", 1, 2, 2, 2);
	for (size_t point = 2; point < 6; point++)
		assert_gap("host/cpu_usage", point);
	assert_point("host/cpu_usage", 6, 8, 8, 8);
}

static void a_database_that_cannot_be_read_says_why(void **state)
{
	struct bx_history_range range = { .from = NOON, .to = NOON + 60, .step = 60 };
	struct bx_error error = { 0 };
	(void)state;
	put_two_sources();
	run("DROP TABLE open");
	history = bx_history_new(&range, &error);
	assert_false(bx_history_read(history, database, &error));
	assert_int_equal(error.code, BX_FAILED);
	assert_string_equal(error.message, "reading the database: SQL logic error");
	assert_int_equal(sqlite3_get_autocommit(bx_database_handle(database)), 1); /* no transaction stays */
}

/* --- the tail --- */

static void add_load(
	const char *source, enum bx_scope scope, enum bx_metric metric, int64_t second, double value)
{
	struct bx_values values;
	bx_values_init(&values, scope, (struct bx_wall){ second * 1000 + 500 });
	bx_values_set(&values, metric, value);
	bx_history_add(history, source, &values);
}

static void the_tail_is_added_and_nothing_of_it_twice(void **state)
{
	(void)state;
	put_two_sources();
	put_row(0, 0, "[0,60]", "[[1,2]]");
	put_row(0, 1, "[0]", "[1]");
	read_range((struct bx_history_range){ .from = NOON, .to = NOON + 240, .step = 60 });

	add_load("host", BX_HOST, BX_CPU_USAGE, NOON, 100); /* the database has it */
	add_load("host", BX_HOST, BX_CPU_USAGE, NOON + 60, 100); /* its newest */
	add_load("host", BX_HOST, BX_CPU_USAGE, NOON + 120, 3);
	add_load("miner/gamma-3", BX_MINER, BX_HASHRATE, NOON + 60, 7); /* newer than its source's newest */
	add_load("fleet", BX_FLEET, BX_POWER, NOON + 30, 9); /* the database knows nothing of it */
	add_load("host", BX_HOST, BX_CPU_USAGE, NOON + 240, 100); /* out of range */

	assert_point("host/cpu_usage", 0, 1, 1, 1);
	assert_point("host/cpu_usage", 1, 2, 2, 2);
	assert_point("host/cpu_usage", 2, 3, 3, 3);
	assert_gap("host/cpu_usage", 3);
	assert_point("miner/gamma-3/hashrate", 1, 7, 7, 7);
	assert_point("fleet/power", 0, 9, 9, 9);
	assert_string_equal(find("fleet/power").unit, "W");
}

static void of_the_tail_only_what_is_stored_and_has_a_mean_is_added(void **state)
{
	struct bx_values values;
	(void)state;
	read_range((struct bx_history_range){
		.from = NOON, .to = NOON + 60, .step = 60, .series = "miner/a/*" });
	bx_values_init(&values, BX_MINER, (struct bx_wall){ (int64_t)NOON * 1000 });
	bx_values_set(&values, BX_HASHRATE, 1);
	bx_values_set(&values, BX_HASHRATE_1M, 2); /* live only */
	bx_values_set(&values, BX_POOL_CONNECTED, 1);
	bx_values_set_word(&values, BX_MINER_STATE, "paused");
	bx_values_set_part(&values, BX_ASIC_HASHRATE, "2", 3);
	bx_history_add(history, "miner/a", &values);
	bx_history_add(history, "miner/b", &values); /* not asked for */
	assert_names("miner/a/asic_2_hashrate miner/a/hashrate miner/a/pool_connected");
}

static void a_tail_without_a_database_is_a_history_too(void **state)
{
	struct bx_history_range range = { .from = NOON, .to = NOON + 60, .step = 60 };
	(void)state;
	history = bx_history_new(&range, NULL);
	for (int i = 0; i < 4; i++)
		add_load("host", BX_HOST, BX_CPU_USAGE, NOON + 15 * i, i);
	assert_point("host/cpu_usage", 0, 0, 1.5, 3);
}

static void a_series_asked_for_twice_says_the_same(void **state)
{
	(void)state;
	put_two_sources();
	put_row(0, 0, "[0,15,30]", "[[1,2,6]]");
	read_range((struct bx_history_range){ .from = NOON, .to = NOON + 120, .step = 60 });
	for (int i = 0; i < 3; i++) {
		assert_point("host/cpu_usage", 0, 1, 3, 6);
		assert_gap("host/cpu_usage", 1);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_range_becomes_steps),
		TEST(a_range_that_is_none_is_refused),
		TEST(each_step_has_minimum_mean_and_maximum),
		TEST(from_is_in_the_range_and_to_is_not),
		TEST(a_gap_is_a_gap),
		TEST(rows_come_in_any_order),
		TEST(words_are_left_out_and_numbers_beside_them_stay),
		TEST(series_are_sorted_by_name),
		TEST(globs_choose_series),
		TEST(at_most_2000_series_are_read),
		TEST(two_positions_of_a_name_are_one_series),
		TEST(a_row_that_is_broken_costs_itself_alone),
		TEST(a_database_that_cannot_be_read_says_why),
		TEST(the_tail_is_added_and_nothing_of_it_twice),
		TEST(of_the_tail_only_what_is_stored_and_has_a_mean_is_added),
		TEST(a_tail_without_a_database_is_a_history_too),
		TEST(a_series_asked_for_twice_says_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
