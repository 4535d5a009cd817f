/* Two kinds, samples and events, each with the batch in hand and the batch being written. A due is one acknowledgement: a
 * record carries its own, so that it goes where the record goes; those of records that were dropped wait beside. Once the
 * batch is committed all are `owed`, from where they are said in ranges. Publishers, sources and
 * names are numbered by this file and stay for the process' life; their numbers are bounded. */
#define _GNU_SOURCE
#include "services/storage/ingest.h"

#include "libbus/base/text.h"
#include <search.h>
#include <stdio.h>
#include <string.h>

/* The keys held: an open hash of source << 40 | second + 1; 0 is free. */
struct keys {
	uint64_t *slots;
	size_t count, size;
};

struct source {
	char *name; /* first, the tree compares it */
	uint32_t index;
};

struct kind {
	struct ingest_batch in_hand, writing;
	bool is_writing;
};

struct ingest {
	struct ingest_limits limits;
	struct kind kinds[2];
	struct keys keys;
	void *sources, *names; /* trees */
	uint32_t source_count, name_count;
	char *publishers[INGEST_PUBLISHERS_MAX];
	uint32_t publisher_count;
	struct ingest_due *owed;
	size_t owed_count;
	bool was_full;
	struct ingest_figures figures;
};

/* --- keys --- */

static size_t slot_of(const struct keys *keys, uint64_t key)
{
	uint64_t hash = key * 0x9E3779B97F4A7C15ULL;
	size_t at = (size_t)(hash >> 20) & (keys->size - 1);
	while (keys->slots[at] != 0 && keys->slots[at] != key)
		at = (at + 1) & (keys->size - 1);
	return at;
}

static void keys_reserve(struct keys *keys)
{
	if (keys->size > 0 && keys->count * 2 < keys->size)
		return;
	struct keys grown = { .size = keys->size ? keys->size * 2 : 1024 };
	grown.slots = bx_alloc(grown.size, sizeof *grown.slots);
	for (size_t i = 0; i < keys->size; i++)
		if (keys->slots[i] != 0)
			grown.slots[slot_of(&grown, keys->slots[i])] = keys->slots[i];
	grown.count = keys->count;
	free(keys->slots);
	*keys = grown;
}

/* False: it was there. */
static bool keys_add(struct keys *keys, uint32_t source, int64_t second)
{
	uint64_t key = (uint64_t)source << 40 | (uint64_t)(second + 1);
	keys_reserve(keys);
	size_t at = slot_of(keys, key);
	if (keys->slots[at] == key)
		return false;
	keys->slots[at] = key;
	keys->count++;
	return true;
}

/* --- numbered names --- */

static int compare_sources(const void *one, const void *other)
{
	return strcmp(((const struct source *)one)->name, ((const struct source *)other)->name);
}

static struct source *intern_source(struct ingest *ingest, const char *name)
{
	struct source key = { .name = bx_copy(name) };
	void *found = tfind(&key, &ingest->sources, compare_sources);
	if (found || ingest->source_count == INGEST_SOURCES_MAX) {
		free(key.name);
		return found ? *(struct source **)found : NULL;
	}
	struct source *source = bx_alloc(1, sizeof *source);
	*source = (struct source){ key.name, ++ingest->source_count };
	if (!tsearch(source, &ingest->sources, compare_sources))
		abort(); /* no memory */
	return source;
}

static int compare_names(const void *one, const void *other)
{
	const struct ingest_name *a = one, *b = other;
	return a->metric != b->metric ? (a->metric < b->metric ? -1 : 1) : strcmp(a->series, b->series);
}

static const struct ingest_name *intern_name(struct ingest *ingest, enum bx_metric metric, const char *series)
{
	struct ingest_name key = { metric, bx_copy(series) };
	void *found = tfind(&key, &ingest->names, compare_names);
	if (found || ingest->name_count == INGEST_NAMES_MAX) {
		free(key.series);
		return found ? *(struct ingest_name **)found : NULL;
	}
	struct ingest_name *name = bx_alloc(1, sizeof *name);
	*name = key;
	ingest->name_count++;
	if (!tsearch(name, &ingest->names, compare_names))
		abort(); /* no memory */
	return name;
}

/* -1: over the bound; who is that many is nobody of ours. */
static int intern_publisher(struct ingest *ingest, const char *name)
{
	for (uint32_t i = 0; i < ingest->publisher_count; i++)
		if (strcmp(ingest->publishers[i], name) == 0)
			return (int)i;
	if (ingest->publisher_count == INGEST_PUBLISHERS_MAX)
		return -1;
	ingest->publishers[ingest->publisher_count] = bx_copy(name);
	return (int)ingest->publisher_count++;
}

/* --- dues --- */

static void push_due(struct ingest_due **dues, size_t *count, const struct ingest_due *due)
{
	if ((*count & (*count - 1)) == 0) /* 0, 1, 2, 4, ...: doubles */
		*dues = bx_grow(*dues, *count ? *count * 2 : 1, sizeof **dues);
	(*dues)[(*count)++] = *due;
}

static size_t count_batch(const struct ingest_batch *batch)
{
	return batch->record_count + batch->event_count + batch->held_count + batch->refused_count;
}

static size_t count_dues(const struct ingest *ingest)
{
	size_t count = ingest->owed_count;
	for (size_t i = 0; i < 2; i++)
		count += count_batch(&ingest->kinds[i].in_hand) + count_batch(&ingest->kinds[i].writing);
	return count;
}

/* Room for one more acknowledgement? */
static bool make_due(struct ingest *ingest, const struct ingest_ticket *ticket, struct ingest_due *due)
{
	int publisher = intern_publisher(ingest, ticket->publisher);
	if (publisher < 0 || count_dues(ingest) >= ingest->limits.tickets_max)
		return false;
	*due = (struct ingest_due){ (uint32_t)publisher, ticket->session, ticket->number };
	return true;
}

static void push_refused(struct ingest *ingest, enum ingest_kind kind, const struct ingest_due *due)
{
	struct ingest_batch *batch = &ingest->kinds[kind].in_hand;
	push_due(&batch->refused, &batch->refused_count, due);
}

static enum ingest_verdict count_verdict(struct ingest *ingest, enum ingest_verdict verdict)
{
	uint64_t *const counts[] = { &ingest->figures.taken, &ingest->figures.held, &ingest->figures.refused,
		&ingest->figures.dropped };
	++*counts[verdict];
	ingest->was_full |= verdict == INGEST_FULL;
	return verdict;
}

/* --- taking --- */

struct picking {
	struct ingest *ingest;
	struct ingest_record *record;
};

static void pick(void *arg, enum bx_metric metric, const char *series, double value)
{
	struct picking *picking = arg;
	if (bx_catalog_row(metric)->store != BX_STORED)
		return;
	const struct ingest_name *name = intern_name(picking->ingest, metric, series);
	if (name) /* over the bound the new name is not recorded, the others are */
		picking->record->values[picking->record->count++] = (struct ingest_value){ name, value };
}

static void count_one(void *arg, enum bx_metric metric, const char *series, double value)
{
	(void)metric, (void)series, (void)value;
	++*(size_t *)arg;
}

static struct ingest_record *make_record(
	struct ingest *ingest, const struct source *source, const struct bx_values *values)
{
	size_t most = 0;
	bx_values_each(values, count_one, &most);
	struct ingest_record *record = bx_alloc(1, sizeof *record + most * sizeof *record->values);
	record->source = source->name;
	record->source_index = source->index;
	record->second = bx_wall_second(values->time);
	struct picking picking = { ingest, record };
	bx_values_each(values, pick, &picking);
	return record;
}

enum ingest_verdict ingest_sample(struct ingest *ingest, const struct ingest_ticket *ticket, const char *name,
	const struct bx_values *values, int64_t now_s)
{
	struct ingest_batch *batch = &ingest->kinds[INGEST_SAMPLES].in_hand;
	int64_t second = bx_wall_second(values->time);
	bool out_of_time =
		now_s > 0 && (second < now_s - ingest->limits.retention_s || second > now_s + INGEST_AHEAD_S);
	struct ingest_due due;
	if (ingest->figures.in_hand >= ingest->limits.samples_max || !make_due(ingest, ticket, &due))
		return count_verdict(ingest, INGEST_FULL);
	struct source *source = values->time.ms > 0 && !out_of_time ? intern_source(ingest, name) : NULL;
	BX_OWNED(free) struct ingest_record *record = source ? make_record(ingest, source, values) : NULL;
	if (!record || record->count == 0) { /* an empty one would keep a good one of its second out */
		push_refused(ingest, INGEST_SAMPLES, &due);
		return count_verdict(ingest, INGEST_REFUSED);
	}
	if (!keys_add(&ingest->keys, source->index, second)) {
		push_due(&batch->held, &batch->held_count, &due);
		return count_verdict(ingest, INGEST_HELD);
	}
	record->due = due;
	batch->records = bx_grow(batch->records, batch->record_count + 1, sizeof(struct ingest_record *));
	batch->records[batch->record_count++] = record;
	batch->value_count += record->count;
	ingest->figures.in_hand += record->count;
	ingest->figures.values_taken += record->count;
	record = NULL; /* the batch's now */
	return count_verdict(ingest, INGEST_TAKEN);
}

enum ingest_verdict ingest_event(struct ingest *ingest, const struct ingest_ticket *ticket,
	const struct bx_event_facts *facts, const char *target, const char *data, size_t size)
{
	struct ingest_batch *batch = &ingest->kinds[INGEST_EVENTS].in_hand;
	struct ingest_due due;
	if (batch->event_count >= ingest->limits.samples_max / 16 || !make_due(ingest, ticket, &due))
		return count_verdict(ingest, INGEST_FULL);
	if (facts->time.ms <= 0) {
		push_refused(ingest, INGEST_EVENTS, &due);
		return count_verdict(ingest, INGEST_REFUSED);
	}
	batch->events = bx_grow(batch->events, batch->event_count + 1, sizeof *batch->events);
	batch->events[batch->event_count++] = (struct ingest_event_row){ .due = due,
		.id = bx_copy(facts->id),
		.type = bx_copy(facts->type),
		.target = bx_copy(target),
		.data = bx_copy_bytes(data, size),
		.second = bx_wall_second(facts->time) };
	return count_verdict(ingest, INGEST_TAKEN);
}

enum ingest_verdict ingest_refuse(struct ingest *ingest, const struct ingest_ticket *ticket)
{
	struct ingest_due due;
	if (!make_due(ingest, ticket, &due))
		return count_verdict(ingest, INGEST_FULL);
	push_refused(ingest, INGEST_SAMPLES, &due);
	return count_verdict(ingest, INGEST_REFUSED);
}

/* --- batches --- */

static void clear_batch(struct ingest_batch *batch)
{
	for (size_t i = 0; i < batch->record_count; i++)
		free(batch->records[i]);
	for (size_t i = 0; i < batch->event_count; i++) {
		free(batch->events[i].id);
		free(batch->events[i].type);
		free(batch->events[i].target);
		free(batch->events[i].data);
	}
	free(batch->records);
	free(batch->events);
	free(batch->held);
	free(batch->refused);
	*batch = (struct ingest_batch){ 0 };
}

static int compare_records(const void *one, const void *other)
{
	const struct ingest_record *a = *(struct ingest_record *const *)one,
				   *b = *(struct ingest_record *const *)other;
	if (a->source_index != b->source_index)
		return a->source_index < b->source_index ? -1 : 1;
	return a->second < b->second ? -1 : a->second > b->second;
}

bool ingest_is_empty(const struct ingest *ingest, enum ingest_kind kind)
{
	const struct kind *of = &ingest->kinds[kind];
	return !of->is_writing && count_batch(&of->in_hand) == 0;
}

struct ingest_batch *ingest_begin(struct ingest *ingest, enum ingest_kind kind)
{
	struct kind *of = &ingest->kinds[kind];
	if (of->is_writing || ingest_is_empty(ingest, kind))
		return NULL;
	of->writing = of->in_hand;
	of->in_hand = (struct ingest_batch){ 0 };
	of->is_writing = true;
	if (of->writing.record_count > 0)
		qsort(of->writing.records, of->writing.record_count, sizeof(struct ingest_record *),
			compare_records);
	return &of->writing;
}

/* All dues of a batch, one by one. */
static void each_due(
	const struct ingest_batch *batch, void (*each)(void *arg, const struct ingest_due *due), void *arg)
{
	for (size_t i = 0; i < batch->record_count; i++)
		each(arg, &batch->records[i]->due);
	for (size_t i = 0; i < batch->event_count; i++)
		each(arg, &batch->events[i].due);
	for (size_t i = 0; i < batch->held_count; i++)
		each(arg, &batch->held[i]);
	for (size_t i = 0; i < batch->refused_count; i++)
		each(arg, &batch->refused[i]);
}

static void owe(void *arg, const struct ingest_due *due)
{
	struct ingest *ingest = arg;
	push_due(&ingest->owed, &ingest->owed_count, due);
}

void ingest_committed(struct ingest *ingest, enum ingest_kind kind)
{
	struct kind *of = &ingest->kinds[kind];
	each_due(&of->writing, owe, ingest);
	ingest->figures.in_hand -= of->writing.value_count;
	of->is_writing = false;
	clear_batch(&of->writing);
}

/* What came meanwhile goes behind what failed. */
void ingest_failed(struct ingest *ingest, enum ingest_kind kind)
{
	struct kind *of = &ingest->kinds[kind];
	struct ingest_batch later = of->in_hand;
	of->in_hand = of->writing;
	of->writing = (struct ingest_batch){ 0 };
	of->is_writing = false;
	struct ingest_batch *batch = &of->in_hand;
	batch->records = bx_grow(
		batch->records, batch->record_count + later.record_count, sizeof(struct ingest_record *));
	batch->events = bx_grow(batch->events, batch->event_count + later.event_count, sizeof *batch->events);
	for (size_t i = 0; i < later.record_count; i++)
		batch->records[batch->record_count++] = later.records[i];
	for (size_t i = 0; i < later.event_count; i++)
		batch->events[batch->event_count++] = later.events[i];
	for (size_t i = 0; i < later.held_count; i++)
		push_due(&batch->held, &batch->held_count, &later.held[i]);
	for (size_t i = 0; i < later.refused_count; i++)
		push_due(&batch->refused, &batch->refused_count, &later.refused[i]);
	batch->value_count += later.value_count;
	free(later.records);
	free(later.events);
	free(later.held);
	free(later.refused);
}

void ingest_hold_only(struct ingest *ingest, const struct ingest_key *keys, size_t count)
{
	free(ingest->keys.slots);
	ingest->keys = (struct keys){ 0 };
	for (size_t i = 0; i < count; i++) {
		struct source *source = intern_source(ingest, keys[i].source);
		if (source)
			(void)keys_add(&ingest->keys, source->index, keys[i].second); /* a key twice is one */
	}
	struct ingest_batch *batch = &ingest->kinds[INGEST_SAMPLES].in_hand;
	size_t kept = 0;
	for (size_t i = 0; i < batch->record_count; i++) {
		struct ingest_record *record = batch->records[i];
		if (keys_add(&ingest->keys, record->source_index, record->second)) {
			batch->records[kept++] = record;
			continue;
		}
		batch->value_count -= record->count;
		ingest->figures.in_hand -= record->count;
		free(record);
	}
	batch->record_count = kept;
	batch->held_count = 0; /* another database: they come again */
}

/* --- acknowledgements --- */

static int compare_dues(const void *one, const void *other)
{
	const struct ingest_due *a = one, *b = other;
	if (a->publisher != b->publisher)
		return a->publisher < b->publisher ? -1 : 1;
	if (a->session != b->session)
		return a->session < b->session ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

bool ingest_next_acknowledgement(
	struct ingest *ingest, char publisher[BX_NAME_SIZE], struct bx_acknowledged *acknowledged)
{
	if (ingest->owed_count == 0)
		return false;
	qsort(ingest->owed, ingest->owed_count, sizeof *ingest->owed, compare_dues);
	/* from the end, so that what is left need not move */
	const struct ingest_due *last = &ingest->owed[ingest->owed_count - 1];
	uint32_t of = last->publisher;
	uint64_t session = last->session;
	(void)bx_text_copy(publisher, BX_NAME_SIZE, ingest->publishers[of]); /* a topic's name, bounded */
	*acknowledged = (struct bx_acknowledged){ .session = session };
	struct bx_range *range = NULL;
	while (ingest->owed_count > 0) {
		const struct ingest_due *due = &ingest->owed[ingest->owed_count - 1];
		if (due->publisher != of || due->session != session)
			break;
		if (range && due->number + 1 >= range->first) {
			range->first = due->number;
		} else {
			if (acknowledged->range_count == BX_RANGES_MAX)
				break;
			range = &acknowledged->ranges[acknowledged->range_count++];
			*range = (struct bx_range){ due->number, due->number };
		}
		ingest->owed_count--;
	}
	return true;
}

/* --- the rest --- */

bool ingest_wants_commit(const struct ingest *ingest)
{
	return ingest->kinds[INGEST_SAMPLES].in_hand.value_count >= ingest->limits.samples_max / 2 ||
		count_dues(ingest) >= ingest->limits.tickets_max / 2;
}

bool ingest_was_full(struct ingest *ingest)
{
	bool was_full = ingest->was_full;
	ingest->was_full = false;
	return was_full;
}

struct ingest_figures ingest_figures(const struct ingest *ingest)
{
	return ingest->figures;
}

static void count_due(void *arg, const struct ingest_due *due)
{
	((size_t *)arg)[due->publisher]++;
}

void ingest_each_backlog(
	const struct ingest *ingest, void (*each)(void *arg, const char *publisher, size_t owed), void *arg)
{
	size_t owed[INGEST_PUBLISHERS_MAX] = { 0 };
	for (size_t i = 0; i < 2; i++) {
		each_due(&ingest->kinds[i].in_hand, count_due, owed);
		each_due(&ingest->kinds[i].writing, count_due, owed);
	}
	for (uint32_t publisher = 0; publisher < ingest->publisher_count; publisher++)
		each(arg, ingest->publishers[publisher], owed[publisher]);
}

struct ingest *ingest_new(const struct ingest_limits *limits)
{
	struct ingest *ingest = bx_alloc(1, sizeof *ingest);
	ingest->limits = *limits;
	return ingest;
}

static void free_source(void *source)
{
	free(((struct source *)source)->name);
	free(source);
}

static void free_name(void *name)
{
	free(((struct ingest_name *)name)->series);
	free(name);
}

void ingest_free(struct ingest *ingest)
{
	if (!ingest)
		return;
	for (size_t i = 0; i < 2; i++) {
		clear_batch(&ingest->kinds[i].in_hand);
		clear_batch(&ingest->kinds[i].writing);
	}
	tdestroy(ingest->sources, free_source);
	tdestroy(ingest->names, free_name);
	for (uint32_t i = 0; i < ingest->publisher_count; i++)
		free(ingest->publishers[i]);
	free(ingest->keys.slots);
	free(ingest->owed);
	free(ingest);
}
