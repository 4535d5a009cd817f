/* What may be read, and what is told of the rest. */
#define _GNU_SOURCE
#include "libbus/store/database.h"

#include "libbus/base/file.h"
#include "libbus/store/schema.h"
#include <ftw.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[40], path[64];

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/bx-database-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof path, "%s/a.db", folder);
	return 0;
}

static int remove_one(const char *name, const struct stat *seen, int type, struct FTW *where)
{
	(void)seen, (void)type, (void)where;
	return remove(name);
}

static int tear_down(void **state)
{
	(void)state;
	(void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* A database as storage leaves it: in WAL, its log kept beside it. */
static void make(const char *sql)
{
	sqlite3 *handle;
	char *error = NULL;
	int persist = 1;
	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	(void)sqlite3_file_control(handle, NULL, SQLITE_FCNTL_PERSIST_WAL, &persist); /* as storage does */
	assert_int_equal(sqlite3_exec(handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
	if (sqlite3_exec(handle, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	sqlite3_close(handle);
}

static void make_ours(void)
{
	char sql[4000];
	(void)snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; %s",
		BX_DATABASE_APPLICATION, BX_DATABASE_VERSION, bx_schema_steps[0]);
	make(sql);
}

static void assert_refused(const char *what, enum bx_code code)
{
	struct bx_error error = { 0 };
	struct bx_database *database = bx_database_open(path, &error);
	if (database || error.code != code || !strstr(error.message, path))
		fail_msg("%s: %s", what, database ? "opened" : error.message);
}

static void a_database_that_is_not_there_yet_is_missing(void **state)
{
	(void)state;
	assert_refused("no file", BX_MISSING);
	assert_int_equal(access(path, F_OK), -1); /* nor is it made */
	assert_true(bx_file_replace(path, "", 0, 0600, NULL));
	assert_refused("an empty file", BX_MISSING);
	make("PRAGMA page_size = 2048");
	assert_refused("storage has just begun", BX_MISSING);
}

static void what_others_made_is_a_conflict(void **state)
{
	static const struct {
		const char *what, *sql, *words;
	} cases[] = {
		{ "newer", "PRAGMA application_id = 1115178050; PRAGMA user_version = 2",
			"newer version of the suite" },
		{ "another program's", "PRAGMA user_version = 1; CREATE TABLE a(b)", "another program's" },
		{ "another program's, newer", "PRAGMA application_id = 7; PRAGMA user_version = 99",
			"another program's" },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct bx_error error = { 0 };
		make(cases[i].sql);
		assert_refused(cases[i].what, BX_CONFLICT);
		assert_null(bx_database_open(path, &error));
		assert_non_null(strstr(error.message, cases[i].words));
		assert_int_equal(unlink(path), 0);
	}
}

static void what_is_no_database_fails(void **state)
{
	static const char letter[] =
		"Dear grandmother, this is no database, though it is longer than a hundred bytes, which is "
		"what the header of one has.";
	(void)state;
	assert_true(bx_file_replace(path, letter, sizeof letter, 0600, NULL));
	assert_refused("a letter", BX_FAILED);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused("a folder", BX_FAILED);
}

static void it_is_opened_to_read_alone(void **state)
{
	struct bx_error error;
	(void)state;
	make_ours();
	BX_OWNED(bx_database_close) struct bx_database *database = bx_database_open(path, &error);
	assert_non_null(database);
	sqlite3 *handle = bx_database_handle(database);
	assert_int_equal(sqlite3_exec(handle, "SELECT * FROM open", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, "DELETE FROM open", NULL, NULL, NULL), SQLITE_READONLY);
	assert_int_equal(sqlite3_exec(handle, "PRAGMA user_version = 9", NULL, NULL, NULL), SQLITE_READONLY);
}

static void it_sees_what_storage_commits_meanwhile(void **state)
{
	struct bx_error error;
	(void)state;
	make_ours();
	BX_OWNED(bx_database_close) struct bx_database *database = bx_database_open(path, &error);
	assert_non_null(database);
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_prepare_v2(bx_database_handle(database), "SELECT count(*) FROM source", -1,
				 &statement, NULL),
		SQLITE_OK);
	for (int i = 0; i < 3; i++) {
		char sql[100];
		assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
		assert_int_equal(sqlite3_column_int(statement, 0), i);
		sqlite3_reset(statement);
		(void)snprintf(sql, sizeof sql, "INSERT INTO source VALUES(%d, 'miner', 'm%d')", i, i);
		make(sql);
	}
	sqlite3_finalize(statement);
}

/* After a clean stop the log is still there, so that who may not write in the folder can read. */
static void who_may_not_write_in_the_folder_can_read(void **state)
{
	struct bx_error error;
	(void)state;
	make_ours();
	bool is_root = geteuid() == 0;
	static const char *const behind[] = { "", "-wal", "-shm" };
	for (size_t i = 0; i < BX_COUNT(behind); i++) {
		char name[80];
		(void)snprintf(name, sizeof name, "%s%s", path, behind[i]);
		assert_int_equal(chmod(name, 0444), 0);
	}
	assert_int_equal(chmod(folder, 0555), 0);
	if (is_root)
		assert_int_equal(seteuid(65534), 0);
	struct bx_database *database = bx_database_open(path, &error);
	int result = database
		? sqlite3_exec(bx_database_handle(database), "SELECT * FROM open", NULL, NULL, NULL)
		: SQLITE_ERROR;
	bx_database_close(database);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_non_null(database);
	assert_int_equal(result, SQLITE_OK);
}

static void nothing_closes_without_harm(void **state)
{
	(void)state;
	bx_database_close(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_database_that_is_not_there_yet_is_missing),
		TEST(what_others_made_is_a_conflict),
		TEST(what_is_no_database_fails),
		TEST(it_is_opened_to_read_alone),
		TEST(it_sees_what_storage_commits_meanwhile),
		TEST(who_may_not_write_in_the_folder_can_read),
		TEST(nothing_closes_without_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
