/* Each rule of ingest.h, with plain values: no bus, loop, clock or database. */
#include "services/storage/ingest.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1767225600, RETENTION = 35 * 86400 }; /* 2026-01-01 */

static struct ingest *ingest;
static uint64_t last_number;

static int set_up(void **state)
{
	static const struct ingest_limits limits = {
		.samples_max = 64, .tickets_max = 1000, .retention_s = RETENTION
	};
	(void)state;
	ingest = ingest_new(&limits);
	last_number = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ingest_free(ingest);
	return 0;
}

/* A small one instead. */
static void limit(size_t samples_max, size_t tickets_max)
{
	struct ingest_limits limits = { samples_max, tickets_max, RETENTION };
	ingest_free(ingest);
	ingest = ingest_new(&limits);
}

static struct bx_values load_at(int64_t second)
{
	struct bx_values values;
	bx_values_init(&values, BX_HOST, (struct bx_wall){ second * 1000 + 250 });
	bx_values_set(&values, BX_LOAD_AVERAGE, 0.5);
	return values;
}

static enum ingest_verdict say(
	const char *publisher, uint64_t session, uint64_t number, const char *source, int64_t second)
{
	struct bx_values values = load_at(second);
	struct ingest_ticket ticket = { publisher, session, number };
	return ingest_sample(ingest, &ticket, source, &values, NOW);
}

/* By the collector, numbered on. */
static enum ingest_verdict sample(const char *source, int64_t second)
{
	return say("collector", 1, ++last_number, source, second);
}

static enum ingest_verdict event(const char *id, int64_t time_ms)
{
	struct bx_event_facts facts = { .type = "miner.added", .time = { time_ms } };
	(void)snprintf(facts.id, sizeof facts.id, "%s", id);
	struct ingest_ticket ticket = { "collector", 1, ++last_number };
	return ingest_event(ingest, &ticket, &facts, "miner/gamma-3", "{\"a\":1}", 7);
}

static const struct ingest_batch *begin(enum ingest_kind kind)
{
	const struct ingest_batch *batch = ingest_begin(ingest, kind);
	assert_non_null(batch);
	return batch;
}

static void commit(enum ingest_kind kind)
{
	(void)begin(kind);
	ingest_committed(ingest, kind);
}

/* All that is owed, as "collector/1:1-3,5 health/2:7"; what has been said is owed no more. */
static const char *owed(void)
{
	static char text[4000];
	char publisher[BX_NAME_SIZE];
	struct bx_acknowledged acknowledged;
	size_t length = 0;
	text[0] = '\0';
	while (ingest_next_acknowledgement(ingest, publisher, &acknowledged)) {
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s/%" PRIu64 ":",
			length ? " " : "", publisher, acknowledged.session);
		for (size_t i = acknowledged.range_count; i-- > 0;) {
			const struct bx_range *range = &acknowledged.ranges[i];
			length += (size_t)snprintf(
				text + length, sizeof text - length, "%" PRIu64, range->first);
			if (range->last > range->first)
				length += (size_t)snprintf(
					text + length, sizeof text - length, "-%" PRIu64, range->last);
			length +=
				(size_t)snprintf(text + length, sizeof text - length, "%s", i > 0 ? "," : "");
		}
	}
	return text;
}

static void assert_figures(uint64_t taken, uint64_t held, uint64_t refused, uint64_t dropped)
{
	struct ingest_figures figures = ingest_figures(ingest);
	assert_int_equal(figures.taken, taken);
	assert_int_equal(figures.held, held);
	assert_int_equal(figures.refused, refused);
	assert_int_equal(figures.dropped, dropped);
}

/* --- what is taken --- */

static void judges_a_sample_by_its_time(void **state)
{
	static const struct {
		const char *what;
		int64_t second, now;
		enum ingest_verdict verdict;
	} cases[] = {
		{ "of now", NOW, NOW, INGEST_TAKEN },
		{ "as old as the retention", NOW - RETENTION, NOW, INGEST_TAKEN },
		{ "a second older than the retention", NOW - RETENTION - 1, NOW, INGEST_REFUSED },
		{ "of 1970", 1, NOW, INGEST_REFUSED },
		{ "a day ahead", NOW + INGEST_AHEAD_S, NOW, INGEST_TAKEN },
		{ "a second more than a day ahead", NOW + INGEST_AHEAD_S + 1, NOW, INGEST_REFUSED },
		{ "of the year 9999", 253402300799, NOW, INGEST_REFUSED },
		{ "of the year 9999, our own clock not to be trusted", 253402300799, 0, INGEST_TAKEN },
		{ "of 1970, our own clock not to be trusted", 1, 0, INGEST_TAKEN },
		{ "of last week, as after a step of the clock", NOW - 7 * 86400, NOW, INGEST_TAKEN },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct bx_values values = load_at(cases[i].second);
		struct ingest_ticket ticket = { "collector", 1, i + 1 };
		char source[16];
		(void)snprintf(source, sizeof source, "miner/%zu", i);
		enum ingest_verdict verdict = ingest_sample(ingest, &ticket, source, &values, cases[i].now);
		if (verdict != cases[i].verdict)
			fail_msg("%s: %d instead of %d", cases[i].what, (int)verdict, (int)cases[i].verdict);
	}
	commit(INGEST_SAMPLES);
	assert_string_equal(owed(), "collector/1:1-10"); /* what can never be taken, too */
	assert_figures(6, 0, 4, 0);
}

static void a_sample_without_a_time_is_refused(void **state)
{
	struct bx_values values = load_at(NOW);
	struct ingest_ticket ticket = { "collector", 1, 1 };
	(void)state;
	values.time.ms = 0;
	assert_int_equal(ingest_sample(ingest, &ticket, "host", &values, NOW), INGEST_REFUSED);
	assert_int_equal(ingest_sample(ingest, &ticket, "host", &values, 0), INGEST_REFUSED);
}

static void one_sample_a_source_and_second_the_first_stays(void **state)
{
	struct bx_values first = load_at(NOW), second = load_at(NOW);
	struct ingest_ticket one = { "collector", 1, 1 }, other = { "collector", 1, 2 };
	(void)state;
	first.time.ms = (int64_t)NOW * 1000;
	second.time.ms = (int64_t)NOW * 1000 + 999;
	bx_values_set(&second, BX_LOAD_AVERAGE, 7);
	assert_int_equal(ingest_sample(ingest, &one, "host", &first, NOW), INGEST_TAKEN);
	assert_int_equal(ingest_sample(ingest, &other, "host", &second, NOW), INGEST_HELD);
	assert_int_equal(sample("fleet", NOW), INGEST_TAKEN);
	assert_int_equal(sample("host", NOW + 1), INGEST_TAKEN);

	const struct ingest_batch *batch = begin(INGEST_SAMPLES);
	assert_int_equal(batch->record_count, 3);
	assert_int_equal(batch->held_count, 1);
	for (size_t i = 0; i < 3; i++)
		assert_float_equal(batch->records[i]->values[0].value, 0.5, 0);
	ingest_committed(ingest, INGEST_SAMPLES);
}

static void a_key_is_held_in_hand_while_written_and_in_the_database(void **state)
{
	(void)state;
	assert_int_equal(sample("host", NOW), INGEST_TAKEN);
	assert_int_equal(sample("host", NOW), INGEST_HELD);
	(void)begin(INGEST_SAMPLES);
	assert_int_equal(sample("host", NOW), INGEST_HELD);
	ingest_committed(ingest, INGEST_SAMPLES);
	assert_int_equal(sample("host", NOW), INGEST_HELD);
	assert_string_equal(owed(), "collector/1:1-2"); /* in the batch */
	commit(INGEST_SAMPLES);
	assert_string_equal(owed(), "collector/1:3-4");
	assert_figures(1, 3, 0, 0);
}

static void takes_what_the_catalogue_stores_words_yes_no_and_parts_too(void **state)
{
	static const struct {
		const char *series;
		double value;
	} expected[] = { { "power_estimated", 1 }, { "hashrate", 1071.25 }, { "state", 2 },
		{ "asic_2_errors", 17 } };
	struct bx_values values;
	struct ingest_ticket ticket = { "collector", 1, 1 };
	(void)state;
	bx_values_init(&values, BX_MINER, (struct bx_wall){ (int64_t)NOW * 1000 });
	bx_values_set(&values, BX_HASHRATE, 1071.25);
	bx_values_set(&values, BX_HASHRATE_1M, 1); /* live only */
	bx_values_set(&values, BX_UPTIME, 99); /* live only */
	bx_values_set(&values, BX_POWER_ESTIMATED, 1);
	bx_values_set_word(&values, BX_MINER_STATE, "paused");
	bx_values_set_part(&values, BX_ASIC_ERRORS, "2", 17);
	assert_int_equal(ingest_sample(ingest, &ticket, "miner/gamma-3", &values, NOW), INGEST_TAKEN);

	const struct ingest_batch *batch = begin(INGEST_SAMPLES);
	const struct ingest_record *record = batch->records[0];
	assert_string_equal(record->source, "miner/gamma-3");
	assert_int_equal(record->second, NOW);
	assert_int_equal(record->count, BX_COUNT(expected));
	assert_int_equal(batch->value_count, BX_COUNT(expected));
	for (size_t i = 0; i < BX_COUNT(expected); i++) {
		size_t k = 0;
		while (k < record->count && strcmp(record->values[k].name->series, expected[i].series) != 0)
			k++;
		if (k == record->count)
			fail_msg("%s was not taken", expected[i].series);
		assert_float_equal(record->values[k].value, expected[i].value, 0);
	}
	ingest_committed(ingest, INGEST_SAMPLES);
}

static void a_batch_is_sorted_by_source_then_second(void **state)
{
	(void)state;
	for (int64_t i = 0; i < 60; i++)
		(void)sample(i % 3 == 0 ? "host" : i % 3 == 1 ? "fleet" : "miner/a", NOW - i * 7 % 60);
	const struct ingest_batch *batch = begin(INGEST_SAMPLES);
	assert_true(batch->record_count >= 30);
	for (size_t i = 1; i < batch->record_count; i++) {
		const struct ingest_record *one = batch->records[i - 1], *next = batch->records[i];
		assert_true(one->source_index < next->source_index ||
			(one->source_index == next->source_index && one->second < next->second));
		assert_true((one->source_index == next->source_index) ==
			(strcmp(one->source, next->source) == 0));
	}
	ingest_committed(ingest, INGEST_SAMPLES);
}

static void events_are_a_kind_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(event("1-home-collector-1", (int64_t)NOW * 1000 + 9), INGEST_TAKEN);
	assert_int_equal(event("1-home-collector-2", 0), INGEST_REFUSED);
	assert_null(ingest_begin(ingest, INGEST_SAMPLES));
	assert_true(ingest_is_empty(ingest, INGEST_SAMPLES));
	assert_false(ingest_is_empty(ingest, INGEST_EVENTS));

	const struct ingest_batch *batch = begin(INGEST_EVENTS);
	assert_int_equal(batch->event_count, 1);
	assert_string_equal(batch->events[0].id, "1-home-collector-1");
	assert_string_equal(batch->events[0].type, "miner.added");
	assert_string_equal(batch->events[0].target, "miner/gamma-3");
	assert_string_equal(batch->events[0].data, "{\"a\":1}");
	assert_int_equal(batch->events[0].second, NOW);
	assert_int_equal(sample("host", NOW), INGEST_TAKEN); /* meanwhile */
	assert_non_null(ingest_begin(ingest, INGEST_SAMPLES));
	ingest_committed(ingest, INGEST_EVENTS);
	assert_string_equal(owed(), "collector/1:1-2");
	ingest_committed(ingest, INGEST_SAMPLES);
	assert_string_equal(owed(), "collector/1:3");
}

static void malformed_ones_are_acknowledged_with_the_next_commit(void **state)
{
	struct ingest_ticket ticket = { "health", 9, 4 };
	(void)state;
	assert_int_equal(ingest_refuse(ingest, &ticket), INGEST_REFUSED);
	assert_string_equal(owed(), "");
	assert_int_equal(begin(INGEST_SAMPLES)->record_count, 0); /* though nothing is to be written */
	ingest_committed(ingest, INGEST_SAMPLES);
	assert_string_equal(owed(), "health/9:4");
	assert_figures(0, 0, 1, 0);
}

/* --- batches --- */

static void nothing_is_acknowledged_before_its_commit(void **state)
{
	(void)state;
	(void)sample("host", NOW);
	assert_string_equal(owed(), "");
	(void)begin(INGEST_SAMPLES);
	assert_string_equal(owed(), "");
	(void)sample("host", NOW + 1); /* of the next */
	ingest_committed(ingest, INGEST_SAMPLES);
	assert_string_equal(owed(), "collector/1:1");
	assert_string_equal(owed(), ""); /* once */
}

static void one_batch_of_a_kind_at_a_time(void **state)
{
	(void)state;
	assert_null(ingest_begin(ingest, INGEST_SAMPLES));
	(void)sample("host", NOW);
	(void)begin(INGEST_SAMPLES);
	(void)sample("host", NOW + 1);
	assert_null(ingest_begin(ingest, INGEST_SAMPLES));
	ingest_committed(ingest, INGEST_SAMPLES);
	assert_int_equal(begin(INGEST_SAMPLES)->record_count, 1);
	ingest_committed(ingest, INGEST_SAMPLES);
	assert_null(ingest_begin(ingest, INGEST_SAMPLES));
}

static void what_failed_is_in_hand_again_with_all_its_acknowledgements(void **state)
{
	struct ingest_ticket malformed = { "collector", 1, 100 };
	(void)state;
	(void)sample("host", NOW);
	(void)sample("host", NOW);
	(void)ingest_refuse(ingest, &malformed);
	(void)begin(INGEST_SAMPLES);
	(void)sample("host", NOW + 1);
	(void)sample("host", NOW); /* held by what is being written */
	(void)sample("host", NOW - RETENTION - 1);
	ingest_failed(ingest, INGEST_SAMPLES);
	assert_string_equal(owed(), "");
	assert_int_equal(ingest_figures(ingest).in_hand, 2);

	const struct ingest_batch *batch = begin(INGEST_SAMPLES);
	assert_int_equal(batch->record_count, 2);
	assert_int_equal(batch->value_count, 2);
	assert_int_equal(batch->held_count, 2);
	assert_int_equal(batch->refused_count, 2);
	ingest_committed(ingest, INGEST_SAMPLES);
	assert_string_equal(owed(), "collector/1:1-5,100");
	assert_int_equal(ingest_figures(ingest).in_hand, 0);
}

static void events_that_failed_are_in_hand_again(void **state)
{
	(void)state;
	(void)event("1", 1000);
	(void)begin(INGEST_EVENTS);
	(void)event("2", 2000);
	ingest_failed(ingest, INGEST_EVENTS);

	const struct ingest_batch *batch = begin(INGEST_EVENTS);
	assert_int_equal(batch->event_count, 2);
	assert_string_equal(batch->events[0].id, "1");
	ingest_committed(ingest, INGEST_EVENTS);
	assert_string_equal(owed(), "collector/1:1-2");
}

/* --- bounds --- */

static void wants_a_commit_half_full_and_is_silent_when_full(void **state)
{
	(void)state;
	limit(64, 1000);
	for (int64_t i = 0; i < 64; i++) {
		assert_int_equal(ingest_wants_commit(ingest), i >= 32);
		assert_int_equal(sample("host", NOW + i), INGEST_TAKEN);
	}
	assert_false(ingest_was_full(ingest));
	assert_int_equal(sample("host", NOW + 64), INGEST_FULL);
	assert_int_equal(sample("host", NOW), INGEST_FULL); /* held, but nobody is to be told */

	assert_true(ingest_was_full(ingest));
	assert_false(ingest_was_full(ingest)); /* since the last call */
	commit(INGEST_SAMPLES);
	assert_string_equal(owed(), "collector/1:1-64"); /* not what was dropped */
	assert_int_equal(sample("host", NOW + 64), INGEST_TAKEN);
	assert_figures(65, 0, 0, 2);
}

static void is_full_of_what_is_being_written_too(void **state)
{
	(void)state;
	limit(4, 1000);
	for (int64_t i = 0; i < 4; i++)
		(void)sample("host", NOW + i);
	(void)begin(INGEST_SAMPLES);
	assert_int_equal(sample("host", NOW + 4), INGEST_FULL);
	ingest_committed(ingest, INGEST_SAMPLES);
	assert_int_equal(sample("host", NOW + 4), INGEST_TAKEN);
}

static void acknowledgements_owed_are_bounded(void **state)
{
	struct ingest_ticket malformed = { "collector", 1, 7 };
	(void)state;
	limit(1000, 10);
	for (int64_t i = 0; i < 10; i++) {
		assert_int_equal(ingest_wants_commit(ingest), i >= 5);
		(void)sample("host", NOW);
	}
	assert_int_equal(sample("host", NOW + 1), INGEST_FULL);
	assert_int_equal(event("1", 1000), INGEST_FULL);
	assert_int_equal(ingest_refuse(ingest, &malformed), INGEST_FULL);
	assert_true(ingest_was_full(ingest));
	commit(INGEST_SAMPLES);
	assert_int_equal(sample("host", NOW + 1), INGEST_FULL); /* they are owed until they are said */
	assert_string_equal(owed(), "collector/1:1-10");
	assert_int_equal(sample("host", NOW + 1), INGEST_TAKEN);
}

static void events_are_bounded(void **state)
{
	(void)state;
	limit(64, 1000);
	for (int i = 0; i < 4; i++)
		assert_int_equal(event("1", 1000), INGEST_TAKEN);
	assert_int_equal(event("1", 1000), INGEST_FULL);
	assert_true(ingest_was_full(ingest));
}

static void the_4097th_source_is_refused_and_the_others_go_on(void **state)
{
	(void)state;
	limit(100000, 100000);
	for (int i = 0; i < INGEST_SOURCES_MAX; i++) {
		char source[24];
		(void)snprintf(source, sizeof source, "miner/m%d", i);
		assert_int_equal(sample(source, NOW), INGEST_TAKEN);
	}
	assert_int_equal(sample("miner/one-more", NOW), INGEST_REFUSED);
	assert_int_equal(sample("miner/m4095", NOW + 1), INGEST_TAKEN);
	assert_int_equal(sample("miner/m0", NOW), INGEST_HELD);
	commit(INGEST_SAMPLES);
	assert_string_equal(owed(), "collector/1:1-4099");
}

/* One source's positions are the writer's to give; here the names of all are bounded. */
static void over_the_bound_of_names_the_new_one_is_left_out_and_the_others_are_kept(void **state)
{
	size_t names = 0;
	int64_t second = NOW - 30000;
	(void)state;
	limit(10000000, 100000);
	for (int i = 0; names <= INGEST_NAMES_MAX; i++) {
		struct bx_values values = load_at(++second);
		struct ingest_ticket ticket = { "collector", 1, ++last_number };
		for (int k = 0; k < BX_PARTS_MAX; k++) {
			char part[24];
			(void)snprintf(part, sizeof part, "veth%d", i * BX_PARTS_MAX + k);
			bx_values_set_part(&values, BX_RECEIVE_RATE, part, 1);
			bx_values_set_part(&values, BX_TRANSMIT_RATE, part, 1);
			bx_values_set_part(&values, BX_INTERFACE_ERRORS, part, 1);
			bx_values_set_part(&values, BX_INTERFACE_UP, part, 1);
			names += 4;
		}
		assert_int_equal(ingest_sample(ingest, &ticket, "host", &values, NOW), INGEST_TAKEN);
	}
	const struct ingest_batch *batch = begin(INGEST_SAMPLES);
	const struct ingest_record *last = batch->records[batch->record_count - 1];
	assert_int_equal(last->count, 1); /* load_average was the first name ever; all others here are new */
	assert_string_equal(last->values[0].name->series, "load_average");
	assert_int_equal(batch->value_count, batch->record_count + INGEST_NAMES_MAX - 1);
	ingest_committed(ingest, INGEST_SAMPLES);
}

static void the_65th_publisher_is_nobody_of_ours(void **state)
{
	(void)state;
	limit(1000, 1000);
	for (uint64_t i = 0; i <= INGEST_PUBLISHERS_MAX; i++) {
		char publisher[24];
		(void)snprintf(publisher, sizeof publisher, "p%" PRIu64, i);
		assert_int_equal(say(publisher, 1, 1, "host", NOW + (int64_t)i),
			i < INGEST_PUBLISHERS_MAX ? INGEST_TAKEN : INGEST_FULL);
	}
}

/* --- acknowledgements --- */

static void acknowledgements_become_ranges(void **state)
{
	static const struct {
		const char *what;
		uint64_t numbers[8];
		const char *said;
	} cases[] = {
		{ "one", { 5 }, "collector/1:5" },
		{ "a run", { 1, 2, 3 }, "collector/1:1-3" },
		{ "a run in disorder", { 3, 1, 2 }, "collector/1:1-3" },
		{ "doubles", { 2, 2, 1, 1, 3 }, "collector/1:1-3" },
		{ "gaps", { 1, 3, 4, 9 }, "collector/1:1,3-4,9" },
		{ "large ones", { INT64_MAX, INT64_MAX - 1, 1 },
			"collector/1:1,9223372036854775806-9223372036854775807" },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		for (size_t k = 0; k < BX_COUNT(cases[i].numbers) && cases[i].numbers[k]; k++) {
			struct ingest_ticket ticket = { "collector", 1, cases[i].numbers[k] };
			(void)ingest_refuse(ingest, &ticket);
		}
		commit(INGEST_SAMPLES);
		const char *said = owed();
		if (strcmp(said, cases[i].said) != 0)
			fail_msg("%s: %s instead of %s", cases[i].what, said, cases[i].said);
	}
}

static void over_64_ranges_are_said_in_several(void **state)
{
	char publisher[BX_NAME_SIZE];
	struct bx_acknowledged acknowledged;
	bool told[300] = { false };
	int messages = 0;
	(void)state;
	limit(1000, 1000);
	for (uint64_t number = 1; number < 300; number += 2)
		(void)say("collector", 1, number, "host", NOW + (int64_t)number);
	commit(INGEST_SAMPLES);
	for (; ingest_next_acknowledgement(ingest, publisher, &acknowledged); messages++) {
		for (size_t i = 0; i < acknowledged.range_count; i++) {
			assert_int_equal(acknowledged.ranges[i].first, acknowledged.ranges[i].last);
			assert_false(told[acknowledged.ranges[i].first]);
			told[acknowledged.ranges[i].first] = true;
		}
	}
	assert_int_equal(messages, 3); /* 150 ranges */
	for (size_t number = 0; number < 300; number++)
		assert_int_equal(told[number], number % 2);
}

static void sessions_and_publishers_are_kept_apart(void **state)
{
	(void)state;
	(void)say("health", 2, 1, "unit/a", NOW);
	(void)say("collector", 8, 1, "host", NOW);
	(void)say("collector", 7, 2, "host", NOW + 1);
	(void)say("collector", 7, 1, "host", NOW + 2);
	(void)say("collector", 8, 2, "host", NOW + 3);
	commit(INGEST_SAMPLES);
	assert_string_equal(owed(), "collector/8:1-2 collector/7:1-2 health/2:1");
}

/* --- another database --- */

static void hold_only_drops_what_the_database_holds_and_keeps_the_rest(void **state)
{
	static char host[] = "host", miner[] = "miner/a";
	const struct ingest_key keys[] = { { host, NOW }, { miner, NOW + 1 },
		{ host, NOW } /* a key twice is one */ };
	(void)state;
	(void)sample("host", NOW); /* 1: in the database */
	(void)sample("host", NOW + 1); /* 2 */
	(void)sample("miner/a", NOW); /* 3 */
	(void)sample("miner/a", NOW + 1); /* 4: in the database */

	ingest_hold_only(ingest, keys, BX_COUNT(keys));

	assert_int_equal(ingest_figures(ingest).in_hand, 2);
	assert_int_equal(sample("host", NOW), INGEST_HELD); /* 5 */
	assert_int_equal(sample("host", NOW + 1), INGEST_HELD); /* 6 */
	assert_int_equal(sample("miner/a", NOW + 1), INGEST_HELD); /* 7 */
	const struct ingest_batch *batch = begin(INGEST_SAMPLES);
	assert_int_equal(batch->record_count, 2);
	assert_int_equal(batch->value_count, 2);
	ingest_committed(ingest, INGEST_SAMPLES);
	assert_string_equal(owed(), "collector/1:2-3,5-7"); /* 1 and 4 come again, and are held then */
}

static void what_was_held_by_another_database_is_not_acknowledged(void **state)
{
	(void)state;
	(void)sample("host", NOW);
	commit(INGEST_SAMPLES);
	assert_string_equal(owed(), "collector/1:1");
	assert_int_equal(sample("host", NOW), INGEST_HELD); /* 2, by the database that is wiped now */

	ingest_hold_only(ingest, NULL, 0);

	assert_null(ingest_begin(ingest, INGEST_SAMPLES));
	assert_string_equal(owed(), "");
	assert_int_equal(sample("host", NOW), INGEST_TAKEN); /* 3 */
	assert_int_equal(sample("host", NOW), INGEST_HELD); /* 4 */
	commit(INGEST_SAMPLES);
	assert_string_equal(owed(), "collector/1:3-4");
}

static void what_can_never_be_taken_is_acknowledged_whatever_the_database(void **state)
{
	(void)state;
	(void)sample("host", NOW - RETENTION - 1);
	ingest_hold_only(ingest, NULL, 0);
	commit(INGEST_SAMPLES);
	assert_string_equal(owed(), "collector/1:1");
}

static void events_in_hand_stay_when_another_database_is_opened(void **state)
{
	(void)state;
	(void)event("1", 1000);
	ingest_hold_only(ingest, NULL, 0);
	assert_int_equal(begin(INGEST_EVENTS)->event_count, 1);
	ingest_committed(ingest, INGEST_EVENTS);
	assert_string_equal(owed(), "collector/1:1");
}

static void a_database_of_many_keys_is_held_whole(void **state)
{
	enum { COUNT = 100000 };
	static char host[] = "host", fleet[] = "fleet";
	BX_OWNED(free) struct ingest_key *keys = bx_alloc(COUNT, sizeof *keys);
	(void)state;
	for (int64_t i = 0; i < COUNT; i++)
		keys[i] = (struct ingest_key){ i % 2 ? host : fleet, NOW - i / 2 };
	ingest_hold_only(ingest, keys, COUNT);
	for (int64_t i = 0; i < COUNT / 2; i += 997) {
		assert_int_equal(sample("host", NOW - i), INGEST_HELD);
		assert_int_equal(sample("fleet", NOW - i), INGEST_HELD);
	}
	assert_int_equal(sample("host", NOW + 1), INGEST_TAKEN);
	assert_int_equal(sample("miner/a", NOW), INGEST_TAKEN);
}

/* --- figures --- */

static void collect_backlog(void *arg, const char *publisher, size_t count)
{
	char *text = arg;
	size_t length = strlen(text);
	(void)snprintf(text + length, 200 - length, "%s=%zu ", publisher, count);
}

static void the_backlog_is_told_by_publisher(void **state)
{
	char text[200] = "";
	(void)state;
	(void)say("health", 1, 1, "unit/a", NOW);
	(void)sample("host", NOW);
	(void)sample("host", NOW + 1);
	(void)event("1", 1000);
	(void)begin(INGEST_SAMPLES);
	(void)sample("host", NOW + 2);
	ingest_each_backlog(ingest, collect_backlog, text);
	assert_string_equal(text, "health=1 collector=4 "); /* in hand and being written */

	ingest_committed(ingest, INGEST_SAMPLES);
	text[0] = '\0';
	ingest_each_backlog(ingest, collect_backlog, text);
	assert_string_equal(text, "health=0 collector=2 ");
	assert_int_equal(ingest_figures(ingest).values_taken, 4);
}

static void ends_with_all_its_hands_full(void **state)
{
	(void)state;
	(void)sample("host", NOW);
	(void)event("1", 1000);
	(void)begin(INGEST_SAMPLES);
	(void)begin(INGEST_EVENTS);
	(void)sample("host", NOW + 1);
	(void)sample("host", NOW + 1);
	(void)event("2", 1000);
	/* tear_down frees all of it, or the sanitizer says so */
}

static void a_record_without_a_value_takes_no_second(void **state)
{
	(void)state;
	limit(1000, 1000);
	struct bx_values empty;
	bx_values_init(&empty, BX_HOST, (struct bx_wall){ (int64_t)NOW * 1000 });
	struct ingest_ticket ticket = { "collector", 1, ++last_number };

	assert_int_equal(ingest_sample(ingest, &ticket, "host", &empty, NOW), INGEST_REFUSED);
	assert_int_equal(sample("host", NOW), INGEST_TAKEN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(judges_a_sample_by_its_time),
		TEST(a_sample_without_a_time_is_refused),
		TEST(one_sample_a_source_and_second_the_first_stays),
		TEST(a_key_is_held_in_hand_while_written_and_in_the_database),
		TEST(takes_what_the_catalogue_stores_words_yes_no_and_parts_too),
		TEST(a_batch_is_sorted_by_source_then_second),
		TEST(events_are_a_kind_of_their_own),
		TEST(malformed_ones_are_acknowledged_with_the_next_commit),
		TEST(nothing_is_acknowledged_before_its_commit),
		TEST(one_batch_of_a_kind_at_a_time),
		TEST(what_failed_is_in_hand_again_with_all_its_acknowledgements),
		TEST(events_that_failed_are_in_hand_again),
		TEST(wants_a_commit_half_full_and_is_silent_when_full),
		TEST(is_full_of_what_is_being_written_too),
		TEST(acknowledgements_owed_are_bounded),
		TEST(events_are_bounded),
		TEST(the_4097th_source_is_refused_and_the_others_go_on),
		TEST(over_the_bound_of_names_the_new_one_is_left_out_and_the_others_are_kept),
		TEST(the_65th_publisher_is_nobody_of_ours),
		TEST(acknowledgements_become_ranges),
		TEST(over_64_ranges_are_said_in_several),
		TEST(sessions_and_publishers_are_kept_apart),
		TEST(hold_only_drops_what_the_database_holds_and_keeps_the_rest),
		TEST(what_was_held_by_another_database_is_not_acknowledged),
		TEST(what_can_never_be_taken_is_acknowledged_whatever_the_database),
		TEST(events_in_hand_stay_when_another_database_is_opened),
		TEST(a_database_of_many_keys_is_held_whole),
		TEST(the_backlog_is_told_by_publisher),
		TEST(ends_with_all_its_hands_full),
		TEST(a_record_without_a_value_takes_no_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
