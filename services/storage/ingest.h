/* What came, once: taken by its key, held until it is committed, acknowledged afterwards. Pure: no bus, loop, clock or
 * database in here.
 *
 * A sample's key is its source and second, an event's its id. What is in the database, waits for the commit, or is being
 * written is dropped; the first stays. Nothing else is remembered of anyone, so disorder, replays, a wiped or restored
 * database and an import need no rule. Bounded: half full it wants an early commit, full it drops silently. */
#pragma once
#include "libbus/base/memory.h"
#include "libbus/contract/payloads.h"

struct ingest;

struct ingest_limits {
	size_t samples_max; /* values in hand; full above, early commit above half of it */
	size_t tickets_max; /* acknowledgements owed */
	int64_t retention_s; /* older samples are refused */
};
#define INGEST_AHEAD_S 86400 /* further ahead of our clock is refused */
#define INGEST_SOURCES_MAX 4096
#define INGEST_NAMES_MAX 65536
#define INGEST_PUBLISHERS_MAX 64

/* Whom to tell when it is in the database. */
struct ingest_ticket {
	const char *publisher; /* of record/<publisher> */
	uint64_t session, number;
};

enum ingest_verdict {
	INGEST_TAKEN, /* acknowledged after the commit that holds it */
	INGEST_HELD, /* dropped, it is there already; acknowledged with the next commit */
	INGEST_REFUSED, /* can never be taken: too old, too far ahead, over a bound; acknowledged with the next commit */
	INGEST_FULL, /* dropped without a word: it is sent again when we say online */
};

struct ingest *ingest_new(const struct ingest_limits *limits);
void ingest_free(struct ingest *ingest);
BX_OWNED_BY(struct ingest, ingest_free)

/* `name`: the source's, "miner/gamma-3". `now_s`: our wall clock, 0 where it is not to be trusted. */
enum ingest_verdict ingest_sample(struct ingest *ingest, const struct ingest_ticket *ticket, const char *name,
	const struct bx_values *values, int64_t now_s);
/* `data` is the event's JSON. */
enum ingest_verdict ingest_event(struct ingest *ingest, const struct ingest_ticket *ticket,
	const struct bx_event_facts *facts, const char *target, const char *data, size_t size);
/* Malformed: counted, and acknowledged so that it is not sent for ever. */
enum ingest_verdict ingest_refuse(struct ingest *ingest, const struct ingest_ticket *ticket);

/* An acknowledgement that a commit pays. */
struct ingest_due {
	uint32_t publisher; /* our number of it */
	uint64_t session, number;
};

/* What is written in one transaction. The names are shared and outlive every batch. */
struct ingest_name {
	enum bx_metric metric;
	char *series;
};
struct ingest_value {
	const struct ingest_name *name;
	double value;
};
struct ingest_record {
	struct ingest_due due;
	const char *source;
	uint32_t source_index;
	int64_t second;
	size_t count;
	struct ingest_value values[];
};
struct ingest_event_row {
	struct ingest_due due;
	char *id, *type, *target, *data;
	int64_t second;
};
struct ingest_batch {
	struct ingest_record **records; /* sorted by source, then second */
	size_t record_count, value_count;
	struct ingest_event_row *events;
	size_t event_count;
	struct ingest_due *held, *refused; /* of records that are not in it */
	size_t held_count, refused_count;
};

enum ingest_kind { INGEST_SAMPLES, INGEST_EVENTS };
/* Hands out all in hand of a kind, to be written; NULL: there is nothing, not even an acknowledgement owed, or one of this
 * kind is being written. It is borrowed until one of the two below. */
struct ingest_batch *ingest_begin(struct ingest *ingest, enum ingest_kind kind);
void ingest_committed(struct ingest *ingest, enum ingest_kind kind);
void ingest_failed(struct ingest *ingest, enum ingest_kind kind); /* all of it is in hand again */

/* The database was opened (anew): it holds these keys and no others. What is in hand and held there is dropped; what was
 * dropped as held before is not acknowledged, so that it comes again. Nothing is being written. */
struct ingest_key {
	char *source;
	int64_t second;
};
void ingest_hold_only(struct ingest *ingest, const struct ingest_key *keys, size_t count);

/* The next acknowledgement owed for what is committed; false: none. */
bool ingest_next_acknowledgement(
	struct ingest *ingest, char publisher[BX_NAME_SIZE], struct bx_acknowledged *acknowledged);

bool ingest_wants_commit(const struct ingest *ingest); /* half full */
bool ingest_was_full(struct ingest *ingest); /* dropped something since the last call */
bool ingest_is_empty(
	const struct ingest *ingest, enum ingest_kind kind); /* nothing in hand, being written or owed */

struct ingest_figures {
	uint64_t taken, held, refused, dropped; /* records, since the start */
	uint64_t values_taken;
	size_t in_hand; /* values */
};
struct ingest_figures ingest_figures(const struct ingest *ingest);
/* Each publisher with acknowledgements owed, and how many. */
void ingest_each_backlog(
	const struct ingest *ingest, void (*each)(void *arg, const char *publisher, size_t owed), void *arg);
