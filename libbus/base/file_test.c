#define _GNU_SOURCE
#include "libbus/base/file.h"

#include "libbus/base/memory.h"
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Each test has a folder of its own. */
static char folder[64], path[96], aside[96];

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/bx-file-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof path, "%s/it", folder);
	(void)snprintf(aside, sizeof aside, "%s/it.new", folder);
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

static void put(const char *words)
{
	struct bx_error error;
	if (!bx_file_replace(path, words, strlen(words), 0600, &error))
		fail_msg("%s", error.message);
}

static void assert_content(const char *want)
{
	struct bx_error error;
	size_t size;
	BX_OWNED(free) char *bytes = bx_file_read(path, 1 << 20, &size, &error);
	if (!bytes)
		fail_msg("%s", error.message);
	assert_string_equal(bytes, want);
	assert_int_equal(size, strlen(want));
}

/* --- reading --- */

static void reads_back_any_bytes(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 8192, 100000 };
	for (size_t i = 0; i < BX_COUNT(sizes); i++) {
		BX_OWNED(free) char *bytes = bx_alloc(sizes[i] + 1, 1);
		for (size_t at = 0; at < sizes[i]; at++)
			bytes[at] = (char)(at * 7);
		assert_true(bx_file_replace(path, bytes, sizes[i], 0600, NULL));
		size_t size = 77;
		BX_OWNED(free) char *again = bx_file_read(path, 100000, &size, NULL);
		if (!again || size != sizes[i] || memcmp(again, bytes, size) != 0 || again[size] != '\0')
			fail_msg("%zu bytes", sizes[i]);
	}
}

static void says_why_a_file_was_not_read(void **state)
{
	(void)state;
	put("12345");
	struct bx_error missing, larger, no_file;
	size_t size = 77;

	assert_null(bx_file_read(aside, 100, &size, &missing));
	assert_null(bx_file_read(path, 4, &size, &larger));
	assert_null(bx_file_read(folder, 100, &size, &no_file));

	assert_int_equal(missing.code, BX_MISSING);
	assert_int_equal(larger.code, BX_INVALID);
	assert_int_equal(no_file.code, BX_FAILED);
	assert_non_null(strstr(missing.message, aside));
	assert_non_null(strstr(larger.message, path));
	assert_int_equal(size, 77);
}

static void reads_as_much_as_its_bound(void **state)
{
	(void)state;
	put("12345");
	size_t size;
	BX_OWNED(free) char *bytes = bx_file_read(path, 5, &size, NULL);
	assert_non_null(bytes);
}

/* --- replacing --- */

static void replaces_the_whole_content(void **state)
{
	(void)state;
	put("a long old content");
	put("new");

	assert_content("new");
	assert_int_equal(access(aside, F_OK), -1);
}

static void gives_the_file_its_mode(void **state)
{
	(void)state;
	mode_t before = umask(0);
	assert_true(bx_file_replace(path, "x", 1, 0640, NULL));
	umask(before);

	struct stat seen;
	assert_int_equal(stat(path, &seen), 0);
	assert_int_equal(seen.st_mode & 0777, 0640);
}

static void keeps_the_old_file_when_the_new_one_cannot_be_written(void **state)
{
	(void)state;
	put("old");
	struct rlimit before, little;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	little = before;
	little.rlim_cur = 4096; /* as on a full disk: it begins, and does not end */
	static char much[20000];
	struct bx_error error = { BX_OK, "" };

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &little);
	bool written = bx_file_replace(path, much, sizeof much, 0600, &error);
	setrlimit(RLIMIT_FSIZE, &before);

	assert_false(written);
	assert_int_equal(error.code, BX_FAILED);
	assert_non_null(strstr(error.message, path));
	assert_content("old");
	assert_int_equal(access(aside, F_OK), -1);
}

static void keeps_the_old_file_when_the_new_one_cannot_be_made(void **state)
{
	(void)state;
	put("old");
	assert_int_equal(mkdir(aside, 0700), 0);
	struct bx_error error = { BX_OK, "" };

	assert_false(bx_file_replace(path, "new", 3, 0600, &error));

	assert_int_equal(error.code, BX_FAILED);
	assert_content("old");
}

static void fails_in_a_folder_that_is_not_there(void **state)
{
	(void)state;
	char deep[128];
	struct bx_error error = { BX_OK, "" };
	(void)snprintf(deep, sizeof deep, "%s/none/it", folder);

	assert_false(bx_file_replace(deep, "new", 3, 0600, &error));
	assert_non_null(strstr(error.message, deep));
}

static void overcomes_what_a_power_cut_left(void **state)
{
	(void)state;
	int fd = open(aside, O_WRONLY | O_CREAT, 0400);
	assert_int_equal(write(fd, "half a content, and longer", 26), 26);
	close(fd);

	put("new");

	assert_content("new");
	struct stat seen;
	assert_int_equal(stat(path, &seen), 0);
	assert_int_equal(seen.st_mode & 0777, 0600);
}

static void is_the_old_or_the_new_file_at_every_moment(void **state)
{
	(void)state;
	static char old[30000], new[30000];
	memset(old, 'o', sizeof old);
	memset(new, 'n', sizeof new);
	assert_true(bx_file_replace(path, old, sizeof old, 0600, NULL));
	pid_t writer = fork();
	if (writer == 0) {
		for (int i = 0; i < 40; i++)
			(void)bx_file_replace(path, i % 2 ? old : new, sizeof old, 0600, NULL);
		_exit(0);
	}
	int mixed = 0, reads = 0;
	while (waitpid(writer, NULL, WNOHANG) == 0) {
		size_t size = 0;
		BX_OWNED(free) char *bytes = bx_file_read(path, sizeof old, &size, NULL);
		mixed += !bytes || size != sizeof old ||
			(memcmp(bytes, old, size) != 0 && memcmp(bytes, new, size) != 0);
		reads++;
	}
	assert_true(reads > 0);
	assert_int_equal(mixed, 0);
}

/* --- folders --- */

static void makes_a_folder_with_its_parents(void **state)
{
	(void)state;
	static const char *const names[] = { "a/b/c", "a/b/c", "d/", "e//f", "a/./b/../x" };
	for (size_t i = 0; i < BX_COUNT(names); i++) {
		char whole[128];
		struct stat seen;
		struct bx_error error = { BX_OK, "" };
		(void)snprintf(whole, sizeof whole, "%s/%s", folder, names[i]);
		if (!bx_folder_make(whole, 0700, &error) || stat(whole, &seen) != 0 || !S_ISDIR(seen.st_mode))
			fail_msg("%s: %s", names[i], error.message);
	}
}

static void makes_no_folder_where_a_file_is(void **state)
{
	(void)state;
	put("a file");
	char below[128];
	struct bx_error at = { BX_OK, "" }, under = { BX_OK, "" };
	(void)snprintf(below, sizeof below, "%s/below", path);

	assert_false(bx_folder_make(path, 0700, &at));
	assert_false(bx_folder_make(below, 0700, &under));
	assert_false(bx_folder_make("", 0700, NULL));

	assert_int_equal(at.code, BX_FAILED);
	assert_int_equal(under.code, BX_FAILED);
}

/* --- locks --- */

static void refuses_a_second_lock_and_names_the_first(void **state)
{
	(void)state;
	struct bx_error error = { BX_OK, "" };
	char pid[32];
	(void)snprintf(pid, sizeof pid, "process %d ", (int)getpid());

	int first = bx_file_lock(path, NULL);
	int second = bx_file_lock(path, &error);
	close(first);

	assert_true(first >= 0);
	assert_int_equal(second, -1);
	assert_int_equal(error.code, BX_CONFLICT);
	assert_non_null(strstr(error.message, pid));
}

static void gives_the_lock_anew_once_it_is_closed(void **state)
{
	(void)state;
	close(bx_file_lock(path, NULL));
	int again = bx_file_lock(path, NULL);
	assert_true(again >= 0);
	close(again);
}

static void gives_the_lock_anew_after_its_holder_was_killed(void **state)
{
	(void)state;
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	pid_t holder = fork();
	if (holder == 0) {
		(void)bx_file_lock(path, NULL);
		if (write(pipes[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	char told;
	assert_int_equal(read(pipes[0], &told, 1), 1);
	int while_held = bx_file_lock(path, NULL);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	int after = bx_file_lock(path, NULL);
	close(pipes[0]);
	close(pipes[1]);
	close(after);

	assert_int_equal(while_held, -1);
	assert_true(after >= 0);
}

static void fails_to_lock_where_no_file_can_be(void **state)
{
	(void)state;
	struct bx_error error = { BX_OK, "" };
	assert_int_equal(bx_file_lock(folder, &error), -1);
	assert_int_equal(error.code, BX_FAILED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_back_any_bytes),
		TEST(says_why_a_file_was_not_read),
		TEST(reads_as_much_as_its_bound),
		TEST(replaces_the_whole_content),
		TEST(gives_the_file_its_mode),
		TEST(keeps_the_old_file_when_the_new_one_cannot_be_written),
		TEST(keeps_the_old_file_when_the_new_one_cannot_be_made),
		TEST(fails_in_a_folder_that_is_not_there),
		TEST(overcomes_what_a_power_cut_left),
		TEST(is_the_old_or_the_new_file_at_every_moment),
		TEST(makes_a_folder_with_its_parents),
		TEST(makes_no_folder_where_a_file_is),
		TEST(refuses_a_second_lock_and_names_the_first),
		TEST(gives_the_lock_anew_once_it_is_closed),
		TEST(gives_the_lock_anew_after_its_holder_was_killed),
		TEST(fails_to_lock_where_no_file_can_be),
	};
	return cmocka_run_group_tests_name("base/file", tests, NULL, NULL);
}
