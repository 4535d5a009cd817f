#include "services/gateway/v2.h"

#include "libbus/base/json.h"
#include "services/gateway/gateway.h"
#include <stdio.h>
#include <string.h>

enum { FRESH_MS = 3 * 60 * 1000, ANSWER_BYTES_MAX = 1024 * 1024 };

/* The original's names are the catalogue's; its word for unknown is "N/A". */
static const struct figure {
	enum bx_metric metric;
	enum { FIGURE_NUMBER, FIGURE_TEXT } as;
} figures[] = {
	{ BX_CPU_USAGE, FIGURE_NUMBER }, { BX_MEMORY_USAGE, FIGURE_NUMBER }, { BX_DISK_USAGE, FIGURE_NUMBER },
	{ BX_TEMPERATURE, FIGURE_NUMBER }, { BX_LOAD_AVERAGE, FIGURE_TEXT }, /* "0.75" */
};

static struct bx_wall now_of(const struct gateway *gateway)
{
	struct bx_wall now = bx_wall_now(gateway->service->loop);
	return now.ms != 0 ? now
			   : bx_clock_kernel.wall(&bx_clock_kernel); /* the shape has no "unknown" here */
}

/* Are these the box's values of now? A collector that has died says nothing any more. */
static bool is_fresh(
	const struct gateway *gateway, const struct bx_entry *entry, const struct bx_values *values)
{
	int64_t interval_ms = bx_config_number(gateway->service->config, BX_KEY_MINER_POLL_INTERVAL) * 1000;
	int64_t fresh_ms = 3 * interval_ms > FRESH_MS ? 3 * interval_ms : FRESH_MS;
	struct bx_wall now = bx_wall_now(gateway->service->loop);
	bool said_lately = now.ms == 0 || values->time.ms == 0 || now.ms - values->time.ms <= fresh_ms;
	return entry->age_ms <= fresh_ms && said_lately;
}

static void print_figures(const struct gateway *gateway, struct bx_json *json)
{
	union bx_any host;
	struct bx_entry entry;
	bool known = bx_mirror_get(gateway->mirror, BX_HOST_TELEMETRY, "", &entry) &&
		bx_mirror_read(gateway->mirror, BX_HOST_TELEMETRY, "", &host) &&
		is_fresh(gateway, &entry, &host.values);
	bx_json_object(json, "system_metrics");
	for (size_t i = 0; i < BX_COUNT(figures); i++) {
		const struct bx_row *row = bx_catalog_row(figures[i].metric);
		double value;
		char text[32];
		if (!known || !bx_values_get(&host.values, figures[i].metric, &value)) {
			bx_json_text(json, row->name, "N/A");
		} else if (figures[i].as == FIGURE_NUMBER) {
			bx_json_number(json, row->name, value);
		} else {
			(void)snprintf(
				text, sizeof text, "%.*f", row->decimals, value); /* fits: loads are small */
			bx_json_text(json, row->name, text);
		}
	}
	bx_json_end_object(json);
}

struct states {
	const struct gateway *gateway;
	struct bx_json *json;
};

static void print_unit(void *arg, const struct bx_entry *entry)
{
	struct states *states = arg;
	union bx_any unit;
	double place;
	char word[BX_WORD_SIZE];
	if (bx_payload_decode(BX_UNIT_TELEMETRY, entry->bytes, entry->size, &unit, NULL) &&
		bx_values_get(&unit.values, BX_UNIT_STATE, &place) &&
		bx_catalog_word(BX_UNIT_STATE, (int)place, word))
		bx_json_text(states->json, entry->name, word);
}

/* Our own are listed by their programs' names, unless they are watched as units. */
static void print_own(void *arg, const struct bx_entry *entry)
{
	struct states *states = arg;
	const struct bx_mirror *mirror = states->gateway->mirror;
	char program[BX_NAME_SIZE + 16];
	struct bx_entry unit;
	(void)snprintf(program, sizeof program, "bitaxe-%s", entry->name); /* names are bounded */
	if (!bx_mirror_get(mirror, BX_UNIT_TELEMETRY, program, &unit))
		bx_json_text(
			states->json, program, bx_mirror_runs(mirror, entry->name) ? "running" : "stopped");
}

void v2_health(struct gateway *gateway, const struct request *request, const struct reply *reply)
{
	(void)request;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, ANSWER_BYTES_MAX);
	struct bx_json json = { .text = &text };
	struct states states = { gateway, &json };
	union bx_any summary;
	char time[BX_WALL_SIZE];
	bx_wall_print(now_of(gateway), time);
	(void)snprintf(strchr(time, '.'), 2, "Z"); /* whole seconds, as the original's */
	/* A summary counts as long as health lives: what it said before it died may be anything by now. */
	bool judged = bx_is_settled(gateway->service->bus) && bx_mirror_runs(gateway->mirror, "health") &&
		bx_mirror_read(gateway->mirror, BX_HEALTH_SUMMARY, "", &summary);

	bx_json_object(&json, NULL);
	bx_json_text(&json, "timestamp", time);
	bx_json_text(
		&json, "overall_status", judged ? bx_status_word(summary.summary.overall_status) : "UNKNOWN");
	print_figures(gateway, &json);
	bx_json_object(&json, "services");
	bx_mirror_each(gateway->mirror, BX_UNIT_TELEMETRY, print_unit, &states);
	bx_mirror_each(gateway->mirror, BX_SERVICE_AVAILABILITY, print_own, &states);
	bx_json_end_object(&json);
	if (judged)
		bx_json_text(&json, "sentence", summary.summary.sentence);
	bx_json_end_object(&json);
	reply_json(reply, &text);
}
