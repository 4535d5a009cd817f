#include "services/gateway/metrics.h"

#include "libbus/base/json.h"
#include "libbus/base/log.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

enum { HOURS_INITIAL = 24, HOURS_MAX = 24 * 366 * 20, SHOWN_DECIMALS = 4 };

/* Who asks: an exchange over HTTP, or a call on the bus. Either is found by its number when the answer is there, or nobody. */
struct asker {
	bool on_bus;
	struct reply reply;
	bx_call call;
};

/* A query is handed to a thread with all that it needs and comes back with its answer. */
struct query {
	struct metrics *
		metrics; /* NULL: the gateway has gone in the meantime. The loop's thread alone looks at it */
	struct asker asker;
	enum metrics_format format;
	char database[512];
	struct bx_history *history;
	struct tail_record **records;
	size_t record_count;
	struct bx_error trouble; /* BX_OK: none */
	struct bx_text text;
	LIST_ENTRY(query) link;
};

struct metrics {
	struct bx_service *service;
	struct tail *tail;
	LIST_HEAD(, query) queries;
	size_t count;
	bool complained;
};

struct metrics *metrics_new(struct bx_service *service, struct tail *tail)
{
	struct metrics *metrics = bx_alloc(1, sizeof *metrics);
	metrics->service = service;
	metrics->tail = tail;
	LIST_INIT(&metrics->queries);
	return metrics;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	struct query *query;
	LIST_FOREACH (query, &metrics->queries, link)
		query->metrics = NULL;
	free(metrics);
}

/* --- the wish --- */

/* Unix seconds, or a time as on the bus. */
static bool read_moment(const char *name, const char *text, int64_t *second, struct bx_error *error)
{
	struct bx_wall wall;
	if (bx_wall_parse(text, &wall)) {
		*second = bx_wall_second(wall);
		return true;
	}
	return bx_parse_integer(text, 0, 253402300799, second) ||
		bx_fail(error, BX_INVALID, "%s is in unix seconds, or a time such as 2026-01-31T12:00:00Z",
			name);
}

static bool read_count(
	const struct request *request, const char *name, int64_t max, int64_t *count, struct bx_error *error)
{
	const char *text = request_argument(request, name);
	return !text || bx_parse_integer(text, 1, max, count) ||
		bx_fail(error, BX_INVALID, "%s is a whole number from 1 to %lld", name, (long long)max);
}

static bool read_range(
	const struct request *request, int64_t now, struct bx_history_range *range, struct bx_error *error)
{
	const char *hours_text = request_argument(request, "hours"),
		   *from = request_argument(request, "from"), *to = request_argument(request, "to");
	double hours = HOURS_INITIAL;
	if (hours_text && from)
		return bx_fail(error, BX_INVALID, "give hours or from, not both");
	if (hours_text && (!bx_parse_number(hours_text, &hours) || !(hours > 0) || hours > HOURS_MAX))
		return bx_fail(error, BX_INVALID, "hours is a number over 0, at most %d", HOURS_MAX);
	range->to = now + 1; /* the second that is, included */
	if (to && !read_moment("to", to, &range->to, error))
		return false;
	range->from = range->to - (int64_t)(hours * 3600);
	if (from && !read_moment("from", from, &range->from, error))
		return false;
	if (range->from < 0)
		range->from = 0;
	return range->from < range->to ||
		bx_fail(error, BX_INVALID, "the range is empty: from has to be before to");
}

bool metrics_read_wish(
	const struct request *request, int64_t now, struct metrics_wish *wish, struct bx_error *error)
{
	struct metrics_wish read = { 0 };
	int64_t points = 0;
	const char *format = request_argument(request, "format");
	if (!read_range(request, now, &read.range, error) ||
		!read_count(request, "step", INT32_MAX, &read.range.step, error) ||
		!read_count(request, "points", BX_HISTORY_POINTS_MAX, &points, error))
		return false;
	if (read.range.step && points)
		return bx_fail(error, BX_INVALID, "give step or points, not both");
	read.range.points = (size_t)points;
	read.range.series = request_argument(request, "series");
	if (format && strcmp(format, "json") != 0 && strcmp(format, "csv") != 0)
		return bx_fail(error, BX_INVALID, "format is json or csv");
	read.format = format && strcmp(format, "csv") == 0 ? METRICS_CSV : METRICS_JSON;
	*wish = read;
	return true;
}

/* --- the answer --- */

static void print_list(struct bx_json *json, const char *name, const double *values, size_t count)
{
	bx_json_list(json, name);
	for (size_t i = 0; i < count; i++)
		bx_json_number(
			json, NULL, isfinite(values[i]) ? bx_round(values[i], SHOWN_DECIMALS) : values[i]);
	bx_json_end_list(json);
}

static void print_json(struct bx_history *history, struct bx_text *text)
{
	struct bx_json json = { .text = text };
	int64_t from = bx_history_from(history), step = bx_history_step(history);
	size_t points = bx_history_points(history);
	bx_json_object(&json, NULL);
	bx_json_integer(&json, "from", from);
	bx_json_integer(&json, "to", from + step * (int64_t)points);
	bx_json_integer(&json, "step", step);
	bx_json_list(&json, "times");
	for (size_t i = 0; i < points; i++)
		bx_json_integer(&json, NULL, from + step * (int64_t)i);
	bx_json_end_list(&json);
	bx_json_object(&json, "series");
	for (size_t i = 0; i < bx_history_count(history) && !text->cut; i++) {
		struct bx_history_series series = bx_history_at(history, i);
		bx_json_object(&json, series.name);
		bx_json_text(&json, "unit", series.unit);
		print_list(&json, "min", series.min, points);
		print_list(&json, "mean", series.mean, points);
		print_list(&json, "max", series.max, points);
		bx_json_end_object(&json);
	}
	bx_json_end_object(&json);
	bx_json_end_object(&json);
}

static void print_cell(struct bx_text *text, double value)
{
	char digits[BX_NUMBER_SIZE];
	if (isfinite(value))
		bx_number_print(bx_round(value, SHOWN_DECIMALS), digits);
	bx_text_print(text, ",%s", isfinite(value) ? digits : "");
}

/* RFC 4180; names have no quotes, since parts' names have none. */
static void print_csv(struct bx_history *history, struct bx_text *text)
{
	size_t count = bx_history_count(history), points = bx_history_points(history);
	bx_text_say(text, "time");
	for (size_t i = 0; i < count; i++) {
		struct bx_history_series series = bx_history_at(history, i);
		static const char *const heads[] = { "min", "mean", "max" };
		for (size_t head = 0; head < BX_COUNT(heads); head++)
			bx_text_print(text, ",\"%s %s%s%s%s\"", series.name, heads[head],
				series.unit[0] ? " (" : "", series.unit, series.unit[0] ? ")" : "");
	}
	bx_text_say(text, "\r\n");
	for (size_t point = 0; point < points && !text->cut; point++) {
		char time[BX_WALL_SIZE];
		struct bx_wall wall = {
			(bx_history_from(history) + bx_history_step(history) * (int64_t)point) * 1000
		};
		bx_wall_print(wall, time);
		bx_text_say(text, time);
		for (size_t i = 0; i < count; i++) {
			struct bx_history_series series = bx_history_at(history, i);
			print_cell(text, series.min[point]);
			print_cell(text, series.mean[point]);
			print_cell(text, series.max[point]);
		}
		bx_text_say(text, "\r\n");
	}
}

void metrics_print(struct bx_history *history, enum metrics_format format, struct bx_text *text)
{
	if (format == METRICS_CSV)
		print_csv(history, text);
	else
		print_json(history, text);
}

/* --- the query --- */

static void read_database(struct query *query)
{
	BX_OWNED(bx_database_close)
	struct bx_database *database = bx_database_open(query->database, &query->trouble);
	if (database)
		(void)bx_history_read(
			query->history, database, &query->trouble); /* what was read stays, and is told */
}

static void work(void *job)
{
	struct query *query = job;
	read_database(query);
	for (size_t i = 0; i < query->record_count; i++) {
		const struct tail_record *record = query->records[i];
		struct bx_values values;
		if (bx_values_decode(&values, record->scope, record->bytes, record->size, NULL))
			bx_history_add(query->history, record->source, &values);
	}
	metrics_print(query->history, query->format, &query->text);
}

/* A missing database is the first minutes of every installation; the rest is told, once. */
static void tell_trouble(struct metrics *metrics, const struct bx_error *trouble)
{
	bool is_trouble = trouble->code != BX_OK && trouble->code != BX_MISSING;
	if (is_trouble && !metrics->complained)
		bx_log(BX_WARNING, "the database cannot be read; history has the newest minutes alone",
			BX_F("why", (const char *)trouble->message));
	metrics->complained = is_trouble;
}

static void refuse(struct metrics *metrics, const struct asker *asker, const struct bx_error *error)
{
	if (asker->on_bus)
		bx_refuse(metrics->service->commands, asker->call, error);
	else
		reply_problem(&asker->reply, error->code == BX_BUSY ? 503 : 400, "%s", error->message);
}

static void answer_exchange(struct query *query)
{
	const struct reply *reply = &query->asker.reply;
	bool csv = query->format == METRICS_CSV;
	struct answer answer = { .status = 200,
		.type = csv ? "text/csv; charset=utf-8" : "application/json",
		.cache = "no-store",
		.file_name = csv ? "metrics.csv" : NULL,
		.body = query->text.data,
		.size = query->text.length };
	query->text.data = NULL; /* the answer's */
	reply->take(reply->arg, reply->exchange, &answer);
}

static void answer(struct metrics *metrics, struct query *query)
{
	struct bx_error error;
	if (query->text.cut) {
		bx_fail(&error, BX_FULL,
			"the answer is over %zu kB: ask for fewer series, a longer step or less time",
			query->text.max / 1024);
		refuse(metrics, &query->asker, &error);
	} else if (query->asker.on_bus) {
		bx_ok_json(metrics->service->commands, query->asker.call, query->text.data);
	} else {
		answer_exchange(query);
	}
}

static void done(void *job)
{
	struct query *query = job;
	if (query->metrics) {
		LIST_REMOVE(query, link);
		query->metrics->count--;
		tell_trouble(query->metrics, &query->trouble);
		answer(query->metrics, query);
	}
	tail_give_back(query->records, query->record_count);
	bx_history_free(query->history);
	bx_text_done(&query->text);
	free(query);
}

static void start(struct metrics *metrics, struct bx_history *history, const struct metrics_wish *wish,
	const struct asker *asker)
{
	struct query *query = bx_alloc(1, sizeof *query);
	query->metrics = metrics;
	query->asker = *asker;
	query->format = wish->format;
	query->history = history;
	bx_text_init(&query->text, asker->on_bus ? BX_RESULT_BYTES_MAX : METRICS_BYTES_MAX);
	(void)bx_text_copy(query->database, sizeof query->database,
		bx_config_text(
			metrics->service->config, BX_KEY_DATABASE)); /* cut: it will not open, and is told */
	query->records =
		tail_take(metrics->tail, bx_history_from(history), wish->range.to, &query->record_count);
	LIST_INSERT_HEAD(&metrics->queries, query, link);
	metrics->count++;
	bx_offload(metrics->service->loop, work, done, query);
}

static void ask(struct metrics *metrics, const struct request *request, const struct asker *asker)
{
	struct bx_wall now = bx_wall_now(metrics->service->loop);
	struct metrics_wish wish = { 0 };
	struct bx_history *history = NULL;
	struct bx_error error;
	if (now.ms == 0) /* not to be trusted yet, but there is no other */
		now = bx_clock_kernel.wall(&bx_clock_kernel);
	if (metrics->count == METRICS_QUERIES_MAX)
		bx_fail(&error, BX_BUSY, "%d questions about history are being answered; ask again",
			METRICS_QUERIES_MAX);
	else if (metrics_read_wish(request, bx_wall_second(now), &wish, &error))
		history = bx_history_new(&wish.range, &error);
	if (history)
		start(metrics, history, &wish, asker);
	else
		refuse(metrics, asker, &error);
}

void metrics_answer(struct metrics *metrics, const struct request *request, const struct reply *reply)
{
	struct asker asker = { .reply = *reply };
	ask(metrics, request, &asker);
}

/* A call's arguments are a request's: "hours=24". */
void metrics_call(struct metrics *metrics, bx_call call)
{
	const struct bx_verb_row *row = bx_verb_row(BX_VERB_HISTORY);
	char *arguments[BX_ARGUMENTS_MAX + 1] = { NULL };
	size_t count = 0;
	for (size_t i = 0; i < BX_ARGUMENTS_MAX && row->arguments[i].name; i++) {
		const char *name = row->arguments[i].name,
			   *value = bx_argument(metrics->service->commands, call, name);
		if (value) {
			size_t size = strlen(name) + strlen(value) + sizeof "=";
			arguments[count] = bx_alloc(size, 1);
			(void)snprintf(arguments[count++], size, "%s=%s", name, value);
		}
	}
	struct request request = { .method = METHOD_GET, .arguments = (const char *const *)arguments };
	struct asker asker = { .on_bus = true, .call = call };
	ask(metrics, &request, &asker);
	for (size_t i = 0; i < count; i++)
		free(arguments[i]);
}
