#include "services/bxctl/metrics.h"

#include "libbus/base/json.h"
#include "services/bxctl/client.h"
#include "services/bxctl/fleet.h"
#include "services/bxctl/history.h"
#include "services/bxctl/show.h"
#include <stdio.h>
#include <string.h>

/* A walk over all values that the glob names; `table` or `json`. */
struct walk {
	const struct client *client;
	const char *glob; /* NULL: all */
	struct show_table *table;
	struct bx_json *json;
	char source[BX_NAME_SIZE];
	struct bx_wall time;
	size_t count;
};

static void on_value(void *arg, enum bx_metric metric, const char *series, double value)
{
	struct walk *walk = arg;
	char name[BX_NAME_SIZE + BX_SERIES_SIZE], text[SHOW_CELL_SIZE], age[SHOW_CELL_SIZE];
	(void)snprintf(name, sizeof name, "%s/%s", walk->source, series);
	if (walk->glob && !bx_glob(walk->glob, name))
		return;
	walk->count++;
	if (walk->json) {
		const struct bx_row *row = bx_catalog_row(metric);
		bx_json_object(walk->json, NULL);
		bx_json_text(walk->json, "series", name);
		bx_json_text(walk->json, "label", row->label);
		bx_json_text(walk->json, "unit", row->unit);
		bx_value_json(walk->json, "value", metric, value);
		if (fleet_age(walk->time) >= 0)
			bx_json_number(walk->json, "age", (double)fleet_age(walk->time) / 1000);
		bx_json_end_object(walk->json);
		return;
	}
	show_value(metric, value, text);
	show_span(fleet_age(walk->time), age);
	show_cell(walk->table, SHOW_PLAIN, name);
	show_cell(walk->table, SHOW_FAINT, bx_catalog_row(metric)->label);
	show_cell(walk->table, SHOW_PLAIN, text);
	show_cell(walk->table, SHOW_FAINT, age);
}

static void on_entry(void *arg, const struct bx_entry *entry)
{
	struct walk *walk = arg;
	char topic[BX_TOPIC_SIZE];
	union bx_any payload;
	if (!bx_topic_print(entry->topic, entry->name, topic) || !bx_topic_source(topic, walk->source) ||
		!bx_mirror_read(walk->client->mirror, entry->topic, entry->name, &payload))
		return;
	walk->time = payload.values.time;
	bx_values_each(&payload.values, on_value, walk);
}

static int show(
	const struct client *client, const struct request *request, const enum bx_topic *topics, size_t count)
{
	static const char *const heads[] = { "Series", "", "Value", "Age" };
	struct bx_error error;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, CLIENT_JSON_MAX);
	struct bx_json json = { .text = &text };
	BX_OWNED(show_table_free)
	struct show_table *table = show_table_new(BX_COUNT(heads), 1U << 2 | 1U << 3);
	struct walk walk = { .client = client,
		.glob = request_value(request, "series"),
		.table = table,
		.json = request->json ? &json : NULL };
	for (size_t i = 0; i < BX_COUNT(heads); i++)
		show_cell(table, SHOW_STRONG, heads[i]);
	bx_json_object(&json, NULL);
	bx_json_list(&json, "values");
	for (size_t i = 0; i < count; i++)
		bx_mirror_each(client->mirror, topics[i], on_entry, &walk);
	bx_json_end_list(&json);
	bx_json_end_object(&json);
	if (walk.count == 0 && walk.glob) {
		bx_fail(&error, BX_MISSING,
			"no series now is named '%s'; a name is such as miner/gamma-3/hashrate, and * any "
			"run of characters",
			walk.glob);
		return client_fail(request, &error);
	}
	if (request->json)
		return client_finish(request, &text);
	show_table_print(table, stdout);
	return EXIT_DONE;
}

int metrics_run(const struct request *request)
{
	enum bx_topic topics[BX_TOPIC_COUNT];
	size_t count = 0;
	struct client client;
	if (request_value(request, "hours") || request_value(request, "csv"))
		return history_run(request);
	for (int topic = 0; topic < BX_TOPIC_COUNT; topic++)
		if (bx_topic_row((enum bx_topic)topic)->payload == BX_VALUES)
			topics[count++] = (enum bx_topic)topic;
	int status = client_open(&client, request, topics, count);
	if (status == EXIT_DONE)
		status = show(&client, request, topics, count);
	client_close(&client);
	return status;
}
