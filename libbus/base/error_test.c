#include "libbus/base/error.h"

#include "libbus/base/text.h"
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static void every_code_has_a_word_that_leads_back(void **state)
{
	(void)state;
	static const char *const words[] = { "ok", "invalid", "missing", "conflict", "busy", "late", "full",
		"denied", "unreachable", "timed_out", "failed" };
	assert_int_equal(BX_COUNT(words), BX_FAILED + 1);
	for (size_t code = 0; code < BX_COUNT(words); code++) {
		if (strcmp(bx_code_word((enum bx_code)code), words[code]) != 0)
			fail_msg("%zu is '%s'", code, bx_code_word((enum bx_code)code));
		if (bx_code_of(words[code]) != (enum bx_code)code)
			fail_msg("'%s' is %d", words[code], bx_code_of(words[code]));
	}
}

static void takes_an_unknown_word_for_a_failure(void **state)
{
	(void)state;
	static const char *const unknown[] = { "", "OK", "ok ", "overheated", "\xFF" };
	for (size_t i = 0; i < BX_COUNT(unknown); i++)
		if (bx_code_of(unknown[i]) != BX_FAILED)
			fail_msg("'%s'", unknown[i]);
}

static void fills_code_and_message_and_returns_false(void **state)
{
	(void)state;
	struct bx_error error;
	bool result = bx_fail(&error, BX_BUSY, "backup %d of %s", 3, "home");

	assert_false(result);
	assert_int_equal(error.code, BX_BUSY);
	assert_string_equal(error.message, "backup 3 of home");
}

static void fails_without_anybody_to_tell(void **state)
{
	(void)state;
	assert_false(bx_fail(NULL, BX_BUSY, "nobody hears"));
	bx_error_prefix(NULL, "nobody");
}

static void puts_context_before_the_message(void **state)
{
	(void)state;
	struct bx_error error;
	bx_fail(&error, BX_MISSING, "no such file");

	bx_error_prefix(&error, "backup %s", "home");
	bx_error_prefix(&error, "job");

	assert_string_equal(error.message, "job: backup home: no such file");
	assert_int_equal(error.code, BX_MISSING);
}

static void cuts_a_long_message_at_a_whole_character(void **state)
{
	(void)state;
	char words[2 * sizeof((struct bx_error *)0)->message];
	for (size_t shift = 0; shift < 3; shift++) {
		memset(words, 'a', shift);
		for (size_t at = shift; at + 3 < sizeof words; at += 3)
			memcpy(words + at, "\xE2\x82\xAC", 4);
		struct bx_error error;

		bx_fail(&error, BX_INVALID, "%s", words);

		if (!bx_is_utf8(error.message, strlen(error.message)) ||
			strlen(error.message) < sizeof error.message - 4)
			fail_msg("behind %zu letters: %zu bytes", shift, strlen(error.message));
	}
}

static void cuts_a_long_context_at_a_whole_character(void **state)
{
	(void)state;
	for (size_t length = 300; length < 330; length++) {
		char words[400] = "";
		memset(words, 'a', length);
		struct bx_error error;
		bx_fail(&error, BX_INVALID, "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC");

		bx_error_prefix(&error, "%s", words);

		if (!bx_is_utf8(error.message, strlen(error.message)))
			fail_msg("behind %zu letters", length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_word_that_leads_back),
		cmocka_unit_test(takes_an_unknown_word_for_a_failure),
		cmocka_unit_test(fills_code_and_message_and_returns_false),
		cmocka_unit_test(fails_without_anybody_to_tell),
		cmocka_unit_test(puts_context_before_the_message),
		cmocka_unit_test(cuts_a_long_message_at_a_whole_character),
		cmocka_unit_test(cuts_a_long_context_at_a_whole_character),
	};
	return cmocka_run_group_tests_name("base/error", tests, NULL, NULL);
}
