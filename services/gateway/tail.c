#define _GNU_SOURCE
#include "services/gateway/tail.h"

#include "libbus/base/log.h"
#include "libbus/contract/topics.h"
#include <search.h>
#include <string.h>
#include <sys/queue.h>

/* A record is in two orders: by key in the tree, so that a resent one is known, and by arrival in the list, so that the
 * oldest goes at the bound. It is counted: one for the tail, one for each query that reads it in its thread. */
struct kept {
	struct tail_record record; /* first: what is handed out is ours */
	unsigned users;
	uint64_t session, number;
	TAILQ_ENTRY(kept) arrival;
	char bytes[];
};

struct tail {
	void *by_key;
	TAILQ_HEAD(, kept) arrivals;
	size_t count, bytes, bytes_max;
	bool told;
};

static int compare(const void *one, const void *other)
{
	const struct tail_record *left = one, *right = other;
	if (left->second != right->second)
		return left->second < right->second ? -1 : 1;
	return strcmp(left->source, right->source);
}

static size_t cost(const struct kept *kept)
{
	return sizeof *kept + kept->record.size + 64; /* the tree's node */
}

static void let_go(struct kept *kept)
{
	if (--kept->users == 0)
		free(kept);
}

static void forget(struct tail *tail, struct kept *kept)
{
	tdelete(kept, &tail->by_key, compare);
	TAILQ_REMOVE(&tail->arrivals, kept, arrival);
	tail->count--;
	tail->bytes -= cost(kept);
	let_go(kept);
}

struct tail *tail_new(size_t bytes_max)
{
	struct tail *tail = bx_alloc(1, sizeof *tail);
	TAILQ_INIT(&tail->arrivals);
	tail->bytes_max = bytes_max;
	return tail;
}

void tail_free(struct tail *tail)
{
	if (!tail)
		return;
	while (!TAILQ_EMPTY(&tail->arrivals))
		forget(tail, TAILQ_FIRST(&tail->arrivals));
	free(tail);
}

size_t tail_count(const struct tail *tail)
{
	return tail->count;
}

void tail_put(struct tail *tail, const char *topic, uint64_t session, uint64_t number, const char *bytes,
	size_t size)
{
	struct tail_record record = { 0 };
	enum bx_topic row;
	char name[BX_NAME_SIZE];
	union bx_any payload;
	if (!bx_topic_match(topic, &row, name) || !bx_topic_source(topic, record.source) ||
		!bx_payload_decode(row, bytes, size, &payload, NULL) || payload.values.time.ms == 0)
		return; /* no sample, or no time: history has no use for it */
	record.scope = bx_topic_row(row)->scope;
	record.second = bx_wall_second(payload.values.time);
	record.size = size;
	if (tfind(&record, &tail->by_key, compare))
		return; /* sent again */

	struct kept *kept = bx_alloc(1, sizeof *kept + size + 1);
	kept->record = record;
	kept->record.bytes = kept->bytes;
	memcpy(kept->bytes, bytes, size);
	kept->users = 1;
	kept->session = session;
	kept->number = number;
	if (!tsearch(kept, &tail->by_key, compare))
		abort(); /* no memory */
	TAILQ_INSERT_TAIL(&tail->arrivals, kept, arrival);
	tail->count++;
	tail->bytes += cost(kept);
	if (tail->bytes > tail->bytes_max && !tail->told) {
		tail->told = true;
		bx_log(BX_WARNING, "storage has not answered for so long that the newest history has a gap");
	}
	while (tail->bytes > tail->bytes_max)
		forget(tail, TAILQ_FIRST(&tail->arrivals));
}

static bool is_acknowledged(const struct kept *kept, const struct bx_acknowledged *acknowledged)
{
	if (kept->session != acknowledged->session)
		return false;
	for (size_t i = 0; i < acknowledged->range_count; i++)
		if (kept->number >= acknowledged->ranges[i].first &&
			kept->number <= acknowledged->ranges[i].last)
			return true;
	return false;
}

void tail_acknowledge(struct tail *tail, const struct bx_acknowledged *acknowledged)
{
	struct kept *next;
	for (struct kept *kept = TAILQ_FIRST(&tail->arrivals); kept; kept = next) {
		next = TAILQ_NEXT(kept, arrival);
		if (is_acknowledged(kept, acknowledged))
			forget(tail, kept);
	}
	if (tail->count == 0)
		tail->told = false;
}

struct tail_record **tail_take(struct tail *tail, int64_t from, int64_t to, size_t *count)
{
	struct tail_record **records = bx_alloc(tail->count + 1, sizeof(struct tail_record *));
	struct kept *kept;
	*count = 0;
	TAILQ_FOREACH (kept, &tail->arrivals, arrival) {
		if (kept->record.second < from || kept->record.second >= to)
			continue;
		kept->users++;
		records[(*count)++] = &kept->record;
	}
	return records;
}

void tail_give_back(struct tail_record **records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		let_go((struct kept *)(void *)records[i]); /* the record is its first member */
	free(records);
}
