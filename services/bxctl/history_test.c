/* What a person sees of history: curves, the table, CSV. */
#include "services/bxctl/history.h"

#include "libbus/base/memory.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void curves_go_from_the_least_to_the_largest(void **state)
{
	(void)state;
	static const struct {
		double values[8];
		size_t count;
		const char *text;
	} cases[] = {
		{ { 0 }, 0, "" }, { { 5 }, 1, "▅" }, { { 5, 5, 5 }, 3, "▅▅▅" },
		{ { 0, 1, 2, 3, 4, 5, 6, 7 }, 8, "▁▂▃▄▅▆▇█" }, { { -7, 7 }, 2, "▁█" },
		{ { 1, (double)NAN, 2 }, 3, "▁\u00a0█" },
		{ { (double)NAN, 1, 2, (double)NAN }, 4, "\u00a0▁█\u00a0" },
		{ { (double)NAN, (double)NAN }, 2, "\u00a0\u00a0" },
		{ { -1e308, 1e308 }, 2, "▁▅" }, /* a span that no double holds */
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char text[HISTORY_CURVE_SIZE];
		history_curve(cases[i].values, cases[i].count, text);
		if (strcmp(text, cases[i].text) != 0)
			fail_msg("row %zu: '%s'", i, text);
	}
}

static void many_steps_become_a_curve_of_twenty(void **state)
{
	(void)state;
	double values[60];
	char text[HISTORY_CURVE_SIZE];
	for (size_t i = 0; i < BX_COUNT(values); i++)
		values[i] = i < 30 ? 1 : i < 33 ? (double)NAN : i == 33 ? 3 : i < 36 ? (double)NAN : 2;
	history_curve(values, BX_COUNT(values), text);
	assert_string_equal(text, "▁▁▁▁▁▁▁▁▁▁\u00a0█▅▅▅▅▅▅▅▅");
	history_curve(values, 59, text); /* no multiple of it */
	assert_int_equal(strlen(text), 60);
}

static const char result[] =
	"{\"from\":1767225600,\"to\":1767225780,\"step\":60,\"times\":[1767225600,1767225660,1767225720],\"series\":{"
	"\"custom/shed/humidity\":{\"unit\":\"%\",\"min\":[1.23456,null,null],\"mean\":[1.5,null,null],\"max\":[2,null,null]},"
	"\"host/disk/root/usage\":{\"unit\":\"%\",\"min\":[null,null,null],\"mean\":[null,null,null],\"max\":[null,null,null]},"
	"\"miner/gamma-3/hashrate\":{\"unit\":\"GH/s\",\"min\":[900,null,1100],\"mean\":[1000,null,1187.2345],"
	"\"max\":[1010,null,1200.5]},"
	"\"miner/gamma-3/power_estimated\":{\"unit\":\"\",\"min\":[0,0,1],\"mean\":[0,0.5,1],\"max\":[0,1,1]}}}";

static char *printed(const char *text, int (*print)(const char *result, FILE *file), int *count)
{
	char *bytes = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&bytes, &size);
	*count = print(text, file);
	assert_int_equal(fclose(file), 0);
	return bytes;
}

static int print_day(const char *text, FILE *file)
{
	return history_print_table(text, "24", file);
}

static void a_table_has_a_line_a_series(void **state)
{
	(void)state;
	int count;
	BX_OWNED(free) char *text = printed(result, print_day, &count);
	assert_int_equal(count, 4);
	assert_string_equal(text,
		"Series                                Newest     Min     Mean      Max  24 h\n"
		"custom/shed/humidity           %         1.5  1.2346      1.5        2  ▅\u00a0\u00a0\n"
		"host/disk/root/usage           %           —       —        —        —  \u00a0\u00a0\u00a0\n"
		"miner/gamma-3/hashrate         GH/s  1187.23  900.00  1093.62  1200.50  ▁\u00a0█\n"
		"miner/gamma-3/power_estimated           1.00    0.00     0.50     1.00  ▁▅█\n");
}

static void csv_is_as_over_http(void **state)
{
	(void)state;
	int count;
	BX_OWNED(free) char *text = printed(result, history_print_csv, &count);
	assert_int_equal(count, 4);
	assert_string_equal(text,
		"time,\"custom/shed/humidity min (%)\",\"custom/shed/humidity mean (%)\",\"custom/shed/humidity max (%)\","
		"\"host/disk/root/usage min (%)\",\"host/disk/root/usage mean (%)\",\"host/disk/root/usage max (%)\","
		"\"miner/gamma-3/hashrate min (GH/s)\",\"miner/gamma-3/hashrate mean (GH/s)\","
		"\"miner/gamma-3/hashrate max (GH/s)\",\"miner/gamma-3/power_estimated min\","
		"\"miner/gamma-3/power_estimated mean\",\"miner/gamma-3/power_estimated max\"\r\n"
		"2026-01-01T00:00:00.000Z,1.23456,1.5,2,,,,900,1000,1010,0,0,0\r\n"
		"2026-01-01T00:01:00.000Z,,,,,,,,,,0,0.5,1\r\n"
		"2026-01-01T00:02:00.000Z,,,,,,,1100,1187.2345,1200.5,1,1,1\r\n");
}

static void odd_results_print_nothing_and_say_so(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int count;
	} odd[] = {
		{ "", -1 },
		{ "{}", -1 },
		{ "[]", -1 },
		{ "{\"times\":[],\"series\":[]}", -1 },
		{ "{\"times\":{},\"series\":{}}", -1 },
		{ "{\"times\":[],\"series\":{}}", 0 },
		{ "{\"times\":[\"x\",1e300,-5],\"series\":{\"a\":7,\"b\":{},\"\":{\"unit\":1,\"min\":{},\"mean\":[\"x\"]}}}",
			3 },
	};
	for (size_t i = 0; i < BX_COUNT(odd); i++) {
		int count;
		char *text = printed(odd[i].text, print_day, &count);
		assert_int_equal(count, odd[i].count);
		assert_true(count > 0 || text[0] == '\0');
		free(text);
		text = printed(odd[i].text, history_print_csv, &count);
		assert_int_equal(count, odd[i].count);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(curves_go_from_the_least_to_the_largest),
		cmocka_unit_test(many_steps_become_a_curve_of_twenty),
		cmocka_unit_test(a_table_has_a_line_a_series),
		cmocka_unit_test(csv_is_as_over_http),
		cmocka_unit_test(odd_results_print_nothing_and_say_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
