#include "services/gateway/api.h"

#include "libbus/base/json.h"
#include "services/gateway/gateway.h"
#include <string.h>

enum { ANSWER_BYTES_MAX = 16 * 1024 * 1024, LIMIT_INITIAL = 100 };

void api_healthz(struct gateway *gateway, const struct request *request, const struct reply *reply)
{
	(void)request;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 1024);
	struct bx_json json = { .text = &text };
	bx_json_object(&json, NULL);
	bx_json_yes_no(&json, "ok", true); /* we answer */
	bx_json_yes_no(&json, "connected", bx_bus_is_connected(gateway->service->bus));
	bx_json_yes_no(&json, "settled", bx_is_settled(gateway->service->bus));
	bx_json_end_object(&json);
	reply_json(reply, &text);
}

void api_metrics(struct gateway *gateway, const struct request *request, const struct reply *reply)
{
	metrics_answer(gateway->metrics, request, reply);
}

/* --- services --- */

struct list {
	struct gateway *gateway;
	struct bx_json json;
	const char *after; /* of miners: those behind this id */
	const char *last; /* the last one that is in the list */
	size_t count, limit;
	bool more;
};

static void print_service(void *arg, const struct bx_entry *entry)
{
	struct list *list = arg;
	struct bx_mirror *mirror = list->gateway->mirror;
	char target[BX_NAME_SIZE + 16], since[BX_WALL_SIZE];
	union bx_any payload;
	bool runs = bx_mirror_runs(mirror, entry->name);
	bx_target(BX_SERVICE, entry->name, target);
	bx_json_object(&list->json, NULL);
	bx_json_text(&list->json, "target", target);
	bx_json_text(&list->json, "state", runs ? "running" : "stopped");
	if (runs && bx_mirror_read(mirror, BX_SERVICE_INFO, entry->name, &payload) &&
		payload.info.started.ms != 0) {
		bx_wall_print(payload.info.started, since);
		bx_json_text(&list->json, "since", since);
	}
	bx_json_end_object(&list->json); /* attempts: once a restarter tells them */
}

void api_services(struct gateway *gateway, const struct request *request, const struct reply *reply)
{
	(void)request;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, ANSWER_BYTES_MAX);
	struct list list = { .gateway = gateway, .json = { .text = &text } };
	bx_json_object(&list.json, NULL);
	bx_json_list(&list.json, "services");
	bx_mirror_each(gateway->mirror, BX_SERVICE_AVAILABILITY, print_service, &list);
	bx_json_end_list(&list.json);
	bx_json_end_object(&list.json);
	reply_json(reply, &text);
}

/* --- miners --- */

static const struct member {
	enum bx_topic topic;
	const char *name;
} miner_members[] = {
	{ BX_MINER_CONFIG, "config" },
	{ BX_MINER_INFO, "info" },
	{ BX_MINER_TELEMETRY, "telemetry" },
};

static void print_miner(const struct bx_mirror *mirror, const char *id, struct bx_json *json)
{
	struct bx_entry entry;
	bx_json_object(json, NULL);
	bx_json_text(json, "id", id);
	if (bx_mirror_get(mirror, BX_MINER_AVAILABILITY, id, &entry))
		bx_json_text(json, "availability", entry.bytes); /* a plain word */
	for (size_t i = 0; i < BX_COUNT(miner_members); i++)
		if (bx_mirror_get(mirror, miner_members[i].topic, id, &entry))
			bx_json_raw(json, miner_members[i].name, entry.bytes,
				entry.size); /* was checked when it came */
	bx_json_end_object(json);
}

/* The registry decides who there is. */
static void print_next_miner(void *arg, const struct bx_entry *entry)
{
	struct list *list = arg;
	if (list->after && strcmp(entry->name, list->after) <= 0)
		return;
	list->more = list->count == list->limit;
	if (list->more)
		return;
	print_miner(list->gateway->mirror, entry->name, &list->json);
	list->last = entry->name;
	list->count++;
}

void api_miners(struct gateway *gateway, const struct request *request, const struct reply *reply)
{
	int64_t limit = LIMIT_INITIAL;
	const char *told = request_argument(request, "limit");
	if (told && !bx_parse_integer(told, 1, API_LIMIT_MAX, &limit)) {
		reply_problem(reply, 400, "limit is a whole number from 1 to %d", API_LIMIT_MAX);
		return;
	}
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, ANSWER_BYTES_MAX);
	struct list list = { .gateway = gateway,
		.json = { .text = &text },
		.limit = (size_t)limit,
		.after = request_argument(request, "after") };
	bx_json_object(&list.json, NULL);
	bx_json_list(&list.json, "miners");
	bx_mirror_each(gateway->mirror, BX_MINER_CONFIG, print_next_miner, &list);
	bx_json_end_list(&list.json);
	if (list.more)
		bx_json_text(&list.json, "next", list.last);
	else
		bx_json_null(&list.json, "next");
	bx_json_end_object(&list.json);
	reply_json(reply, &text);
}

void api_miner(struct gateway *gateway, const struct request *request, const struct reply *reply)
{
	const char *id = request_name(request);
	struct bx_entry entry;
	if (!bx_mirror_get(gateway->mirror, BX_MINER_CONFIG, id, &entry)) {
		reply_problem(reply, 404, "there is no miner '%.80s'; see /monitoring/api/miners", id);
		return;
	}
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, ANSWER_BYTES_MAX);
	struct bx_json json = { .text = &text };
	print_miner(gateway->mirror, id, &json);
	reply_json(reply, &text);
}
