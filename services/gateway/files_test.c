/* The pages in memory: which are taken, by what type and tag. */
#include "services/gateway/files.h"

#include "libbus/base/file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[200];
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	assert_true(bx_file_replace(path, text, strlen(text), 0600, NULL));
}

static void reads_a_folder_without_links_and_hidden_files(void **state)
{
	(void)state;
	char folder[] = "/tmp/bx-files-XXXXXX", path[200], command[200];
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/assets", folder);
	assert_true(bx_folder_make(path, 0700, NULL));
	write_file(folder, "index.html", "<!doctype html>");
	write_file(folder, "assets/app.js", "let a;");
	write_file(folder, ".hidden", "no");
	(void)snprintf(path, sizeof path, "%s/passwd.txt", folder);
	assert_int_equal(symlink("/etc/passwd", path), 0);

	struct files *files = files_new();
	assert_true(files_read(files, folder, NULL));
	const struct file *page = files_find(files, "index.html"),
			  *script = files_find(files, "assets/app.js");

	assert_string_equal(page->type, "text/html; charset=utf-8");
	assert_int_equal(page->size, 15);
	assert_string_equal(script->type, "text/javascript; charset=utf-8");
	assert_int_equal(page->etag[0], '"');
	assert_int_equal(strlen(page->etag), 18);
	assert_string_not_equal(page->etag, script->etag);
	assert_null(files_find(files, ".hidden"));
	assert_null(files_find(files, "passwd.txt"));
	assert_null(files_find(files, "../index.html"));
	assert_null(files_find(files, ""));
	files_free(files);
	(void)snprintf(command, sizeof command, "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

static void says_that_a_folder_is_not_there(void **state)
{
	(void)state;
	struct files *files = files_new();
	struct bx_error error;
	assert_false(files_read(files, "/nowhere/at/all", &error));
	assert_int_equal(error.code, BX_MISSING);
	files_free(files);
}

static void at_the_bound_the_rest_is_left_out(void **state)
{
	(void)state;
	struct files *files = files_new();
	for (int i = 0; i < FILES_MAX + 5; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "%d.txt", i);
		files_add(files, name, bx_copy("x"), 1);
	}
	assert_non_null(files_find(files, "255.txt"));
	assert_null(files_find(files, "256.txt"));
	files_free(files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_folder_without_links_and_hidden_files),
		cmocka_unit_test(says_that_a_folder_is_not_there),
		cmocka_unit_test(at_the_bound_the_rest_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
