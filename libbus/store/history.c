/* Buckets are filled as rows are read, in any order of time; no value is kept by itself. */
#define _GNU_SOURCE
#include "libbus/store/history.h"

#include "libbus/base/text.h"
#include "libbus/contract/topics.h"
#include "libbus/store/schema.h"
#include <jansson.h>
#include <math.h>
#include <search.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

struct series {
	char *name, *unit;
	double *min, *mean, *max; /* mean: the sum, until it is asked for */
	uint32_t *count;
	bool settled;
};

struct newest {
	char *source;
	int64_t second;
};

struct bx_history {
	int64_t from, to, step;
	size_t points;
	char *globs;
	struct series **series;
	size_t count;
	void *by_name; /* tree of struct series */
	struct newest *newest;
	size_t newest_count;
	bool sorted;
};

/* Of the multiples of `step`, those that begin before the range's end, from the one that its beginning lies in. */
static int64_t count_steps(const struct bx_history_range *range, int64_t step)
{
	return (range->to - range->from / step * step + step - 1) / step;
}

struct bx_history *bx_history_new(const struct bx_history_range *range, struct bx_error *error)
{
	if (range->from < 0 || range->to <= range->from || range->to > INT64_MAX / 2000) {
		bx_fail(error, BX_INVALID, "the range is empty: from has to be before to");
		return NULL;
	}
	if (range->step < 0 || range->step > INT64_MAX / 2000) {
		bx_fail(error, BX_INVALID, "the step is none: it has at least a second");
		return NULL;
	}
	int64_t points = range->points == 0 ? 500 : BX_HISTORY_POINTS_MAX;
	if (range->points > 0 && range->points < BX_HISTORY_POINTS_MAX)
		points = (int64_t)range->points;
	int64_t span = range->to - range->from, step = range->step;
	if (step == 0)
		step = (span + points - 1) / points;
	if (range->step == 0 && points > 1 && count_steps(range, step) > points)
		step = (span + points - 2) / (points - 1); /* it begins within a step: one more */
	if (count_steps(range, step) > BX_HISTORY_POINTS_MAX) {
		bx_fail(error, BX_INVALID, "more than %d steps; choose a longer step or a shorter range",
			BX_HISTORY_POINTS_MAX);
		return NULL;
	}
	struct bx_history *history = bx_alloc(1, sizeof *history);
	history->from = range->from / step * step;
	history->to = range->to;
	history->step = step;
	history->points = (size_t)count_steps(range, step);
	history->globs = bx_copy(range->series ? range->series : "*");
	return history;
}

static void no_free(void *series)
{
	(void)series; /* the list's */
}

void bx_history_free(struct bx_history *history)
{
	if (!history)
		return;
	tdestroy(history->by_name, no_free);
	for (size_t i = 0; i < history->count; i++) {
		struct series *series = history->series[i];
		free(series->name);
		free(series->unit);
		free(series->min);
		free(series->mean);
		free(series->max);
		free(series->count);
		free(series);
	}
	for (size_t i = 0; i < history->newest_count; i++)
		free(history->newest[i].source);
	free(history->newest);
	free(history->series);
	free(history->globs);
	free(history);
}

static bool is_wanted(const struct bx_history *history, const char *name)
{
	char glob[BX_NAME_SIZE + BX_SERIES_SIZE];
	for (const char *at = history->globs; *at;) {
		size_t length = strcspn(at, ",");
		if (length > 0 && length < sizeof glob) {
			memcpy(glob, at, length);
			glob[length] = '\0';
			if (bx_glob(glob, name))
				return true;
		}
		at += length + (at[length] == ',');
	}
	return false;
}

static int compare_series(const void *one, const void *other)
{
	return strcmp(((const struct series *)one)->name, ((const struct series *)other)->name);
}

/* NULL: not asked for, or over the bound. */
static struct series *find_series(
	struct bx_history *history, const char *source, const char *row, const char *unit)
{
	char name[BX_NAME_SIZE + BX_SERIES_SIZE];
	if ((size_t)snprintf(name, sizeof name, "%s/%s", source, row) >= sizeof name)
		return NULL;
	struct series key = { .name = name };
	void *found = tfind(&key, &history->by_name, compare_series);
	if (found)
		return *(struct series **)found;
	if (!is_wanted(history, name) || history->count == BX_HISTORY_SERIES_MAX ||
		(history->count + 1) * history->points > BX_HISTORY_CELLS_MAX)
		return NULL;
	struct series *series = bx_alloc(1, sizeof *series);
	series->name = bx_copy(name);
	series->unit = bx_copy(unit);
	series->min = bx_alloc(history->points, sizeof *series->min);
	series->mean = bx_alloc(history->points, sizeof *series->mean);
	series->max = bx_alloc(history->points, sizeof *series->max);
	series->count = bx_alloc(history->points, sizeof *series->count);
	history->series = bx_grow(history->series, history->count + 1, sizeof *history->series);
	history->series[history->count++] = series;
	history->sorted = false;
	if (!tsearch(series, &history->by_name, compare_series))
		abort(); /* no memory */
	return series;
}

static void add_value(struct bx_history *history, struct series *series, int64_t second, double value)
{
	if (second < history->from || second >= history->to)
		return;
	size_t point = (size_t)((second - history->from) / history->step);
	if (series->count[point] == 0 || value < series->min[point])
		series->min[point] = value;
	if (series->count[point] == 0 || value > series->max[point])
		series->max[point] = value;
	series->mean[point] += value;
	series->count[point]++;
}

/* --- the database's part --- */

/* The wanted series of a source by position, NULL between. */
struct columns {
	struct series *at[BX_POSITIONS_MAX];
	size_t count; /* highest wanted + 1 */
};

static void add_row(struct bx_history *history, const struct columns *columns, const char *times_text,
	const char *data_text, int64_t *newest)
{
	json_auto_t *times = json_loads(times_text, 0, NULL), *data = json_loads(data_text, 0, NULL);
	size_t index, rows = json_array_size(times);
	json_t *time;
	json_array_foreach (times, index, time)
		if (json_integer_value(time) > *newest)
			*newest = json_integer_value(time);
	for (size_t position = 0; position < columns->count && position < json_array_size(data); position++) {
		json_t *column = json_array_get(data, position);
		if (!columns->at[position] || json_is_null(column))
			continue;
		for (size_t row = 0; row < rows; row++) {
			const json_t *value = json_is_array(column) ? json_array_get(column, row) : column;
			if (json_is_number(value))
				add_value(history, columns->at[position],
					json_integer_value(json_array_get(times, row)),
					json_number_value(value));
		}
	}
}

static int read_columns(struct bx_history *history, sqlite3 *handle, int64_t source_id, const char *source,
	struct columns *columns)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(
		handle, "SELECT id & 4095, name, unit FROM series WHERE id >> 12 = ?", -1, &statement, NULL);
	if (result != SQLITE_OK)
		return result;
	sqlite3_bind_int64(statement, 1, source_id);
	while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
		size_t position = (size_t)sqlite3_column_int64(statement, 0);
		columns->at[position] =
			find_series(history, source, (const char *)sqlite3_column_text(statement, 1),
				(const char *)sqlite3_column_text(statement, 2));
		if (columns->at[position] && position >= columns->count)
			columns->count = position + 1;
	}
	sqlite3_finalize(statement);
	return result;
}

static int read_source(struct bx_history *history, sqlite3 *handle, int64_t id, const char *source)
{
	BX_OWNED(free) struct columns *columns = bx_alloc(1, sizeof *columns);
	int result = read_columns(history, handle, id, source, columns);
	if (result != SQLITE_DONE)
		return result;
	int64_t newest = -1;
	sqlite3_stmt *statement;
	result = sqlite3_prepare_v2(
		handle, "SELECT times, data FROM open WHERE id & 4095 = ?", -1, &statement, NULL);
	if (result != SQLITE_OK)
		return result;
	sqlite3_bind_int64(statement, 1, id);
	while ((result = sqlite3_step(statement)) == SQLITE_ROW)
		add_row(history, columns, (const char *)sqlite3_column_text(statement, 0),
			(const char *)sqlite3_column_text(statement, 1), &newest);
	sqlite3_finalize(statement);
	history->newest = bx_grow(history->newest, history->newest_count + 1, sizeof *history->newest);
	history->newest[history->newest_count++] = (struct newest){ bx_copy(source), newest };
	return result;
}

static int read_sources(struct bx_history *history, sqlite3 *handle)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(handle,
		"SELECT id, type || iif(name = '', '', '/' || name) FROM source", -1, &statement, NULL);
	if (result != SQLITE_OK)
		return result;
	while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
		int inner = read_source(history, handle, sqlite3_column_int64(statement, 0),
			(const char *)sqlite3_column_text(statement, 1));
		if (inner != SQLITE_DONE) {
			result = inner;
			break;
		}
	}
	sqlite3_finalize(statement);
	return result;
}

bool bx_history_read(struct bx_history *history, struct bx_database *database, struct bx_error *error)
{
	sqlite3 *handle = bx_database_handle(database);
	int result = sqlite3_exec(handle, "BEGIN", NULL, NULL, NULL);
	if (result == SQLITE_OK)
		result = read_sources(history, handle);
	bool read = result == SQLITE_DONE;
	if (!read)
		bx_fail(error, BX_FAILED, "reading the database: %s", sqlite3_errstr(result));
	(void)sqlite3_exec(handle, "END", NULL, NULL, NULL); /* it only read */
	return read;
}

/* --- the tail --- */

struct adding {
	struct bx_history *history;
	const char *source;
	int64_t second;
};

static void add_one(void *arg, enum bx_metric metric, const char *row, double value)
{
	const struct adding *adding = arg;
	const struct bx_row *about = bx_catalog_row(metric);
	if (about->store != BX_STORED || about->kind == BX_WORD)
		return;
	struct series *series = find_series(adding->history, adding->source, row, about->unit);
	if (series)
		add_value(adding->history, series, adding->second, value);
}

void bx_history_add(struct bx_history *history, const char *source, const struct bx_values *values)
{
	struct adding adding = { history, source, bx_wall_second(values->time) };
	for (size_t i = 0; i < history->newest_count; i++)
		if (strcmp(history->newest[i].source, source) == 0 &&
			adding.second <= history->newest[i].second)
			return;
	bx_values_each(values, add_one, &adding);
}

/* --- what came of it --- */

int64_t bx_history_from(const struct bx_history *history)
{
	return history->from;
}

int64_t bx_history_step(const struct bx_history *history)
{
	return history->step;
}

size_t bx_history_points(const struct bx_history *history)
{
	return history->points;
}

size_t bx_history_count(const struct bx_history *history)
{
	return history->count;
}

static int compare_places(const void *one, const void *other)
{
	return compare_series(*(struct series *const *)one, *(struct series *const *)other);
}

struct bx_history_series bx_history_at(struct bx_history *history, size_t index)
{
	if (!history->sorted)
		qsort(history->series, history->count, sizeof *history->series, compare_places);
	history->sorted = true;
	struct series *series = history->series[index];
	for (size_t point = 0; !series->settled && point < history->points; point++) {
		if (series->count[point] == 0)
			series->min[point] = series->mean[point] = series->max[point] = (double)NAN;
		else
			series->mean[point] /= series->count[point];
	}
	series->settled = true;
	return (struct bx_history_series){ series->name, series->unit, series->min, series->mean,
		series->max };
}
