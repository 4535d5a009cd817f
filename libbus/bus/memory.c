#include "libbus/bus/memory.h"

#include "libbus/contract/topics.h"
#include <string.h>
#include <sys/queue.h>

enum { RECONNECT_MS = 200, LATE_MS = 3000 };

struct delivery {
	LIST_ENTRY(delivery) link;
	struct link *to;
	uint64_t timer;
	struct bx_packet *packet; /* NULL: the broker's word to the publisher */
	int acknowledge; /* its id */
};

struct link {
	struct bx_link base; /* first */
	LIST_ENTRY(link) link;
	struct bx_memory *broker;
	struct bx_loop *loop;
	struct bx_link_events events;
	struct bx_packet *will;
	bool connected;
	uint64_t timer;
	int last_id;
	char **filters;
	size_t filter_count;
	LIST_HEAD(, delivery) deliveries;
};

struct spoken {
	LIST_ENTRY(spoken) link;
	char *topic, *bytes; /* bytes NULL: ended */
	size_t size, count;
	bool retained;
};

struct bx_memory {
	bool alive;
	uint64_t random;
	unsigned lost, doubled, late;
	LIST_HEAD(, link) links;
	LIST_HEAD(, spoken) spoken;
};

/* xorshift64*: a seed gives the same day again */
static unsigned chance(struct bx_memory *broker, unsigned of)
{
	broker->random ^= broker->random >> 12;
	broker->random ^= broker->random << 25;
	broker->random ^= broker->random >> 27;
	return (unsigned)((broker->random * 2685821657736338717ULL) >> 33) % of;
}

static void deliver(void *arg)
{
	struct delivery *delivery = arg;
	struct link *to = delivery->to;
	LIST_REMOVE(delivery, link);
	if (delivery->packet)
		to->events.received(to->events.arg, delivery->packet);
	else
		to->events.acknowledged(to->events.arg, delivery->acknowledge, true);
	free(delivery->packet);
	free(delivery);
}

/* `packet` NULL: acknowledges `id` */
static void enqueue(struct link *to, const struct bx_packet *packet, int id, int64_t delay_ms)
{
	struct delivery *delivery = bx_alloc(1, sizeof *delivery);
	delivery->to = to;
	delivery->packet = packet ? bx_packet_copy(packet) : NULL;
	delivery->acknowledge = id;
	delivery->timer = bx_after(to->loop, delay_ms, deliver, delivery);
	LIST_INSERT_HEAD(&to->deliveries, delivery, link);
}

static void drop_deliveries(struct link *link)
{
	for (struct delivery *delivery; (delivery = LIST_FIRST(&link->deliveries));) {
		LIST_REMOVE(delivery, link);
		bx_cancel(link->loop, delivery->timer);
		free(delivery->packet);
		free(delivery);
	}
}

static struct spoken *find_spoken(const struct bx_memory *broker, const char *topic)
{
	struct spoken *spoken;
	LIST_FOREACH (spoken, &broker->spoken, link)
		if (strcmp(spoken->topic, topic) == 0)
			return spoken;
	return NULL;
}

static void remember(struct bx_memory *broker, const struct bx_packet *packet)
{
	struct spoken *spoken = find_spoken(broker, packet->topic);
	if (!spoken) {
		spoken = bx_alloc(1, sizeof *spoken);
		spoken->topic = bx_copy(packet->topic);
		LIST_INSERT_HEAD(&broker->spoken, spoken, link);
	}
	free(spoken->bytes);
	spoken->bytes = packet->size > 0 ? bx_copy_bytes(packet->bytes, packet->size) : NULL;
	spoken->size = packet->size;
	spoken->count++;
	spoken->retained = packet->retain && packet->size > 0;
}

static bool wants(const struct link *link, const char *topic)
{
	for (size_t i = 0; i < link->filter_count; i++)
		if (bx_topic_filter(link->filters[i], topic))
			return true;
	return false;
}

void bx_memory_say(struct bx_memory *broker, const struct bx_packet *packet)
{
	struct bx_packet live = *packet;
	struct link *link;
	if (!broker->alive)
		return;
	remember(broker, packet);
	live.retain = false; /* retain-as-published is off: live copies come without it */
	LIST_FOREACH (link, &broker->links, link) {
		if (!link->connected || !wants(link, packet->topic))
			continue;
		unsigned copies = 1;
		if (!packet->retain && chance(broker, 100) < broker->lost)
			copies = 0;
		else if (!packet->retain && chance(broker, 100) < broker->doubled)
			copies = 2;
		for (; copies > 0; copies--) {
			bool late = !packet->retain && chance(broker, 100) < broker->late;
			enqueue(link, &live, 0, late ? chance(broker, LATE_MS) : 0);
		}
	}
}

static void come_back(void *arg)
{
	struct link *link = arg;
	link->timer = 0;
	if (!link->broker->alive) {
		link->timer = bx_after(link->loop, RECONNECT_MS, come_back, link);
		return;
	}
	link->connected = true;
	link->events.connected(link->events.arg);
}

static void tell_gone(void *arg)
{
	struct link *link = arg;
	link->events.disconnected(link->events.arg, "the broker in memory died");
	link->timer = bx_after(link->loop, RECONNECT_MS, come_back, link);
}

static void forget_filters(struct link *link)
{
	for (size_t i = 0; i < link->filter_count; i++)
		free(link->filters[i]);
	free(link->filters);
	link->filters = NULL;
	link->filter_count = 0;
}

void bx_memory_die(struct bx_memory *broker)
{
	struct link *link;
	struct spoken *spoken;
	broker->alive = false;
	LIST_FOREACH (spoken, &broker->spoken, link)
		spoken->retained = false;
	LIST_FOREACH (link, &broker->links, link) {
		drop_deliveries(link);
		forget_filters(link);
		if (link->connected)
			link->timer = bx_after(link->loop, 0, tell_gone, link);
		link->connected = false;
	}
}

void bx_memory_live(struct bx_memory *broker)
{
	broker->alive = true;
}

void bx_memory_fault(struct bx_memory *broker, unsigned lost, unsigned doubled, unsigned late)
{
	broker->lost = lost;
	broker->doubled = doubled;
	broker->late = late;
}

const char *bx_memory_newest(const struct bx_memory *broker, const char *topic, size_t *count)
{
	const struct spoken *spoken = find_spoken(broker, topic);
	if (count)
		*count = spoken ? spoken->count : 0;
	return spoken ? spoken->bytes : NULL;
}

size_t bx_memory_retained(const struct bx_memory *broker, const char *filter)
{
	size_t count = 0;
	const struct spoken *spoken;
	LIST_FOREACH (spoken, &broker->spoken, link)
		count += spoken->retained && bx_topic_filter(filter, spoken->topic);
	return count;
}

/* --- the link --- */

static void link_open(struct bx_link *base, const struct bx_link_events *events, const struct bx_packet *will)
{
	struct link *link = (struct link *)base;
	link->events = *events;
	link->will = will ? bx_packet_copy(will) : NULL;
	link->timer = bx_after(link->loop, 0, come_back, link);
}

static bool link_publish(struct bx_link *base, const struct bx_packet *packet, int *id)
{
	struct link *link = (struct link *)base;
	if (!link->connected)
		return false;
	*id = ++link->last_id;
	if (packet->qos > 0)
		enqueue(link, NULL, *id, 0);
	bx_memory_say(link->broker, packet);
	return true;
}

static void link_subscribe(struct bx_link *base, const char *filter)
{
	struct link *link = (struct link *)base;
	const struct spoken *spoken;
	link->filters = bx_grow(link->filters, link->filter_count + 1, sizeof *link->filters);
	link->filters[link->filter_count++] = bx_copy(filter);
	LIST_FOREACH (spoken, &link->broker->spoken, link) {
		if (!spoken->retained || !bx_topic_filter(filter, spoken->topic))
			continue;
		struct bx_packet packet = { .topic = spoken->topic,
			.bytes = spoken->bytes,
			.size = spoken->size,
			.qos = 1,
			.retain = true };
		enqueue(link, &packet, 0, 0);
	}
}

static void link_unsubscribe(struct bx_link *base, const char *filter)
{
	struct link *link = (struct link *)base;
	for (size_t i = 0; i < link->filter_count; i++) {
		if (strcmp(link->filters[i], filter) != 0)
			continue;
		free(link->filters[i]);
		link->filters[i] = link->filters[--link->filter_count];
		return;
	}
}

static void link_close(struct bx_link *base)
{
	struct link *link = (struct link *)base;
	free(link->will);
	link->will = NULL;
	link->connected = false;
	bx_cancel(link->loop, link->timer);
	drop_deliveries(link);
}

static void link_free(struct bx_link *base)
{
	struct link *link = (struct link *)base;
	LIST_REMOVE(link, link);
	if (link->connected && link->will)
		bx_memory_say(link->broker, link->will);
	link_close(base);
	forget_filters(link);
	free(link);
}

struct bx_link *bx_memory_join(struct bx_memory *broker, struct bx_loop *loop)
{
	static const struct bx_link_type type = { link_open, link_publish, link_subscribe, link_unsubscribe,
		link_close, link_free };
	struct link *link = bx_alloc(1, sizeof *link);
	link->base.type = &type;
	link->broker = broker;
	link->loop = loop;
	LIST_INIT(&link->deliveries);
	LIST_INSERT_HEAD(&broker->links, link, link);
	return &link->base;
}

struct bx_memory *bx_memory_new(uint64_t seed)
{
	struct bx_memory *broker = bx_alloc(1, sizeof *broker);
	broker->alive = true;
	broker->random = seed * 2 + 1;
	LIST_INIT(&broker->links);
	LIST_INIT(&broker->spoken);
	return broker;
}

void bx_memory_free(struct bx_memory *broker)
{
	if (!broker)
		return;
	for (struct spoken *spoken; (spoken = LIST_FIRST(&broker->spoken));) {
		LIST_REMOVE(spoken, link);
		free(spoken->topic);
		free(spoken->bytes);
		free(spoken);
	}
	free(broker);
}
