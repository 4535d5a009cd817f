/* The hand-over by 10,000 seeds: a publisher's outbox, a network that loses, doubles and reorders, storage's ingest and a
 * database that is wiped, restored and refused; kills of each; a clock that steps a day back. Nothing but the three real
 * files and plain values. BX_SEEDS=N runs more, BX_SEED=N one alone. */
#include "libbus/bus/outbox.h"
#include "services/storage/ingest.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	TICK_MS = 1000,
	COMMIT_TICKS = 5,
	AGAIN_MS = 2 * COMMIT_TICKS * TICK_MS,
	STORM_TICKS = 150,
	CALM_TICKS = 8 * COMMIT_TICKS,
	ROWS_MAX = 1024,
	IN_FLIGHT_MAX = 256,
	OUTBOX_BYTES = 64 * 1024,
};

struct message {
	enum { RECORD, ACKNOWLEDGED, ONLINE } type;
	int64_t due; /* tick */
	uint64_t session, number;
	int64_t second;
	struct bx_acknowledged acknowledged;
};

struct database {
	int64_t rows[ROWS_MAX];
	size_t count;
};

struct world {
	uint64_t random;
	int64_t tick, wall_s;
	bool broker_lives, refused, is_behind;
	struct bx_outbox *outbox;
	uint64_t sessions;
	struct ingest *ingest;
	bool opened; /* storage knows what this database holds */
	struct database database, backup;
	struct message flight[IN_FLIGHT_MAX];
	size_t flight_count;
	bool calm;
};

static unsigned chance(struct world *world, unsigned of)
{
	world->random ^= world->random >> 12;
	world->random ^= world->random << 25;
	world->random ^= world->random >> 27;
	return (unsigned)((world->random * 2685821657736338717ULL) >> 33) % of;
}

static bool holds(const struct database *database, int64_t second)
{
	for (size_t i = 0; i < database->count; i++)
		if (database->rows[i] == second)
			return true;
	return false;
}

static void send_once(struct world *world, struct message message)
{
	if (!world->broker_lives || world->flight_count == IN_FLIGHT_MAX)
		return;
	message.due = world->tick + (world->calm ? 0 : chance(world, 4));
	world->flight[world->flight_count++] = message;
}

static void send(struct world *world, struct message message)
{
	unsigned luck = world->calm ? 50 : chance(world, 100);
	if (luck < 10)
		return; /* lost */
	send_once(world, message);
	if (luck >= 90)
		send_once(world, message); /* doubled */
}

static struct ingest *new_ingest(void)
{
	struct ingest_limits limits = { .samples_max = 64, .tickets_max = 200, .retention_s = 365 * 86400 };
	return ingest_new(&limits);
}

static void pump_outbox(struct world *world)
{
	struct bx_record record;
	for (int sent = 0; world->broker_lives && sent < 100; sent++) {
		if (!bx_outbox_next(
			    world->outbox, (struct bx_mono){ world->tick * TICK_MS }, AGAIN_MS, &record))
			break;
		send(world,
			(struct message){ .type = RECORD,
				.session = bx_outbox_session(world->outbox),
				.number = record.number,
				.second = strtoll(record.bytes, NULL, 10) });
	}
}

static void publish(struct world *world)
{
	char bytes[24];
	int length = snprintf(bytes, sizeof bytes, "%" PRId64, world->wall_s);
	bx_outbox_put(world->outbox, "host/telemetry", bytes, (size_t)length);
}

static void take(struct world *world, const struct message *message)
{
	struct bx_values values;
	bx_values_init(&values, BX_HOST, (struct bx_wall){ message->second * 1000 });
	bx_values_set(&values, BX_LOAD_AVERAGE, 0.5);
	struct ingest_ticket ticket = { "collector", message->session, message->number };
	(void)ingest_sample(world->ingest, &ticket, "host", &values, world->wall_s);
}

static void deliver(struct world *world)
{
	for (size_t i = 0; i < world->flight_count;) {
		struct message message = world->flight[i];
		if (message.due > world->tick) {
			i++;
			continue;
		}
		world->flight[i] = world->flight[--world->flight_count];
		if (message.type == RECORD)
			take(world, &message);
		else if (message.type == ACKNOWLEDGED)
			bx_outbox_acknowledge(world->outbox, &message.acknowledged);
		else
			bx_outbox_rewind(world->outbox);
	}
}

static void say_online(struct world *world)
{
	/* state is never lost while connected */
	send_once(world, (struct message){ .type = ONLINE });
}

static void write_batch(struct world *world, const struct ingest_batch *batch)
{
	for (size_t i = 0; i < batch->record_count; i++) {
		int64_t second = batch->records[i]->second;
		assert_false(holds(&world->database, second)); /* no key twice */
		assert_true(world->database.count < ROWS_MAX);
		world->database.rows[world->database.count++] = second;
	}
}

static void open_database(struct world *world)
{
	struct ingest_key keys[ROWS_MAX];
	static char host[] = "host";
	for (size_t i = 0; i < world->database.count; i++)
		keys[i] = (struct ingest_key){ host, world->database.rows[i] };
	ingest_hold_only(world->ingest, keys, world->database.count);
	world->opened = true;
	say_online(world);
}

static void commit(struct world *world)
{
	struct bx_acknowledged acknowledged;
	char publisher[BX_NAME_SIZE];
	if (world->refused)
		return;
	if (!world->opened)
		open_database(world);
	struct ingest_batch *batch = ingest_begin(world->ingest, INGEST_SAMPLES);
	if (!batch)
		return;
	if (!world->calm && chance(world, 8) == 0) { /* a full disk, a killed commit */
		ingest_failed(world->ingest, INGEST_SAMPLES);
		return;
	}
	write_batch(world, batch);
	ingest_committed(world->ingest, INGEST_SAMPLES);
	while (ingest_next_acknowledgement(world->ingest, publisher, &acknowledged))
		send(world, (struct message){ .type = ACKNOWLEDGED, .acknowledged = acknowledged });
	if (ingest_was_full(world->ingest))
		say_online(world);
}

static void restart_storage(struct world *world)
{
	ingest_free(world->ingest);
	world->ingest = new_ingest();
	world->opened = false;
	say_online(world);
}

/* The database that follows does not hold what the one before had acknowledged: what is on its way counts as arrived. */
static void settle_acknowledgements(struct world *world)
{
	for (size_t i = 0; i < world->flight_count; i++)
		if (world->flight[i].type == ACKNOWLEDGED)
			bx_outbox_acknowledge(world->outbox, &world->flight[i].acknowledged);
}

static void misfortune(struct world *world)
{
	switch (chance(world, 40)) {
	case 0: /* the broker dies with all that is on its way, and comes back soon */
		world->broker_lives = false;
		world->flight_count = 0;
		break;
	case 1:
		restart_storage(world);
		break;
	case 2: /* the publisher dies, and its outbox with it */
		bx_outbox_free(world->outbox);
		world->outbox = bx_outbox_new(++world->sessions, OUTBOX_BYTES);
		break;
	case 3: /* the database is wiped under storage's feet */
		settle_acknowledgements(world);
		world->database.count = 0;
		world->opened = false;
		break;
	case 4: /* an older file is restored */
		settle_acknowledgements(world);
		world->database = world->backup;
		world->opened = false;
		break;
	case 5:
		world->backup = world->database;
		break;
	case 6:
		world->refused = !world->refused;
		break;
	case 7: /* a day back, and right again: what is over a day ahead would be refused for ever, as it should */
		world->wall_s += world->is_behind ? 86400 : -86400;
		world->is_behind = !world->is_behind;
		break;
	default:
		break;
	}
	if (!world->broker_lives && chance(world, 3) == 0) {
		world->broker_lives = true;
		say_online(world); /* said again after every connect */
	}
}

static void tick(struct world *world)
{
	world->tick++;
	world->wall_s++;
	deliver(world);
	if (chance(world, 2) == 0)
		publish(world);
	pump_outbox(world);
	if (ingest_wants_commit(world->ingest) || world->tick % COMMIT_TICKS == 0)
		commit(world);
	if (!world->calm)
		misfortune(world);
}

static void free_world(struct world *world)
{
	bx_outbox_free(world->outbox);
	ingest_free(world->ingest);
	free(world);
}

static struct world *new_world(uint64_t seed)
{
	struct world *world = bx_alloc(1, sizeof *world);
	world->random = seed * 2 + 1;
	world->wall_s = 1767225600; /* 2026-01-01 */
	world->broker_lives = true;
	world->outbox = bx_outbox_new(++world->sessions, OUTBOX_BYTES);
	world->ingest = new_ingest();
	return world;
}

/* What the outbox holds when the storm ends has to be in the database some intervals later, and the outbox empty. */
static void run_seed(uint64_t seed)
{
	struct world *world = new_world(seed);
	int64_t owed[ROWS_MAX];
	size_t owed_count = 0;
	while (world->tick < STORM_TICKS)
		tick(world);

	world->calm = true;
	world->refused = false;
	if (!world->broker_lives) {
		world->broker_lives = true;
		say_online(world);
	}
	struct bx_record record;
	bx_outbox_rewind(world->outbox);
	while (bx_outbox_next(
		world->outbox, (struct bx_mono){ world->tick * TICK_MS }, INT64_MAX / 2, &record))
		owed[owed_count++] = strtoll(record.bytes, NULL, 10);
	bx_outbox_rewind(world->outbox);
	uint64_t dropped = bx_outbox_dropped(world->outbox);

	/* a second that nobody holds yet: recorded within one commit interval of its arrival, whatever was before */
	world->wall_s += 10;
	int64_t fresh = world->wall_s + 1;
	for (int i = 0; i < CALM_TICKS; i++) {
		world->tick++;
		world->wall_s++;
		deliver(world);
		if (i == 0)
			publish(world);
		pump_outbox(world);
		deliver(world);
		if (ingest_wants_commit(world->ingest) || world->tick % COMMIT_TICKS == 0)
			commit(world);
		if (i == 3 * COMMIT_TICKS)
			assert_true(holds(&world->database, fresh));
	}
	for (size_t i = 0; i < owed_count; i++)
		assert_true(holds(&world->database, owed[i]));
	assert_int_equal(bx_outbox_count(world->outbox), 0);
	assert_int_equal(bx_outbox_dropped(world->outbox), dropped);
	free_world(world);
}

static void nothing_in_an_outbox_is_lost_or_doubled_by_any_of_10000_storms(void **state)
{
	(void)state;
	const char *one = getenv("BX_SEED"), *many = getenv("BX_SEEDS");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1,
		 count = one ? 1
		: many       ? strtoull(many, NULL, 10)
			     : 10000;
	for (uint64_t seed = first; seed < first + count; seed++) {
		run_seed(seed);
	}
}

/* Acknowledged means: it was in the database at that moment. Without wipes nothing acknowledged is ever missing. */
static void nothing_acknowledged_is_missing_where_no_database_was_wiped(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct world *world = new_world(seed);
		int64_t published[STORM_TICKS * 2];
		size_t count = 0;
		while (world->tick < STORM_TICKS) {
			world->tick++;
			world->wall_s++;
			deliver(world);
			publish(world);
			published[count++] = world->wall_s;
			pump_outbox(world);
			if (world->tick % COMMIT_TICKS == 0)
				commit(world);
			if (chance(world, 30) == 0)
				restart_storage(world);
		}
		/* numbers are given in order: what is not in the outbox any more was acknowledged */
		struct bx_record record;
		bx_outbox_rewind(world->outbox);
		bool waits[STORM_TICKS * 2 + 1] = { false };
		while (bx_outbox_next(world->outbox, (struct bx_mono){ 0 }, INT64_MAX / 2, &record))
			waits[record.number] = true;
		for (size_t i = 0; i < count; i++)
			if (!waits[i + 1])
				assert_true(holds(&world->database, published[i]));
		free_world(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_in_an_outbox_is_lost_or_doubled_by_any_of_10000_storms),
		cmocka_unit_test(nothing_acknowledged_is_missing_where_no_database_was_wiped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
