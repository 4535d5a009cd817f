/* The answer is one message of at most 200 kB. For a person 60 steps are as good as 500, so that is what is asked for, and less
 * where there are so many series that it does not fit; minimum and maximum are exact with any step. */
#include "services/bxctl/history.h"

#include "libbus/base/json.h"
#include "libbus/contract/topics.h"
#include "services/bxctl/client.h"
#include "services/bxctl/show.h"
#include <math.h>
#include <string.h>

enum { POINTS = 60, POINTS_LEAST = 8, DECIMALS_OTHER = 4 };
static const double absent = (double)NAN;

/* --- reading the answer --- */

struct history {
	json_t *document; /* owned */
	const json_t *times;
	json_t *series;
	size_t points;
};

static bool read_history(struct history *history, const char *result)
{
	*history = (struct history){ .document = bx_json_read(result, strlen(result), BX_JSON_OURS, NULL) };
	history->times = json_object_get(history->document, "times");
	history->series = json_object_get(history->document, "series");
	history->points = json_array_size(history->times);
	return json_is_array(history->times) && json_is_object(history->series);
}

static void history_done(struct history *history)
{
	json_decref(history->document);
}

/* `list` is min, mean or max; NaN: a gap. */
static double value_at(const json_t *series, const char *list, size_t point)
{
	const json_t *value = json_array_get(json_object_get(series, list), point);
	return json_is_number(value) ? json_number_value(value) : absent;
}

static const char *unit_of(const json_t *series)
{
	const char *unit = json_string_value(json_object_get(series, "unit"));
	return unit ? unit : "";
}

/* --- the table --- */

void history_curve(const double *values, size_t count, char text[HISTORY_CURVE_SIZE])
{
	static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	enum { HIGHEST = BX_COUNT(blocks) - 1 };
	static const char gap[] = "\u00a0"; /* a plain blank at an end is trimmed by the table */
	size_t columns = count < HISTORY_CURVE_MAX ? count : HISTORY_CURVE_MAX, used = 0;
	double mean[HISTORY_CURVE_MAX], min = (double)INFINITY, max = -(double)INFINITY;
	for (size_t column = 0; column < columns; column++) {
		double sum = 0, known = 0;
		for (size_t i = column * count / columns; i < (column + 1) * count / columns; i++) {
			sum += isnan(values[i]) ? 0 : values[i];
			known += !isnan(values[i]);
		}
		mean[column] = known > 0 ? sum / known : absent;
		min = fmin(min, mean[column]); /* of a number and NaN it is the number */
		max = fmax(max, mean[column]);
	}
	for (size_t column = 0; column < columns; column++) {
		double share = (mean[column] - min) / (max - min);
		if (!(share >= 0 && share <= 1)) /* all are alike, or further apart than a double holds */
			share = 0.5;
		const char *mark = isnan(mean[column]) ? gap : blocks[(size_t)(share * HIGHEST + 0.5)];
		used += (size_t)snprintf(text + used, HISTORY_CURVE_SIZE - used, "%s", mark);
	}
	text[used] = '\0';
}

static void show_number(struct show_table *table, enum bx_metric metric, double value)
{
	char text[SHOW_CELL_SIZE] = SHOW_ABSENT;
	const struct bx_row *row = metric < BX_METRIC_COUNT ? bx_catalog_row(metric) : NULL;
	if (isnan(value)) {
		show_cell(table, SHOW_PLAIN, text);
		return;
	}
	if (!row)
		bx_number_print(bx_round(value, DECIMALS_OTHER), text);
	else if (row->kind == BX_MOMENT)
		show_value(metric, value, text);
	else /* of yes and no: the share of yes */
		(void)snprintf(text, sizeof text, "%.*f", row->kind == BX_YES_NO ? 2 : row->decimals, value);
	show_cell(table, SHOW_PLAIN, text);
}

static void show_series(
	struct show_table *table, const struct history *history, const char *name, const json_t *series)
{
	enum bx_metric metric = bx_series_metric(name);
	BX_OWNED(free) double *means = bx_alloc(history->points, sizeof *means);
	double newest = absent, min = absent, max = absent, sum = 0;
	size_t known = 0;
	char curve[HISTORY_CURVE_SIZE];
	for (size_t i = 0; i < history->points; i++) {
		means[i] = value_at(series, "mean", i);
		min = fmin(min, value_at(series, "min", i));
		max = fmax(max, value_at(series, "max", i));
		if (isnan(means[i]))
			continue;
		newest = means[i];
		sum += means[i];
		known++;
	}
	history_curve(means, history->points, curve);
	show_cell(table, SHOW_PLAIN, name);
	show_cell(table, SHOW_FAINT, unit_of(series));
	show_number(table, metric, newest);
	show_number(table, metric, min);
	show_number(table, metric, known > 0 ? sum / (double)known : absent);
	show_number(table, metric, max);
	show_cell(table, SHOW_PLAIN, curve);
}

int history_print_table(const char *result, const char *hours, FILE *file)
{
	static const char *const heads[] = { "Series", "", "Newest", "Min", "Mean", "Max" };
	struct history history;
	const char *name;
	json_t *series;
	char span[SHOW_CELL_SIZE];
	int count = -1;
	if (read_history(&history, result)) {
		BX_OWNED(show_table_free)
		struct show_table *table =
			show_table_new(BX_COUNT(heads) + 1, 1U << 2 | 1U << 3 | 1U << 4 | 1U << 5);
		for (size_t i = 0; i < BX_COUNT(heads); i++)
			show_cell(table, SHOW_STRONG, heads[i]);
		(void)snprintf(span, sizeof span, "%.20s h", hours);
		show_cell(table, SHOW_STRONG, span);
		json_object_foreach (history.series, name, series)
			show_series(table, &history, name, series);
		count = (int)json_object_size(history.series);
		if (count > 0)
			show_table_print(table, file);
	}
	history_done(&history);
	return count;
}

/* --- CSV --- */

static const char *const lists[] = { "min", "mean", "max" };

static void print_heads(const struct history *history, FILE *file)
{
	const char *name;
	json_t *series;
	(void)fputs("time", file);
	json_object_foreach (history->series, name, series) {
		const char *unit = unit_of(series);
		for (size_t list = 0; list < BX_COUNT(lists); list++)
			(void)fprintf(file, ",\"%s %s%s%s%s\"", name, lists[list], unit[0] ? " (" : "", unit,
				unit[0] ? ")" : "");
	}
	(void)fputs("\r\n", file);
}

static void print_row(const struct history *history, size_t point, FILE *file)
{
	char time[BX_WALL_SIZE], digits[BX_NUMBER_SIZE];
	const char *name;
	json_t *series;
	double second = json_number_value(json_array_get(history->times, point));
	bx_wall_print((struct bx_wall){ (int64_t)(fmin(fmax(second, 0), 253402300799) * 1000) }, time);
	(void)fputs(time, file);
	json_object_foreach (history->series, name, series) {
		for (size_t list = 0; list < BX_COUNT(lists); list++) {
			double value = value_at(series, lists[list], point);
			if (!isnan(value))
				bx_number_print(value, digits);
			(void)fprintf(file, ",%s", isnan(value) ? "" : digits);
		}
	}
	(void)fputs("\r\n", file);
}

int history_print_csv(const char *result, FILE *file)
{
	struct history history;
	int count = -1;
	if (read_history(&history, result)) {
		print_heads(&history, file);
		for (size_t point = 0; point < history.points; point++)
			print_row(&history, point, file);
		count = (int)json_object_size(history.series);
	}
	history_done(&history);
	return count;
}

/* --- asking --- */

static bool ask_points(struct client *client, const struct request *request, int points, char **result,
	struct bx_error *error)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_ARGUMENT_BYTES_MAX);
	struct bx_json json = { .text = &text };
	bx_json_object(&json, NULL);
	bx_json_text(&json, "hours", request_value(request, "hours"));
	if (request_value(request, "series"))
		bx_json_text(&json, "series", request_value(request, "series"));
	bx_json_integer(&json, "points", points);
	bx_json_end_object(&json);
	if (text.cut)
		return bx_fail(error, BX_INVALID, "arguments of over %d bytes", BX_ARGUMENT_BYTES_MAX);
	return client_ask(client, BX_VERB_HISTORY, bx_verb_row(BX_VERB_HISTORY)->service, text.data,
		CLIENT_ANSWER_MS, result, error);
}

/* With fewer steps where it does not fit. */
static bool ask(struct client *client, const struct request *request, char **result, struct bx_error *error)
{
	int points = POINTS;
	while (!ask_points(client, request, points, result, error)) {
		points /= 2;
		if (error->code != BX_FULL || points < POINTS_LEAST)
			return false;
	}
	return true;
}

static int show(const struct request *request, const char *result)
{
	struct bx_error error;
	const char *hours = request_value(request, "hours"), *globs = request_value(request, "series");
	if (request->json)
		return puts(result) < 0;
	bool csv = request_value(request, "csv") != NULL;
	int count = csv ? history_print_csv(result, stdout) : history_print_table(result, hours, stdout);
	if (count < 0) {
		bx_fail(&error, BX_FAILED,
			"the gateway's answer is not understood; are both of one version? See: bxctl --version");
		return client_fail(request, &error);
	}
	if (count > 0 || csv)
		return EXIT_DONE;
	if (globs) {
		bx_fail(&error, BX_MISSING, "there is no history of '%.200s' within the last %.20s hours",
			globs, hours);
		return client_fail(request, &error);
	}
	(void)puts("There is no history of that time yet; the first comes some minutes after the start.");
	return EXIT_DONE;
}

int history_run(const struct request *request)
{
	struct client client;
	struct bx_error error = { 0 };
	BX_OWNED(free) char *result = NULL;
	if (!request_value(request, "hours")) {
		bx_fail(&error, BX_INVALID, "--csv is for history: say of how many --hours");
		(void)client_fail(request, &error);
		return EXIT_USAGE;
	}
	int status = client_open(&client, request, NULL, 0);
	if (status == EXIT_DONE)
		status = ask(&client, request, &result, &error) && result ? show(request, result)
									  : client_fail(request, &error);
	client_close(&client);
	return status;
}
