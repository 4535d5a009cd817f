#define _GNU_SOURCE
#include "libbus/bus/states.h"

#include "libbus/base/log.h"
#include "libbus/base/text.h"
#include "libbus/bus/durable.h"
#include <search.h>
#include <string.h>
#include <sys/queue.h>

struct state {
	struct bx_state_entry entry; /* first, the tree compares its topic */
	bool is_pending;
	TAILQ_ENTRY(state) pending;
};

struct bx_states {
	char *folder;
	void *tree; /* of struct state by topic */
	TAILQ_HEAD(, state) pending;
};

static int compare(const void *one, const void *other)
{
	return strcmp(((const struct state *)one)->entry.topic, ((const struct state *)other)->entry.topic);
}

static struct state *find(const struct bx_states *states, const char *topic)
{
	struct state key = { .entry.topic = bx_copy(topic) };
	void *found = tfind(&key, &states->tree, compare);
	free(key.entry.topic);
	return found ? *(struct state **)found : NULL;
}

static void set_pending(struct bx_states *states, struct state *state)
{
	if (!state->is_pending)
		TAILQ_INSERT_TAIL(&states->pending, state, pending);
	state->is_pending = true;
}

struct bx_states *bx_states_new(const char *folder)
{
	struct bx_states *states = bx_alloc(1, sizeof *states);
	states->folder = folder ? bx_copy(folder) : NULL;
	TAILQ_INIT(&states->pending);
	return states;
}

static void free_state(void *node)
{
	struct state *state = node;
	free(state->entry.topic);
	free(state->entry.bytes);
	free(state);
}

void bx_states_free(struct bx_states *states)
{
	if (!states)
		return;
	tdestroy(states->tree, free_state);
	free(states->folder);
	free(states);
}

/* --- durable rows --- */

struct walk {
	enum bx_topic row;
	const struct bx_state_entry **found;
	size_t count, next;
};

static void collect(const void *node, VISIT visit, void *arg)
{
	struct walk *walk = arg;
	const struct bx_state_entry *entry = &(*(struct state *const *)node)->entry;
	if ((visit != postorder && visit != leaf) || entry->row != walk->row || !entry->bytes)
		return;
	walk->found = bx_grow(walk->found, walk->count + 1, sizeof *walk->found);
	walk->found[walk->count++] = entry;
}

static bool give_next(void *arg, const char **name, const char **json)
{
	struct walk *walk = arg;
	if (walk->next == walk->count)
		return false;
	*name = walk->found[walk->next]->name;
	*json = walk->found[walk->next++]->bytes;
	return true;
}

static void write_durable(const struct bx_states *states, enum bx_topic row)
{
	if (!states->folder || bx_topic_row(row)->retention != BX_DURABLE)
		return;
	struct walk walk = { .row = row };
	struct bx_error error;
	twalk_r(states->tree, collect, &walk);
	if (!bx_durable_write(states->folder, row, give_next, &walk, &error))
		bx_log(BX_ERROR, "own state is not on disk and would be lost by a power cut",
			BX_F("why", (const char *)error.message));
	free(walk.found);
}

void bx_states_recall(struct bx_states *states, enum bx_topic row,
	void (*each)(void *arg, const char *name, const char *json, size_t size), void *arg)
{
	struct bx_error error;
	if (states->folder && !bx_durable_read(states->folder, row, each, arg, &error))
		bx_log(BX_ERROR, "own state is lost", BX_F("why", (const char *)error.message));
}

/* --- keeping and saying --- */

/* False: it was so already. */
static bool keep(struct bx_states *states, enum bx_topic row, const char *name, const char *topic,
	const char *bytes, size_t size)
{
	struct state *state = find(states, topic);
	if (!state) {
		state = bx_alloc(1, sizeof *state);
		state->entry.topic = bx_copy(topic);
		state->entry.row = row;
		(void)bx_text_copy(
			state->entry.name, sizeof state->entry.name, name); /* it fitted into the topic */
		if (!tsearch(state, &states->tree, compare))
			abort(); /* no memory */
	}
	struct bx_state_entry *entry = &state->entry;
	bool same = bytes ? entry->bytes && entry->size == size && memcmp(entry->bytes, bytes, size) == 0
			  : !entry->bytes;
	free(entry->bytes);
	entry->bytes = bytes ? bx_copy_bytes(bytes, size) : NULL;
	entry->size = bytes ? size : 0;
	set_pending(states, state);
	return !same;
}

void bx_states_keep(struct bx_states *states, enum bx_topic row, const char *name, const char *topic,
	const char *bytes, size_t size)
{
	if (keep(states, row, name, topic, bytes, size))
		write_durable(states, row);
}

void bx_states_keep_recalled(struct bx_states *states, enum bx_topic row, const char *name, const char *topic,
	const char *bytes, size_t size)
{
	(void)keep(states, row, name, topic, bytes, size); /* new or not, it is on disk */
}

const struct bx_state_entry *bx_states_find(const struct bx_states *states, const char *topic)
{
	const struct state *state = find(states, topic);
	return state ? &state->entry : NULL;
}

const struct bx_state_entry *bx_states_next(struct bx_states *states)
{
	struct state *state = TAILQ_FIRST(&states->pending);
	if (!state)
		return NULL;
	TAILQ_REMOVE(&states->pending, state, pending);
	state->is_pending = false;
	return &state->entry;
}

bool bx_states_are_said(const struct bx_states *states)
{
	return TAILQ_EMPTY(&states->pending);
}

static void mark(const void *node, VISIT visit, void *arg)
{
	if (visit == postorder || visit == leaf)
		set_pending(arg, *(struct state *const *)node);
}

void bx_states_say_all(struct bx_states *states)
{
	twalk_r(states->tree, mark, states);
}
