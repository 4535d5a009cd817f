/* WAL with synchronous=FULL: NORMAL lost confirmed commits in 16 of 17 power cuts. secure_delete is off, since Debian compiles
 * it on and every freed page would be written. PERSIST_WAL lets a reader without rights in the folder open the database after
 * a clean stop. */
#define _GNU_SOURCE
#include "services/storage/writer.h"

#include "libbus/base/clock.h"
#include "libbus/base/file.h"
#include "libbus/base/json.h"
#include "libbus/store/database.h"
#include "libbus/store/schema.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROW_BYTES_MAX = 256 * 1024 * 1024 };

enum statement { FIND_SOURCE, ADD_SOURCE, FIND_SERIES, ADD_SERIES, ADD_OPEN, ADD_EVENT, STATEMENT_COUNT };
static const char *const statements[STATEMENT_COUNT] = {
	[FIND_SOURCE] = "SELECT id FROM source WHERE type = ? AND name = ?",
	[ADD_SOURCE] = "INSERT INTO source SELECT coalesce(max(id) + 1, 0), ?, ? FROM source RETURNING id",
	[FIND_SERIES] =
		"SELECT id & 4095 FROM series WHERE id BETWEEN ?1 << 12 AND ?1 << 12 | 4095 AND name = ?2 AND unit = ?3",
	[ADD_SERIES] =
		("INSERT INTO series SELECT coalesce(max(id) + 1, ?1 << 12), ?2, ?3 FROM series"
		 " WHERE id BETWEEN ?1 << 12 AND ?1 << 12 | 4095 HAVING count(*) < 4096 RETURNING id - (?1 << 12)"),
	[ADD_OPEN] = "INSERT INTO open VALUES(?, ?, ?)",
	[ADD_EVENT] = "INSERT OR IGNORE INTO event VALUES(?, ?, ?, ?, ?)",
};

/* Where a source's series stand: [name's place in the list] is its position. Dropped with the connection. */
struct place {
	const struct ingest_name *name;
	int position; /* -1: over the bound */
};
struct places {
	int64_t source; /* id in the database, -1: over the bound */
	struct place *places;
	size_t count;
};

struct writer {
	char *path;
	sqlite3 *handle; /* NULL: closed */
	sqlite3_stmt *prepared[STATEMENT_COUNT];
	struct file {
		dev_t device;
		ino_t inode;
	} database, wal, shm;
	int64_t next_commit; /* n of `open` */
	struct places *places; /* [source_index] */
	size_t place_count;
	size_t refused;
};

struct writer *writer_new(const char *path)
{
	struct writer *writer = bx_alloc(1, sizeof *writer);
	writer->path = bx_copy(path);
	return writer;
}

static void close_database(struct writer *writer)
{
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(writer->prepared[i]);
	memset(writer->prepared, 0, sizeof writer->prepared);
	for (size_t i = 0; i < writer->place_count; i++)
		free(writer->places[i].places);
	free(writer->places);
	writer->places = NULL;
	writer->place_count = 0;
	sqlite3_close(writer->handle);
	writer->handle = NULL;
}

void writer_free(struct writer *writer)
{
	if (!writer)
		return;
	close_database(writer);
	free(writer->path);
	free(writer);
}

static bool fail(struct writer *writer, struct bx_error *error, const char *doing)
{
	return bx_fail(error, BX_FAILED, "%s, database %s: %s", doing, writer->path,
		writer->handle ? sqlite3_errmsg(writer->handle) : "cannot be opened");
}

static bool run(struct writer *writer, const char *sql, struct bx_error *error)
{
	return sqlite3_exec(writer->handle, sql, NULL, NULL, NULL) == SQLITE_OK ||
		fail(writer, error, "preparing");
}

/* The one number that a query gives. */
static bool ask_number(struct writer *writer, const char *sql, int64_t *number, struct bx_error *error)
{
	sqlite3_stmt *statement;
	bool good = sqlite3_prepare_v2(writer->handle, sql, -1, &statement, NULL) == SQLITE_OK &&
		sqlite3_step(statement) == SQLITE_ROW;
	if (good)
		*number = sqlite3_column_int64(statement, 0);
	else
		fail(writer, error, "reading");
	sqlite3_finalize(statement);
	return good;
}

/* --- opening --- */

/* Before anything is changed: is it ours, or nobody's yet? */
static bool look(struct writer *writer, int64_t *version, struct bx_error *error)
{
	int64_t application, tables;
	if (!ask_number(writer, "PRAGMA user_version", version, error) ||
		!ask_number(writer, "PRAGMA application_id", &application, error) ||
		!ask_number(writer, "SELECT count(*) FROM sqlite_schema", &tables, error))
		return false;
	if (application != BX_DATABASE_APPLICATION && tables > 0)
		return bx_fail(error, BX_CONFLICT, "%s is another program's database; name another DATABASE",
			writer->path);
	if (*version > BX_DATABASE_VERSION)
		return bx_fail(error, BX_CONFLICT,
			"database %s is of a newer version of the suite (%d, this one knows %d); install that version, or name "
			"another DATABASE",
			writer->path, (int)*version, BX_DATABASE_VERSION);
	return true;
}

static bool migrate(struct writer *writer, int64_t version, struct bx_error *error)
{
	char pragma[96];
	for (; version < BX_DATABASE_VERSION; version++) {
		(void)snprintf(pragma, sizeof pragma,
			"PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
			BX_DATABASE_APPLICATION, (int)version + 1);
		if (!run(writer, "BEGIN IMMEDIATE", error) || !run(writer, bx_schema_steps[version], error) ||
			!run(writer, pragma, error))
			return false;
	}
	return true;
}

static bool load_keys(struct writer *writer, struct writer_outcome *outcome)
{
	static const char sql[] =
		"SELECT source.type || iif(source.name = '', '', '/' || source.name), t.value FROM open JOIN source ON source.id ="
		" open.id & 4095, json_each(open.times) t";
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(writer->handle, sql, -1, &statement, NULL);
	size_t size = 0;
	while (result == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
		if (outcome->key_count == size) {
			size = size ? size * 2 : 256;
			outcome->keys = bx_grow(outcome->keys, size, sizeof *outcome->keys);
		}
		outcome->keys[outcome->key_count++] =
			(struct ingest_key){ bx_copy((const char *)sqlite3_column_text(statement, 0)),
				sqlite3_column_int64(statement, 1) };
	}
	bool good = sqlite3_finalize(statement) == SQLITE_OK && result == SQLITE_OK;
	return good || fail(writer, &outcome->error, "reading what it holds");
}

static bool remember_file(
	const struct writer *writer, const char *behind, struct file *file, struct bx_error *error)
{
	struct stat seen;
	char path[PATH_MAX];
	(void)snprintf(path, sizeof path, "%s%s", writer->path, behind);
	if (stat(path, &seen) != 0)
		return bx_fail(error, BX_FAILED, "%s: %s", path, strerror(errno));
	*file = (struct file){ seen.st_dev, seen.st_ino };
	return true;
}

static bool remember_files(struct writer *writer, struct bx_error *error)
{
	return remember_file(writer, "", &writer->database, error) &&
		remember_file(writer, "-wal", &writer->wal, error) &&
		remember_file(writer, "-shm", &writer->shm, error);
}

static bool open_database(struct writer *writer, struct writer_outcome *outcome)
{
	struct bx_error *error = &outcome->error;
	int persist = 1;
	BX_OWNED(free) char *folder = bx_copy(writer->path);
	char *slash = strrchr(folder, '/');
	if (slash && slash != folder) {
		*slash = '\0';
		if (!bx_folder_make(folder, 0750, error))
			return false;
	}
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(writer->path, &writer->handle, flags, NULL) != SQLITE_OK)
		return fail(writer, error, "opening");
	sqlite3_file_control(writer->handle, NULL, SQLITE_FCNTL_PERSIST_WAL, &persist);
	int64_t version;
	if (!run(writer, "PRAGMA busy_timeout=1000", error) || !look(writer, &version, error) ||
		!run(writer,
			"PRAGMA page_size=2048; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
			"PRAGMA wal_autocheckpoint=1000; PRAGMA secure_delete=OFF; PRAGMA cache_size=-4000;"
			"PRAGMA journal_size_limit=8388608",
			error) ||
		!migrate(writer, version, error) ||
		!ask_number(writer, "SELECT coalesce((max(id) >> 12) + 1, 0) FROM open", &writer->next_commit,
			error) ||
		!load_keys(writer, outcome))
		return false;
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		if (sqlite3_prepare_v3(writer->handle, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &writer->prepared[i], NULL) != SQLITE_OK)
			return fail(writer, error, "preparing");
	return run(writer, "BEGIN", error) && run(writer, bx_schema_views, error) &&
		run(writer, "COMMIT", error) &&
		remember_files(writer, error); /* the log is there since the COMMIT */
}

static bool is_same(const char *path, const struct file *file)
{
	struct stat seen;
	return stat(path, &seen) == 0 && seen.st_dev == file->device && seen.st_ino == file->inode;
}

/* Another file lies at our path, or none. What is in the log goes to the file that it belongs to, wherever that is now; a log
 * left behind would be taken for the new file's. */
static void leave_database(struct writer *writer)
{
	static const char *const behind[] = { "-wal", "-shm" };
	if (writer->handle)
		(void)sqlite3_wal_checkpoint_v2(
			writer->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL); /* or it is gone */
	for (size_t i = 0; i < BX_COUNT(behind); i++) {
		char path[PATH_MAX];
		(void)snprintf(path, sizeof path, "%s%s", writer->path, behind[i]);
		if (is_same(path, i == 0 ? &writer->wal : &writer->shm))
			(void)unlink(
				path); /* or it stays, and the new file is refused where they do not match */
	}
	close_database(writer);
}

/* --- writing --- */

static void bind_text(sqlite3_stmt *statement, int place, const char *text)
{
	sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

/* Runs a statement that gives one number, or none: *number stays. False: it failed. */
static bool step_number(sqlite3_stmt *statement, int64_t *number)
{
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		*number = sqlite3_column_int64(statement, 0);
		result = sqlite3_step(statement);
	}
	sqlite3_reset(statement);
	return result == SQLITE_DONE;
}

/* The source's number in the database, given where it is new. */
static bool find_source(struct writer *writer, const char *source, int64_t *id)
{
	char type[BX_NAME_SIZE];
	const char *slash = strchr(source, '/');
	size_t length = slash ? (size_t)(slash - source) : strlen(source);
	memcpy(type, source, length); /* a name, bounded */
	type[length] = '\0';
	*id = -1;
	for (int i = FIND_SOURCE; i <= ADD_SOURCE && *id < 0; i++) {
		sqlite3_stmt *statement = writer->prepared[i];
		bind_text(statement, 1, type);
		bind_text(statement, 2, slash ? slash + 1 : "");
		if (!step_number(statement, id)) /* the schema's CHECK is the bound of sources */
			return sqlite3_errcode(writer->handle) == SQLITE_CONSTRAINT_CHECK ||
				sqlite3_errcode(writer->handle) == SQLITE_CONSTRAINT;
	}
	return true;
}

static bool find_places(struct writer *writer, const struct ingest_record *record, struct places **places)
{
	if (record->source_index >= writer->place_count) {
		size_t count = record->source_index + 64;
		writer->places = bx_grow(writer->places, count, sizeof *writer->places);
		memset(writer->places + writer->place_count, 0,
			(count - writer->place_count) * sizeof *writer->places);
		writer->place_count = count;
	}
	*places = &writer->places[record->source_index];
	if ((*places)->places)
		return true;
	(*places)->places = bx_alloc(1, sizeof *(*places)->places);
	return find_source(writer, record->source, &(*places)->source);
}

/* The series' position within its source, given where it is new; -1: over the bound. */
static bool find_position(
	struct writer *writer, struct places *places, const struct ingest_name *name, int *position)
{
	for (size_t i = 0; i < places->count; i++) {
		if (places->places[i].name == name) {
			*position = places->places[i].position;
			return true;
		}
	}
	int64_t found = -1;
	for (int i = FIND_SERIES; i <= ADD_SERIES && found < 0; i++) {
		sqlite3_stmt *statement = writer->prepared[i];
		sqlite3_bind_int64(statement, 1, places->source);
		bind_text(statement, 2, name->series);
		bind_text(statement, 3, bx_catalog_row(name->metric)->unit);
		if (!step_number(statement, &found))
			return false;
	}
	places->places = bx_grow(places->places, places->count + 1, sizeof *places->places);
	places->places[places->count++] = (struct place){ name, (int)found };
	*position = (int)found;
	return true;
}

/* A stretch of one source's records as columns: [position * rows + row], NaN where there is none. */
struct stretch {
	const struct ingest_record *const *records;
	size_t rows, columns;
	double *values;
	const struct ingest_name **names; /* [position] */
};

static void add_cell(struct bx_json *json, const struct ingest_name *name, double value)
{
	char word[BX_WORD_SIZE];
	bool is_word = !isnan(value) && bx_catalog_row(name->metric)->kind == BX_WORD;
	if (!is_word)
		bx_json_number(json, NULL, value); /* NaN: null */
	else if (bx_catalog_word(name->metric, (int)value, word))
		bx_json_text(json, NULL, word);
	else
		bx_json_null(json, NULL);
}

static bool is_constant(const double *column, size_t rows)
{
	for (size_t row = 1; row < rows; row++)
		if (column[row] != column[0] && !(isnan(column[row]) && isnan(column[0])))
			return false;
	return true;
}

static void print_columns(const struct stretch *stretch, struct bx_text *text)
{
	struct bx_json json = { .text = text };
	bx_json_list(&json, NULL);
	for (size_t position = 0; position < stretch->columns; position++) {
		const double *column = stretch->values + position * stretch->rows;
		if (is_constant(column, stretch->rows)) {
			add_cell(&json, stretch->names[position], column[0]);
			continue;
		}
		bx_json_list(&json, NULL);
		for (size_t row = 0; row < stretch->rows; row++)
			add_cell(&json, stretch->names[position], column[row]);
		bx_json_end_list(&json);
	}
	bx_json_end_list(&json);
}

static void print_times(const struct stretch *stretch, struct bx_text *text)
{
	struct bx_json json = { .text = text };
	bx_json_list(&json, NULL);
	for (size_t row = 0; row < stretch->rows; row++)
		bx_json_integer(&json, NULL, stretch->records[row]->second);
	bx_json_end_list(&json);
}

static bool insert_stretch(struct writer *writer, const struct stretch *stretch, int64_t source)
{
	BX_TEXT_OWNED struct bx_text times;
	BX_TEXT_OWNED struct bx_text data;
	bx_text_init(&times, ROW_BYTES_MAX);
	bx_text_init(&data, ROW_BYTES_MAX);
	print_times(stretch, &times);
	print_columns(stretch, &data);
	sqlite3_stmt *statement = writer->prepared[ADD_OPEN];
	int64_t none;
	sqlite3_bind_int64(statement, 1, writer->next_commit << BX_SERIES_BITS | source);
	bind_text(statement, 2, times.data);
	bind_text(statement, 3, data.data);
	bool good = step_number(statement, &none);
	sqlite3_clear_bindings(statement);
	return good;
}

/* Writes the records of one source; gives every value its column first. */
static bool write_source(struct writer *writer, const struct ingest_record *const *records, size_t rows)
{
	struct places *places;
	if (!find_places(writer, records[0], &places))
		return false;
	if (places->source < 0) {
		for (size_t row = 0; row < rows; row++)
			writer->refused += records[row]->count;
		return true;
	}
	BX_OWNED(free) int *positions = NULL;
	size_t count = 0, columns = 0;
	for (size_t row = 0; row < rows; row++) {
		positions = bx_grow(positions, count + records[row]->count, sizeof *positions);
		for (size_t i = 0; i < records[row]->count; i++, count++) {
			if (!find_position(writer, places, records[row]->values[i].name, &positions[count]))
				return false;
			writer->refused += positions[count] < 0;
			if (positions[count] + 1 > (int)columns)
				columns = (size_t)positions[count] + 1;
		}
	}
	BX_OWNED(free) double *values = bx_alloc(rows * columns, sizeof *values);
	BX_OWNED(free) const struct ingest_name **names = bx_alloc(columns, sizeof *names);
	for (size_t i = 0; i < rows * columns; i++)
		values[i] = (double)NAN;
	count = 0;
	for (size_t row = 0; row < rows; row++) {
		for (size_t i = 0; i < records[row]->count; i++, count++) {
			if (positions[count] < 0)
				continue;
			values[(size_t)positions[count] * rows + row] = records[row]->values[i].value;
			names[positions[count]] = records[row]->values[i].name;
		}
	}
	struct stretch stretch = { records, rows, columns, values, names };
	return insert_stretch(writer, &stretch, places->source);
}

static bool write_events(struct writer *writer, const struct ingest_batch *batch)
{
	sqlite3_stmt *statement = writer->prepared[ADD_EVENT];
	int64_t none;
	bool good = true;
	for (size_t i = 0; good && i < batch->event_count; i++) {
		const struct ingest_event_row *event = &batch->events[i];
		bind_text(statement, 1, event->id);
		sqlite3_bind_int64(statement, 2, event->second);
		bind_text(statement, 3, event->type);
		bind_text(statement, 4, event->target);
		bind_text(statement, 5, event->data);
		good = step_number(statement, &none);
	}
	sqlite3_clear_bindings(statement);
	return good;
}

static bool write_batch(struct writer *writer, const struct ingest_batch *batch)
{
	const struct ingest_record *const *records = (const struct ingest_record *const *)batch->records;
	for (size_t first = 0, end; first < batch->record_count; first = end) {
		end = first + 1;
		while (end < batch->record_count &&
			records[end]->source_index == records[first]->source_index)
			end++;
		if (!write_source(writer, records + first, end - first))
			return false;
	}
	return write_events(writer, batch);
}

static void measure(struct writer *writer, struct writer_outcome *outcome)
{
	int64_t pages = 0, free_pages = 0, page = 0;
	struct stat seen;
	char wal[4096];
	(void)ask_number(writer, "PRAGMA page_count", &pages,
		NULL); /* a figure that cannot be read stays 0 of a closed file */
	(void)ask_number(writer, "PRAGMA freelist_count", &free_pages, NULL);
	(void)ask_number(writer, "PRAGMA page_size", &page, NULL);
	(void)snprintf(wal, sizeof wal, "%s-wal", writer->path);
	outcome->size = pages * page;
	outcome->free_size = free_pages * page;
	outcome->wal_size = stat(wal, &seen) == 0 ? seen.st_size : 0;
}

void writer_commit(struct writer *writer, const struct ingest_batch *batch, struct writer_outcome *outcome)
{
	int64_t began_ms = bx_clock_kernel.mono(&bx_clock_kernel).ms;
	*outcome = (struct writer_outcome){ .result = WRITER_COMMITTED };
	writer->refused = 0;
	if (!is_same(writer->path, &writer->database))
		leave_database(writer);
	if (!writer->handle) {
		outcome->result = open_database(writer, outcome) ? WRITER_OPENED : WRITER_FAILED;
	} else if (batch && (batch->record_count > 0 || batch->event_count > 0)) {
		bool good = sqlite3_exec(writer->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
			write_batch(writer, batch) &&
			sqlite3_exec(writer->handle, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
		if (!good) {
			fail(writer, &outcome->error, "writing");
			outcome->result = WRITER_FAILED;
		}
		writer->next_commit += batch->record_count > 0;
	}
	if (outcome->result == WRITER_FAILED) {
		close_database(writer); /* rolls back; positions given in it were not */
		writer_free_keys(outcome);
		return;
	}
	measure(writer, outcome);
	outcome->refused = writer->refused;
	outcome->took_ms = bx_clock_kernel.mono(&bx_clock_kernel).ms - began_ms;
}

void writer_free_keys(struct writer_outcome *outcome)
{
	for (size_t i = 0; i < outcome->key_count; i++)
		free(outcome->keys[i].source);
	free(outcome->keys);
	outcome->keys = NULL;
	outcome->key_count = 0;
}
