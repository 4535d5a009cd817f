/* What the tests of services stand on: its clock, its broker, its deaths. */
#include "libbus/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A service that counts its minutes, keeps one durable thing, and writes down what it hears. */
struct counter {
	struct bx_service *service;
	unsigned minutes, recalled;
	struct bx_text heard;
};

static bool counter_open(void *state, struct bx_service *service, struct bx_error *error)
{
	(void)error;
	struct counter *counter = state;
	counter->service = service;
	bx_text_init(&counter->heard, 1 << 16);
	return true;
}

static void counter_close(void *state)
{
	bx_text_done(&((struct counter *)state)->heard);
}

static void count_minute(void *state)
{
	((struct counter *)state)->minutes++;
}

static void recall_alert(void *state, const struct bx_message *message)
{
	(void)message;
	((struct counter *)state)->recalled++;
}

static void hear(void *state, const struct bx_message *message)
{
	struct counter *counter = state;
	const char *topic = bx_packet_property(message->packet, "topic"),
		   *number = bx_packet_property(message->packet, "number");
	bx_text_print(&counter->heard, "%s%s %.*s", message->name, message->replay ? " kept" : "",
		(int)message->size, message->bytes);
	if (topic)
		bx_text_print(&counter->heard, " (%s %s %s)", topic,
			bx_packet_property(message->packet, "session"), number);
	bx_text_say(&counter->heard, "\n");
}

static const struct bx_job jobs[] = { { BX_KEY_METRICS_COLLECTION_INTERVAL, count_minute }, { 0 } };
static const struct bx_listen recall[] = { { BX_ALERT, recall_alert }, { 0 } };
static const struct bx_listen listen[] = { { BX_MINER_AVAILABILITY, hear }, { BX_RECORDS, hear }, { 0 } };
#define SPEC(word) \
	{ \
		.name = word, .state_size = sizeof(struct counter), .recall = recall, .listen = listen, \
		.jobs = jobs, .open = counter_open, .close = counter_close \
	}
static const struct bx_spec one_spec = SPEC("one"), other_spec = SPEC("other");
static const struct bx_spec *const specs[] = { &one_spec, &other_spec };

static int set_up(void **state)
{
	*state = bx_fixture_new(1);
	return 0;
}

static int tear_down(void **state)
{
	char folder[64];
	(void)snprintf(folder, sizeof folder, "%s", bx_fixture_folder(*state));
	bx_fixture_free(*state);
	return access(folder, F_OK) == 0 ? -1 : 0; /* it tidies up */
}

static struct counter *state_of(struct bx_fixture *fixture, const char *service)
{
	return bx_fixture_state(fixture, service);
}

static void time_passes_on_every_loop(void **state)
{
	struct bx_fixture *fixture = *state;
	int64_t begun_ms = bx_fixture_wall(fixture).ms;
	for (size_t i = 0; i < BX_COUNT(specs); i++)
		bx_fixture_start(fixture, specs[i], "METRICS_COLLECTION_INTERVAL=60");
	assert_int_equal(begun_ms, 1767225600000); /* 2026-01-01 */

	bx_fixture_advance(fixture, 3600 * 1000 - 1);
	assert_int_equal(state_of(fixture, "one")->minutes, 60);
	bx_fixture_advance(fixture, 1);

	assert_int_equal(state_of(fixture, "one")->minutes, 61);
	assert_int_equal(state_of(fixture, "other")->minutes, 61);
	assert_int_equal(bx_fixture_wall(fixture).ms - begun_ms, 3600 * 1000);
}

static void a_step_moves_the_wall_clock_alone(void **state)
{
	struct bx_fixture *fixture = *state;
	bx_fixture_start(fixture, &one_spec, "");
	int64_t begun_ms = bx_fixture_wall(fixture).ms;
	bx_fixture_step_wall(fixture, -86400000);
	assert_int_equal(bx_fixture_wall(fixture).ms, begun_ms - 86400000);
	assert_int_equal(state_of(fixture, "one")->minutes, 1);
	bx_fixture_advance(fixture, 60000);
	assert_int_equal(state_of(fixture, "one")->minutes, 2);
	assert_int_equal(
		bx_wall_now(state_of(fixture, "one")->service->loop).ms, begun_ms - 86400000 + 60000);
}

static void an_unsynchronised_clock_tells_no_time(void **state)
{
	struct bx_fixture *fixture = *state;
	bx_fixture_synchronise(fixture, false);
	bx_fixture_start(fixture, &one_spec, "CLOCK_WAIT=60");
	const struct bx_loop *loop = state_of(fixture, "one")->service->loop;
	assert_int_equal(bx_wall_now(loop).ms, 0);
	bx_fixture_synchronise(fixture, true);
	assert_int_equal(bx_wall_now(loop).ms, 1767225600000);
	bx_fixture_synchronise(fixture, false);
	bx_fixture_advance(fixture, 60000);
	assert_int_equal(bx_wall_now(loop).ms, 1767225660000);
}

static void killing_keeps_the_folder_and_loses_the_memory(void **state)
{
	struct bx_fixture *fixture = *state;
	bx_fixture_start(fixture, &one_spec, "");
	bx_state(state_of(fixture, "one")->service->bus, BX_ALERT, "a", "{}");
	bx_fixture_advance(fixture, 600000);
	int64_t before_ms = bx_fixture_wall(fixture).ms;

	bx_fixture_kill(fixture, "one");

	assert_int_equal(bx_fixture_wall(fixture).ms, before_ms); /* it is given no time */
	assert_string_equal(bx_fixture_heard(fixture, "service/one/availability"), "offline"); /* its will */
	char path[128];
	(void)snprintf(path, sizeof path, "%s/one/alert.json", bx_fixture_folder(fixture));
	assert_int_equal(access(path, F_OK), 0);
	bx_fixture_start(fixture, &one_spec, "");
	assert_int_equal(state_of(fixture, "one")->minutes, 1);
	assert_int_equal(state_of(fixture, "one")->recalled, 1);
	assert_string_equal(bx_fixture_heard(fixture, "service/one/availability"), "online");
}

static void killing_one_takes_nothing_from_the_other(void **state)
{
	struct bx_fixture *fixture = *state;
	for (size_t i = 0; i < BX_COUNT(specs); i++)
		bx_fixture_start(fixture, specs[i], "");
	bx_fixture_kill(fixture, "one");
	bx_fixture_advance(fixture, 600000);
	assert_int_equal(state_of(fixture, "other")->minutes, 11);
	assert_string_equal(bx_fixture_heard(fixture, "service/other/availability"), "online");
}

static void stopping_is_in_order(void **state)
{
	struct bx_fixture *fixture = *state;
	bx_fixture_start(fixture, &one_spec, "");
	bx_fixture_stop(fixture, "one");
	assert_string_equal(bx_fixture_heard(fixture, "service/one/availability"), "offline");
	bx_fixture_start(fixture, &one_spec, ""); /* there is room for it again */
}

static void what_is_said_is_retained_where_its_row_is(void **state)
{
	struct bx_fixture *fixture = *state;
	struct bx_memory *broker = bx_fixture_broker(fixture);
	bx_fixture_synchronise(fixture, false); /* so that the service records nothing of its own */
	bx_fixture_say(fixture, "miner/a/availability", "online");
	bx_fixture_say(fixture, "event/miner/a", "{}");
	bx_fixture_say(fixture, "not/a/topic", "{}");
	assert_int_equal(bx_memory_retained(broker, "#"), 1);
	assert_int_equal(bx_memory_retained(broker, "bitaxe/home/miner/a/availability"), 1);
	bx_fixture_start(fixture, &one_spec, "");
	assert_string_equal(state_of(fixture, "one")->heard.data, "a kept online\n");
	bx_fixture_say(fixture, "miner/a/availability", "offline");
	bx_fixture_say_bytes(fixture, "miner/b/availability", "online", 6);
	assert_string_equal(state_of(fixture, "one")->heard.data, "a kept online\na offline\nb online\n");
	assert_string_equal(bx_fixture_heard(fixture, "miner/a/availability"), "offline");
	assert_int_equal(bx_fixture_count(fixture, "miner/a/availability"), 2);
	assert_null(bx_fixture_heard(fixture, "miner/z/availability"));
	assert_int_equal(bx_fixture_count(fixture, "miner/z/availability"), 0);
}

static void a_record_comes_as_a_publishers(void **state)
{
	struct bx_fixture *fixture = *state;
	bx_fixture_start(fixture, &one_spec, "");
	bx_text_clear(&state_of(fixture, "one")->heard);
	bx_fixture_record(fixture, "collector", "host/telemetry", "00000000000000ff", 7, "{\"a\":1}");
	assert_string_equal(state_of(fixture, "one")->heard.data,
		"collector {\"a\":1} (host/telemetry 00000000000000ff 7)\n");
}

static void asking_gives_the_last_answer_or_none_within_a_minute(void **state)
{
	struct bx_fixture *fixture = *state;
	bx_fixture_start(fixture, &one_spec, "");
	const char *answer = bx_fixture_ask(fixture, "one", "ping", "{}");
	assert_non_null(answer);
	assert_non_null(strstr(answer, "\"ok\":true"));
	answer = bx_fixture_ask(fixture, "one", "ping", "{\"a\":1}");
	assert_non_null(answer);
	assert_non_null(strstr(answer, "\"ok\":false"));
	int64_t before_ms = bx_fixture_wall(fixture).ms;
	assert_null(bx_fixture_ask(fixture, "nobody", "ping", "{}"));
	assert_in_range(bx_fixture_wall(fixture).ms - before_ms, 59000, 61000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(time_passes_on_every_loop),
		TEST(a_step_moves_the_wall_clock_alone),
		TEST(an_unsynchronised_clock_tells_no_time),
		TEST(killing_keeps_the_folder_and_loses_the_memory),
		TEST(killing_one_takes_nothing_from_the_other),
		TEST(stopping_is_in_order),
		TEST(what_is_said_is_retained_where_its_row_is),
		TEST(a_record_comes_as_a_publishers),
		TEST(asking_gives_the_last_answer_or_none_within_a_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
