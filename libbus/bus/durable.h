/* Own state that outlives a power cut: one file a topic row in the service's state folder, written whole on each change. */
#pragma once
#include "libbus/base/error.h"
#include "libbus/contract/topics.h"
#include <stddef.h>

#define BX_DURABLE_BYTES_MAX (4 * 1024 * 1024)

/* Each state of a row as it was said: "" is the name of a row without a name. Borrowed for the call. */
typedef void bx_durable_each(void *arg, const char *name, const char *json, size_t size);

/* Reads a row's file. No file is no state. False: the file is no more readable; it is left as it is, aside with ".bad" behind
 * its name, so that the next write does not end it. */
bool bx_durable_read(
	const char *folder, enum bx_topic topic, bx_durable_each *each, void *arg, struct bx_error *error);

/* Writes a row's file: `next` gives the states one by one, false at the end. */
bool bx_durable_write(const char *folder, enum bx_topic topic,
	bool (*next)(void *arg, const char **name, const char **json), void *arg, struct bx_error *error);
