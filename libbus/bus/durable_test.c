#define _GNU_SOURCE
#include "libbus/bus/durable.h"

#include "libbus/base/file.h"
#include "libbus/base/text.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Each test has a folder of its own. */
static char folder[64], path[128], bad[160];

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/bx-durable-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof path, "%s/alert.json", folder);
	(void)snprintf(bad, sizeof bad, "%s.bad", path);
	return 0;
}

static int remove_one(const char *name, const struct stat *seen, int type, struct FTW *where)
{
	(void)seen, (void)type, (void)where;
	return remove(name);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* States, ended by one without a name; `at` is where `next` stands. */
struct states {
	const char *const (*pairs)[2];
	size_t at;
};

static bool next(void *arg, const char **name, const char **json)
{
	struct states *states = arg;
	*name = states->pairs[states->at][0];
	*json = states->pairs[states->at][1];
	return states->pairs[states->at++][0] != NULL;
}

static bool write_states(enum bx_topic topic, const char *const (*pairs)[2], struct bx_error *error)
{
	struct states states = { .pairs = pairs };
	return bx_durable_write(folder, topic, next, &states, error);
}

static void on_each(void *arg, const char *name, const char *json, size_t size)
{
	assert_int_equal(strlen(json), size);
	bx_text_print(arg, "%s=%s\n", name, json);
}

static void read_states(enum bx_topic topic, struct bx_text *heard)
{
	struct bx_error error;
	bx_text_init(heard, 1 << 23);
	if (!bx_durable_read(folder, topic, on_each, heard, &error))
		fail_msg("%s", error.message);
}

static void put(const char *bytes, size_t size)
{
	assert_true(bx_file_replace(path, bytes, size, 0600, NULL));
}

/* --- there and back --- */

static void reads_each_state_as_it_was_said(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{ "", "{}" },
		{ "miner/gamma-3",
			"{\"attempts\":3,\"since\":\"2026-01-31T12:00:00.123Z\",\"given_up\":false}" },
		{ "numbers",
			"{\"a\":0,\"b\":-1.5,\"c\":0.3,\"d\":1769860800123,\"e\":12345678901234568,\"g\":58.1}" },
		{ "texts", "{\"a\":\"J\xC3\xBCrgen \\\"x\\\" \\\\ \\n\",\"\":\"\"}" },
		{ "lists", "{\"a\":[1,[],{},null,true,[2,{\"b\":[3]}]]}" },
		{ "caf\xC3\xA9 \"x\"", "[1]" },
		{ "plain", "5" },
		{ NULL, NULL },
	};
	BX_TEXT_OWNED struct bx_text heard;
	BX_TEXT_OWNED struct bx_text want;
	bx_text_init(&want, 1 << 16);
	for (size_t i = 0; pairs[i][0]; i++)
		bx_text_print(&want, "%s=%s\n", pairs[i][0], pairs[i][1]);

	assert_true(write_states(BX_ALERT, pairs, NULL));
	read_states(BX_ALERT, &heard);

	assert_string_equal(heard.data, want.data);
}

static void no_file_is_no_state(void **state)
{
	(void)state;
	BX_TEXT_OWNED struct bx_text heard;
	read_states(BX_ALERT, &heard);
	assert_string_equal(heard.data, "");
	assert_int_equal(access(path, F_OK), -1);
}

static void no_states_is_a_file_without_any(void **state)
{
	(void)state;
	static const char *const none[][2] = { { NULL, NULL } };
	BX_TEXT_OWNED struct bx_text heard;
	assert_true(write_states(BX_ALERT, none, NULL));
	read_states(BX_ALERT, &heard);
	assert_string_equal(heard.data, "");
	assert_int_equal(access(path, F_OK), 0);
}

static void has_a_file_of_its_own_for_each_durable_row(void **state)
{
	(void)state;
	for (int topic = 0; topic < BX_TOPIC_COUNT; topic++) {
		char text[32];
		(void)snprintf(text, sizeof text, "{\"row\":%d}", topic);
		const char *const pairs[][2] = { { "a", text }, { NULL, NULL } };
		if (bx_topic_row((enum bx_topic)topic)->retention == BX_DURABLE)
			assert_true(write_states((enum bx_topic)topic, pairs, NULL));
	}
	for (int topic = 0; topic < BX_TOPIC_COUNT; topic++) {
		if (bx_topic_row((enum bx_topic)topic)->retention != BX_DURABLE)
			continue;
		char want[32];
		BX_TEXT_OWNED struct bx_text heard;
		(void)snprintf(want, sizeof want, "a={\"row\":%d}\n", topic);
		read_states((enum bx_topic)topic, &heard);
		if (strcmp(heard.data, want) != 0)
			fail_msg("%s: %s", bx_topic_row((enum bx_topic)topic)->pattern, heard.data);
	}
}

static void nobody_else_may_read_it(void **state)
{
	(void)state;
	static const char *const pairs[][2] = { { "a", "{}" }, { NULL, NULL } };
	struct stat seen;
	assert_true(write_states(BX_ALERT, pairs, NULL));
	assert_int_equal(stat(path, &seen), 0);
	assert_int_equal(seen.st_mode & 0777, 0600);
}

/* --- what goes wrong --- */

static void keeps_aside_what_it_cannot_read(void **state)
{
	(void)state;
	static const struct {
		const char *name, *bytes;
		size_t size;
	} cases[] = {
		{ "empty", "", 0 },
		{ "cut by a power cut", "{\"a\":{\"x\":1", 11 },
		{ "zeros, as some file systems leave", "\0\0\0\0\0\0\0\0", 8 },
		{ "a list", "[{}]", 4 },
		{ "a text", "\"a\"", 3 },
		{ "null", "null", 4 },
		{ "more behind it", "{} {}", 5 },
		{ "not UTF-8", "{\"a\":\"\xFF\"}", 9 },
		{ "binary", "\x89PNG\r\n\x1A\n", 8 },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		BX_TEXT_OWNED struct bx_text heard;
		bx_text_init(&heard, 4096);
		struct bx_error error = { BX_OK, "" };
		put(cases[i].bytes, cases[i].size);

		bool read = bx_durable_read(folder, BX_ALERT, on_each, &heard, &error);

		size_t size = 77;
		BX_OWNED(free) char *aside = bx_file_read(bad, 4096, &size, NULL);
		if (read || error.code != BX_FAILED || heard.length > 0)
			fail_msg("%s: read %d, heard '%s'", cases[i].name, read, heard.data);
		if (!strstr(error.message, path) || !strstr(error.message, bad) ||
			strstr(error.message, "()"))
			fail_msg("%s: %s", cases[i].name, error.message);
		if (!aside || size != cases[i].size || memcmp(aside, cases[i].bytes, size) != 0)
			fail_msg("%s is not as it was", cases[i].name);
		if (access(path, F_OK) == 0)
			fail_msg("%s is still in its place", cases[i].name);
	}
}

static void keeps_aside_a_nest_without_end(void **state)
{
	(void)state;
	enum { SIZE = 100000 };
	BX_OWNED(free) char *bytes = bx_alloc(SIZE, 1);
	memset(bytes, '[', SIZE);
	put(bytes, SIZE);
	assert_false(bx_durable_read(folder, BX_ALERT, on_each, NULL, NULL));
	assert_int_equal(access(bad, F_OK), 0);
}

static void keeps_aside_a_file_over_its_bound(void **state)
{
	(void)state;
	BX_OWNED(free) char *bytes = bx_alloc(BX_DURABLE_BYTES_MAX + 1, 1);
	memset(bytes, ' ', BX_DURABLE_BYTES_MAX + 1);
	bytes[0] = '{';
	bytes[1] = '}';
	put(bytes, BX_DURABLE_BYTES_MAX + 1);
	assert_false(bx_durable_read(folder, BX_ALERT, on_each, NULL, NULL));
	assert_int_equal(access(bad, F_OK), 0);
}

static void the_next_write_does_not_end_what_is_aside(void **state)
{
	(void)state;
	static const char *const pairs[][2] = { { "a", "{}" }, { NULL, NULL } };
	put("{\"a\":", 5);
	assert_false(bx_durable_read(folder, BX_ALERT, on_each, NULL, NULL));

	assert_true(write_states(BX_ALERT, pairs, NULL));

	size_t size;
	BX_OWNED(free) char *aside = bx_file_read(bad, 4096, &size, NULL);
	BX_TEXT_OWNED struct bx_text heard;
	read_states(BX_ALERT, &heard);
	assert_string_equal(aside, "{\"a\":");
	assert_string_equal(heard.data, "a={}\n");
}

static void keeps_the_old_states_when_the_new_ones_are_too_large(void **state)
{
	(void)state;
	static const char *const old[][2] = { { "a", "{}" }, { NULL, NULL } };
	BX_OWNED(free) char *much = bx_alloc(BX_DURABLE_BYTES_MAX + 1, 1);
	memset(much, 'x', BX_DURABLE_BYTES_MAX);
	much[0] = much[BX_DURABLE_BYTES_MAX - 1] = '"';
	const char *const large[][2] = { { "b", much }, { NULL, NULL } };
	struct bx_error error = { BX_OK, "" };
	BX_TEXT_OWNED struct bx_text heard;
	assert_true(write_states(BX_ALERT, old, NULL));

	assert_false(write_states(BX_ALERT, large, &error));

	read_states(BX_ALERT, &heard);
	assert_int_equal(error.code, BX_FULL);
	assert_string_equal(heard.data, "a={}\n");
}

static void says_which_folder_is_not_there(void **state)
{
	(void)state;
	static const char *const pairs[][2] = { { "a", "{}" }, { NULL, NULL } };
	struct states states = { .pairs = pairs };
	struct bx_error error = { BX_OK, "" };
	char none[96];
	(void)snprintf(none, sizeof none, "%s/none", folder);
	assert_false(bx_durable_write(none, BX_ALERT, next, &states, &error));
	assert_non_null(strstr(error.message, none));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_each_state_as_it_was_said),
		TEST(no_file_is_no_state),
		TEST(no_states_is_a_file_without_any),
		TEST(has_a_file_of_its_own_for_each_durable_row),
		TEST(nobody_else_may_read_it),
		TEST(keeps_aside_what_it_cannot_read),
		TEST(keeps_aside_a_nest_without_end),
		TEST(keeps_aside_a_file_over_its_bound),
		TEST(the_next_write_does_not_end_what_is_aside),
		TEST(keeps_the_old_states_when_the_new_ones_are_too_large),
		TEST(says_which_folder_is_not_there),
	};
	return cmocka_run_group_tests_name("bus/durable", tests, NULL, NULL);
}
