#include "services/bxctl/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void values_have_unit_and_decimals_of_their_row(void **state)
{
	(void)state;
	static const struct {
		enum bx_metric metric;
		double value;
		const char *text;
	} cases[] = {
		{ BX_HASHRATE, 1187.2345, "1187.23 GH/s" },
		{ BX_EFFICIENCY, 16, "16.0 J/TH" },
		{ BX_ASIC_TEMPERATURE, 58.06, "58.1 °C" },
		{ BX_SHARES_ACCEPTED, 12044118233, "12044118233" },
		{ BX_POWER_ESTIMATED, 1, "yes" },
		{ BX_POWER_ESTIMATED, 0, "no" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char text[SHOW_CELL_SIZE];
		show_value(cases[i].metric, cases[i].value, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void spans_are_told_in_one_unit(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = { { -1, "—" }, { 0, "0 s" }, { 999, "0 s" }, { 1000, "1 s" }, { 99999, "99 s" },
		{ 100000, "1 min" }, { 3600000, "60 min" }, { 7199999, "119 min" }, { 7200000, "2 h" },
		{ 172799999, "47 h" }, { 172800000, "2 d" }, { INT64_MAX, "106751991167 d" } };
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char text[SHOW_CELL_SIZE];
		show_span(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void a_table_sets_its_columns_by_characters_not_bytes(void **state)
{
	(void)state;
	static const char *const cells[] = { "Miner", "Chip", "", "gämma", "58.1 °C", "x", "b", "—",
		"bad\x1b[31m" };
	BX_OWNED(show_table_free) struct show_table *table = show_table_new(3, 1U << 1);
	char *text = NULL;
	size_t size = 0;
	for (size_t i = 0; i < BX_COUNT(cells); i++)
		show_cell(table, SHOW_PLAIN, cells[i]);
	FILE *file = open_memstream(&text, &size);
	show_table_print(table, file);
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text,
		"Miner     Chip  \n"
		"gämma  58.1 °C  x\n"
		"b            —  bad [31m\n");
	assert_int_equal(show_table_rows(table), 3);
	free(text);
}

static void a_sentence_takes_its_members_from_the_answer(void **state)
{
	(void)state;
	static const struct {
		const char *sentence, *object, *text;
	} cases[] = {
		{ "{id} is watched", "{\"id\":\"gamma\"}", "gamma is watched" },
		{ "{asked} asked, {ok}", "{\"asked\":3,\"ok\":true}", "3 asked, yes" },
		{ "{id} and {id}", "{}", "— and —" },
		{ "no member", "{\"a\":1}", "no member" },
		{ "{id}", "{\"id\":\"a\\u001b[31mb\"}", "a [31mb" },
		{ "open {id", "{\"id\":\"x\"}", "open x" },
		{ "{id}", "no JSON", "—" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, 1000);
		show_sentence(cases[i].sentence, cases[i].object, &text);
		assert_string_equal(text.data, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_have_unit_and_decimals_of_their_row),
		cmocka_unit_test(spans_are_told_in_one_unit),
		cmocka_unit_test(a_table_sets_its_columns_by_characters_not_bytes),
		cmocka_unit_test(a_sentence_takes_its_members_from_the_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
