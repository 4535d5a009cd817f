/* Three things wait to be sent: states (the newest value of each topic, in the order in which they changed), what passes
 * (bounded, dropped when the connection ends) and the outbox. pump() sends in that order while fewer than IN_FLIGHT_MAX
 * are unacknowledged by the broker; it runs whenever something is added, acknowledged or due. */
#include "libbus/bus/bus.h"

#include "libbus/base/log.h"
#include "libbus/bus/listeners.h"
#include "libbus/bus/outbox.h"
#include "libbus/bus/passing.h"
#include "libbus/bus/states.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

enum {
	IN_FLIGHT_MAX = 100,
	GHOSTS_MAX = 1000,
	GHOST_PATIENCE_MS =
		60000, /* a service that has just begun may still say a topic that an earlier run left */
};

struct wait {
	LIST_ENTRY(wait) link;
	struct bx_bus *bus;
	uint64_t marker; /* whose return ends it, or a later one's */
	uint64_t timer; /* 0: it waits as long as it takes */
	void (*arrived)(void *arg);
	void *arg;
};

struct bx_bus {
	struct bx_loop *loop;
	struct bx_link *link;
	char site[BX_ID_SIZE], client[BX_ID_SIZE], root[BX_TOPIC_SIZE], reply[BX_TOPIC_SIZE];
	bool is_service;
	struct bx_outbox *outbox; /* NULL: no service */
	int64_t again_ms;
	uint64_t again_timer, ghost_timer, close_timer;

	bool connected, settled, closing;
	uint64_t last_marker, first_marker; /* sent at all; of this connection */
	struct bx_states *states;
	struct bx_passing *passing;
	struct {
		int id;
		enum bx_topic row;
	} in_flight[IN_FLIGHT_MAX];
	size_t in_flight_count;

	struct bx_listeners *listeners;
	LIST_HEAD(, wait) waits;
	char *ghosts[GHOSTS_MAX]; /* retained topics of ours that we have not said */
	size_t ghost_count;
	void (*closed)(void *arg);
	void *closed_arg;

	uint64_t event_count;
	struct bx_bus_figures figures;
	union bx_any decoded;
};

static void pump(struct bx_bus *bus);

/* The whole topic. False: our own bug, or a name from outside that is none. */
static bool whole_topic(
	const struct bx_bus *bus, enum bx_topic topic, const char *name, char whole[BX_TOPIC_SIZE])
{
	char under[BX_TOPIC_SIZE];
	if (!bx_topic_print(topic, name, under) || strlen(bus->root) + strlen(under) >= BX_TOPIC_SIZE) {
		bx_log(BX_ERROR, "no topic can be made of this name",
			BX_F("topic", bx_topic_row(topic)->pattern), BX_F("name", name));
		return false;
	}
	(void)snprintf(whole, BX_TOPIC_SIZE, "%s%s", bus->root, under);
	return true;
}

/* A row's topics as a filter: of every name, or of `name`, which may have `+` levels. */
static void whole_filter(
	const struct bx_bus *bus, enum bx_topic topic, const char *name, char filter[BX_TOPIC_SIZE])
{
	struct bx_text text;
	bx_text_init(&text, BX_TOPIC_SIZE - 1);
	bx_text_say(&text, bus->root);
	for (const char *at = bx_topic_row(topic)->pattern; *at; at++) {
		size_t level = name ? strcspn(name, "/") : 0;
		if (*at != '+' || level == 0) {
			bx_text_add(&text, at, 1);
			continue;
		}
		bx_text_add(&text, name, level);
		name += level + (name[level] == '/');
	}
	assert(!text.cut);
	(void)bx_text_copy(filter, BX_TOPIC_SIZE, text.data); /* fits, see above */
	bx_text_done(&text);
}

void bx_bus_root(const char *site, char root[BX_TOPIC_SIZE])
{
	(void)snprintf(root, BX_TOPIC_SIZE, "bitaxe/%s/", site);
}

const char *bx_bus_under_root(const struct bx_bus *bus, const char *topic)
{
	size_t length = strlen(bus->root);
	return strncmp(topic, bus->root, length) == 0 ? topic + length : NULL;
}

/* --- what we say --- */

/* Keeps the newest of a topic; `bytes` NULL ends it. */
static void keep_state(
	struct bx_bus *bus, enum bx_topic topic, const char *name, const char *bytes, size_t size)
{
	char whole[BX_TOPIC_SIZE];
	if (whole_topic(bus, topic, name, whole))
		bx_states_keep(bus->states, topic, name, whole, bytes, size);
}

void bx_state(struct bx_bus *bus, enum bx_topic topic, const char *name, const void *payload)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX);
	bx_payload_encode(topic, payload, &text);
	if (text.cut) {
		bx_log(BX_ERROR, "a state is too large and was not said",
			BX_F("topic", bx_topic_row(topic)->pattern), BX_F("name", name));
		return;
	}
	keep_state(bus, topic, name, text.data, text.length);
	pump(bus);
}

void bx_state_end(struct bx_bus *bus, enum bx_topic topic, const char *name)
{
	keep_state(bus, topic, name, NULL, 0);
	pump(bus);
}

const char *bx_state_said(const struct bx_bus *bus, enum bx_topic topic, const char *name)
{
	char whole[BX_TOPIC_SIZE];
	const struct bx_state_entry *entry =
		whole_topic(bus, topic, name, whole) ? bx_states_find(bus->states, whole) : NULL;
	return entry ? entry->bytes : NULL;
}

struct recall {
	struct bx_bus *bus;
	enum bx_topic topic;
	bx_heard *heard;
	void *arg;
};

static void recall_one(void *arg, const char *name, const char *json, size_t size)
{
	struct recall *recall = arg;
	struct bx_error error;
	char whole[BX_TOPIC_SIZE];
	if (!whole_topic(recall->bus, recall->topic, name, whole))
		return;
	if (!bx_payload_decode(recall->topic, json, size, &recall->bus->decoded, &error)) {
		bx_log(BX_ERROR, "an own state cannot be read and is left out", BX_F("name", name),
			BX_F("why", error.message));
		return;
	}
	bx_states_keep_recalled(recall->bus->states, recall->topic, name, whole, json, size);
	struct bx_message message = { .topic = recall->topic,
		.name = name,
		.replay = true,
		.payload = &recall->bus->decoded,
		.bytes = json,
		.size = size };
	recall->heard(recall->arg, &message);
}

void bx_recall(struct bx_bus *bus, enum bx_topic topic, bx_heard *heard, void *arg)
{
	struct recall recall = { bus, topic, heard, arg };
	bx_states_recall(bus->states, topic, recall_one, &recall);
}

void bx_pass(struct bx_bus *bus, enum bx_topic topic, const char *name, const char *bytes, size_t size,
	const struct bx_packet *properties)
{
	char whole[BX_TOPIC_SIZE];
	if (!bus->connected || !whole_topic(bus, topic, name, whole))
		return;
	struct bx_packet packet = properties ? *properties : (struct bx_packet){ 0 };
	packet.topic = whole;
	packet.bytes = bytes;
	packet.size = size;
	packet.qos = bx_topic_row(topic)->qos;
	packet.retain = false;
	if (!bx_passing_put(bus->passing, topic, &packet)) {
		bx_log(BX_WARNING, "the broker takes too slowly, a message is dropped",
			BX_F("topic", (const char *)whole));
		return;
	}
	pump(bus);
}

static void record(struct bx_bus *bus, enum bx_topic topic, const char *name, const char *bytes, size_t size)
{
	char under[BX_TOPIC_SIZE];
	if (!bus->outbox || !bx_topic_print(topic, name, under))
		return;
	uint64_t dropped = bx_outbox_dropped(bus->outbox);
	bx_outbox_put(bus->outbox, under, bytes, size);
	if (dropped == 0 && bx_outbox_dropped(bus->outbox) > 0)
		bx_log(BX_WARNING,
			"storage has not answered for so long that the oldest records are dropped; see OUTBOX_MAX");
}

void bx_sample(struct bx_bus *bus, enum bx_topic topic, const char *name, const struct bx_values *values,
	enum bx_keep keep)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX); /* fits: parts are bounded */
	bx_values_encode(values, &text);
	keep_state(bus, topic, name, text.data, text.length);
	if (keep == BX_RECORD && values->time.ms != 0)
		record(bus, topic, name, text.data, text.length);
	pump(bus);
}

bool bx_record_label(const struct bx_message *message, struct bx_record_label *label)
{
	const char *topic = bx_packet_property(message->packet, "topic");
	const char *session = bx_packet_property(message->packet, "session");
	const char *number = bx_packet_property(message->packet, "number");
	int64_t counted;
	if (!topic || !session || !number || !bx_parse_hex(session, 16, &label->session) ||
		!bx_parse_integer(number, 1, INT64_MAX, &counted))
		return false;
	label->topic = topic;
	label->number = (uint64_t)counted;
	return true;
}

void bx_event(struct bx_bus *bus, const char *type, const char *target, const struct bx_field *fields)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX);
	struct bx_json json = { .text = &text };
	struct bx_wall now = bx_wall_now(bus->loop);
	char id[sizeof((struct bx_event_facts *)0)->id], time[BX_WALL_SIZE];
	(void)snprintf(id, sizeof id, "%" PRId64 "-%.24s-%.24s-%" PRIu64, now.ms, bus->site, bus->client,
		++bus->event_count);

	bx_json_object(&json, NULL);
	bx_json_text(&json, "id", id);
	bx_json_text(&json, "type", type);
	if (now.ms != 0) {
		bx_wall_print(now, time);
		bx_json_text(&json, "time", time);
	}
	bx_json_text(&json, "who", bus->client);
	bx_json_fields(&json, fields);
	bx_json_end_object(&json);
	if (now.ms != 0)
		record(bus, BX_EVENT, target, text.data, text.length);
	bx_pass(bus, BX_EVENT, target, text.data, text.length, NULL);
	pump(bus);
}

/* --- the sending --- */

static bool publish(struct bx_bus *bus, enum bx_topic row, const struct bx_packet *packet)
{
	int id = 0;
	if (!bus->link->type->publish(bus->link, packet, &id)) {
		bus->figures.refused++;
		return false;
	}
	bus->figures.out++;
	if (packet->qos > 0) {
		bus->in_flight[bus->in_flight_count].id = id;
		bus->in_flight[bus->in_flight_count++].row = row;
	}
	return true;
}

static bool send_state(struct bx_bus *bus)
{
	const struct bx_state_entry *entry = bx_states_next(bus->states);
	if (!entry)
		return false;
	struct bx_packet packet = { .topic = entry->topic,
		.bytes = entry->bytes,
		.size = entry->size,
		.qos = bx_topic_row(entry->row)->qos,
		.retain = true };
	(void)publish(
		bus, entry->row, &packet); /* counted; the next value, or the next connect, tries again */
	return true;
}

static bool send_passing(struct bx_bus *bus)
{
	enum bx_topic row;
	BX_OWNED(free) struct bx_packet *packet = bx_passing_take(bus->passing, &row);
	if (!packet)
		return false;
	(void)publish(bus, row, packet); /* counted; what passes is said once */
	return true;
}

static void on_again(void *arg)
{
	struct bx_bus *bus = arg;
	bus->again_timer = 0;
	pump(bus);
	if (!bus->again_timer && bx_outbox_count(bus->outbox) > 0) /* what was sent later is due later */
		bus->again_timer = bx_after(bus->loop, bus->again_ms, on_again, bus);
}

static bool send_record(struct bx_bus *bus)
{
	struct bx_record next;
	char whole[BX_TOPIC_SIZE], session[20], number[24];
	if (!bus->outbox || !bx_outbox_next(bus->outbox, bx_now(bus->loop), bus->again_ms, &next) ||
		!whole_topic(bus, BX_RECORDS, bus->client, whole))
		return false;
	(void)snprintf(session, sizeof session, "%016" PRIx64, bx_outbox_session(bus->outbox));
	(void)snprintf(number, sizeof number, "%" PRIu64, next.number);
	struct bx_packet packet = { .topic = whole,
		.bytes = next.bytes,
		.size = next.size,
		.qos = 1,
		.property_count = 3,
		.properties = { { "topic", next.topic }, { "session", session }, { "number", number } } };
	(void)publish(bus, BX_RECORDS, &packet); /* it stays in the outbox and is due again */
	if (!bus->again_timer)
		bus->again_timer = bx_after(bus->loop, bus->again_ms, on_again, bus);
	return true;
}

static bool is_drained(const struct bx_bus *bus)
{
	return !bus->connected ||
		(bx_states_are_said(bus->states) && bx_passing_is_empty(bus->passing) &&
			(!bus->outbox || bx_outbox_unsent(bus->outbox) == 0) && bus->in_flight_count == 0);
}

static void finish_close(void *arg)
{
	struct bx_bus *bus = arg;
	if (!bus->closed)
		return;
	void (*closed)(void *arg) = bus->closed;
	bus->closed = NULL;
	bx_cancel(bus->loop, bus->close_timer);
	bus->connected = false;
	bus->link->type->close(bus->link);
	closed(bus->closed_arg);
}

static void pump(struct bx_bus *bus)
{
	while (bus->connected && bus->in_flight_count < IN_FLIGHT_MAX)
		if (!send_passing(bus) && !send_state(bus) && !send_record(bus))
			break;
	if (bus->closing && is_drained(bus)) {
		bx_cancel(bus->loop, bus->close_timer);
		bus->close_timer = bx_after(bus->loop, 0, finish_close, bus);
	}
}

/* --- the connection --- */

static void subscribe(struct bx_bus *bus, size_t listener)
{
	const char *filter = bx_listeners_filter(bus->listeners, listener);
	if (filter[0]) /* else it is asked for already, and twice would replay twice */
		bus->link->type->subscribe(bus->link, filter);
}

static bool is_ours(const struct bx_bus *bus, enum bx_topic topic)
{
	const struct bx_topic_row *row = bx_topic_row(topic);
	return bus->is_service && row->retention != BX_PASSING && strcmp(row->publisher, bus->client) == 0;
}

static void end_ghosts(void *arg)
{
	struct bx_bus *bus = arg;
	bus->ghost_timer = 0;
	for (size_t i = 0; i < bus->ghost_count; i++) {
		enum bx_topic topic;
		char name[BX_NAME_SIZE];
		if (!bx_states_find(bus->states, bus->ghosts[i]) &&
			bx_topic_match(bx_bus_under_root(bus, bus->ghosts[i]), &topic, name))
			keep_state(bus, topic, name, NULL, 0);
		free(bus->ghosts[i]);
	}
	bus->ghost_count = 0;
	pump(bus);
}

/* Comes back behind all that the broker has for us: what it had kept, at the start of a connection. */
static void send_marker(struct bx_bus *bus)
{
	char marker[24];
	(void)snprintf(marker, sizeof marker, "%" PRIu64, ++bus->last_marker);
	struct bx_packet properties = { .property_count = 1, .properties = { { "marker", marker } } };
	bx_pass(bus, BX_REPLY, bx_bus_reply_name(bus), "{}", 2, &properties);
}

static void on_connected(void *arg)
{
	struct bx_bus *bus = arg;
	bus->connected = true;
	bus->in_flight_count = 0;
	bus->first_marker = bus->last_marker + 1;

	for (size_t i = 0; i < bx_listeners_count(bus->listeners); i++)
		subscribe(bus, i);
	for (int topic = 0; topic < BX_TOPIC_COUNT; topic++) {
		char filter[BX_TOPIC_SIZE];
		whole_filter(bus, (enum bx_topic)topic, NULL, filter);
		if (is_ours(bus, (enum bx_topic)topic))
			bus->link->type->subscribe(bus->link, filter);
	}
	bx_states_say_all(bus->states); /* before the marker, whose sending sends them */
	send_marker(bus);
	bx_log(BX_DEBUG, "connected to the broker");
	pump(bus);
}

static void on_disconnected(void *arg, const char *why)
{
	struct bx_bus *bus = arg;
	if (bus->connected)
		bx_log(BX_INFO, "the broker is gone; what is measured waits here", BX_F("why", why));
	bus->connected = false;
	bus->in_flight_count = 0;
	bx_passing_free(bus->passing);
	bus->passing = bx_passing_new();
	pump(bus);
}

static void on_acknowledged(void *arg, int id, bool accepted)
{
	struct bx_bus *bus = arg;
	for (size_t i = 0; i < bus->in_flight_count; i++) {
		if (bus->in_flight[i].id != id)
			continue;
		if (!accepted) {
			bus->figures.refused++;
			bx_log(BX_ERROR, "the broker refuses what we say; are its passwords and ACL ours?",
				BX_F("topic", bx_topic_row(bus->in_flight[i].row)->pattern));
		}
		bus->in_flight[i] = bus->in_flight[--bus->in_flight_count];
		break;
	}
	pump(bus);
}

static void unsubscribe_own(struct bx_bus *bus)
{
	for (int topic = 0; topic < BX_TOPIC_COUNT; topic++) {
		char filter[BX_TOPIC_SIZE];
		whole_filter(bus, (enum bx_topic)topic, NULL, filter);
		if (is_ours(bus, (enum bx_topic)topic))
			bus->link->type->unsubscribe(bus->link, filter);
	}
}

static void end_wait(void *arg)
{
	struct wait ended = *(struct wait *)arg;
	LIST_REMOVE((struct wait *)arg, link);
	free(arg);
	bx_cancel(ended.bus->loop, ended.timer);
	ended.arrived(ended.arg);
}

static void on_marker(struct bx_bus *bus, uint64_t marker)
{
	if (marker < bus->first_marker || marker > bus->last_marker)
		return; /* of another connection, or not from us */
	if (marker == bus->first_marker)
		unsubscribe_own(bus);
	bus->settled = true;
	struct wait *next;
	for (struct wait *wait = LIST_FIRST(&bus->waits); wait; wait = next) {
		next = LIST_NEXT(wait, link);
		if (wait->marker <= marker)
			end_wait(wait);
	}
}

static void note_ghost(struct bx_bus *bus, const struct bx_packet *packet, enum bx_topic topic)
{
	if (!packet->retain || packet->size == 0 || !is_ours(bus, topic) ||
		bx_states_find(bus->states, packet->topic) || bus->ghost_count == GHOSTS_MAX)
		return;
	bus->ghosts[bus->ghost_count++] = bx_copy(packet->topic);
	if (!bus->ghost_timer)
		bus->ghost_timer = bx_after(bus->loop, GHOST_PATIENCE_MS, end_ghosts, bus);
}

static void on_received(void *arg, const struct bx_packet *packet)
{
	struct bx_bus *bus = arg;
	const char *under = bx_bus_under_root(bus, packet->topic);
	char name[BX_NAME_SIZE];
	struct bx_message message = { .name = name,
		.replay = packet->retain,
		.bytes = packet->bytes,
		.size = packet->size,
		.packet = packet };
	bus->figures.in++;
	if (!under || !bx_topic_match(under, &message.topic, name)) {
		bus->figures.refused++;
		return;
	}
	const char *marker = message.topic == BX_REPLY ? bx_packet_property(packet, "marker") : NULL;
	if (marker) {
		on_marker(bus, strtoull(marker, NULL, 10));
		return;
	}
	note_ghost(bus, packet, message.topic);
	if (!bx_listeners_deliver(bus->listeners, &message))
		bus->figures.refused++;
}

/* --- records and storage --- */

static void on_recorded(void *arg, const struct bx_message *message)
{
	struct bx_bus *bus = arg;
	bx_outbox_acknowledge(bus->outbox, &message->payload->acknowledged);
	pump(bus);
}

static void on_storage(void *arg, const struct bx_message *message)
{
	struct bx_bus *bus = arg;
	if (message->ended || !message->payload->online)
		return;
	bx_outbox_rewind(bus->outbox);
	pump(bus);
}

/* --- life --- */

struct bx_bus *bx_bus_new(struct bx_loop *loop, const struct bx_bus_options *options, struct bx_link *link)
{
	struct bx_bus *bus = bx_alloc(1, sizeof *bus);
	bus->loop = loop;
	bus->link = link;
	bus->is_service = options->is_service;
	bus->again_ms = options->again_ms;
	bus->states = bx_states_new(options->folder);
	(void)bx_text_copy(bus->site, sizeof bus->site, options->site); /* a slug, bounded by its key */
	(void)bx_text_copy(bus->client, sizeof bus->client, options->client);
	bx_bus_root(bus->site, bus->root);
	(void)snprintf(bus->reply, sizeof bus->reply, "%sreply/%s/%s", bus->root, options->role, bus->client);
	bus->passing = bx_passing_new();
	bus->listeners = bx_listeners_new();
	LIST_INIT(&bus->waits);
	char name[BX_NAME_SIZE];
	(void)snprintf(name, sizeof name, "%s", bx_bus_reply_name(bus));
	bx_hear(bus, BX_REPLY, name, NULL, NULL);
	if (options->is_service) {
		bus->outbox = bx_outbox_new(options->session, options->outbox_max);
		bx_hear(bus, BX_RECORDED, bus->client, on_recorded, bus);
		bx_hear(bus, BX_SERVICE_AVAILABILITY, "storage", on_storage, bus);
	}
	return bus;
}

void bx_bus_free(struct bx_bus *bus)
{
	if (!bus)
		return;
	bus->link->type->free(bus->link);
	bx_cancel(bus->loop, bus->again_timer);
	bx_cancel(bus->loop, bus->ghost_timer);
	bx_cancel(bus->loop, bus->close_timer);
	bx_passing_free(bus->passing);
	for (size_t i = 0; i < bus->ghost_count; i++)
		free(bus->ghosts[i]);
	bx_states_free(bus->states);
	bx_outbox_free(bus->outbox);
	bx_listeners_free(bus->listeners);
	for (struct wait *wait; (wait = LIST_FIRST(&bus->waits));) {
		LIST_REMOVE(wait, link);
		bx_cancel(bus->loop, wait->timer);
		free(wait);
	}
	free(bus);
}

void bx_bus_open(struct bx_bus *bus)
{
	static const struct bx_link_events events = { NULL, on_connected, on_disconnected, on_received,
		on_acknowledged };
	struct bx_link_events ours = events;
	ours.arg = bus;
	char topic[BX_TOPIC_SIZE];
	if (!bus->is_service || !whole_topic(bus, BX_SERVICE_AVAILABILITY, bus->client, topic)) {
		bus->link->type->open(bus->link, &ours, NULL);
		return;
	}
	bool online = true;
	struct bx_packet will = { .topic = topic, .bytes = "offline", .size = 7, .qos = 1, .retain = true };
	bx_state(bus, BX_SERVICE_AVAILABILITY, bus->client, &online);
	bus->link->type->open(bus->link, &ours, &will);
}

void bx_bus_close(struct bx_bus *bus, int64_t wait_ms, void (*closed)(void *arg), void *arg)
{
	bool online = false;
	bus->closing = true;
	bus->closed = closed;
	bus->closed_arg = arg;
	bus->close_timer = bx_after(bus->loop, wait_ms, finish_close, bus);
	if (bus->is_service)
		bx_state(bus, BX_SERVICE_AVAILABILITY, bus->client, &online);
	pump(bus);
}

void bx_hear(struct bx_bus *bus, enum bx_topic topic, const char *name, bx_heard *heard, void *arg)
{
	char filter[BX_TOPIC_SIZE];
	whole_filter(bus, topic, name, filter);
	bx_listeners_add(bus->listeners, topic, name, filter, heard, arg);
	if (bus->connected)
		subscribe(bus, bx_listeners_count(bus->listeners) - 1);
}

static struct wait *wait_for(struct bx_bus *bus, uint64_t marker, void (*arrived)(void *arg), void *arg)
{
	struct wait *wait = bx_alloc(1, sizeof *wait);
	*wait = (struct wait){ .bus = bus, .marker = marker, .arrived = arrived, .arg = arg };
	LIST_INSERT_HEAD(&bus->waits, wait, link);
	return wait;
}

void bx_when_settled(struct bx_bus *bus, void (*settled)(void *arg), void *arg)
{
	if (bus->settled)
		bx_after(bus->loop, 0, settled, arg);
	else
		(void)wait_for(bus, 1, settled, arg); /* as long as it takes */
}

void bx_when_caught_up(struct bx_bus *bus, int64_t wait_ms, void (*caught_up)(void *arg), void *arg)
{
	if (!bus->connected) {
		bx_after(bus->loop, 0, caught_up, arg);
		return;
	}
	send_marker(bus);
	struct wait *wait = wait_for(bus, bus->last_marker, caught_up, arg);
	wait->timer = bx_after(bus->loop, wait_ms, end_wait, wait);
}

bool bx_is_settled(const struct bx_bus *bus)
{
	return bus->settled;
}

bool bx_bus_is_connected(const struct bx_bus *bus)
{
	return bus->connected;
}

struct bx_loop *bx_bus_loop(const struct bx_bus *bus)
{
	return bus->loop;
}

const char *bx_bus_site(const struct bx_bus *bus)
{
	return bus->site;
}

const char *bx_bus_client(const struct bx_bus *bus)
{
	return bus->client;
}

const char *bx_bus_reply_topic(const struct bx_bus *bus)
{
	return bus->reply;
}

const char *bx_bus_reply_name(const struct bx_bus *bus)
{
	return bus->reply + strlen(bus->root) + strlen("reply/");
}

struct bx_bus_figures bx_bus_figures(const struct bx_bus *bus)
{
	struct bx_bus_figures figures = bus->figures;
	if (bus->outbox) {
		figures.dropped = bx_outbox_dropped(bus->outbox);
		figures.unrecorded = bx_outbox_count(bus->outbox);
	}
	return figures;
}
