#include "libbus/base/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* --- the builder --- */

static void leaves_out_whole_what_does_not_fit(void **state)
{
	(void)state;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 10);

	bx_text_say(&text, "12345678");
	bx_text_say(&text, "abc");

	assert_string_equal(text.data, "12345678");
	assert_true(text.cut);
}

static void takes_exactly_as_much_as_its_bound(void **state)
{
	(void)state;
	for (size_t max = 0; max < 1100; max += 7) {
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, max);

		for (size_t i = 0; i < max; i++)
			bx_text_print(&text, "%c", 'x');

		if (text.cut || text.length != max || strlen(text.data) != max)
			fail_msg("max %zu: %zu bytes taken, cut %d", max, text.length, text.cut);
		bx_text_add(&text, "y", 1);
		if (!text.cut || text.length != max)
			fail_msg("max %zu: one more was taken", max);
	}
}

static void takes_nothing_more_once_it_is_cut(void **state)
{
	(void)state;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 4);

	bx_text_print(&text, "%d", 12345);
	bx_text_say(&text, "1");

	assert_string_equal(text.data, "");
}

static void is_new_after_a_clear(void **state)
{
	(void)state;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 4);
	bx_text_say(&text, "12345");

	bx_text_clear(&text);
	bx_text_say(&text, "1234");

	assert_string_equal(text.data, "1234");
	assert_false(text.cut);
}

/* --- copies --- */

static void cuts_a_copy_at_a_whole_character(void **state)
{
	(void)state;
	static const struct {
		const char *name, *from;
		size_t size;
		const char *want;
		bool whole;
	} cases[] = {
		{ "fits", "abc", 4, "abc", true },
		{ "plain letters", "abcd", 4, "abc", false },
		{ "before a character of two", "ab\xC2\xB0", 4, "ab", false },
		{ "behind a character of two", "a\xC2\xB0zz", 4, "a\xC2\xB0", false },
		{ "within a character of three", "\xE2\x82\xAC", 3, "", false },
		{ "within a character of four", "a\xF0\x9F\x98\x80", 5, "a", false },
		{ "continuations alone", "\x80\x80\x80\x80", 3, "", false },
		{ "room for nothing", "abc", 1, "", false },
		{ "empty", "", 1, "", true },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char to[8];
		bool whole = bx_text_copy(to, cases[i].size, cases[i].from);
		if (whole != cases[i].whole || strcmp(to, cases[i].want) != 0)
			fail_msg("%s: '%s', whole %d", cases[i].name, to, whole);
	}
}

/* --- numbers --- */

static void reads_integers_strictly(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t min, max;
		bool good;
		int64_t want;
	} cases[] = {
		{ "0", 0, 10, true, 0 }, { "10", 0, 10, true, 10 }, { "-5", -5, 10, true, -5 },
		{ "007", 0, 10, true, 7 }, { "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX },
		{ "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN },
		{ "9223372036854775808", INT64_MIN, INT64_MAX, false, 0 },
		{ "-9223372036854775809", INT64_MIN, INT64_MAX, false, 0 }, { "11", 0, 10, false, 0 },
		{ "-1", 0, 10, false, 0 }, { "", 0, 10, false, 0 }, { "-", -10, 10, false, 0 },
		{ "--1", -10, 10, false, 0 }, { "+1", 0, 10, false, 0 }, { " 1", 0, 10, false, 0 },
		{ "1 ", 0, 10, false, 0 }, { "1x", 0, 10, false, 0 }, { "0x1", 0, 10, false, 0 },
		{ "1.0", 0, 10, false, 0 }, { "1e1", 0, 10, false, 0 },
		{ "\xD9\xA1", 0, 10, false, 0 }, /* an Arabic digit */
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		int64_t number = 77, want = cases[i].good ? cases[i].want : 77;
		bool good = bx_parse_integer(cases[i].text, cases[i].min, cases[i].max, &number);
		if (good != cases[i].good || number != want)
			fail_msg("'%s': %d, %lld", cases[i].text, good, (long long)number);
	}
}

static void reads_numbers_strictly(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		double want;
	} cases[] = {
		{ "0", true, 0 },
		{ "-1.5", true, -1.5 },
		{ "+2", true, 2 },
		{ "1e3", true, 1000 },
		{ "1E-2", true, 0.01 },
		{ ".5", true, 0.5 },
		{ "18446744073709551616", true, 18446744073709551616.0 },
		{ "", false, 0 },
		{ ".", false, 0 },
		{ "-", false, 0 },
		{ "e", false, 0 },
		{ "1e", false, 0 },
		{ "1.2.3", false, 0 },
		{ "1-2", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
		{ "0x10", false, 0 },
		{ "inf", false, 0 },
		{ "nan", false, 0 },
		{ "infinity", false, 0 },
		{ "1e999", false, 0 },
		{ "-1e999", false, 0 },
		{ "1,5", false, 0 },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		double number = 77, want = cases[i].good ? cases[i].want : 77;
		bool good = bx_parse_number(cases[i].text, &number);
		if (good != cases[i].good || number != want)
			fail_msg("'%s': %d, %g", cases[i].text, good, number);
	}
}

static void reads_hex_of_its_length_alone(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t digits;
		bool good;
		uint64_t want;
	} cases[] = {
		{ "00000000000000ff", 16, true, 255 },
		{ "ffffffffffffffff", 16, true, UINT64_MAX },
		{ "ff", 2, true, 255 },
		{ "ff", 4, false, 0 },
		{ "fff", 2, false, 0 },
		{ "FF", 2, false, 0 },
		{ "0x", 2, false, 0 },
		{ "-1", 2, false, 0 },
		{ " 1", 2, false, 0 },
		{ "", 2, false, 0 },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		uint64_t number = 77, want = cases[i].good ? cases[i].want : 77;
		bool good = bx_parse_hex(cases[i].text, cases[i].digits, &number);
		if (good != cases[i].good || number != want)
			fail_msg("'%s' of %zu: %d, %llu", cases[i].text, cases[i].digits, good,
				(unsigned long long)number);
	}
}

static void prints_numbers_short(void **state)
{
	(void)state;
	static const struct {
		double number;
		const char *want;
	} cases[] = { { 58.1, "58.1" }, { 0, "0" }, { -3, "-3" }, { 1e21, "1e+21" },
		{ 0.1 + 0.2, "0.30000000000000004" }, { 9007199254740993.0, "9007199254740992" },
		{ 1234567890123, "1234567890123" }, { 0.0001, "0.0001" } };
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char text[BX_NUMBER_SIZE];
		bx_number_print(cases[i].number, text);
		if (strcmp(text, cases[i].want) != 0)
			fail_msg("%s instead of %s", text, cases[i].want);
	}
}

static void reads_back_every_number_it_prints(void **state)
{
	(void)state;
	uint64_t bits = 0x9E3779B97F4A7C15;
	for (int i = 0; i < 20000; i++) {
		bits = bits * 6364136223846793005 + 1442695040888963407;
		double number, again = 0;
		memcpy(&number, &bits, sizeof number);
		if (!isfinite(number))
			continue;
		char text[BX_NUMBER_SIZE];
		bx_number_print(number, text);
		if (!bx_parse_number(text, &again) || again != number)
			fail_msg("%a became %s, became %a", number, text, again);
	}
}

static void rounds_to_the_double_nearest_to_the_decimal(void **state)
{
	(void)state;
	static const struct {
		double number;
		int decimals;
		double want;
	} cases[] = { { 1.25, 1, 1.3 }, { -1.25, 1, -1.3 }, { 58.149, 1, 58.1 }, { 0.1 + 0.2, 4, 0.3 },
		{ 2.5, 0, 3 }, { 1e300, 6, 1e300 }, { -1e300, 6, -1e300 }, { 1.0000005, 6, 1.000001 },
		{ 123456789012345, 2, 123456789012345 } };
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		double rounded = bx_round(cases[i].number, cases[i].decimals);
		if (rounded != cases[i].want)
			fail_msg("%.17g to %d decimals: %.17g", cases[i].number, cases[i].decimals, rounded);
	}
}

static void rounds_a_small_negative_to_plain_zero(void **state)
{
	(void)state;
	assert_false(signbit(bx_round(-0.04, 1)));
}

static void keeps_nan_and_infinity_in_rounding(void **state)
{
	(void)state;
	assert_true(isnan(bx_round((double)NAN, 2)));
	assert_true(isinf(bx_round((double)INFINITY, 2)));
}

/* --- names --- */

static void makes_slugs(void **state)
{
	(void)state;
	static const struct {
		const char *from, *want;
		size_t size;
	} cases[] = {
		{ "Gamma 3", "gamma-3", 48 },
		{ "  --a__b!!  ", "a-b", 48 },
		{ "/boot/firmware", "boot-firmware", 48 },
		{ "M\xC3\xBCnchen", "m-nchen", 48 },
		{ "\xFF\xFE"
		  "a",
			"a", 48 },
		{ "abcdef", "abc", 4 },
		{ "ab cdef", "ab", 4 },
		{ "", "", 48 },
		{ "+#/", "", 48 },
		{ "abc", "", 1 },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char to[48];
		bool some = bx_slug(to, cases[i].size, cases[i].from);
		if (strcmp(to, cases[i].want) != 0 || some != (cases[i].want[0] != '\0'))
			fail_msg("'%s': '%s', %d", cases[i].from, to, some);
		if (some && !bx_is_slug(to))
			fail_msg("'%s' is no slug by its own check", to);
	}
}

static void knows_a_slug(void **state)
{
	(void)state;
	static const char *const good[] = { "a", "gamma-3", "0", "a-b-c" };
	static const char *const bad[] = { "", "-a", "a-", "a--b", "A", "a_b", "a b", "a/b", "+", "\xC3\xBC",
		"-" };
	for (size_t i = 0; i < BX_COUNT(good); i++)
		if (!bx_is_slug(good[i]))
			fail_msg("'%s' is one", good[i]);
	for (size_t i = 0; i < BX_COUNT(bad); i++)
		if (bx_is_slug(bad[i]))
			fail_msg("'%s' is none", bad[i]);
}

static void matches_globs(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *text;
		bool want;
	} cases[] = {
		{ "*", "", true },
		{ "*", "miner/gamma-3", true },
		{ "", "", true },
		{ "", "a", false },
		{ "?", "", false },
		{ "?", "a", true },
		{ "?", "ab", false },
		{ "miner/*", "miner/gamma-3", true },
		{ "miner/*", "unit/gamma-3", false },
		{ "*-3", "gamma-3", true },
		{ "*-3", "gamma-33", false },
		{ "a*b*c", "axxbyyc", true },
		{ "a*b*c", "axxbyy", false },
		{ "*ab", "aab", true },
		{ "a**", "a", true },
		{ "[a]", "a", false },
		{ "\\*", "*", false },
		{ "*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			false },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		if (bx_glob(cases[i].pattern, cases[i].text) != cases[i].want)
			fail_msg("'%s' of '%s'", cases[i].pattern, cases[i].text);
}

static void counts_edits(void **state)
{
	(void)state;
	static const char longest[] = "123456789012345678901234567890123456789012345678901234567890123";
	static const char longer[] = "1234567890123456789012345678901234567890123456789012345678901234";
	static const struct {
		const char *one, *other;
		unsigned want;
	} cases[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ "abc", "abc", 0 },
		{ "abc", "ABC", 0 },
		{ "abc", "abd", 1 },
		{ "abc", "abcd", 1 },
		{ "abc", "ac", 1 },
		{ "abc", "acb", 1 },
		{ "ca", "abc", 3 },
		{ "kitten", "sitting", 3 },
		{ "LOG_LEVLE", "LOG_LEVEL", 1 },
		{ longest, longest, 0 },
		{ longest, "", 63 },
		{ longer, longer, 99 },
		{ "", longer, 99 },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		if (bx_distance(cases[i].one, cases[i].other) != cases[i].want)
			fail_msg("'%s' and '%s': %u", cases[i].one, cases[i].other,
				bx_distance(cases[i].one, cases[i].other));
}

/* --- outside text --- */

static void knows_utf8(void **state)
{
	(void)state;
	static const struct {
		const char *name, *bytes;
		size_t size;
		bool want;
	} cases[] = {
		{ "empty", "", 0, true },
		{ "letters", "abc", 3, true },
		{ "two bytes", "\xC2\x80", 2, true },
		{ "three bytes", "\xE2\x82\xAC", 3, true },
		{ "four bytes", "\xF0\x9F\x98\x80", 4, true },
		{ "the last there is", "\xF4\x8F\xBF\xBF", 4, true },
		{ "NUL", "a\0b", 3, false },
		{ "a continuation alone", "\x80", 1, false },
		{ "overlong of two", "\xC0\xAF", 2, false },
		{ "overlong of three", "\xE0\x80\xAF", 3, false },
		{ "overlong of four", "\xF0\x80\x80\xAF", 4, false },
		{ "surrogate", "\xED\xA0\x80", 3, false },
		{ "over the last", "\xF4\x90\x80\x80", 4, false },
		{ "five bytes", "\xF8\x88\x80\x80\x80", 5, false },
		{ "cut", "a\xE2\x82", 3, false },
		{ "Latin-1", "gr\xFC\xDF", 4, false },
		{ "bytes behind the size", "a\xFF", 1, true },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		if (bx_is_utf8(cases[i].bytes, cases[i].size) != cases[i].want)
			fail_msg("%s", cases[i].name);
}

static void cleans_outside_text(void **state)
{
	(void)state;
	static const struct {
		const char *name, *from, *want;
		size_t size;
	} cases[] = {
		{ "plain", "Gamma 3", "Gamma 3", 32 },
		{ "ends are trimmed", "  a b \t\n", "a b", 32 },
		{ "controls become a blank",
			"a\x1B[31mb\nc\x7F"
			"d",
			"a [31mb c d", 32 },
		{ "C1 controls",
			"a\xC2\x9B"
			"b",
			"a b", 32 },
		{ "a no-break space stays",
			"a\xC2\xA0"
			"b",
			"a\xC2\xA0"
			"b",
			32 },
		{ "broken bytes",
			"a\xFF\xFE"
			"b",
			"a  b", 32 },
		{ "nothing but rubbish", "\xFF\x01\x80", "", 32 },
		{ "cut at a whole character", "ab\xE2\x82\xAC", "ab", 5 },
		{ "fits to the byte", "ab\xE2\x82\xAC", "ab\xE2\x82\xAC", 6 },
		{ "no blank where it was cut", "ab cd", "ab", 4 },
		{ "room for nothing", "ab", "", 1 },
		{ "empty", "", "", 32 },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char to[32];
		bx_clean(to, cases[i].size, cases[i].from);
		if (strcmp(to, cases[i].want) != 0)
			fail_msg("%s: '%s'", cases[i].name, to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_out_whole_what_does_not_fit),
		cmocka_unit_test(takes_exactly_as_much_as_its_bound),
		cmocka_unit_test(takes_nothing_more_once_it_is_cut),
		cmocka_unit_test(is_new_after_a_clear),
		cmocka_unit_test(cuts_a_copy_at_a_whole_character),
		cmocka_unit_test(reads_integers_strictly),
		cmocka_unit_test(reads_numbers_strictly),
		cmocka_unit_test(reads_hex_of_its_length_alone),
		cmocka_unit_test(prints_numbers_short),
		cmocka_unit_test(reads_back_every_number_it_prints),
		cmocka_unit_test(rounds_to_the_double_nearest_to_the_decimal),
		cmocka_unit_test(rounds_a_small_negative_to_plain_zero),
		cmocka_unit_test(keeps_nan_and_infinity_in_rounding),
		cmocka_unit_test(makes_slugs),
		cmocka_unit_test(knows_a_slug),
		cmocka_unit_test(matches_globs),
		cmocka_unit_test(counts_edits),
		cmocka_unit_test(knows_utf8),
		cmocka_unit_test(cleans_outside_text),
	};
	return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
