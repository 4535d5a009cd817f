/* What publishers have handed to storage and the database may not have yet: the newest minutes of history.
 *
 * A record goes when storage says that it is in the database. Where that is never heard (storage is down), the oldest goes
 * at the bound; one that is kept too long does no harm, since history skips what the database has. */
#pragma once
#include "libbus/base/memory.h"
#include "libbus/contract/payloads.h"
#include <stddef.h>

#define TAIL_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct tail;

struct tail *tail_new(size_t bytes_max);
void tail_free(struct tail *tail); /* records that are still taken go when they are given back */
BX_OWNED_BY(struct tail, tail_free)

/* Copies. One of a source and second replaces none: the first stays, as in the database. */
void tail_put(struct tail *tail, const char *topic, uint64_t session, uint64_t number, const char *bytes,
	size_t size);
void tail_acknowledge(struct tail *tail, const struct bx_acknowledged *acknowledged);
size_t tail_count(const struct tail *tail);

/* A record, unchanged as long as it is taken: a thread may read it. */
struct tail_record {
	char source[BX_NAME_SIZE]; /* "miner/gamma-3" */
	enum bx_scope scope;
	int64_t second;
	const char *bytes;
	size_t size;
};
/* Those of the range (unix seconds, without `to`), oldest arrival first; *count of them, the list is the caller's: tail_give_back. */
struct tail_record **tail_take(struct tail *tail, int64_t from, int64_t to, size_t *count);
/* On the loop, too; frees the list. The tail itself may be gone. */
void tail_give_back(struct tail_record **records, size_t count);
