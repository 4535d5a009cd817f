/* The tables refuse what they should, and the views say what lies in them, in the original's words. */
#include "libbus/store/schema.h"

#include "libbus/base/text.h"
#include "libbus/contract/values.h"
#include "libbus/store/database.h"
#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static sqlite3 *handle;

static int set_up(void **state)
{
	(void)state;
	if (sqlite3_open(":memory:", &handle) != SQLITE_OK)
		return -1;
	for (int i = 0; i < BX_DATABASE_VERSION; i++)
		if (sqlite3_exec(handle, bx_schema_steps[i], NULL, NULL, NULL) != SQLITE_OK)
			return -1;
	return sqlite3_exec(handle, bx_schema_views, NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	sqlite3_close(handle);
	return 0;
}

static void run(const char *sql)
{
	char *error = NULL;
	if (sqlite3_exec(handle, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
}

/* All rows, columns parted by '|', rows by a line; good until the next call. */
static const char *ask(const char *sql)
{
	static char text[4000];
	sqlite3_stmt *statement;
	size_t length = 0;
	text[0] = '\0';
	if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	while (sqlite3_step(statement) == SQLITE_ROW && length < sizeof text)
		for (int i = 0; i < sqlite3_column_count(statement); i++)
			length += (size_t)snprintf(text + length, sizeof text - length, "%s%s",
				i                ? "|"
					: length ? "\n"
						 : "",
				(const char *)sqlite3_column_text(statement, i));
	if (sqlite3_finalize(statement) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	return text;
}

static void refuses_what_would_break_a_reader(void **state)
{
	static const struct {
		const char *what, *sql;
	} cases[] = {
		{ "the 4097th source", "INSERT INTO source VALUES(4096, 'miner', 'x')" },
		{ "a source twice", "INSERT INTO source VALUES(0, 'host', ''), (1, 'host', '')" },
		{ "a position twice", "INSERT INTO series VALUES(0, 'a', ''), (0, 'b', '')" },
		{ "a row twice", "INSERT INTO open VALUES(0, '[1]', '[1]'), (0, '[2]', '[2]')" },
		{ "times that are no text", "INSERT INTO open VALUES(0, x'00', '[1]')" },
		{ "a row without times", "INSERT INTO open VALUES(0, NULL, '[1]')" },
		{ "an event twice",
			"INSERT INTO event VALUES('1', 1, 'a', 'b', 'c'), ('1', 2, 'a', 'b', 'c')" },
		{ "an event whose time is a word", "INSERT INTO event VALUES('1', 'noon', 'a', 'b', 'c')" },
		{ "a series without a unit", "INSERT INTO series VALUES(0, 'a', NULL)" },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		if ((sqlite3_exec(handle, cases[i].sql, NULL, NULL, NULL) & 0xFF) != SQLITE_CONSTRAINT)
			fail_msg("%s is taken", cases[i].what);
	run("INSERT INTO source VALUES(4095, 'miner', 'x')");
}

static void bounds_are_what_an_id_has_room_for(void **state)
{
	(void)state;
	assert_int_equal(1 << BX_SERIES_BITS, BX_POSITIONS_MAX);
	assert_int_equal(1 << BX_SERIES_BITS, BX_SOURCES_MAX);
	assert_memory_equal("BxDB",
		((const char[]){ BX_DATABASE_APPLICATION >> 24, BX_DATABASE_APPLICATION >> 16 & 0xFF,
			BX_DATABASE_APPLICATION >> 8 & 0xFF, BX_DATABASE_APPLICATION & 0xFF }),
		4);
}

/* CATALOGUE, "Words of system_metrics". */
static void system_metrics_speaks_the_original_s_words(void **state)
{
	static const struct {
		const char *type, *name, *series, *unit, *said;
	} cases[] = {
		{ "host", "", "cpu_usage", "%", "system|cpu_usage|%" },
		{ "host", "", "disk/root/usage", "%", "system|disk/root/usage|%" },
		{ "miner", "gamma-3", "hashrate", "GH/s", "mining|gamma-3/hashrate|GH/s" },
		{ "fleet", "", "hashrate", "GH/s", "mining|hashrate|GH/s" },
		{ "database", "", "size", "bytes", "database|size|bytes" },
		{ "endpoint", "app", "response_time", "ms", "application|app/response_time|ms" },
		{ "unit", "bitaxe-web", "restarts", "", "application|bitaxe-web/restarts|" },
		{ "service", "collector", "rss", "bytes", "application|collector/rss|bytes" },
		{ "custom", "garage", "custom/garage/temperature", "C",
			"custom|garage/custom/garage/temperature|C" },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char sql[600];
		(void)snprintf(sql, sizeof sql,
			"DELETE FROM source; DELETE FROM series; DELETE FROM open; INSERT INTO source VALUES(5, '%s', '%s');"
			"INSERT INTO series VALUES(5 << 12 | 7, '%s', '%s');"
			"INSERT INTO open VALUES(3 << 12 | 5, '[1764000000]', '[0,0,0,0,0,0,0,525]')",
			cases[i].type, cases[i].name, cases[i].series, cases[i].unit);
		run(sql);
		assert_string_equal(ask("SELECT metric_type, metric_name, metric_unit FROM system_metrics"),
			cases[i].said);
	}
	assert_string_equal(ask("SELECT * FROM system_metrics"),
		"29595009024020487|2025-11-24 16:00:00|custom|garage/custom/garage/temperature|525.0|C");
	assert_string_equal(ask("SELECT id >> 24, id & 16777215 FROM system_metrics"), "1764000000|20487");
}

static void the_view_says_each_form_of_a_column(void **state)
{
	(void)state;
	run("INSERT INTO source VALUES(0, 'miner', 'a');"
	    "INSERT INTO series VALUES(0, 'same', ''), (1, 'none', ''), (2, 'list', ''), (3, 'word', ''), (4, 'words', ''),"
	    " (5, 'later', '');"
	    "INSERT INTO open VALUES(0, '[10,20]', '[525,null,[58.1,null],\"mining\",[\"mining\",\"paused\"]]'),"
	    " (4096, '[30]', '[-1.5e-3,null,7,null,null,1e21]')");
	assert_string_equal(ask("SELECT time, name, value FROM sample ORDER BY time, series"),
		"10|same|525\n10|list|58.1\n10|word|mining\n10|words|mining\n20|same|525\n20|word|mining\n20|words|paused\n"
		"30|same|-0.0015\n30|list|7\n30|later|1.0e+21");
	assert_string_equal(
		ask("SELECT DISTINCT typeof(metric_value) FROM system_metrics WHERE metric_name NOT LIKE '%word%'"),
		"real");
	assert_string_equal(
		ask("SELECT DISTINCT typeof(metric_value) FROM system_metrics WHERE metric_name LIKE '%word%'"),
		"text");
	assert_string_equal(ask("SELECT count(*) - count(DISTINCT id) FROM system_metrics"), "0");
}

static void views_are_made_anew_as_often_as_one_likes(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		run(bx_schema_views);
	run("DROP VIEW sample; DROP VIEW system_metrics; CREATE VIEW sample(a) AS SELECT 1");
	run(bx_schema_views);
	assert_string_equal(ask("SELECT count(*) FROM system_metrics"), "0");
}

/* A decoder of `open` that shares nothing with the view, value by value at 17 digits. */
static size_t decode(int source, json_t *times, json_t *data, sqlite3_stmt *view)
{
	size_t count = 0;
	for (size_t position = 0; position < json_array_size(data); position++) {
		json_t *column = json_array_get(data, position);
		for (size_t row = 0; row < json_array_size(times); row++) {
			const json_t *value = json_is_array(column) ? json_array_get(column, row) : column;
			char expected[64], found[64];
			sqlite3_reset(view);
			sqlite3_bind_int64(view, 1, (sqlite3_int64)source << 12 | (sqlite3_int64)position);
			sqlite3_bind_int64(view, 2, json_integer_value(json_array_get(times, row)));
			int result = sqlite3_step(view);
			if (json_is_null(value)) {
				assert_int_equal(result, SQLITE_DONE);
				continue;
			}
			assert_int_equal(result, SQLITE_ROW);
			if (json_is_string(value)) {
				assert_string_equal(
					(const char *)sqlite3_column_text(view, 0), json_string_value(value));
			} else {
				(void)snprintf(expected, sizeof expected, "%.17g", json_number_value(value));
				(void)snprintf(found, sizeof found, "%.17g", sqlite3_column_double(view, 0));
				assert_string_equal(found, expected);
			}
			assert_int_equal(sqlite3_step(view), SQLITE_DONE); /* once */
			count++;
		}
	}
	return count;
}

static unsigned chance(uint64_t *random, unsigned of)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return (unsigned)((*random * 2685821657736338717ULL) >> 33) % of;
}

static void print_cell(uint64_t *random, struct bx_text *text)
{
	char digits[BX_NUMBER_SIZE];
	switch (chance(random, 6)) {
	case 0:
		bx_text_say(text, "null");
		break;
	case 1:
		bx_text_say(text, chance(random, 2) ? "\"mining\"" : "\"paused\"");
		break;
	case 2:
		bx_text_print(text, "%d", (int)chance(random, 100000) - 50000);
		break;
	default:
		bx_number_print(
			bx_round((chance(random, 2000000000) - 1e9) / 997, (int)chance(random, 7)), digits);
		bx_text_say(text, digits);
	}
}

static void the_view_and_another_decoder_read_the_same(void **state)
{
	uint64_t random = 20260101;
	size_t count = 0;
	sqlite3_stmt *view, *insert;
	(void)state;
	for (int source = 0; source < 3; source++) {
		char sql[300];
		(void)snprintf(sql, sizeof sql,
			"INSERT INTO source VALUES(%d, 'miner', 'm%d'); WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 "
			"FROM n WHERE i < 19) INSERT INTO series SELECT %d << 12 | i, 'x' || i, '' FROM n",
			source, source, source);
		run(sql);
	}
	assert_int_equal(sqlite3_prepare_v2(handle, "SELECT value FROM sample WHERE series = ? AND time = ?",
				 -1, &view, NULL),
		SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(handle, "INSERT INTO open VALUES(?, ?, ?)", -1, &insert, NULL), SQLITE_OK);
	for (int row = 0; row < 30; row++) {
		BX_TEXT_OWNED struct bx_text times;
		BX_TEXT_OWNED struct bx_text data;
		bx_text_init(&times, 64 * 1024);
		bx_text_init(&data, 64 * 1024);
		unsigned rows = 1 + chance(&random, 6), columns = chance(&random, 21);
		for (unsigned i = 0; i < rows; i++)
			bx_text_print(&times, "%s%d", i ? "," : "[", 1764000000 + row * 100 + (int)i);
		bx_text_say(&times, "]");
		bx_text_say(&data, "[");
		for (unsigned column = 0; column < columns; column++) {
			bx_text_say(&data, column ? "," : "");
			bool is_list = chance(&random, 3) > 0;
			for (unsigned i = 0; i < (is_list ? rows : 1); i++) {
				bx_text_say(&data, !is_list ? "" : i ? "," : "[");
				print_cell(&random, &data);
			}
			bx_text_say(&data, is_list ? "]" : "");
		}
		bx_text_say(&data, "]");
		sqlite3_bind_int64(insert, 1, (sqlite3_int64)row << 12 | row % 3);
		sqlite3_bind_text(insert, 2, times.data, -1, SQLITE_STATIC);
		sqlite3_bind_text(insert, 3, data.data, -1, SQLITE_STATIC);
		assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
		sqlite3_reset(insert);
		json_auto_t *seconds = json_loads(times.data, 0, NULL),
			    *values = json_loads(data.data, JSON_DECODE_ANY, NULL);
		assert_true(seconds && values);
		count += decode(row % 3, seconds, values, view);
	}
	sqlite3_finalize(view);
	sqlite3_finalize(insert);
	char expected[24];
	(void)snprintf(expected, sizeof expected, "%zu", count);
	assert_true(count > 500);
	assert_string_equal(
		ask("SELECT count(*) FROM sample"), expected); /* nor has the view what is not there */
	assert_string_equal(ask("SELECT count(*) FROM system_metrics"), expected);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(refuses_what_would_break_a_reader),
		TEST(bounds_are_what_an_id_has_room_for),
		TEST(system_metrics_speaks_the_original_s_words),
		TEST(the_view_says_each_form_of_a_column),
		TEST(views_are_made_anew_as_often_as_one_likes),
		TEST(the_view_and_another_decoder_read_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
