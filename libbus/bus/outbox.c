/* An entry is in one of two queues: `waiting` (never sent or rewound, by number) or `sent` (by the moment it was sent). Both
 * give their head as the next, so nothing is ever searched. Numbers are consecutive: the entry of a number is found by its
 * distance from the oldest. */
#include "libbus/bus/outbox.h"

#include "libbus/base/memory.h"
#include <string.h>
#include <sys/queue.h>

struct entry {
	TAILQ_ENTRY(entry) link;
	uint64_t number;
	bool is_waiting;
	struct bx_mono sent;
	char *topic;
	size_t size;
	char bytes[]; /* then the topic */
};
TAILQ_HEAD(queue, entry);

struct bx_outbox {
	uint64_t session, last, dropped;
	size_t bytes, bytes_max, count, waiting_count;
	struct queue waiting, sent;
	struct entry **entries; /* [number - first], NULL where it is gone */
	uint64_t first;
	size_t entries_size;
};

struct bx_outbox *bx_outbox_new(uint64_t session, size_t bytes_max)
{
	struct bx_outbox *outbox = bx_alloc(1, sizeof *outbox);
	outbox->session = session;
	outbox->bytes_max = bytes_max;
	outbox->first = 1;
	TAILQ_INIT(&outbox->waiting);
	TAILQ_INIT(&outbox->sent);
	return outbox;
}

static size_t cost(const struct entry *entry)
{
	return sizeof *entry + entry->size + strlen(entry->topic) + 1;
}

static void set_waiting(struct bx_outbox *outbox, struct entry *entry, bool is_waiting)
{
	entry->is_waiting = is_waiting;
	outbox->waiting_count += is_waiting;
}

static void unlink_entry(struct bx_outbox *outbox, struct entry *entry)
{
	TAILQ_REMOVE(entry->is_waiting ? &outbox->waiting : &outbox->sent, entry, link);
	outbox->waiting_count -= entry->is_waiting;
}

static void forget(struct bx_outbox *outbox, struct entry *entry)
{
	unlink_entry(outbox, entry);
	outbox->bytes -= cost(entry);
	outbox->count--;
	outbox->entries[entry->number - outbox->first] = NULL;
	free(entry);
}

void bx_outbox_free(struct bx_outbox *outbox)
{
	if (!outbox)
		return;
	for (uint64_t number = outbox->first; number <= outbox->last; number++)
		free(outbox->entries[number - outbox->first]);
	free(outbox->entries);
	free(outbox);
}

/* The oldest that is still there moves to place 0. */
static void shift(struct bx_outbox *outbox)
{
	size_t span = (size_t)(outbox->last - outbox->first + 1), gone = 0;
	while (gone < span && !outbox->entries[gone])
		gone++;
	if (gone == 0 || (gone < span && gone < outbox->entries_size / 2))
		return; /* not worth the move yet */
	memmove(outbox->entries, outbox->entries + gone, (span - gone) * sizeof *outbox->entries);
	outbox->first += gone;
}

static void drop_oldest(struct bx_outbox *outbox)
{
	for (uint64_t number = outbox->first; number <= outbox->last; number++) {
		struct entry *entry = outbox->entries[number - outbox->first];
		if (entry) {
			forget(outbox, entry);
			outbox->dropped++;
			return;
		}
	}
}

uint64_t bx_outbox_put(struct bx_outbox *outbox, const char *topic, const char *bytes, size_t size)
{
	shift(outbox);
	size_t span = (size_t)(outbox->last - outbox->first + 1);
	if (span == outbox->entries_size) {
		outbox->entries_size = outbox->entries_size ? outbox->entries_size * 2 : 64;
		outbox->entries = bx_grow(outbox->entries, outbox->entries_size, sizeof(struct entry *));
	}
	struct entry *entry = bx_alloc(1, sizeof *entry + size + strlen(topic) + 2);
	entry->number = ++outbox->last;
	entry->size = size;
	memcpy(entry->bytes, bytes, size);
	entry->topic = entry->bytes + size + 1;
	memcpy(entry->topic, topic, strlen(topic) + 1);
	outbox->entries[span] = entry;
	TAILQ_INSERT_TAIL(&outbox->waiting, entry, link);
	set_waiting(outbox, entry, true);
	outbox->bytes += cost(entry);
	outbox->count++;
	while (outbox->bytes > outbox->bytes_max && outbox->count > 0)
		drop_oldest(outbox);
	return outbox->last;
}

size_t bx_outbox_acknowledge(struct bx_outbox *outbox, const struct bx_acknowledged *acknowledged)
{
	size_t went = 0;
	if (acknowledged->session != outbox->session)
		return 0;
	for (size_t i = 0; i < acknowledged->range_count; i++) {
		uint64_t first = acknowledged->ranges[i].first, last = acknowledged->ranges[i].last;
		first = first < outbox->first ? outbox->first : first;
		last = last > outbox->last ? outbox->last : last;
		for (uint64_t number = first; number <= last; number++) {
			struct entry *entry = outbox->entries[number - outbox->first];
			if (entry) {
				forget(outbox, entry);
				went++;
			}
		}
	}
	return went;
}

void bx_outbox_rewind(struct bx_outbox *outbox)
{
	TAILQ_INIT(&outbox->waiting);
	TAILQ_INIT(&outbox->sent);
	outbox->waiting_count = 0;
	for (uint64_t number = outbox->first; number <= outbox->last; number++) {
		struct entry *entry = outbox->entries[number - outbox->first];
		if (entry) {
			TAILQ_INSERT_TAIL(&outbox->waiting, entry, link);
			set_waiting(outbox, entry, true);
		}
	}
}

bool bx_outbox_next(struct bx_outbox *outbox, struct bx_mono now, int64_t again_ms, struct bx_record *record)
{
	struct entry *entry = TAILQ_FIRST(&outbox->waiting);
	if (!entry) {
		entry = TAILQ_FIRST(&outbox->sent);
		if (!entry || now.ms - entry->sent.ms < again_ms)
			return false;
	}
	unlink_entry(outbox, entry);
	set_waiting(outbox, entry, false);
	entry->sent = now;
	TAILQ_INSERT_TAIL(&outbox->sent, entry, link);
	*record = (struct bx_record){ entry->number, entry->topic, entry->bytes, entry->size };
	return true;
}

uint64_t bx_outbox_session(const struct bx_outbox *outbox)
{
	return outbox->session;
}

size_t bx_outbox_count(const struct bx_outbox *outbox)
{
	return outbox->count;
}

size_t bx_outbox_unsent(const struct bx_outbox *outbox)
{
	return outbox->waiting_count;
}

uint64_t bx_outbox_dropped(const struct bx_outbox *outbox)
{
	return outbox->dropped;
}
