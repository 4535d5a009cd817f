#include "libbus/bus/outbox.h"

#include "libbus/base/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SESSION = 7, AGAIN_MS = 10 };

static size_t acknowledge(struct bx_outbox *outbox, uint64_t session, uint64_t first, uint64_t last)
{
	struct bx_acknowledged acknowledged = {
		.session = session, .range_count = 1, .ranges = { { first, last } }
	};
	return bx_outbox_acknowledge(outbox, &acknowledged);
}

/* --- the rules, one by one --- */

/* Plays a script and appends what happens: p puts, n asks for the next (its number or -), t lets AGAIN_MS pass, h half of
 * it, r rewinds, aFIRST-LAST acknowledges (how many went, in brackets), x the same of another session. */
static void play(const char *script, struct bx_text *heard)
{
	BX_OWNED(bx_outbox_free) struct bx_outbox *outbox = bx_outbox_new(SESSION, 1 << 20);
	struct bx_mono now = { 1000 };
	struct bx_record record;
	unsigned first, last;
	for (const char *at = script; *at; at++) {
		switch (*at) {
		case 'p':
			bx_outbox_put(outbox, "host/telemetry", "{}", 2);
			break;
		case 'n':
			if (bx_outbox_next(outbox, now, AGAIN_MS, &record))
				bx_text_print(heard, "%u ", (unsigned)record.number);
			else
				bx_text_say(heard, "- ");
			break;
		case 't':
			now.ms += AGAIN_MS;
			break;
		case 'h':
			now.ms += AGAIN_MS / 2;
			break;
		case 'r':
			bx_outbox_rewind(outbox);
			break;
		case 'a':
		case 'x':
			assert_int_equal(sscanf(at + 1, "%u-%u", &first, &last), 2);
			bx_text_print(heard, "[%zu] ",
				acknowledge(outbox, *at == 'a' ? SESSION : SESSION + 1, first, last));
			break;
		}
	}
}

static void follows_each_rule(void **state)
{
	(void)state;
	static const struct {
		const char *rule, *script, *want;
	} cases[] = {
		{ "nothing is due of nothing", "n", "- " },
		{ "the oldest that was never sent is first", "ppp nnn", "1 2 3 " },
		{ "what was sent is not due at once", "p nn", "1 - " },
		{ "nor a moment before its time", "p n h n", "1 - " },
		{ "not acknowledged in time, it is sent again", "p n t n", "1 1 " },
		{ "and again, each time after that pause", "p n t n n t n n", "1 1 - 1 - " },
		{ "what was never sent goes before", "pp n t nn", "1 2 1 " },
		{ "of those sent, the one longest ago is first", "pp n h n h n n h n", "1 2 1 - 2 " },
		{ "acknowledged, it is sent no more", "pp n a1-1 nnt nn", "1 [1] 2 - 2 - " },
		{ "though it was never sent", "pp a1-1 nn", "[1] 2 - " },
		{ "a range takes all within", "pppp a2-3 nnn", "[2] 1 4 - " },
		{ "the first and the last, too", "ppp a1-3 n", "[3] - " },
		{ "what is acknowledged twice goes once", "pp a1-1 a1-2 a1-2 n", "[1] [1] [0] - " },
		{ "another session's goes nowhere", "pp x1-2 nn", "[0] 1 2 " },
		{ "a range beyond the last takes what is there", "pp a2-4000000000 nn", "[1] 1 - " },
		{ "what comes later is not acknowledged before", "p a1-9 p n", "[1] 2 " },
		{ "a range of what is not there yet takes nothing", "p a5-9 n", "[0] 1 " },
		{ "a range below the first takes nothing", "p a0-0 n", "[0] 1 " },
		{ "a range the wrong way round takes nothing", "ppp a3-1 n", "[0] 1 " },
		{ "rewound, all is due again, oldest first", "ppp nn r nnnn", "1 2 1 2 3 - " },
		{ "but for what was acknowledged", "ppp nn a1-1 r nnn", "1 2 [1] 2 3 - " },
		{ "rewound twice, it is due once", "pp nn rr nnn", "1 2 1 2 - " },
		{ "what is put later goes behind what was rewound", "p n r p nnn", "1 1 2 - " },
		{ "nothing is rewound of nothing", "r n p r n", "- 1 " },
		{ "rewound, its pause begins anew when it is sent", "ppp nnn h r n h nnn t nnn",
			"1 2 3 1 2 3 - 1 2 3 " },
		{ "numbers go on", "p a1-1 p a2-2 p n", "[1] [1] 3 " },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		BX_TEXT_OWNED struct bx_text heard;
		bx_text_init(&heard, 4096);
		play(cases[i].script, &heard);
		if (strcmp(heard.data, cases[i].want) != 0)
			fail_msg("%s: %s: '%s', not '%s'", cases[i].rule, cases[i].script, heard.data,
				cases[i].want);
	}
}

static void gives_what_was_put(void **state)
{
	(void)state;
	static const char bytes[] = "a\0b\xFF";
	char topic[] = "miner/gamma-3/telemetry", copy[sizeof bytes];
	memcpy(copy, bytes, sizeof bytes);
	BX_OWNED(bx_outbox_free) struct bx_outbox *outbox = bx_outbox_new(SESSION, 4096);
	struct bx_record record;

	assert_int_equal(bx_outbox_put(outbox, topic, copy, sizeof bytes), 1);
	assert_int_equal(bx_outbox_put(outbox, "host/telemetry", "", 0), 2);
	memset(copy, 'x', sizeof copy); /* it has a copy */
	memset(topic, 'x', sizeof topic - 1);

	assert_true(bx_outbox_next(outbox, (struct bx_mono){ 1 }, AGAIN_MS, &record));
	assert_int_equal(record.number, 1);
	assert_int_equal(record.size, sizeof bytes);
	assert_memory_equal(record.bytes, bytes, sizeof bytes);
	assert_string_equal(record.topic, "miner/gamma-3/telemetry");
	assert_true(bx_outbox_next(outbox, (struct bx_mono){ 1 }, AGAIN_MS, &record));
	assert_int_equal(record.size, 0);
	assert_string_equal(record.topic, "host/telemetry");
	assert_int_equal(bx_outbox_session(outbox), SESSION);
}

static void counts_what_is_there_and_what_is_due(void **state)
{
	(void)state;
	BX_OWNED(bx_outbox_free) struct bx_outbox *outbox = bx_outbox_new(SESSION, 4096);
	struct bx_record record;
	for (int i = 0; i < 4; i++)
		bx_outbox_put(outbox, "host/telemetry", "{}", 2);
	(void)bx_outbox_next(outbox, (struct bx_mono){ 1 }, AGAIN_MS, &record);
	(void)bx_outbox_next(outbox, (struct bx_mono){ 1 }, AGAIN_MS, &record);

	(void)acknowledge(outbox, SESSION, 2, 3); /* one that was sent, one that was not */

	assert_int_equal(bx_outbox_count(outbox), 2);
	assert_int_equal(bx_outbox_unsent(outbox), 1);
	bx_outbox_rewind(outbox);
	assert_int_equal(bx_outbox_unsent(outbox), 2);
	assert_int_equal(bx_outbox_dropped(outbox), 0);
}

/* --- its bound --- */

static void over_its_bound_the_oldest_goes_first_and_is_counted(void **state)
{
	(void)state;
	static char bytes[1000];
	BX_OWNED(bx_outbox_free) struct bx_outbox *outbox = bx_outbox_new(SESSION, 3500);
	struct bx_record record;
	for (int i = 0; i < 3; i++)
		bx_outbox_put(outbox, "host/telemetry", bytes, sizeof bytes);
	assert_int_equal(bx_outbox_dropped(outbox), 0);
	(void)bx_outbox_next(
		outbox, (struct bx_mono){ 1 }, AGAIN_MS, &record); /* that 1 was sent saves it not */

	for (int i = 0; i < 2; i++)
		bx_outbox_put(outbox, "host/telemetry", bytes, sizeof bytes);

	assert_int_equal(bx_outbox_dropped(outbox), 2);
	assert_int_equal(bx_outbox_count(outbox), 3);
	for (unsigned number = 3; number <= 5; number++) {
		assert_true(bx_outbox_next(outbox, (struct bx_mono){ 1000 }, AGAIN_MS, &record));
		assert_int_equal(record.number, number);
	}
	assert_false(bx_outbox_next(outbox, (struct bx_mono){ 1000 }, AGAIN_MS, &record));
}

static void drops_what_is_larger_than_all_it_may_keep(void **state)
{
	(void)state;
	static char bytes[5000];
	BX_OWNED(bx_outbox_free) struct bx_outbox *outbox = bx_outbox_new(SESSION, 3500);
	struct bx_record record;
	bx_outbox_put(outbox, "host/telemetry", bytes, 10);

	bx_outbox_put(outbox, "host/telemetry", bytes, sizeof bytes);

	assert_int_equal(bx_outbox_dropped(outbox), 2);
	assert_int_equal(bx_outbox_count(outbox), 0);
	assert_false(bx_outbox_next(outbox, (struct bx_mono){ 1 }, AGAIN_MS, &record));
	assert_int_equal(bx_outbox_put(outbox, "host/telemetry", bytes, 10), 3);
	assert_int_equal(bx_outbox_count(outbox), 1);
}

static void has_room_again_for_what_was_acknowledged(void **state)
{
	(void)state;
	static char bytes[1000];
	BX_OWNED(bx_outbox_free) struct bx_outbox *outbox = bx_outbox_new(SESSION, 3500);
	for (uint64_t number = 1; number <= 1000; number++) {
		bx_outbox_put(outbox, "host/telemetry", bytes, sizeof bytes);
		if (number > 2)
			(void)acknowledge(outbox, SESSION, number - 2, number - 2);
	}
	assert_int_equal(bx_outbox_dropped(outbox), 0);
	assert_int_equal(bx_outbox_count(outbox), 2);
}

static void one_that_is_never_acknowledged_holds_up_no_other(void **state)
{
	(void)state;
	BX_OWNED(bx_outbox_free) struct bx_outbox *outbox = bx_outbox_new(SESSION, 1 << 20);
	struct bx_record record;
	for (uint64_t number = 1; number <= 5000; number++) {
		bx_outbox_put(outbox, "host/telemetry", "{}", 2);
		if (number > 1)
			assert_int_equal(acknowledge(outbox, SESSION, number, number), 1);
	}
	assert_int_equal(bx_outbox_count(outbox), 1);
	assert_true(bx_outbox_next(outbox, (struct bx_mono){ 1 }, AGAIN_MS, &record));
	assert_int_equal(record.number, 1);
}

/* --- against a model, by chance --- */

enum { RECORDS_MAX = 400, OVERHEAD_MAX = 128 /* what an entry may cost beside its bytes */ };

struct model {
	uint64_t random, order, last, dropped;
	size_t bytes_max;
	struct bx_mono now;
	struct model_record {
		bool held, sent;
		uint64_t sent_order;
		int64_t sent_ms;
		size_t size, bytes;
	} records[RECORDS_MAX + 1]; /* by number */
};

static unsigned chance(struct model *model, unsigned below)
{
	model->random = model->random * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(model->random >> 33) % below;
}

static void print_topic(uint64_t number, char topic[32])
{
	(void)snprintf(topic, 32, "miner/%0*u/telemetry", (int)(number % 10) + 1, (unsigned)number);
}

static void put(struct model *model, struct bx_outbox *outbox, unsigned seed)
{
	char topic[32], bytes[400];
	struct model_record *record = &model->records[++model->last];
	print_topic(model->last, topic);
	*record = (struct model_record){ .held = true, .size = chance(model, chance(model, 10) ? 100 : 400) };
	record->bytes = record->size + strlen(topic);
	memset(bytes, (int)model->last, sizeof bytes);
	uint64_t before = bx_outbox_dropped(outbox);

	if (bx_outbox_put(outbox, topic, bytes, record->size) != model->last)
		fail_msg("seed %u: a number is not the next", seed);

	size_t held = 0, held_most = 0, last_dropped = 0;
	uint64_t dropped = bx_outbox_dropped(outbox) - before;
	for (uint64_t number = 1; number <= model->last; number++) {
		struct model_record *it = &model->records[number];
		if (it->held && dropped > 0) {
			it->held = false;
			dropped--;
			last_dropped = it->bytes + OVERHEAD_MAX;
		}
		held += it->held ? it->bytes : 0;
		held_most += it->held ? it->bytes + OVERHEAD_MAX : 0;
	}
	model->dropped = bx_outbox_dropped(outbox);
	if (held > model->bytes_max)
		fail_msg("seed %u: %zu bytes, over %zu", seed, held, model->bytes_max);
	if (dropped > 0)
		fail_msg("seed %u: counts more as dropped than there were", seed);
	if (last_dropped > 0 && held_most + last_dropped <= model->bytes_max)
		fail_msg("seed %u: dropped one that had room", seed);
}

static struct model_record *expect_next(struct model *model)
{
	struct model_record *next = NULL;
	for (uint64_t number = 1; number <= model->last; number++) {
		struct model_record *it = &model->records[number];
		if (it->held && !it->sent)
			return it;
		if (it->held && model->now.ms - it->sent_ms >= AGAIN_MS &&
			(!next || it->sent_order < next->sent_order))
			next = it;
	}
	return next;
}

static void next(struct model *model, struct bx_outbox *outbox, unsigned seed)
{
	struct model_record *want = expect_next(model);
	struct bx_record record;
	char topic[32];
	bool got = bx_outbox_next(outbox, model->now, AGAIN_MS, &record);
	if (got != (want != NULL))
		fail_msg("seed %u: %s is due", seed, got ? "something" : "nothing");
	if (!want)
		return;
	uint64_t number = (uint64_t)(want - model->records);
	print_topic(number, topic);
	if (record.number != number || record.size != want->size || strcmp(record.topic, topic) != 0)
		fail_msg("seed %u: %u came, not %u", seed, (unsigned)record.number, (unsigned)number);
	for (size_t i = 0; i < record.size; i++)
		if ((unsigned char)record.bytes[i] != (unsigned char)number)
			fail_msg("seed %u: byte %zu of %u", seed, i, (unsigned)number);
	want->sent = true;
	want->sent_ms = model->now.ms;
	want->sent_order = ++model->order;
}

static void acknowledge_some(struct model *model, struct bx_outbox *outbox, unsigned seed)
{
	struct bx_acknowledged acknowledged = { .session = chance(model, 10) ? SESSION : SESSION + 1 };
	size_t want = 0;
	acknowledged.range_count = chance(model, 4);
	for (size_t i = 0; i < acknowledged.range_count; i++) {
		uint64_t first = chance(model, (unsigned)model->last + 3), last = first + chance(model, 6);
		acknowledged.ranges[i] = (struct bx_range){ first, last };
		for (uint64_t number = first; number <= last && number <= model->last; number++) {
			if (acknowledged.session == SESSION && model->records[number].held) {
				model->records[number].held = false;
				want++;
			}
		}
	}
	if (bx_outbox_acknowledge(outbox, &acknowledged) != want)
		fail_msg("seed %u: not %zu were acknowledged", seed, want);
}

static void compare(const struct model *model, const struct bx_outbox *outbox, unsigned seed)
{
	size_t held = 0, unsent = 0;
	for (uint64_t number = 1; number <= model->last; number++) {
		held += model->records[number].held;
		unsent += model->records[number].held && !model->records[number].sent;
	}
	if (bx_outbox_count(outbox) != held || bx_outbox_unsent(outbox) != unsent ||
		bx_outbox_dropped(outbox) != model->dropped)
		fail_msg("seed %u: %zu held, %zu unsent, not %zu and %zu", seed, bx_outbox_count(outbox),
			bx_outbox_unsent(outbox), held, unsent);
}

static void storm(unsigned seed)
{
	static struct model model;
	model = (struct model){ .random = seed, .now = { 1000 } };
	model.bytes_max = 500 + chance(&model, 5000);
	BX_OWNED(bx_outbox_free) struct bx_outbox *outbox = bx_outbox_new(SESSION, model.bytes_max);
	unsigned steps = 20 + chance(&model, 300), eager = chance(&model, 6);
	for (unsigned step = 0; step < steps; step++) {
		unsigned what = chance(&model, 10 + eager);
		if (what < 4)
			put(&model, outbox, seed);
		else if (what == 4)
			acknowledge_some(&model, outbox, seed);
		else if (what == 5)
			model.now.ms += chance(&model, 2 * AGAIN_MS);
		else if (what == 6 && chance(&model, 8) == 0) {
			bx_outbox_rewind(outbox);
			for (uint64_t number = 1; number <= model.last; number++)
				model.records[number].sent = false;
		} else
			next(&model, outbox, seed);
		compare(&model, outbox, seed);
	}
	/* storage is well again: all that is held is sent, and gone once it is acknowledged */
	bx_outbox_rewind(outbox);
	size_t held = bx_outbox_count(outbox);
	struct bx_record record;
	for (uint64_t before = 0; bx_outbox_next(outbox, model.now, AGAIN_MS, &record);
		before = record.number, held--)
		if (record.number <= before || !model.records[record.number].held ||
			acknowledge(outbox, SESSION, record.number, record.number) != 1)
			fail_msg("seed %u: %u behind %u", seed, (unsigned)record.number, (unsigned)before);
	if (held != 0 || bx_outbox_count(outbox) != 0)
		fail_msg("seed %u: %zu are forgotten", seed, held);
}

static void forgets_nothing_and_repeats_nothing_in_ten_thousand_storms(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 10000; seed++)
		storm(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_each_rule),
		cmocka_unit_test(gives_what_was_put),
		cmocka_unit_test(counts_what_is_there_and_what_is_due),
		cmocka_unit_test(over_its_bound_the_oldest_goes_first_and_is_counted),
		cmocka_unit_test(drops_what_is_larger_than_all_it_may_keep),
		cmocka_unit_test(has_room_again_for_what_was_acknowledged),
		cmocka_unit_test(one_that_is_never_acknowledged_holds_up_no_other),
		cmocka_unit_test(forgets_nothing_and_repeats_nothing_in_ten_thousand_storms),
	};
	return cmocka_run_group_tests_name("bus/outbox", tests, NULL, NULL);
}
