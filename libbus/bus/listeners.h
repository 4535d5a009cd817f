/* Who hears what. A message is decoded once, whoever listens, and not at all where nobody does. */
#pragma once
#include "libbus/bus/bus.h"

struct bx_listeners;

struct bx_listeners *bx_listeners_new(void);
void bx_listeners_free(struct bx_listeners *listeners);
BX_OWNED_BY(struct bx_listeners, bx_listeners_free)

/* `name` NULL: every name. `filter` is what the broker is to be asked for; `heard` NULL: only asked for. Texts are copied. */
void bx_listeners_add(struct bx_listeners *listeners, enum bx_topic topic, const char *name,
	const char *filter, bx_heard *heard, void *arg);
/* The filter of listener number `index`; NULL: there are no more, "": an earlier one has the same. */
const char *bx_listeners_filter(const struct bx_listeners *listeners, size_t index);
size_t bx_listeners_count(const struct bx_listeners *listeners);
/* Completes *message (ended, payload) and hands it out. False: malformed; the first of each row is logged. */
bool bx_listeners_deliver(struct bx_listeners *listeners, struct bx_message *message);
