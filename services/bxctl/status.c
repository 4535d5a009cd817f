#include "services/bxctl/status.h"

#include "libbus/base/json.h"
#include "services/bxctl/client.h"
#include "services/bxctl/fleet.h"
#include "services/bxctl/health.h"
#include "services/bxctl/programs.h"
#include "services/bxctl/show.h"
#include <stdio.h>
#include <string.h>

static const enum bx_topic topics[] = { FLEET_TOPICS, BX_SERVICE_INFO, BX_HEALTH_SUMMARY, BX_MINER_INFO };

/* --- services --- */

struct service {
	char name[BX_ID_SIZE];
	const char *state;
	enum show_colour colour;
	struct bx_wall started; /* 0: not known */
};

static void read_service(const struct client *client, const char *name, struct service *service)
{
	union bx_any payload;
	*service = (struct service){ 0 };
	(void)bx_text_copy(service->name, sizeof service->name, name); /* a slug */
	bool heard = bx_mirror_read(client->mirror, BX_SERVICE_AVAILABILITY, name, &payload);
	bool online = heard && payload.online, runs = bx_mirror_runs(client->mirror, name);
	service->state = runs ? "runs" : online ? "silent" : heard ? "stopped" : "absent";
	service->colour = runs ? SHOW_GOOD : online ? SHOW_WARNING : heard ? SHOW_BAD : SHOW_FAINT;
	if (online && bx_mirror_read(client->mirror, BX_SERVICE_INFO, name, &payload))
		service->started = payload.info.started;
}

struct service_walk {
	const struct client *client;
	void (*each)(void *arg, const struct service *service);
	void *arg;
};

static bool is_known(const char *name)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		if (programs[i].kind == PROGRAM_SERVICE && strcmp(programs[i].name, name) == 0)
			return true;
	return false;
}

static void on_other(void *arg, const struct bx_entry *entry)
{
	const struct service_walk *walk = arg;
	struct service service;
	if (is_known(entry->name))
		return;
	read_service(walk->client, entry->name, &service);
	walk->each(walk->arg, &service);
}

/* Those that have to be there, then whoever else has spoken. */
static void each_service(
	const struct client *client, void (*each)(void *arg, const struct service *service), void *arg)
{
	struct service_walk walk = { client, each, arg };
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		struct service service;
		if (programs[i].kind != PROGRAM_SERVICE)
			continue;
		read_service(client, programs[i].name, &service);
		each(arg, &service);
	}
	bx_mirror_each(client->mirror, BX_SERVICE_AVAILABILITY, on_other, &walk);
}

static void add_service(void *arg, const struct service *service)
{
	char span[SHOW_CELL_SIZE], moment[SHOW_CELL_SIZE];
	show_span(fleet_age(service->started), span);
	show_value(BX_STARTED, (double)service->started.ms / 1000, moment);
	show_cell(arg, SHOW_PLAIN, service->name);
	show_cell(arg, service->colour, service->state);
	show_cell(arg, SHOW_FAINT, service->started.ms ? moment : SHOW_ABSENT);
	show_cell(arg, SHOW_FAINT, span);
}

static void json_service(void *arg, const struct service *service)
{
	char started[BX_WALL_SIZE];
	bx_json_object(arg, NULL);
	bx_json_text(arg, "name", service->name);
	bx_json_text(arg, "state", service->state);
	bx_wall_print(service->started, started);
	if (service->started.ms)
		bx_json_text(arg, "started", started);
	bx_json_end_object(arg);
}

/* --- status --- */

static int print_status(const struct client *client)
{
	struct fleet fleet;
	unsigned columns = 0, rows = 0;
	BX_OWNED(show_table_free) struct show_table *table = show_table_new(4, 1U << 3);
	static const char *const heads[] = { "Service", "State", "Since", "" };
	health_print_summary(client);
	(void)putchar('\n');
	for (size_t i = 0; i < BX_COUNT(heads); i++)
		show_cell(table, SHOW_STRONG, heads[i]);
	each_service(client, add_service, table);
	show_table_print(table, stdout);
	(void)putchar('\n');
	fleet_read(&fleet, client);
	if (fleet.count == 0) {
		(void)puts("No miner is registered yet: bxctl miner add ADDRESS");
	} else {
		/* the sentence, blank lines, the miners' head and sum, the prompt */
		size_t used = show_table_rows(table) + 6, room = SIZE_MAX;
		if (show_terminal_size(stdout, &columns, &rows))
			room = rows > used + 3 ? rows - used : 3;
		fleet_print(&fleet, client, room);
	}
	fleet_done(&fleet);
	return EXIT_DONE;
}

static void json_miner(struct bx_json *json, const struct fleet_miner *miner)
{
	BX_TEXT_OWNED struct bx_text values;
	bx_text_init(&values, BX_VALUES_JSON_MAX);
	bx_json_object(json, NULL);
	bx_json_text(json, "id", miner->entry.id);
	bx_json_text(json, "name", miner->entry.name);
	bx_json_text(json, "url", miner->entry.url);
	bx_json_text(json, "group", miner->entry.group);
	bx_json_text(json, "state", fleet_word(miner->state));
	if (miner->age_ms >= 0)
		bx_json_number(json, "age", (double)miner->age_ms / 1000);
	bx_json_yes_no(json, "old", miner->old);
	if (miner->has_values) {
		bx_values_encode(&miner->values, &values);
		bx_json_raw(json, "telemetry", values.data, values.length);
	}
	bx_json_end_object(json);
}

static void json_miners(struct bx_json *json, const struct client *client)
{
	struct fleet fleet;
	fleet_read(&fleet, client);
	bx_json_list(json, "miners");
	for (size_t i = 0; i < fleet.count; i++)
		json_miner(json, &fleet.miners[i]);
	bx_json_end_list(json);
	fleet_done(&fleet);
}

static int json_status(const struct client *client, const struct request *request)
{
	struct bx_summary summary;
	const char *words;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, CLIENT_JSON_MAX);
	struct bx_json json = { .text = &text };
	bool judged = health_summary(client, &summary, &words);
	bx_json_object(&json, NULL);
	bx_json_text(
		&json, "overall_status", bx_status_word(judged ? summary.overall_status : BX_STATUS_UNKNOWN));
	bx_json_text(&json, "sentence", judged ? summary.sentence : words);
	bx_json_list(&json, "services");
	each_service(client, json_service, &json);
	bx_json_end_list(&json);
	json_miners(&json, client);
	bx_json_end_object(&json);
	return client_finish(request, &text);
}

static int status_with(const struct client *client, const struct request *request)
{
	return request->json ? json_status(client, request) : print_status(client);
}

int status_run(const struct request *request)
{
	return client_run(request, topics, BX_COUNT(topics), status_with);
}

/* --- miners --- */

static void print_miners(const struct client *client, const struct fleet *fleet)
{
	static const char *const heads[] = { "Id", "Name", "Group", "State", "Address", "Model", "Firmware" };
	BX_OWNED(show_table_free) struct show_table *table = show_table_new(BX_COUNT(heads), 0);
	for (size_t i = 0; i < BX_COUNT(heads); i++)
		show_cell(table, SHOW_STRONG, heads[i]);
	for (size_t i = 0; i < fleet->count; i++) {
		const struct fleet_miner *miner = &fleet->miners[i];
		union bx_any payload;
		bool told = bx_mirror_read(client->mirror, BX_MINER_INFO, miner->entry.id, &payload);
		const char *cells[] = { miner->entry.id, miner->entry.name, miner->entry.group,
			fleet_word(miner->state), miner->entry.url, told ? payload.miner_facts.model : "",
			told ? payload.miner_facts.firmware : "" };
		for (size_t cell = 0; cell < BX_COUNT(cells); cell++)
			show_cell(table, SHOW_PLAIN, cells[cell][0] ? cells[cell] : SHOW_ABSENT);
	}
	show_table_print(table, stdout);
}

static int miners_with(const struct client *client, const struct request *request)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, CLIENT_JSON_MAX);
	struct bx_json json = { .text = &text };
	struct fleet fleet;
	if (request->json) {
		bx_json_object(&json, NULL);
		json_miners(&json, client);
		bx_json_end_object(&json);
		return client_finish(request, &text);
	}
	fleet_read(&fleet, client);
	if (fleet.count > 0)
		print_miners(client, &fleet);
	else
		(void)puts("No miner is registered yet: bxctl miner add ADDRESS");
	fleet_done(&fleet);
	return EXIT_DONE;
}

int miners_run(const struct request *request)
{
	return client_run(request, topics, BX_COUNT(topics), miners_with);
}
