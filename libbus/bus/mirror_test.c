#include "libbus/bus/mirror.h"

#include "libbus/base/log.h"
#include "libbus/bus/memory.h"
#include "libbus/test/clock.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MINUTE_MS = 60000 };

struct scene {
	struct bx_test_clock clock;
	struct bx_loop *loop;
	struct bx_memory *broker;
	struct bx_bus *bus;
	struct bx_mirror *mirror;
	struct bx_text seen;
};

static void pass(struct scene *scene, int64_t ms)
{
	bx_test_pass(&scene->clock, scene->loop, ms);
}

static void say(struct scene *scene, const char *topic, const char *bytes)
{
	char whole[BX_TOPIC_SIZE];
	(void)snprintf(whole, sizeof whole, "bitaxe/home/%s", topic);
	struct bx_packet packet = {
		.topic = whole, .bytes = bytes, .size = strlen(bytes), .qos = 1, .retain = true
	};
	bx_memory_say(scene->broker, &packet);
	pass(scene, 0);
}

static void begin(struct scene *scene, size_t entries_max)
{
	static const enum bx_topic topics[] = { BX_MINER_AVAILABILITY, BX_MINER_TELEMETRY,
		BX_SERVICE_AVAILABILITY, BX_SERVICE_STATS };
	struct bx_bus_options options = { .site = "home", .client = "bxctl-7", .role = "bxctl" };
	scene->bus = bx_bus_new(scene->loop, &options, bx_memory_join(scene->broker, scene->loop));
	scene->mirror = bx_mirror_new(scene->bus, topics, BX_COUNT(topics), entries_max);
	bx_bus_open(scene->bus);
	pass(scene, 0);
}

static int set_up(void **state)
{
	struct scene *scene = bx_alloc(1, sizeof *scene);
	bx_test_clock_init(&scene->clock);
	scene->loop = bx_loop_new_simulated(&scene->clock.clock);
	scene->broker = bx_memory_new(1);
	bx_text_init(&scene->seen, 1 << 20);
	bx_log_to("test", BX_ERROR + 1);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	bx_mirror_free(scene->mirror);
	bx_bus_free(scene->bus);
	bx_memory_free(scene->broker);
	bx_loop_free(scene->loop);
	bx_text_done(&scene->seen);
	free(scene);
	return 0;
}

static void note_entry(void *arg, const struct bx_entry *entry)
{
	bx_text_print(arg, "%s=%s ", entry->name, entry->bytes);
}

static void note_change(void *arg, const struct bx_message *message)
{
	struct scene *scene = arg;
	struct bx_entry entry;
	bool known = bx_mirror_get(scene->mirror, message->topic, message->name, &entry);
	bx_text_print(&scene->seen, "%s=%s ", message->name, known ? entry.bytes : "none");
}

static void has_the_newest_of_each(void **state)
{
	struct scene *scene = *state;
	struct bx_entry entry;
	union bx_any payload;
	say(scene, "miner/b/availability", "offline");
	begin(scene, 100);
	say(scene, "miner/c/availability", "online");
	say(scene, "miner/a/availability", "offline");
	say(scene, "miner/a/availability", "online");

	assert_true(bx_mirror_get(scene->mirror, BX_MINER_AVAILABILITY, "a", &entry));
	assert_string_equal(entry.bytes, "online");
	assert_int_equal(entry.size, 6);
	assert_true(bx_mirror_read(scene->mirror, BX_MINER_AVAILABILITY, "b", &payload));
	assert_false(payload.online);
	assert_false(bx_mirror_get(scene->mirror, BX_MINER_AVAILABILITY, "z", &entry));
	assert_false(bx_mirror_get(scene->mirror, BX_MINER_TELEMETRY, "a", &entry));
	assert_false(bx_mirror_read(scene->mirror, BX_MINER_TELEMETRY, "a", &payload));
	assert_int_equal(bx_mirror_count(scene->mirror, BX_MINER_AVAILABILITY), 3);
	bx_mirror_each(scene->mirror, BX_MINER_AVAILABILITY, note_entry, &scene->seen);
	assert_string_equal(scene->seen.data, "a=online b=offline c=online "); /* by name */
}

static void what_ended_is_gone(void **state)
{
	struct scene *scene = *state;
	struct bx_entry entry;
	begin(scene, 100);
	say(scene, "miner/a/availability", "online");
	say(scene, "miner/a/availability", "");
	say(scene, "miner/never/availability", "");
	assert_false(bx_mirror_get(scene->mirror, BX_MINER_AVAILABILITY, "a", &entry));
	assert_int_equal(bx_mirror_count(scene->mirror, BX_MINER_AVAILABILITY), 0);
}

static void a_listener_sees_the_mirror_as_it_is_after_the_change(void **state)
{
	struct scene *scene = *state;
	begin(scene, 100);
	bx_mirror_on_change(scene->mirror, note_change, scene);
	say(scene, "miner/a/availability", "online");
	say(scene, "miner/a/availability", "offline");
	say(scene, "miner/a/availability", "");
	say(scene, "miner/a/availability", ""); /* no change */
	say(scene, "miner/a/availability", "perhaps"); /* malformed */
	assert_string_equal(scene->seen.data, "a=online a=offline a=none ");
}

static void over_the_bound_new_names_are_left_out(void **state)
{
	struct scene *scene = *state;
	begin(scene, 3);
	for (int i = 0; i < 10; i++) {
		char topic[60];
		(void)snprintf(topic, sizeof topic, "miner/m%d/availability", i);
		say(scene, topic, "online");
	}
	say(scene, "miner/m0/availability", "offline"); /* known ones go on */
	struct bx_entry entry;
	assert_int_equal(bx_mirror_count(scene->mirror, BX_MINER_AVAILABILITY), 3);
	assert_true(bx_mirror_get(scene->mirror, BX_MINER_AVAILABILITY, "m0", &entry));
	assert_string_equal(entry.bytes, "offline");
	assert_false(bx_mirror_get(scene->mirror, BX_MINER_AVAILABILITY, "m3", &entry));
	say(scene, "miner/m0/availability", ""); /* makes room */
	say(scene, "miner/m9/availability", "online");
	assert_true(bx_mirror_get(scene->mirror, BX_MINER_AVAILABILITY, "m9", &entry));
}

static void an_entry_grows_old(void **state)
{
	struct scene *scene = *state;
	struct bx_entry entry;
	begin(scene, 100);
	say(scene, "miner/a/availability", "online");
	pass(scene, 5000);
	assert_true(bx_mirror_get(scene->mirror, BX_MINER_AVAILABILITY, "a", &entry));
	assert_int_equal(entry.age_ms, 5000);
	scene->clock.wall.ms -= 3600000; /* a step makes nothing older */
	assert_true(bx_mirror_get(scene->mirror, BX_MINER_AVAILABILITY, "a", &entry));
	assert_int_equal(entry.age_ms, 5000);
}

static void say_stats(struct scene *scene, int64_t age_ms)
{
	char text[80], time[BX_WALL_SIZE];
	bx_wall_print((struct bx_wall){ scene->clock.wall.ms - age_ms }, time);
	(void)snprintf(text, sizeof text, "{\"time\":\"%s\",\"rss\":1}", time);
	say(scene, "service/health/stats", text);
}

static void a_service_runs_while_it_is_online_and_its_stats_are_young(void **state)
{
	struct scene *scene = *state;
	begin(scene, 100);
	assert_false(bx_mirror_runs(scene->mirror, "health"));
	say(scene, "service/health/availability", "online");
	assert_false(bx_mirror_runs(scene->mirror, "health")); /* no stats yet */
	say_stats(scene, 0);
	assert_true(bx_mirror_runs(scene->mirror, "health"));
	pass(scene, 3 * MINUTE_MS);
	assert_true(bx_mirror_runs(scene->mirror, "health"));
	pass(scene, 1);
	assert_false(bx_mirror_runs(scene->mirror, "health")); /* it died with a broker, and left no will */
	say_stats(scene, 0);
	assert_true(bx_mirror_runs(scene->mirror, "health"));
	say(scene, "service/health/availability", "offline");
	assert_false(bx_mirror_runs(scene->mirror, "health"));
	assert_false(bx_mirror_runs(scene->mirror, "collector"));
}

static void what_a_broker_kept_of_a_dead_service_does_not_make_it_run(void **state)
{
	struct scene *scene = *state;
	say(scene, "service/health/availability", "online");
	say_stats(scene, 10 * MINUTE_MS);
	begin(scene, 100);
	assert_false(bx_mirror_runs(scene->mirror, "health"));
	say_stats(scene, 0);
	assert_true(bx_mirror_runs(scene->mirror, "health"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(has_the_newest_of_each),
		TEST(what_ended_is_gone),
		TEST(a_listener_sees_the_mirror_as_it_is_after_the_change),
		TEST(over_the_bound_new_names_are_left_out),
		TEST(an_entry_grows_old),
		TEST(a_service_runs_while_it_is_online_and_its_stats_are_young),
		TEST(what_a_broker_kept_of_a_dead_service_does_not_make_it_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
