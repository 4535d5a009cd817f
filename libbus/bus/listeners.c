#include "libbus/bus/listeners.h"

#include "libbus/base/log.h"
#include <string.h>

struct listener {
	enum bx_topic topic;
	char name[BX_NAME_SIZE]; /* with `+` levels */
	char filter[BX_TOPIC_SIZE];
	bx_heard *heard;
	void *arg;
};

struct bx_listeners {
	struct listener *list;
	size_t count;
	uint64_t complained[(BX_TOPIC_COUNT + 63) / 64]; /* rows of which a malformed one has been logged */
	union bx_any decoded;
};

struct bx_listeners *bx_listeners_new(void)
{
	return bx_alloc(1, sizeof(struct bx_listeners));
}

void bx_listeners_free(struct bx_listeners *listeners)
{
	if (!listeners)
		return;
	free(listeners->list);
	free(listeners);
}

void bx_listeners_add(struct bx_listeners *listeners, enum bx_topic topic, const char *name,
	const char *filter, bx_heard *heard, void *arg)
{
	listeners->list = bx_grow(listeners->list, listeners->count + 1, sizeof *listeners->list);
	struct listener *listener = &listeners->list[listeners->count++];
	*listener = (struct listener){ .topic = topic, .heard = heard, .arg = arg };
	(void)bx_text_copy(listener->name, sizeof listener->name, name ? name : "#"); /* our own, short */
	(void)bx_text_copy(listener->filter, sizeof listener->filter, filter);
}

const char *bx_listeners_filter(const struct bx_listeners *listeners, size_t index)
{
	if (index >= listeners->count)
		return NULL;
	for (size_t earlier = 0; earlier < index; earlier++)
		if (strcmp(listeners->list[earlier].filter, listeners->list[index].filter) == 0)
			return "";
	return listeners->list[index].filter;
}

size_t bx_listeners_count(const struct bx_listeners *listeners)
{
	return listeners->count;
}

static bool decode(struct bx_listeners *listeners, struct bx_message *message)
{
	struct bx_error error = { 0 };
	message->ended = message->size == 0 && bx_topic_row(message->topic)->retention != BX_PASSING;
	if (message->ended)
		return true;
	if (bx_payload_decode(message->topic, message->bytes, message->size, &listeners->decoded, &error)) {
		message->payload = &listeners->decoded;
		return true;
	}
	uint64_t bit = 1ULL << (message->topic % 64), *word = &listeners->complained[message->topic / 64];
	if (!(*word & bit))
		bx_log(BX_WARNING, "a message is malformed and left out; more of its kind are only counted",
			BX_F("topic", message->packet->topic), BX_F("why", (const char *)error.message));
	*word |= bit;
	return false;
}

bool bx_listeners_deliver(struct bx_listeners *listeners, struct bx_message *message)
{
	bool decoded = false;
	for (size_t i = 0; i < listeners->count; i++) {
		struct listener listener = listeners->list[i]; /* who hears may make others listen */
		if (listener.topic != message->topic || !bx_topic_filter(listener.name, message->name))
			continue;
		if (!decoded && !decode(listeners, message))
			return false;
		decoded = true;
		if (listener.heard)
			listener.heard(listener.arg, message);
	}
	return true;
}
