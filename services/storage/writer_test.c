/* The writer on a real file system, by real SQLite: what it writes, what it refuses, and what it leaves as it is. */
#define _GNU_SOURCE
#include "services/storage/writer.h"

#include "libbus/base/file.h"
#include "libbus/store/history.h"
#include "libbus/store/schema.h"
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOON = 1767268800 }; /* 2026-01-01 */

static char folder[40], path[64];
static struct writer *writer;
static struct ingest *ingest;
static struct writer_outcome outcome;
static uint64_t last_number;
static sqlite3 *writers_own; /* the newest connection that anybody opened: see remember_connection */

static int remember_connection(sqlite3 *handle, const char **error, const struct sqlite3_api_routines *api)
{
	(void)error, (void)api;
	writers_own = handle;
	return SQLITE_OK;
}

static struct ingest *new_ingest(void)
{
	static const struct ingest_limits limits = { 10000000, 1000000, 365 * 86400 };
	return ingest_new(&limits);
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/bx-writer-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof path, "%s/a.db", folder);
	writer = writer_new(path);
	ingest = new_ingest();
	last_number = 0;
	outcome = (struct writer_outcome){ 0 };
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
	writer_free_keys(&outcome);
	writer_free(writer);
	ingest_free(ingest);
	(void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* --- what is to be written --- */

static void take(const char *source, const struct bx_values *values)
{
	struct ingest_ticket ticket = { "collector", 1, ++last_number };
	assert_int_equal(ingest_sample(ingest, &ticket, source, values, 0), INGEST_TAKEN);
}

static struct bx_values values_at(enum bx_scope scope, int64_t second)
{
	struct bx_values values;
	bx_values_init(&values, scope, (struct bx_wall){ second * 1000 });
	return values;
}

static void take_load(int64_t second, double load)
{
	struct bx_values values = values_at(BX_HOST, second);
	bx_values_set(&values, BX_LOAD_AVERAGE, load);
	take("host", &values);
}

static void take_event(const char *id)
{
	struct bx_event_facts facts = { .type = "miner.added", .time = { (int64_t)NOON * 1000 } };
	(void)snprintf(facts.id, sizeof facts.id, "%s", id);
	struct ingest_ticket ticket = { "collector", 1, ++last_number };
	assert_int_equal(ingest_event(ingest, &ticket, &facts, "miner/a", "{\"id\":1}", 8), INGEST_TAKEN);
}

/* One call, as commits.c makes it. */
static enum writer_result commit_kind(enum ingest_kind kind)
{
	struct ingest_batch *batch = ingest_begin(ingest, kind);
	writer_free_keys(&outcome);
	writer_commit(writer, batch, &outcome);
	if (batch && outcome.result == WRITER_COMMITTED)
		ingest_committed(ingest, kind);
	else if (batch)
		ingest_failed(ingest, kind);
	return outcome.result;
}

static enum writer_result commit(void)
{
	return commit_kind(INGEST_SAMPLES);
}

static void assert_committed(void)
{
	enum writer_result result = commit();
	if (result == WRITER_OPENED) {
		ingest_hold_only(ingest, outcome.keys, outcome.key_count);
		result = commit();
	}
	if (result != WRITER_COMMITTED)
		fail_msg("%s", outcome.error.message);
}

static void reopen(void)
{
	writer_free(writer);
	ingest_free(ingest);
	writer = writer_new(path);
	ingest = new_ingest();
	assert_int_equal(commit(), WRITER_OPENED);
	ingest_hold_only(ingest, outcome.keys, outcome.key_count);
}

/* --- what lies there --- */

/* The text that a query gives, of a row a line; "" for none. Good until the next call. */
static const char *ask_of(const char *file, const char *sql)
{
	static char text[8000];
	sqlite3 *handle;
	sqlite3_stmt *statement = NULL;
	size_t length = 0;
	text[0] = '\0';
	if (sqlite3_open_v2(file, &handle, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	int result;
	while ((result = sqlite3_step(statement)) == SQLITE_ROW && length < sizeof text) {
		const char *value = (const char *)sqlite3_column_text(statement, 0);
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", length ? "\n" : "",
			value ? value : "NULL");
	}
	if (result != SQLITE_DONE)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return text;
}

static const char *ask(const char *sql)
{
	return ask_of(path, sql);
}

static void assert_sound(void)
{
	assert_string_equal(ask("PRAGMA integrity_check"), "ok");
	assert_string_equal(
		ask("SELECT count(*) FROM open, json_each(times) GROUP BY open.id & 4095, value HAVING count(*) > 1"),
		"");
}

/* The number that a query gives on the writer's own connection. */
static int64_t ask_writer(const char *sql)
{
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_prepare_v2(writers_own, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int64_t number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

static void run_on(const char *file, const char *sql)
{
	sqlite3 *handle;
	char *error = NULL;
	assert_int_equal(sqlite3_open(file, &handle), SQLITE_OK);
	if (sqlite3_exec(handle, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	sqlite3_close(handle);
}

struct content {
	char *bytes;
	size_t size;
};

static struct content read_content(void)
{
	struct content content = { 0 };
	content.bytes = bx_file_read(path, (size_t)64 * 1024 * 1024, &content.size, NULL);
	assert_non_null(content.bytes);
	return content;
}

/* --- the schema --- */

static void makes_the_database_as_the_document_says(void **state)
{
	static const struct {
		const char *pragma, *value;
	} kept[] = {
		{ "PRAGMA page_size", "2048" },
		{ "PRAGMA application_id", "1115178050" }, /* BxDB */
		{ "PRAGMA user_version", "1" },
		{ "PRAGMA journal_mode", "wal" },
		{ "PRAGMA auto_vacuum", "0" },
		{ "PRAGMA encoding", "UTF-8" },
		{ "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name)",
			"event,open,series,source" },
		{ "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name)",
			"sample,system_metrics" },
	};
	static const struct {
		const char *pragma;
		int64_t value;
	} own[] = {
		{ "PRAGMA synchronous", 2 },
		{ "PRAGMA secure_delete", 0 },
		{ "PRAGMA wal_autocheckpoint", 1000 },
		{ "PRAGMA cache_size", -4000 },
		{ "PRAGMA journal_size_limit", 8388608 },
		{ "PRAGMA busy_timeout", 1000 },
	};
	(void)state;
	assert_int_equal(sqlite3_auto_extension((void (*)(void))remember_connection), SQLITE_OK);
	assert_int_equal(commit(), WRITER_OPENED);
	(void)sqlite3_cancel_auto_extension((void (*)(void))remember_connection); /* there is one */
	assert_int_equal(outcome.key_count, 0);
	for (size_t i = 0; i < BX_COUNT(own); i++)
		if (ask_writer(own[i].pragma) != own[i].value)
			fail_msg("%s is %" PRId64, own[i].pragma, ask_writer(own[i].pragma));
	for (size_t i = 0; i < BX_COUNT(kept); i++)
		if (strcmp(ask(kept[i].pragma), kept[i].value) != 0)
			fail_msg("%s is %s", kept[i].pragma, ask(kept[i].pragma));
	int persist = -1;
	assert_int_equal(
		sqlite3_file_control(writers_own, NULL, SQLITE_FCNTL_PERSIST_WAL, &persist), SQLITE_OK);
	assert_int_equal(persist, 1);
}

static void makes_the_folder_and_its_parents(void **state)
{
	(void)state;
	writer_free(writer);
	(void)snprintf(path, sizeof path, "%s/b/c/d.db", folder);
	writer = writer_new(path);
	assert_int_equal(commit(), WRITER_OPENED);
	assert_int_equal(access(path, R_OK), 0);
}

static void a_start_changes_nothing_but_the_views(void **state)
{
	(void)state;
	take_load(NOON, 0.5);
	assert_committed();
	writer_free(writer);
	writer = NULL;
	run_on(path, "DROP VIEW system_metrics; DROP VIEW sample; CREATE VIEW sample(a) AS SELECT 1");
	for (int i = 0; i < 3; i++) {
		writer = writer ? writer : writer_new(path);
		reopen();
		assert_string_equal(ask("SELECT value FROM sample"), "0.5"); /* made anew */
		assert_string_equal(ask("SELECT count(*) FROM open"), "1");
		assert_int_equal(outcome.key_count, 1);
	}
	assert_sound();
}

/* --- rows --- */

static void prints_a_column_a_position(void **state)
{
	struct {
		const char *what;
		enum bx_metric metric;
		double values[3]; /* below -1e9: none */
		const char *column;
	} cases[] = {
		{ "the same at all times", BX_FREQUENCY, { 525, 525, 525 }, "525" },
		{ "different", BX_ASIC_TEMPERATURE, { 58.1, 58.2, 58.3 }, "[58.1,58.2,58.3]" },
		{ "one missing", BX_VR_TEMPERATURE, { 58.1, -2e9, 58.1 }, "[58.1,null,58.1]" },
		{ "a word that stays", BX_MINER_STATE, { 0, 0, 0 }, "\"mining\"" },
		{ "yes or no", BX_POOL_CONNECTED, { 1, 1, 0 }, "[1,1,0]" },
		{ "beyond 2^63", BX_BEST_DIFFICULTY, { 1.5e19, 1.5e19, 1.5e19 }, "1.5e+19" },
		{ "negative", BX_WIFI_SIGNAL, { -60, -61, -60 }, "[-60,-61,-60]" },
	};
	(void)state;
	for (int row = 0; row < 3; row++) {
		struct bx_values values = values_at(BX_MINER, NOON + 60 * row);
		for (size_t i = 0; i < BX_COUNT(cases); i++)
			if (cases[i].values[row] > -1e9)
				bx_values_set(&values, cases[i].metric, cases[i].values[row]);
		take("miner/gamma-3", &values);
	}
	assert_committed();

	assert_string_equal(ask("SELECT times FROM open"), "[1767268800,1767268860,1767268920]");
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char sql[200];
		(void)snprintf(sql, sizeof sql, "SELECT id & 4095 FROM series WHERE name = '%s'",
			bx_catalog_row(cases[i].metric)->name);
		int position = (int)strtol(ask(sql), NULL, 10);
		(void)snprintf(sql, sizeof sql, "SELECT data -> '$[%d]' FROM open", position);
		const char *column = ask(sql);
		if (strcmp(column, cases[i].column) != 0)
			fail_msg("%s: %s instead of %s", cases[i].what, column, cases[i].column);
	}
	assert_sound();
}

static void words_that_change_are_a_list_of_words(void **state)
{
	static const char *const words[] = { "mining", "overheated", "mining" };
	(void)state;
	for (int row = 0; row < 3; row++) {
		struct bx_values values = values_at(BX_MINER, NOON + 60 * row);
		bx_values_set_word(&values, BX_MINER_STATE, words[row]);
		take("miner/gamma-3", &values);
	}
	assert_committed();
	assert_string_equal(ask("SELECT data FROM open"), "[[\"mining\",\"overheated\",\"mining\"]]");
	assert_string_equal(ask("SELECT value FROM sample ORDER BY time"), "mining\noverheated\nmining");
}

static void a_position_that_has_no_value_is_null(void **state)
{
	struct bx_values values = values_at(BX_MINER, NOON);
	(void)state;
	bx_values_set(&values, BX_HASHRATE, 1);
	bx_values_set(&values, BX_POWER, 2);
	bx_values_set(&values, BX_FREQUENCY, 3);
	take("miner/a", &values);
	assert_committed();
	values = values_at(BX_MINER, NOON + 60);
	bx_values_set(&values, BX_POWER, 4);
	take("miner/a", &values);
	assert_committed();
	assert_string_equal(ask("SELECT data FROM open ORDER BY id"),
		"[1,2,3]\n[null,4]"); /* fewer columns than before */
	assert_string_equal(ask("SELECT value FROM sample WHERE time > 1767268800"), "4");
}

static void a_row_a_source_and_commit(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		struct bx_values fleet = values_at(BX_FLEET, NOON + round);
		bx_values_set(&fleet, BX_POWER, 1);
		take("fleet", &fleet);
		take_load(NOON + 10 * round, 1);
		take_load(NOON + 10 * round + 1, 2);
		assert_committed();
	}
	assert_string_equal(ask("SELECT group_concat(id) FROM (SELECT id FROM open ORDER BY id)"),
		"0,1,4096,4097,8192,8193");
	reopen();
	take_load(NOON + 99, 1);
	assert_committed();
	assert_string_equal(ask("SELECT max(id) >> 12 FROM open"), "3"); /* goes on */
	assert_sound();
}

static void an_event_is_kept_once_by_its_id(void **state)
{
	(void)state;
	assert_int_equal(commit(), WRITER_OPENED);
	take_event("1");
	take_event("2");
	take_event("1");
	assert_int_equal(commit_kind(INGEST_EVENTS), WRITER_COMMITTED);
	take_event("2");
	assert_int_equal(commit_kind(INGEST_EVENTS), WRITER_COMMITTED);
	assert_string_equal(
		ask("SELECT id || ' ' || time || ' ' || type || ' ' || target || ' ' || data FROM event ORDER BY id"),
		"1 1767268800 miner.added miner/a {\"id\":1}\n2 1767268800 miner.added miner/a {\"id\":1}");
	assert_string_equal(ask("SELECT count(*) FROM open"), "0");
}

static void nothing_to_write_is_a_commit_of_nothing(void **state)
{
	(void)state;
	assert_int_equal(commit(), WRITER_OPENED);
	for (int i = 0; i < 3; i++) {
		writer_commit(writer, NULL, &outcome);
		assert_int_equal(outcome.result, WRITER_COMMITTED);
	}
	assert_true(outcome.size > 0 && outcome.wal_size > 0);
}

/* --- values are the doubles that were sent --- */

/* A value as it is, whatever the catalogue's decimals are today. */
static void take_raw(int64_t second, double value)
{
	struct bx_values values = values_at(BX_HOST, second);
	bx_values_set(&values, BX_LOAD_AVERAGE, 0);
	values.value[BX_LOAD_AVERAGE] = value;
	take("host", &values);
}

static void assert_reads_as(const double *values, size_t count)
{
	struct bx_error error;
	BX_OWNED(bx_database_close) struct bx_database *database = bx_database_open(path, &error);
	assert_non_null(database);
	struct bx_history_range range = { .from = NOON, .to = NOON + (int64_t)count, .step = 1 };
	BX_OWNED(bx_history_free) struct bx_history *history = bx_history_new(&range, &error);
	assert_true(bx_history_read(history, database, &error));
	assert_int_equal(bx_history_count(history), 1);
	struct bx_history_series series = bx_history_at(history, 0);
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_prepare_v2(bx_database_handle(database),
				 "SELECT metric_value FROM system_metrics ORDER BY id", -1, &statement, NULL),
		SQLITE_OK);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
		double by_view = sqlite3_column_double(statement, 0);
		if (memcmp(&by_view, &values[i], sizeof by_view) != 0)
			fail_msg("the view has %.17g for %.17g", by_view, values[i]);
		if (memcmp(&series.mean[i], &values[i], sizeof by_view) != 0)
			fail_msg("history has %.17g for %.17g", series.mean[i], values[i]);
		assert_true(series.min[i] == values[i] && series.max[i] == values[i]);
	}
	assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
	sqlite3_finalize(statement);
}

static void a_catalogue_row_s_decimals_changed_old_values_read_as_before(void **state)
{
	static const double values[] = { 0.1, 58.12, 1.29, 100.07, 1071.25, /* two decimals */
		0.123456, 58.123, 1.2987, 1e-6, 7.000001, /* more */
		3, 58, 1200, 100.1, 0 }; /* fewer */
	(void)state;
	for (size_t i = 0; i < BX_COUNT(values); i++) {
		take_raw(NOON + (int64_t)i, values[i]);
		if (i % 5 == 4)
			assert_committed();
	}
	assert_reads_as(values, BX_COUNT(values));
	reopen();
	assert_reads_as(values, BX_COUNT(values));
	take_raw(NOON + 86400, 9.5);
	assert_committed();
	assert_string_equal(ask("SELECT count(*) FROM series"), "1");
}

static void numbers_of_any_size_come_back_as_they_were(void **state)
{
	static const double values[] = { 0.30000000000000004, 1.0 / 3, 9007199254740991, 123456789012345.67,
		4.2e18, 9.3e18, 1.8446744073709552e19, 1e21, -273.15, -1e-6, 5e-7, 1e300 };
	(void)state;
	for (size_t i = 0; i < BX_COUNT(values); i++)
		take_raw(NOON + (int64_t)i, values[i]);
	assert_committed();
	assert_reads_as(values, BX_COUNT(values));
}

/* --- what is refused, and left as it is --- */

static void assert_refused_unchanged(const char *what, enum bx_code code, const char *words)
{
	struct content before = read_content();
	for (int i = 0; i < 2; i++) {
		take_load(NOON + (int64_t)last_number, 1);
		if (commit() != WRITER_FAILED)
			fail_msg("%s is taken", what);
		if (outcome.error.code != code || !strstr(outcome.error.message, words) ||
			!strstr(outcome.error.message, path))
			fail_msg("%s: %s", what, outcome.error.message);
	}
	writer_free(writer); /* nor at the end */
	writer = writer_new(path);
	struct content after = read_content();
	if (before.size != after.size || memcmp(before.bytes, after.bytes, before.size) != 0)
		fail_msg("%s: it was changed", what);
	free(before.bytes);
	free(after.bytes);
}

static void a_database_of_a_newer_version_is_refused_and_not_changed(void **state)
{
	(void)state;
	take_load(NOON - 1, 1);
	assert_committed();
	writer_free(writer);
	writer = writer_new(path);
	run_on(path, "PRAGMA user_version = 2; PRAGMA wal_checkpoint(TRUNCATE)");
	assert_refused_unchanged(
		"a newer version", BX_CONFLICT, "newer version of the suite (2, this one knows 1)");
}

static void another_program_s_database_is_refused_and_not_changed(void **state)
{
	(void)state;
	run_on(path, "CREATE TABLE miners(a); INSERT INTO miners VALUES(1)");
	assert_refused_unchanged("another's", BX_CONFLICT, "another program's database");
	assert_string_equal(ask("PRAGMA journal_mode"), "delete");

	assert_int_equal(unlink(path), 0);
	run_on(path, "PRAGMA user_version = 7; PRAGMA application_id = 5; CREATE TABLE miners(a)");
	assert_refused_unchanged("another's with a version", BX_CONFLICT, "another program's database");
}

static void a_file_that_is_no_database_is_refused_and_not_changed(void **state)
{
	static const char *const files[] = {
		"no",
		"SQLite format 3",
		("This is a letter to my grandmother, and a long one: the header of a database has a hundred bytes,"
		 " so this goes on for as long as that, and longer."),
	};
	struct bx_error error;
	(void)state;
	for (size_t i = 0; i < BX_COUNT(files); i++) {
		assert_true(bx_file_replace(path, files[i], strlen(files[i]), 0600, &error));
		assert_refused_unchanged(files[i], BX_FAILED, "not a database");
		ingest_free(ingest);
		ingest = new_ingest();
	}
}

/* A file with `pages` pages of values in it, checkpointed, closed. */
static void fill(int pages)
{
	for (int i = 0; i < pages * 20; i++)
		take_load(NOON + 60 * i, 0.01 * (i % 97));
	assert_committed();
	writer_free(writer);
	writer = writer_new(path);
	run_on(path, "PRAGMA wal_checkpoint(TRUNCATE)");
	ingest_free(ingest);
	ingest = new_ingest();
}

static void a_corrupt_database_is_refused_and_not_changed(void **state)
{
	static const struct {
		const char *what;
		long from, size; /* overwritten; size 0: cut off there */
	} cases[] = {
		{ "its schema overwritten", 100, 1900 },
		{ "its pages overwritten", 2048, 18 * 2048 },
		{ "cut off", 3 * 2048, 0 },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		(void)unlink(path); /* not there the first time */
		fill(40);
		FILE *file = fopen(path, "r+");
		assert_non_null(file);
		assert_int_equal(fseek(file, cases[i].from, SEEK_SET), 0);
		for (long k = 0; k < cases[i].size; k++)
			(void)fputc(0xAA, file);
		if (cases[i].size == 0)
			assert_int_equal(ftruncate(fileno(file), cases[i].from), 0);
		assert_int_equal(fclose(file), 0);
		assert_refused_unchanged(cases[i].what, BX_FAILED, "malformed");
		ingest_free(ingest);
		ingest = new_ingest();
	}
}

static void a_folder_in_its_place_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	take_load(NOON, 1);
	assert_int_equal(commit(), WRITER_FAILED);
	assert_int_equal(commit(), WRITER_FAILED);
	assert_int_equal(rmdir(path), 0);
	assert_committed();
	assert_string_equal(ask("SELECT count(*) FROM sample"), "1");
}

/* As root everything may be written: as nobody then. */
static void a_folder_that_may_not_be_written_is_refused(void **state)
{
	(void)state;
	bool is_root = geteuid() == 0;
	assert_int_equal(chmod(folder, 0555), 0);
	if (is_root)
		assert_int_equal(seteuid(65534), 0);
	take_load(NOON, 1);
	enum writer_result result = commit();
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(result, WRITER_FAILED);
	assert_non_null(strstr(outcome.error.message, path));
	assert_int_equal(chmod(folder, 0755), 0);
	assert_committed();
	assert_sound();
}

static void a_file_that_may_not_be_written_is_refused_and_not_changed(void **state)
{
	(void)state;
	bool is_root = geteuid() == 0;
	fill(1);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	struct content before = read_content();
	if (is_root)
		assert_int_equal(seteuid(65534), 0);
	take_load(NOON - 1, 1);
	enum writer_result result = commit();
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(result, WRITER_FAILED);
	struct content after = read_content();
	assert_int_equal(before.size, after.size);
	assert_memory_equal(before.bytes, after.bytes, before.size);
	free(before.bytes);
	free(after.bytes);
}

/* --- wiped, replaced, restored under way --- */

static void remove_database(void)
{
	static const char *const behind[] = { "", "-wal", "-shm" };
	for (size_t i = 0; i < BX_COUNT(behind); i++) {
		char name[80];
		(void)snprintf(name, sizeof name, "%s%s", path, behind[i]);
		(void)unlink(name); /* may not be there */
	}
}

static void a_wiped_database_is_made_anew(void **state)
{
	(void)state;
	for (int log_too = 0; log_too < 2; log_too++) {
		take_load(NOON + 10 * log_too, 1);
		assert_committed();
		if (log_too)
			remove_database();
		else
			assert_int_equal(unlink(path), 0);
		take_load(NOON + 10 * log_too + 1, 2);
		assert_int_equal(commit(), WRITER_OPENED);
		assert_int_equal(outcome.key_count, 0);
		ingest_hold_only(ingest, outcome.keys, outcome.key_count);
		assert_int_equal(commit(), WRITER_COMMITTED);
		assert_string_equal(ask("SELECT count(*) || ' ' || sum(value) FROM sample"), "1 2");
		assert_sound();
		remove_database();
	}
}

/* The log of the file before is not taken for the log of the file that came. */
static void a_database_put_in_its_place_is_opened_as_it_is(void **state)
{
	static const char *const reading[] = { "with nobody reading",
		"with a reader that holds the old one open" };
	char copy[80], sql[120];
	(void)state;
	(void)snprintf(copy, sizeof copy, "%s/copy.db", folder);
	(void)snprintf(sql, sizeof sql, "VACUUM INTO '%s'", copy);
	for (size_t i = 0; i < BX_COUNT(reading); i++) {
		struct bx_error error;
		remove_database();
		ingest_free(ingest);
		ingest = new_ingest();
		take_load(NOON, 1);
		assert_committed();
		run_on(path, sql);
		for (int k = 1; k <= 300; k++) {
			take_load(NOON + k, k);
			if (k % 10 == 0)
				assert_committed();
		}
		BX_OWNED(bx_database_close) struct bx_database *reader = NULL;
		if (i == 1) {
			reader = bx_database_open(path, &error);
			assert_non_null(reader);
			assert_int_equal(sqlite3_exec(bx_database_handle(reader),
						 "BEGIN; SELECT count(*) FROM open", NULL, NULL, NULL),
				SQLITE_OK);
		}
		assert_int_equal(rename(copy, path), 0);
		take_load(NOON + 301, 301);
		assert_int_equal(commit(), WRITER_OPENED);
		if (outcome.key_count != 1)
			fail_msg("%s it holds %zu records", reading[i], outcome.key_count);
		assert_string_equal(outcome.keys[0].source, "host");
		assert_int_equal(outcome.keys[0].second, NOON);
		ingest_hold_only(ingest, outcome.keys, outcome.key_count);
		assert_int_equal(commit(), WRITER_COMMITTED);
		assert_string_equal(ask("SELECT count(*) || ' ' || sum(value) FROM sample"), "2 302");
		assert_sound();
	}
}

static void a_database_moved_away_is_whole_where_it_is_now(void **state)
{
	char aside[80];
	(void)state;
	(void)snprintf(aside, sizeof aside, "%s/aside.db", folder);
	take_load(NOON, 1);
	assert_committed();
	assert_int_equal(rename(path, aside), 0);
	take_load(NOON + 1, 2);
	assert_committed();
	assert_string_equal(ask_of(aside, "SELECT count(*) || ' ' || sum(value) FROM sample"), "1 1");
	assert_string_equal(ask("SELECT count(*) || ' ' || sum(value) FROM sample"), "1 2");
}

static void tells_all_that_an_opened_database_holds(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++) {
		struct bx_values values = values_at(BX_MINER, NOON + i);
		bx_values_set(&values, BX_POWER, i);
		take(i % 2 ? "miner/a" : "miner/b", &values);
		take_load(NOON + 2 * i, i);
	}
	assert_committed();
	reopen();
	assert_int_equal(outcome.key_count, 1000);
	size_t box = 0;
	for (size_t i = 0; i < outcome.key_count; i++)
		box += strcmp(outcome.keys[i].source, "host") == 0;
	assert_int_equal(box, 500);
}

/* --- what fails leaves nothing --- */

/* Files may be no larger, as on a full disk. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_fails_the_commit_and_leaves_nothing_of_it(void **state)
{
	(void)state;
	take_load(NOON, 1);
	assert_committed();
	take_load(NOON + 1, 2);
	for (int i = 0; i < 400; i++) { /* over the cache, so that much of it is in the log before it fails */
		struct bx_values values = values_at(BX_MINER, NOON);
		char source[24];
		(void)snprintf(source, sizeof source, "miner/m%d", i);
		for (int k = 1; k <= 30; k++) {
			char part[8];
			(void)snprintf(part, sizeof part, "%d", k);
			bx_values_set_part(&values, BX_ASIC_HASHRATE, part, k);
			bx_values_set_part(&values, BX_ASIC_ERRORS, part, k);
		}
		take(source, &values);
	}
	static const rlim_t sizes[] = { 1, 30000, 100000, 300000, 1000000 };
	for (size_t i = 0; i < BX_COUNT(sizes); i++) {
		limit_files(sizes[i]);
		enum writer_result result = commit();
		if (result == WRITER_OPENED)
			result = commit();
		limit_files(RLIM_INFINITY);
		if (result != WRITER_FAILED)
			fail_msg("with files of %d bytes it is committed", (int)sizes[i]);
		assert_string_equal(ask("SELECT count(*) || ' ' || sum(value) FROM sample"), "1 1");
		assert_string_equal(ask("SELECT count(*) FROM source"), "1");
		assert_string_equal(ask("SELECT count(*) FROM series"), "1");
		assert_sound();
	}
	assert_committed();
	assert_string_equal(ask("SELECT count(*) FROM source"), "401");
	assert_string_equal(ask("SELECT count(*) FROM series"), "24001");
	assert_string_equal(ask("SELECT sum(json_array_length(times)) FROM open"), "402");
	assert_sound();
}

static void a_locked_database_fails_the_commit_and_is_written_to_afterwards(void **state)
{
	sqlite3 *other;
	(void)state;
	take_load(NOON, 1);
	assert_committed();
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	take_load(NOON + 1, 2);
	assert_int_equal(commit(), WRITER_FAILED);
	assert_non_null(strstr(outcome.error.message, "locked"));
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	assert_committed();
	assert_string_equal(ask("SELECT count(*) FROM sample"), "2");
}

static void a_reader_never_holds_up_a_commit(void **state)
{
	sqlite3 *reader;
	(void)state;
	take_load(NOON, 1);
	assert_committed();
	assert_int_equal(sqlite3_open_v2(path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM sample", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 1; i < 20; i++) {
		take_load(NOON + i, i);
		assert_int_equal(commit(), WRITER_COMMITTED);
	}
	sqlite3_close(reader);
	assert_string_equal(ask("SELECT count(*) FROM sample"), "20");
}

/* Commits on and on; tells each one that returned. */
__attribute__((noreturn)) static void write_for_ever(int pipe_to, int64_t second)
{
	for (;; second++) {
		take_load(second, 0.5);
		if (commit() == WRITER_OPENED) {
			ingest_hold_only(ingest, outcome.keys, outcome.key_count);
			(void)commit();
		}
		if (outcome.result != WRITER_COMMITTED ||
			write(pipe_to, &second, sizeof second) != sizeof second)
			_exit(1);
	}
}

static void kill_9_loses_nothing_that_was_committed(void **state)
{
	int64_t last = NOON - 1, told;
	(void)state;
	for (int round = 0; round < 6; round++) {
		int ends[2];
		assert_int_equal(pipe(ends), 0);
		pid_t child = fork();
		if (child == 0)
			write_for_ever(ends[1], last + 1);
		(void)close(ends[1]);
		for (int i = 0; i < 5 + round; i++) {
			assert_int_equal(read(ends[0], &told, sizeof told), sizeof told);
			last = told;
		}
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
		while (read(ends[0], &told, sizeof told) == sizeof told)
			last = told;
		(void)close(ends[0]);
		assert_string_equal(ask("PRAGMA integrity_check"), "ok");
		int64_t kept = strtoll(ask("SELECT max(time) FROM sample"), NULL, 10);
		assert_in_range(kept, last, last + 1); /* the one under way may be there, too */
		last = kept;
	}
	assert_int_equal(strtoll(ask("SELECT count(DISTINCT time) FROM sample"), NULL, 10), last - NOON + 1);
	assert_sound();
}

/* --- positions --- */

static void positions_are_given_once_and_never_reused(void **state)
{
	static const enum bx_metric metrics[] = { BX_HASHRATE, BX_POWER, BX_FREQUENCY, BX_ENERGY };
	(void)state;
	for (size_t i = 0; i < BX_COUNT(metrics);
		i++) { /* each round has one that none had, and not those before */
		struct bx_values values = values_at(BX_MINER, NOON + (int64_t)i);
		bx_values_set(&values, metrics[i], 1);
		take("miner/a", &values);
		values = values_at(BX_MINER, NOON + (int64_t)i);
		bx_values_set(&values, metrics[i], 1);
		take("miner/b", &values);
		assert_committed();
		if (i % 2)
			reopen();
	}
	assert_string_equal(
		ask("SELECT (id >> 12) || ':' || (id & 4095) || ' ' || name || ' ' || unit FROM series ORDER BY id"),
		"0:0 hashrate GH/s\n0:1 power W\n0:2 frequency MHz\n0:3 energy kWh\n"
		"1:0 hashrate GH/s\n1:1 power W\n1:2 frequency MHz\n1:3 energy kWh");
}

/* A record of the box with 32 interfaces from number `first` on. */
static void take_interfaces(int64_t second, int first, int count)
{
	struct bx_values values = values_at(BX_HOST, second);
	for (int i = 0; i < count; i++) {
		char part[24];
		(void)snprintf(part, sizeof part, "veth%d", first + i);
		bx_values_set_part(&values, BX_RECEIVE_RATE, part, 1);
	}
	bx_values_set(&values, BX_LOAD_AVERAGE, 0.5);
	take("host", &values);
}

static void of_4096_positions_none_is_given_to_another_source(void **state)
{
	(void)state;
	for (int i = 0; i < 4095; i += 31) {
		take_interfaces(NOON + i, i, i + 31 > 4095 ? 4095 - i : 31);
		if (i % 1000 == 0)
			assert_committed();
	}
	struct bx_values fleet = values_at(BX_FLEET, NOON);
	bx_values_set(&fleet, BX_POWER, 1);
	take("fleet", &fleet);
	assert_committed();
	assert_int_equal(outcome.refused, 0);
	assert_string_equal(
		ask("SELECT count(*) || ' ' || max(id) FROM series WHERE id < 4096"), "4096 4095");

	for (int i = 0; i < 2; i++) { /* with what it knows, and with what it has to look up */
		take_interfaces(NOON + 10000 + i, 5000, 3);
		assert_committed();
		assert_int_equal(outcome.refused, 3);
		assert_string_equal(
			ask("SELECT count(*) || ' ' || max(id) FROM series WHERE id < 4096"), "4096 4095");
		assert_string_equal(ask("SELECT name FROM series WHERE id >= 4096"), "power");
		assert_string_equal(
			ask("SELECT count(*) FROM sample WHERE name = 'load_average' AND time >= 1767278800"),
			i == 0 ? "1" : "2");
		reopen();
	}
	take_interfaces(NOON + 20000, 4000, 31); /* old names all the same */
	assert_committed();
	assert_int_equal(outcome.refused, 0);
	fleet = values_at(BX_FLEET, NOON + 1);
	bx_values_set(&fleet, BX_ENERGY, 1);
	take("fleet", &fleet);
	assert_committed();
	assert_string_equal(ask("SELECT name FROM series WHERE id >= 4096 ORDER BY id"), "power\nenergy");
	assert_string_equal(ask("PRAGMA integrity_check"), "ok");
}

static void of_4097_sources_the_last_is_left_out_and_the_others_are_kept(void **state)
{
	(void)state;
	assert_int_equal(commit(), WRITER_OPENED);
	run_on(path,
		"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4094) INSERT INTO source SELECT i, "
		"'miner', 'm' || i FROM n");
	take_load(NOON, 1);
	struct bx_values values = values_at(BX_MINER, NOON);
	bx_values_set(&values, BX_POWER, 1);
	bx_values_set(&values, BX_HASHRATE, 1);
	take("miner/m7", &values);
	take("miner/one-more", &values);
	assert_committed();
	assert_int_equal(outcome.refused, 2);
	assert_string_equal(
		ask("SELECT id || type FROM source WHERE id = (SELECT max(id) FROM source)"), "4095host");
	assert_string_equal(ask("SELECT count(*) FROM sample WHERE source_name = 'm7'"), "2");
	assert_string_equal(ask("SELECT count(*) FROM sample WHERE source_name = 'one-more'"), "0");
	assert_sound();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(makes_the_database_as_the_document_says),
		TEST(makes_the_folder_and_its_parents),
		TEST(a_start_changes_nothing_but_the_views),
		TEST(prints_a_column_a_position),
		TEST(words_that_change_are_a_list_of_words),
		TEST(a_position_that_has_no_value_is_null),
		TEST(a_row_a_source_and_commit),
		TEST(an_event_is_kept_once_by_its_id),
		TEST(nothing_to_write_is_a_commit_of_nothing),
		TEST(a_catalogue_row_s_decimals_changed_old_values_read_as_before),
		TEST(numbers_of_any_size_come_back_as_they_were),
		TEST(a_database_of_a_newer_version_is_refused_and_not_changed),
		TEST(another_program_s_database_is_refused_and_not_changed),
		TEST(a_file_that_is_no_database_is_refused_and_not_changed),
		TEST(a_corrupt_database_is_refused_and_not_changed),
		TEST(a_folder_in_its_place_is_refused),
		TEST(a_folder_that_may_not_be_written_is_refused),
		TEST(a_file_that_may_not_be_written_is_refused_and_not_changed),
		TEST(a_wiped_database_is_made_anew),
		TEST(a_database_put_in_its_place_is_opened_as_it_is),
		TEST(a_database_moved_away_is_whole_where_it_is_now),
		TEST(tells_all_that_an_opened_database_holds),
		TEST(a_full_disk_fails_the_commit_and_leaves_nothing_of_it),
		TEST(a_locked_database_fails_the_commit_and_is_written_to_afterwards),
		TEST(a_reader_never_holds_up_a_commit),
		TEST(kill_9_loses_nothing_that_was_committed),
		TEST(positions_are_given_once_and_never_reused),
		TEST(of_4096_positions_none_is_given_to_another_source),
		TEST(of_4097_sources_the_last_is_left_out_and_the_others_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
