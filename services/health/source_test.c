#include "services/health/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { STEP_MS = 5000, INTERVAL_MS = 15000 };

/* A step of 5 s a letter: + runs, - does not. Behind each: n nothing is judged, b believed, u judged but unknown. */
static const struct {
	int number;
	const char *words, *runs, *found;
} rows[] = {
	{ 1, "not before an interval", "++++", "nnnb" },
	{ 2, "not there: waited for, then gone", "-------", "nnnnnnu" },
	{ 3, "comes while it is waited for", "--++++", "nnnnnb" },
	{ 4, "a reload is borne", "++++-----+++", "nnnbbbbbbbbb" },
	{ 5, "gone after 30 s", "++++-------", "nnnbbbbbbbu" },
	{ 6, "back again: not before an interval", "++++-------++++", "nnnbbbbbbbuuuub" },
	{ 7, "it stumbles while it begins", "++-++++", "nnnnnnb" },
	{ 8, "it stumbles while it returns", "-------+-++++", "nnnnnnuuuuuub" },
};

static void believes_as_the_rows_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct source source = { 0 };
		char found[32] = "";
		for (size_t step = 0; rows[i].runs[step]; step++) {
			source_step(&source, rows[i].runs[step] == '+', INTERVAL_MS,
				(struct bx_mono){ 777 + (int64_t)step * STEP_MS });
			found[step] = !source_is_judged(&source) ? 'n'
				: source_is_believed(&source)    ? 'b'
								 : 'u';
		}
		if (strcmp(found, rows[i].found) != 0)
			fail_msg("%d, %s: %s gives %s, not %s", rows[i].number, rows[i].words, rows[i].runs,
				found, rows[i].found);
	}
}

static void says_when_time_alone_changes_it(void **state)
{
	(void)state;
	struct source source = { 0 };
	assert_false(source_step(&source, false, INTERVAL_MS, (struct bx_mono){ 1000 }));
	assert_int_equal(source_next(&source, INTERVAL_MS).ms, 1000 + SOURCE_PATIENCE_MS);
	assert_true(source_step(&source, true, INTERVAL_MS, (struct bx_mono){ 2000 }));
	assert_int_equal(source_next(&source, INTERVAL_MS).ms, 2000 + INTERVAL_MS);
	assert_true(source_step(&source, true, INTERVAL_MS, (struct bx_mono){ 2000 + INTERVAL_MS }));
	assert_int_equal(source_next(&source, INTERVAL_MS).ms, INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(believes_as_the_rows_say),
		cmocka_unit_test(says_when_time_alone_changes_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
