/* What a client says to be true: the newest of each topic, and which of them the broker has not been told. Pure but for the
 * durable ones, which are on disk when a change returns. */
#pragma once
#include "libbus/base/memory.h"
#include "libbus/contract/topics.h"

struct bx_states;

struct bx_state_entry {
	char *topic; /* whole */
	enum bx_topic row;
	char name[BX_NAME_SIZE];
	char *bytes; /* NULL: it has ended */
	size_t size;
};

/* `folder`: of BX_DURABLE rows; NULL: none is kept. */
struct bx_states *bx_states_new(const char *folder);
void bx_states_free(struct bx_states *states);
BX_OWNED_BY(struct bx_states, bx_states_free)

/* Keeps the newest of a topic (`bytes` NULL: it has ended); it is to be said. */
void bx_states_keep(struct bx_states *states, enum bx_topic row, const char *name, const char *topic,
	const char *bytes, size_t size);
/* NULL: never said. */
const struct bx_state_entry *bx_states_find(const struct bx_states *states, const char *topic);
/* The next to be said, which counts as said from here on; NULL: none. */
const struct bx_state_entry *bx_states_next(struct bx_states *states);
bool bx_states_are_said(const struct bx_states *states);
void bx_states_say_all(struct bx_states *states); /* a new connection: all are to be said again */
/* Reads a row's durable states of an earlier run; `each` keeps what it wants by bx_states_keep_recalled. */
void bx_states_recall(struct bx_states *states, enum bx_topic row,
	void (*each)(void *arg, const char *name, const char *json, size_t size), void *arg);
/* As bx_states_keep, of what lies on disk already. */
void bx_states_keep_recalled(struct bx_states *states, enum bx_topic row, const char *name, const char *topic,
	const char *bytes, size_t size);
