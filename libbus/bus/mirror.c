#define _GNU_SOURCE
#include "libbus/bus/mirror.h"

#include "libbus/base/log.h"
#include <search.h>
#include <string.h>

enum { FRESH_MS = 3 * 60 * 1000 };

struct kept {
	enum bx_topic topic;
	char name[BX_NAME_SIZE];
	char *bytes;
	size_t size;
	struct bx_mono heard;
};

struct bx_mirror {
	struct bx_bus *bus;
	void *trees[BX_TOPIC_COUNT]; /* of struct kept, by name */
	size_t counts[BX_TOPIC_COUNT], count, entries_max;
	bool told;
	bx_heard *changed;
	void *changed_arg;
};

static int compare(const void *one, const void *other)
{
	return strcmp(((const struct kept *)one)->name, ((const struct kept *)other)->name);
}

static struct kept *find(const struct bx_mirror *mirror, enum bx_topic topic, const char *name)
{
	struct kept key;
	if (!bx_text_copy(key.name, sizeof key.name, name))
		return NULL;
	void *found = tfind(&key, &mirror->trees[topic], compare);
	return found ? *(struct kept **)found : NULL;
}

static void free_kept(void *kept)
{
	free(((struct kept *)kept)->bytes);
	free(kept);
}

static void forget(struct bx_mirror *mirror, struct kept *kept)
{
	tdelete(kept, &mirror->trees[kept->topic], compare);
	mirror->counts[kept->topic]--;
	mirror->count--;
	free_kept(kept);
}

static struct kept *admit(struct bx_mirror *mirror, enum bx_topic topic, const char *name)
{
	if (mirror->count == mirror->entries_max) {
		if (!mirror->told)
			bx_log(BX_WARNING, "more topics than are kept; further ones are left out",
				BX_F("kept", mirror->entries_max));
		mirror->told = true;
		return NULL;
	}
	struct kept *kept = bx_alloc(1, sizeof *kept);
	kept->topic = topic;
	(void)bx_text_copy(kept->name, sizeof kept->name, name); /* names are bounded */
	if (!tsearch(kept, &mirror->trees[topic], compare))
		abort();
	mirror->counts[topic]++;
	mirror->count++;
	return kept;
}

/* What the broker had kept may be old: by its own time, where it has one. Asked once, when it comes, so that a step of the
 * wall clock makes nothing older. */
static struct bx_mono said_at(const struct bx_mirror *mirror, const struct bx_message *message)
{
	struct bx_mono now = bx_now(bx_bus_loop(mirror->bus));
	struct bx_wall wall = bx_wall_now(bx_bus_loop(mirror->bus));
	bool has_time = message->replay && bx_topic_row(message->topic)->payload == BX_VALUES &&
		message->payload->values.time.ms != 0 && wall.ms > message->payload->values.time.ms;
	return (struct bx_mono){ now.ms - (has_time ? wall.ms - message->payload->values.time.ms : 0) };
}

static void on_heard(void *arg, const struct bx_message *message)
{
	struct bx_mirror *mirror = arg;
	struct kept *kept = find(mirror, message->topic, message->name);
	if (message->ended) {
		if (!kept)
			return;
		forget(mirror, kept);
	} else {
		if (!kept)
			kept = admit(mirror, message->topic, message->name);
		if (!kept)
			return;
		free(kept->bytes);
		kept->bytes = bx_copy_bytes(message->bytes, message->size);
		kept->size = message->size;
		kept->heard = said_at(mirror, message);
	}
	if (mirror->changed)
		mirror->changed(mirror->changed_arg, message);
}

struct bx_mirror *bx_mirror_new(
	struct bx_bus *bus, const enum bx_topic *topics, size_t count, size_t entries_max)
{
	struct bx_mirror *mirror = bx_alloc(1, sizeof *mirror);
	mirror->bus = bus;
	mirror->entries_max = entries_max;
	for (size_t i = 0; i < count; i++)
		bx_hear(bus, topics[i], NULL, on_heard, mirror);
	return mirror;
}

void bx_mirror_free(struct bx_mirror *mirror)
{
	if (!mirror)
		return;
	for (size_t i = 0; i < BX_TOPIC_COUNT; i++)
		tdestroy(mirror->trees[i], free_kept);
	free(mirror);
}

static struct bx_entry entry_of(const struct bx_mirror *mirror, const struct kept *kept)
{
	return (struct bx_entry){ .topic = kept->topic,
		.name = kept->name,
		.bytes = kept->bytes,
		.size = kept->size,
		.age_ms = bx_now(bx_bus_loop(mirror->bus)).ms - kept->heard.ms };
}

bool bx_mirror_get(
	const struct bx_mirror *mirror, enum bx_topic topic, const char *name, struct bx_entry *entry)
{
	const struct kept *kept = find(mirror, topic, name);
	if (!kept)
		return false;
	*entry = entry_of(mirror, kept);
	return true;
}

bool bx_mirror_read(
	const struct bx_mirror *mirror, enum bx_topic topic, const char *name, union bx_any *payload)
{
	const struct kept *kept = find(mirror, topic, name);
	return kept && bx_payload_decode(topic, kept->bytes, kept->size, payload, NULL);
}

struct walk {
	const struct bx_mirror *mirror;
	void (*each)(void *arg, const struct bx_entry *entry);
	void *arg;
};

static void walk_one(const void *node, VISIT visit, void *arg)
{
	const struct walk *walk = arg;
	if (visit != postorder && visit != leaf)
		return;
	struct bx_entry entry = entry_of(walk->mirror, *(struct kept *const *)node);
	walk->each(walk->arg, &entry);
}

void bx_mirror_each(const struct bx_mirror *mirror, enum bx_topic topic,
	void (*each)(void *arg, const struct bx_entry *entry), void *arg)
{
	struct walk walk = { mirror, each, arg };
	twalk_r(mirror->trees[topic], walk_one, &walk);
}

size_t bx_mirror_count(const struct bx_mirror *mirror, enum bx_topic topic)
{
	return mirror->counts[topic];
}

void bx_mirror_on_change(struct bx_mirror *mirror, bx_heard *changed, void *arg)
{
	mirror->changed = changed;
	mirror->changed_arg = arg;
}

bool bx_mirror_runs(const struct bx_mirror *mirror, const char *service)
{
	union bx_any payload;
	if (!bx_mirror_read(mirror, BX_SERVICE_AVAILABILITY, service, &payload) || !payload.online)
		return false;
	struct bx_entry stats;
	return bx_mirror_get(mirror, BX_SERVICE_STATS, service, &stats) && stats.age_ms <= FRESH_MS;
}
