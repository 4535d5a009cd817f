/* What is to be kept, numbered, until storage acknowledged it. Pure: no bus, loop or clock in here.
 *
 * At least once, in any order: storage drops what it has by its key (source and second, or an event's id), so sending twice
 * is free. Bounded: over `bytes_max` the oldest goes first and is counted; nobody waits for what is gone. */
#pragma once
#include "libbus/base/clock.h"
#include "libbus/base/memory.h"
#include "libbus/contract/payloads.h"

struct bx_outbox;

/* What storage is to have. Borrowed until the next call. */
struct bx_record {
	uint64_t number; /* 1, 2, ... */
	const char *topic; /* the live topic under the root */
	const char *bytes;
	size_t size;
};

/* `session` is random at each start of the process and compared for equality only. */
struct bx_outbox *bx_outbox_new(uint64_t session, size_t bytes_max);
void bx_outbox_free(struct bx_outbox *outbox);
BX_OWNED_BY(struct bx_outbox, bx_outbox_free)

/* Copies. Returns its number. */
uint64_t bx_outbox_put(struct bx_outbox *outbox, const char *topic, const char *bytes, size_t size);
/* Forgets what is acknowledged; returns how many went (of another session: none). */
size_t bx_outbox_acknowledge(struct bx_outbox *outbox, const struct bx_acknowledged *acknowledged);
/* Storage said online: all that it has not acknowledged is due again, oldest first. */
void bx_outbox_rewind(struct bx_outbox *outbox);
/* The oldest that was never sent or was rewound, else one last sent `again_ms` ago or longer. False: none is due. It counts
 * as sent at `now`. */
bool bx_outbox_next(struct bx_outbox *outbox, struct bx_mono now, int64_t again_ms, struct bx_record *record);

uint64_t bx_outbox_session(const struct bx_outbox *outbox);
size_t bx_outbox_count(const struct bx_outbox *outbox); /* not acknowledged */
size_t bx_outbox_unsent(const struct bx_outbox *outbox); /* of them due at once */
uint64_t bx_outbox_dropped(const struct bx_outbox *outbox); /* since the start */
