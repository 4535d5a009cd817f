/* One list of topics, in the order in which they last changed, each with the number of its last change; a client is a
 * number: what changed behind it is still to be sent. So a change costs the same however many clients are slow, there is no
 * queue to bound, and "the newest state of each topic" is what a late reader gets without any rule for it.
 *
 * Rejected: a queue a client with a fall-back to newest values when it is full. Two ways to send, of which the second runs
 * only on bad days. */
#define _GNU_SOURCE
#include "services/gateway/live.h"

#include <search.h>
#include <string.h>
#include <sys/queue.h>

enum { LOOK_MS = 1000 };

struct change {
	char topic[BX_TOPIC_SIZE]; /* under the root; first, the tree compares it */
	enum bx_topic row;
	char name[BX_NAME_SIZE];
	uint64_t number;
	bool ended;
	TAILQ_ENTRY(change) link;
};

struct live_client {
	struct live *live;
	void (*wake)(void *arg);
	void *arg;
	uint64_t sent; /* the number of the last change that it has */
	uint64_t snapshot_end; /* changes up to this one belong to the snapshot */
	bool snapshot, told_connected;
	bool begun; /* a message is under way */
	bool again; /* behind it, a new snapshot is wanted */
	size_t filter_count;
	char filters[LIVE_FILTERS_MAX][BX_TOPIC_SIZE];
	TAILQ_ENTRY(live_client) link;
};

struct live {
	struct bx_bus *bus;
	struct bx_mirror *mirror;
	uint64_t number; /* of the last change */
	void *by_topic;
	TAILQ_HEAD(changes, change) changes; /* oldest first */
	size_t ended_count;
	TAILQ_HEAD(, live_client) clients;
	size_t client_count;
	uint64_t timer;
};

static int compare(const void *one, const void *other)
{
	return strcmp(((const struct change *)one)->topic, ((const struct change *)other)->topic);
}

static struct change *find_or_add(struct live *live, enum bx_topic row, const char *name)
{
	struct change key;
	if (!bx_topic_print(row, name, key.topic))
		return NULL; /* it came from a topic: never */
	void *found = tfind(&key, &live->by_topic, compare);
	if (found) {
		struct change *change = *(struct change **)found;
		TAILQ_REMOVE(&live->changes, change, link);
		live->ended_count -= change->ended;
		return change;
	}
	struct change *change = bx_alloc(1, sizeof *change);
	(void)bx_text_copy(change->topic, sizeof change->topic, key.topic); /* same size */
	(void)bx_text_copy(change->name, sizeof change->name, name); /* bounded by the bus */
	change->row = row;
	if (!tsearch(change, &live->by_topic, compare))
		abort(); /* no memory */
	return change;
}

/* What has ended is kept until all have heard of it. */
static void forget_ended(struct live *live)
{
	uint64_t all_have = live->number;
	struct live_client *client;
	TAILQ_FOREACH (client, &live->clients, link)
		all_have = client->sent < all_have ? client->sent : all_have;
	struct change *next;
	for (struct change *change = TAILQ_FIRST(&live->changes); change && live->ended_count > 0;
		change = next) {
		next = TAILQ_NEXT(change, link);
		if (change->number > all_have)
			break;
		if (!change->ended)
			continue;
		tdelete(change, &live->by_topic, compare);
		TAILQ_REMOVE(&live->changes, change, link);
		live->ended_count--;
		free(change);
	}
}

static void wake_all(struct live *live)
{
	struct live_client *client;
	TAILQ_FOREACH (client, &live->clients, link)
		client->wake(client->arg);
}

static void on_change(void *arg, const struct bx_message *message)
{
	struct live *live = arg;
	struct change *change = find_or_add(live, message->topic, message->name);
	if (!change)
		return;
	change->number = ++live->number;
	change->ended = message->ended;
	live->ended_count += change->ended;
	TAILQ_INSERT_TAIL(&live->changes, change, link);
	if (change->ended)
		forget_ended(live);
	wake_all(live);
}

static void look_at_bus(void *arg)
{
	struct live *live = arg;
	struct live_client *client;
	TAILQ_FOREACH (client, &live->clients, link)
		if (client->told_connected != bx_bus_is_connected(live->bus))
			client->wake(client->arg);
	live->timer = bx_after(bx_bus_loop(live->bus), LOOK_MS, look_at_bus, live);
}

struct live *live_new(struct bx_bus *bus, struct bx_mirror *mirror)
{
	struct live *live = bx_alloc(1, sizeof *live);
	live->bus = bus;
	live->mirror = mirror;
	TAILQ_INIT(&live->changes);
	TAILQ_INIT(&live->clients);
	bx_mirror_on_change(mirror, on_change, live);
	look_at_bus(live);
	return live;
}

void live_free(struct live *live)
{
	if (!live)
		return;
	bx_cancel(bx_bus_loop(live->bus), live->timer);
	bx_mirror_on_change(live->mirror, NULL, NULL);
	tdestroy(live->by_topic, free);
	free(live);
}

static void begin_snapshot(struct live_client *client)
{
	client->again = false;
	client->snapshot = true;
	client->sent = 0;
	client->snapshot_end = client->live->number;
}

struct live_client *live_join(struct live *live, void (*wake)(void *arg), void *arg)
{
	struct live_client *client = bx_alloc(1, sizeof *client);
	client->live = live;
	client->wake = wake;
	client->arg = arg;
	begin_snapshot(client);
	TAILQ_INSERT_TAIL(&live->clients, client, link);
	live->client_count++;
	return client;
}

void live_leave(struct live_client *client)
{
	if (!client)
		return;
	TAILQ_REMOVE(&client->live->clients, client, link);
	client->live->client_count--;
	free(client);
}

size_t live_count(const struct live *live)
{
	return live->client_count;
}

static bool is_wanted(const struct live_client *client, const char *topic)
{
	for (size_t i = 0; i < client->filter_count; i++)
		if (bx_topic_filter(client->filters[i], topic))
			return true;
	return client->filter_count == 0;
}

static void add_entry(struct live *live, const struct change *change, struct bx_json *json)
{
	struct bx_entry entry;
	if (change->ended || !bx_mirror_get(live->mirror, change->row, change->name, &entry))
		bx_json_null(json, change->topic);
	else if (bx_topic_row(change->row)->payload == BX_AVAILABILITY)
		bx_json_text(json, change->topic, entry.bytes); /* a plain word */
	else
		bx_json_raw(json, change->topic, entry.bytes, entry.size);
}

static void add_head(struct live_client *client, struct bx_json *json)
{
	char time[BX_WALL_SIZE];
	struct bx_wall now = bx_wall_now(bx_bus_loop(client->live->bus));
	bx_json_object(json, NULL);
	if (client->snapshot)
		bx_json_yes_no(json, "snapshot", true);
	if (now.ms != 0) {
		bx_wall_print(now, time);
		bx_json_text(json, "time", time);
	}
	client->told_connected = bx_bus_is_connected(client->live->bus);
	bx_json_yes_no(json, "connected", client->told_connected);
	bx_json_object(json, "state");
}

/* The oldest change that the client has not. */
static struct change *find_unsent(const struct live_client *client)
{
	struct change *unsent = NULL, *change = TAILQ_LAST(&client->live->changes, changes);
	while (change && change->number > client->sent) {
		unsent = change;
		change = TAILQ_PREV(change, changes, link);
	}
	return unsent;
}

bool live_has_more(const struct live_client *client)
{
	const struct change *newest = TAILQ_LAST(&client->live->changes, changes);
	return client->begun || client->snapshot || (newest && newest->number > client->sent) ||
		client->told_connected != bx_bus_is_connected(client->live->bus);
}

static bool is_news(const struct live_client *client, const struct change *change)
{
	return is_wanted(client, change->topic) && !(client->snapshot && change->ended);
}

enum live_piece live_next(struct live_client *client, struct bx_text *text)
{
	struct change *change = find_unsent(client);
	while (change && !client->snapshot && !is_news(client, change)) {
		client->sent = change->number;
		change = TAILQ_NEXT(change, link);
	}
	bool first = !client->begun;
	if (!change && !live_has_more(client))
		return LIVE_NOTHING;

	size_t before = text->length;
	struct bx_json json = { .text = text, .comma = client->begun };
	if (first)
		add_head(client, &json);
	for (; change && text->length - before < LIVE_PIECE_BYTES; change = TAILQ_NEXT(change, link)) {
		if (client->snapshot && change->number > client->snapshot_end)
			break;
		if (is_news(client, change))
			add_entry(client->live, change, &json);
		client->sent = change->number;
	}
	bool last = !client->snapshot || !change || change->number > client->snapshot_end;
	if (last) {
		bx_json_end_object(&json);
		bx_json_end_object(&json);
		if (client->snapshot) /* those behind the last entry have ended or are not wanted */
			client->sent = client->snapshot_end;
		client->snapshot = false;
	}
	client->begun = !last;
	if (last && client->again)
		begin_snapshot(client);
	return first ? (last ? LIVE_WHOLE : LIVE_FIRST) : (last ? LIVE_LAST : LIVE_MIDDLE);
}

/* --- what a client says --- */

bool live_wish(struct live_client *client, const char *bytes, size_t size, struct bx_error *error)
{
	json_auto_t *wish = bx_json_read(bytes, size, BX_JSON_OURS, error);
	if (!wish)
		return false;
	json_t *filters = json_object_get(wish, "filter"), *filter;
	size_t index;
	if (!json_is_array(filters) || json_array_size(filters) > LIVE_FILTERS_MAX)
		return bx_fail(
			error, BX_INVALID, "say {\"filter\": [...]}, at most %d of them", LIVE_FILTERS_MAX);
	json_array_foreach (filters, index, filter)
		if (!json_is_string(filter) || json_string_length(filter) >= BX_TOPIC_SIZE)
			return bx_fail(error, BX_INVALID, "a filter is a text such as miner/+/telemetry");
	json_array_foreach (filters, index, filter)
		(void)bx_text_copy(
			client->filters[index], BX_TOPIC_SIZE, json_string_value(filter)); /* fits */
	client->filter_count = json_array_size(filters);
	client->again = client->begun;
	if (!client->begun)
		begin_snapshot(client);
	client->wake(client->arg);
	return true;
}
