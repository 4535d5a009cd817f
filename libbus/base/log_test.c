#define _GNU_SOURCE
#include "libbus/base/log.h"

#include "libbus/base/text.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* --- what standard error gets while a test listens --- */

static char heard[64 * 1024];
static int real_stderr, listening;

static void listen_to_stderr(void)
{
	real_stderr = dup(STDERR_FILENO);
	listening = memfd_create("stderr", 0);
	dup2(listening, STDERR_FILENO);
}

static void stop_listening(void)
{
	dup2(real_stderr, STDERR_FILENO);
	ssize_t size = pread(listening, heard, sizeof heard - 1, 0);
	heard[size > 0 ? size : 0] = '\0';
	close(listening);
	close(real_stderr);
}

static int plain_sink(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	bx_log_to("collector", BX_INFO);
	bx_log_also(BX_ERROR, NULL, NULL);
	return 0;
}

static size_t count_of(const char *text, char letter)
{
	size_t count = 0;
	for (; *text; text++)
		count += *text == letter;
	return count;
}

/* --- words --- */

static void every_level_has_a_word_that_leads_back(void **state)
{
	(void)state;
	static const char *const words[] = { "debug", "info", "warning", "error" };
	for (size_t i = 0; i < BX_COUNT(words); i++) {
		enum bx_level level = BX_DEBUG;
		if (strcmp(bx_level_word((enum bx_level)i), words[i]) != 0 ||
			!bx_level_of(words[i], &level) || level != (enum bx_level)i)
			fail_msg("%s", words[i]);
	}
}

static void knows_no_other_level(void **state)
{
	(void)state;
	static const char *const unknown[] = { "", "INFO", "warn", "info ", "\xFF" };
	for (size_t i = 0; i < BX_COUNT(unknown); i++) {
		enum bx_level level = BX_WARNING;
		if (bx_level_of(unknown[i], &level) || level != BX_WARNING)
			fail_msg("'%s'", unknown[i]);
	}
}

/* --- fields --- */

static void prints_fields_so_that_they_can_be_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
		{ "plain", "gamma-3", " f=gamma-3" },
		{ "blanks", "a b", " f=\"a b\"" },
		{ "an equals sign", "a=b", " f=\"a=b\"" },
		{ "quotes", "a\"b", " f=\"a\\\"b\"" },
		{ "quotes and a backslash", "a\\\"b", " f=\"a\\\\\\\"b\"" },
		{ "empty", "", " f=\"\"" },
		{ "a second line", "a\nerror: forged", " f=\"a error: forged\"" },
		{ "an escape sequence", "\x1B[2J", " f=[2J" },
		{ "broken UTF-8",
			"a\xFF"
			"b",
			" f=\"a b\"" },
		{ "absent", NULL, "" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, 4096);
		bx_log_print_fields(&text, BX_FIELDS(BX_F("f", cases[i].text)));
		if (strcmp(text.data, cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].name, text.data);
	}
}

static void picks_the_fields_type_by_its_value(void **state)
{
	(void)state;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 4096);
	int64_t least = INT64_MIN;
	size_t much = SIZE_MAX;

	bx_log_print_fields(&text,
		BX_FIELDS(BX_F("i", 5), BX_F("l", least), BX_F("z", much), BX_F("d", 1.5),
			BX_F("n", (double)NAN), BX_F("y", (bool)true), BX_F("s", "x")));

	assert_string_equal(
		text.data, " i=5 l=-9223372036854775808 z=9223372036854775807 d=1.5 n=nan y=yes s=x");
}

/* --- lines --- */

static void says_one_line_with_time_name_and_level(void **state)
{
	(void)state;
	listen_to_stderr();
	bx_log(BX_WARNING, "miner does not answer", BX_F("miner", "gamma-3"), BX_F("waited_ms", 5000));
	stop_listening();

	assert_string_equal(heard + strcspn(heard, " "),
		" collector warning: miner does not answer miner=gamma-3 waited_ms=5000\n");
}

static void gives_the_journal_its_priorities(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	bx_log_set_level(BX_DEBUG);
	listen_to_stderr();
	bx_log(BX_DEBUG, "a");
	bx_log(BX_INFO, "b");
	bx_log(BX_WARNING, "c");
	bx_log(BX_ERROR, "d");
	stop_listening();
	unsetenv("JOURNAL_STREAM");

	assert_string_equal(heard, "<7>a\n<6>b\n<4>c\n<3>d\n");
}

static void says_nothing_below_its_level(void **state)
{
	(void)state;
	bx_log_set_level(BX_WARNING);
	listen_to_stderr();
	bx_log(BX_DEBUG, "a");
	bx_log(BX_INFO, "b");
	bx_log(BX_WARNING, "heard");
	stop_listening();

	assert_int_equal(count_of(heard, '\n'), 1);
	assert_non_null(strstr(heard, "heard"));
}

static void says_one_line_however_much_there_is_to_say(void **state)
{
	(void)state;
	static char much[5000];
	setenv("JOURNAL_STREAM", "8:1", 1); /* a head of a known length */
	for (size_t length = 4080; length <= 4110; length++) {
		memset(much, 'x', length);
		much[length] = '\0';
		listen_to_stderr();
		bx_log(BX_INFO, much);
		stop_listening();
		if (count_of(heard, '\n') != 1 || heard[strlen(heard) - 1] != '\n')
			fail_msg("a message of %zu bytes: %zu line ends", length, count_of(heard, '\n'));
	}
	unsetenv("JOURNAL_STREAM");
}

static void forges_no_line_from_outside_text(void **state)
{
	(void)state;
	listen_to_stderr();
	bx_log(BX_WARNING, "miner says", BX_F("text", "x\n<3>forged\r\x1B[31m"));
	stop_listening();

	assert_int_equal(count_of(heard, '\n'), 1);
	assert_int_equal(count_of(heard, '\x1B'), 0);
	assert_int_equal(count_of(heard, '\r'), 0);
}

static void counts_its_errors(void **state)
{
	(void)state;
	uint64_t before = bx_log_errors();
	listen_to_stderr();
	bx_log(BX_ERROR, "one");
	bx_log(BX_WARNING, "none");
	bx_log_set_level(BX_ERROR + 1);
	bx_log(BX_ERROR, "two, though nobody hears it");
	stop_listening();

	assert_int_equal(bx_log_errors() - before, 2);
}

/* --- beside the sink --- */

static char given[256];

static void on_also(void *arg, enum bx_level level, const char *message, const struct bx_field *fields)
{
	(void)fields;
	(void)snprintf(
		given + strlen(given), sizeof given - strlen(given), "%s %s;", bx_level_word(level), message);
	assert_ptr_equal(arg, given);
	bx_log(BX_ERROR, "logged while it runs");
}

static void gives_lines_of_its_level_beside_and_none_of_its_own(void **state)
{
	(void)state;
	given[0] = '\0';
	bx_log_set_level(BX_ERROR + 1);
	bx_log_also(BX_WARNING, on_also, given);

	bx_log(BX_INFO, "a");
	bx_log(BX_WARNING, "b");
	bx_log(BX_ERROR, "c");
	bx_log_also(BX_WARNING, NULL, NULL);
	bx_log(BX_ERROR, "d");

	assert_string_equal(given, "warning b;error c;");
}

#define TEST(name) cmocka_unit_test_setup(name, plain_sink)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_level_has_a_word_that_leads_back),
		TEST(knows_no_other_level),
		TEST(prints_fields_so_that_they_can_be_told_apart),
		TEST(picks_the_fields_type_by_its_value),
		TEST(says_one_line_with_time_name_and_level),
		TEST(gives_the_journal_its_priorities),
		TEST(says_nothing_below_its_level),
		TEST(says_one_line_however_much_there_is_to_say),
		TEST(forges_no_line_from_outside_text),
		TEST(counts_its_errors),
		TEST(gives_lines_of_its_level_beside_and_none_of_its_own),
	};
	return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
