#include "libbus/base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* --- the reader --- */

static json_t *read_text(const char *text, struct bx_error *error)
{
	return bx_json_read(text, strlen(text), BX_JSON_OURS, error);
}

static void refuses_what_is_not_json(void **state)
{
	(void)state;
	static const struct {
		const char *name, *bytes;
		size_t size; /* 0: as long as the text */
	} cases[] = {
		{ "empty", "" },
		{ "blanks", " \n\t" },
		{ "cut object", "{\"a\":1" },
		{ "cut string", "\"abc" },
		{ "cut escape", "\"abc\\" },
		{ "cut word", "tru" },
		{ "more behind it", "{} {}" },
		{ "a comma too many", "{\"a\":1,}" },
		{ "a comma too many in a list", "[1,]" },
		{ "a key without quotes", "{a:1}" },
		{ "single quotes", "{'a':1}" },
		{ "a comment", "{} // x" },
		{ "NaN", "NaN" },
		{ "infinity", "[-Infinity]" },
		{ "a number too large", "1e999" },
		{ "a leading zero", "01" },
		{ "a leading plus", "+1" },
		{ "hex", "0x10" },
		{ "a raw control character", "\"a\nb\"" },
		{ "not UTF-8", "\"gr\xFC\xDF\"" },
		{ "an overlong form", "\"\xC0\xAF\"" },
		{ "a surrogate alone", "\"\\ud800\"" },
		{ "NUL in a string", "\"a\0b\"", 5 },
		{ "an escaped NUL", "\"a\\u0000b\"" },
		{ "NUL behind it", "{}\0", 3 },
		{ "a byte order mark", "\xEF\xBB\xBF{}" },
		{ "binary", "\x89PNG\r\n\x1A\n" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct bx_error error = { BX_OK, "" };
		size_t size = cases[i].size ? cases[i].size : strlen(cases[i].bytes);
		json_auto_t *document = bx_json_read(cases[i].bytes, size, BX_JSON_FOREIGN, &error);
		if (document || error.code != BX_INVALID || !error.message[0])
			fail_msg("%s: %s", cases[i].name, document ? "was read" : error.message);
	}
}

static void reads_no_byte_behind_the_size(void **state)
{
	(void)state;
	BX_OWNED(free) char *bytes = malloc(4); /* no NUL behind it */
	memcpy(bytes, "[12]", 4);

	json_auto_t *document = bx_json_read(bytes, 4, BX_JSON_OURS, NULL);

	assert_int_equal(json_array_size(document), 1);
}

static void reads_nothing_from_nothing(void **state)
{
	(void)state;
	assert_null(bx_json_read(NULL, 0, BX_JSON_OURS, NULL));
}

static void reads_numbers_past_2_to_the_63_as_doubles(void **state)
{
	(void)state;
	json_auto_t *document = read_text("[18446744073709551616, 5, 1.5]", NULL);

	assert_true(json_number_value(json_array_get(document, 0)) == 18446744073709551616.0);
	assert_true(json_is_real(json_array_get(document, 1)));
}

static void refuses_a_key_twice_in_ours_and_takes_it_from_a_device(void **state)
{
	(void)state;
	static const char twice[] = "{\"a\":1,\"a\":2}";
	struct bx_error error = { BX_OK, "" };

	json_auto_t *ours = bx_json_read(twice, strlen(twice), BX_JSON_OURS, &error);
	json_auto_t *foreign = bx_json_read(twice, strlen(twice), BX_JSON_FOREIGN, NULL);

	assert_null(ours);
	assert_int_equal(error.code, BX_INVALID);
	assert_non_null(foreign);
}

static void reads_as_deep_as_its_bound_and_no_deeper(void **state)
{
	(void)state;
	for (size_t depth = BX_JSON_DEPTH_MAX - 1; depth <= BX_JSON_DEPTH_MAX + 1; depth++) {
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, 4096);
		for (size_t i = 0; i < depth; i++)
			bx_text_say(&text, i % 2 ? "[" : "{\"a\":");
		bx_text_say(&text, "1");
		for (size_t i = depth; i-- > 0;)
			bx_text_say(&text, i % 2 ? "]" : "}");
		json_auto_t *document = read_text(text.data, NULL);
		if ((document != NULL) != (depth <= BX_JSON_DEPTH_MAX))
			fail_msg("depth %zu: %s", depth, document ? "was read" : "was refused");
	}
}

static void survives_a_hundred_thousand_brackets(void **state)
{
	(void)state;
	enum { COUNT = 100000 };
	BX_OWNED(free) char *bytes = bx_alloc(COUNT, 1);
	memset(bytes, '[', COUNT);
	struct bx_error error = { BX_OK, "" };

	assert_null(bx_json_read(bytes, COUNT, BX_JSON_FOREIGN, &error));

	assert_non_null(strstr(error.message, "deeper"));
}

static void counts_no_brackets_within_strings(void **state)
{
	(void)state;
	json_auto_t *document =
		read_text("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[\"]", NULL);
	assert_non_null(document);
}

static void reads_as_much_as_its_bound_and_no_more(void **state)
{
	(void)state;
	for (size_t size = BX_JSON_BYTES_MAX; size <= BX_JSON_BYTES_MAX + 1; size++) {
		BX_OWNED(free) char *bytes = bx_alloc(size, 1);
		memset(bytes, 'a', size);
		bytes[0] = bytes[size - 1] = '"';
		json_auto_t *document = bx_json_read(bytes, size, BX_JSON_FOREIGN, NULL);
		if ((document != NULL) != (size <= BX_JSON_BYTES_MAX))
			fail_msg("%zu bytes", size);
	}
}

/* --- the writer --- */

static void writes_commas_where_they_belong(void **state)
{
	(void)state;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 4096);
	struct bx_json json = { .text = &text };

	bx_json_object(&json, NULL);
	bx_json_object(&json, "empty");
	bx_json_end_object(&json);
	bx_json_list(&json, "list");
	bx_json_integer(&json, NULL, INT64_MIN);
	bx_json_null(&json, NULL);
	bx_json_list(&json, NULL);
	bx_json_end_list(&json);
	bx_json_yes_no(&json, NULL, true);
	bx_json_end_list(&json);
	bx_json_text(&json, "text", "x");
	bx_json_raw(&json, "raw", "[1]xx", 3);
	bx_json_yes_no(&json, "no", false);
	bx_json_end_object(&json);

	assert_string_equal(text.data,
		"{\"empty\":{},\"list\":[-9223372036854775808,null,[],true],\"text\":\"x\","
		"\"raw\":[1],\"no\":false}");
}

static void writes_no_number_for_nan_and_infinity(void **state)
{
	(void)state;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 4096);
	struct bx_json json = { .text = &text };

	bx_json_list(&json, NULL);
	bx_json_number(&json, NULL, (double)NAN);
	bx_json_number(&json, NULL, -(double)INFINITY);
	bx_json_number(&json, NULL, 58.1);
	bx_json_end_list(&json);

	assert_string_equal(text.data, "[null,null,58.1]");
}

static void writes_any_text_so_that_it_is_read_again(void **state)
{
	(void)state;
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
		{ "plain", "abc", "abc" },
		{ "empty", "", "" },
		{ "quotes and backslashes", "\"a\\b\\\\\"", "\"a\\b\\\\\"" },
		{ "control characters", "a\nb\tc\x01\x1F", "a\nb\tc\x01\x1F" },
		{ "delete", "a\x7F", "a\x7F" },
		{ "other scripts", "\xC2\xB0\xE2\x82\xAC\xF0\x9F\x98\x80",
			"\xC2\xB0\xE2\x82\xAC\xF0\x9F\x98\x80" },
		{ "broken UTF-8 becomes blanks",
			"a\xFF"
			"b",
			"a b" },
		{ "a cut character", "a\xE2\x82", "a" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, 4096);
		struct bx_json json = { .text = &text };
		bx_json_object(&json, NULL);
		bx_json_text(&json, cases[i].text, cases[i].text);
		bx_json_end_object(&json);
		json_auto_t *document = read_text(text.data, NULL);
		const char *again = json_string_value(json_object_get(document, cases[i].want));
		if (!again || strcmp(again, cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].name, text.data);
	}
}

static void says_so_when_it_does_not_fit(void **state)
{
	(void)state;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 8);
	struct bx_json json = { .text = &text };

	bx_json_list(&json, NULL);
	bx_json_text(&json, NULL, "too long for that");
	bx_json_end_list(&json);

	assert_true(text.cut);
	assert_true(text.length <= 8);
}

static void copies_what_it_read(void **state)
{
	(void)state;
	static const char document[] =
		"{\"b\":[1,0.5,-3,1767225600,1e+21,null],\"a\":{\"yes\":true,\"no\":false,\"text\":\"\\u001f\\\"°\"},\"none\":[]}";
	json_auto_t *read = bx_json_read(document, strlen(document), BX_JSON_OURS, NULL);
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 1000);
	struct bx_json json = { .text = &text };
	bx_json_copy(&json, NULL, read);
	assert_string_equal(text.data, document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_not_json),
		cmocka_unit_test(reads_no_byte_behind_the_size),
		cmocka_unit_test(reads_nothing_from_nothing),
		cmocka_unit_test(reads_numbers_past_2_to_the_63_as_doubles),
		cmocka_unit_test(refuses_a_key_twice_in_ours_and_takes_it_from_a_device),
		cmocka_unit_test(reads_as_deep_as_its_bound_and_no_deeper),
		cmocka_unit_test(survives_a_hundred_thousand_brackets),
		cmocka_unit_test(counts_no_brackets_within_strings),
		cmocka_unit_test(reads_as_much_as_its_bound_and_no_more),
		cmocka_unit_test(writes_commas_where_they_belong),
		cmocka_unit_test(writes_no_number_for_nan_and_infinity),
		cmocka_unit_test(writes_any_text_so_that_it_is_read_again),
		cmocka_unit_test(says_so_when_it_does_not_fit),
		cmocka_unit_test(copies_what_it_read),
	};
	return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
