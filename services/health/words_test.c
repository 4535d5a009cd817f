#include "services/health/words.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MINUTE_MS = 60000 };
static const int64_t NOON_MS = 1769860800000; /* 2026-01-31T12:00:00Z */

static const struct {
	int number;
	const char *words, *pattern;
	struct words given;
	const char *filled;
} rows[] = {
	{ 1, "a name stays as it is written", "{name} earns", { .name = "gamma-3" }, "gamma-3 earns" },
	{ 2, "our words begin large", "memory at {value} %", { .value = 96.6 }, "Memory at 97 %" },
	{ 3, "a part without its fill is left out", "{name} is off[ since {since}]; go", { .name = "a" },
		"a is off; go" },
	{ 4, "a time of today", "{name} is off[ since {since}]",
		{ .name = "a", .since = { NOON_MS - MINUTE_MS } }, "a is off since 11:59" },
	{ 5, "a time of another day", "{name} is off[ since {since}]",
		{ .name = "a", .since = { NOON_MS - 86400000 } }, "a is off since 30 Jan 12:00" },
	{ 6, "the same day of another year", "since {since}", { .since = { NOON_MS - 365LL * 86400000 } },
		"Since 31 Jan 12:00" },
	{ 7, "several", "{count} of {all}", { .count = 2, .all = 3 }, "2 of 3" },
	{ 8, "a span below a minute", "for {span}", { .span_ms = 1000 }, "For 1 min" },
	{ 9, "a span of minutes", "for {span}", { .span_ms = 119 * MINUTE_MS }, "For 119 min" },
	{ 10, "a span of hours", "for {span}", { .span_ms = 47LL * 60 * MINUTE_MS }, "For 47 h" },
	{ 11, "a span of days", "for {span}", { .span_ms = 49LL * 60 * MINUTE_MS }, "For 2 d" },
	{ 12, "an unknown place is empty", "{name}{what}", { .name = "a" }, "a" },
	{ 13, "a name is not looked into", "{name}", { .name = "{value}[x]" }, "{value}[x]" },
};

static void fills_as_the_rows_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(rows); i++) {
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, 200);
		struct words words = rows[i].given;
		words.now.ms = NOON_MS;
		words_fill(&text, rows[i].pattern, &words);
		if (strcmp(text.data, rows[i].filled) != 0)
			fail_msg("%d, %s: %s", rows[i].number, rows[i].words, text.data);
	}
}

static void has_three_figures(void **state)
{
	(void)state;
	static const struct {
		double number;
		const char *hashrate, *power;
	} figures[] = {
		{ 0, "0.00 GH/s", "0.00 W" },
		{ 9.994, "9.99 GH/s", "9.99 W" },
		{ 9.996, "10.0 GH/s", "10.0 W" },
		{ 107.4, "107 GH/s", "107 W" },
		{ 999.6, "1.00 TH/s", "1000 W" },
		{ 6400, "6.40 TH/s", "6400 W" },
		{ 64000, "64.0 TH/s", "64.0 kW" },
		{ 999600, "1.00 PH/s", "1000 kW" },
	};
	for (size_t i = 0; i < BX_COUNT(figures); i++) {
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, 200);
		words_hashrate(&text, figures[i].number);
		assert_string_equal(text.data, figures[i].hashrate);
		bx_text_clear(&text);
		words_power(&text, figures[i].number);
		assert_string_equal(text.data, figures[i].power);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_as_the_rows_say),
		cmocka_unit_test(has_three_figures),
	};
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
