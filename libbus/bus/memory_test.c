/* The broker in memory has to behave as Mosquitto does, or the tests that stand on it prove nothing. */
#include "libbus/bus/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "libbus/base/text.h"
#include "libbus/test/clock.h"

/* A client that writes down what it is told. */
struct client {
	struct bx_link *link;
	struct bx_text heard;
	unsigned connected, disconnected, acknowledged;
};

struct scene {
	struct bx_test_clock clock;
	struct bx_loop *loop;
	struct bx_memory *broker;
	struct client clients[2];
};

static void pass(struct scene *scene, int64_t ms)
{
	bx_test_pass(&scene->clock, scene->loop, ms);
}

static void on_connected(void *arg)
{
	((struct client *)arg)->connected++;
}

static void on_disconnected(void *arg, const char *why)
{
	(void)why;
	((struct client *)arg)->disconnected++;
}

static void on_received(void *arg, const struct bx_packet *packet)
{
	bx_text_print(&((struct client *)arg)->heard, "%s%s %s\n", packet->topic,
		packet->retain ? " kept" : "", packet->bytes);
}

static void on_acknowledged(void *arg, int id, bool accepted)
{
	(void)id;
	((struct client *)arg)->acknowledged += accepted;
}

static void join(struct scene *scene, struct client *client, const char *will)
{
	struct bx_link_events events = { client, on_connected, on_disconnected, on_received,
		on_acknowledged };
	struct bx_packet packet = {
		.topic = "will", .bytes = will, .size = will ? strlen(will) : 0, .qos = 1, .retain = true
	};
	client->link = bx_memory_join(scene->broker, scene->loop);
	client->link->type->open(client->link, &events, will ? &packet : NULL);
	pass(scene, 0);
}

static void leave(struct client *client)
{
	if (client->link)
		client->link->type->free(client->link);
	client->link = NULL;
}

static void subscribe(struct client *client, const char *filter)
{
	client->link->type->subscribe(client->link, filter);
}

static void say(struct scene *scene, const char *topic, const char *bytes, bool retain)
{
	struct bx_packet packet = {
		.topic = topic, .bytes = bytes, .size = strlen(bytes), .qos = 1, .retain = retain
	};
	bx_memory_say(scene->broker, &packet);
}

static int set_up(void **state)
{
	struct scene *scene = bx_alloc(1, sizeof *scene);
	bx_test_clock_init(&scene->clock);
	scene->loop = bx_loop_new_simulated(&scene->clock.clock);
	scene->broker = bx_memory_new(1);
	for (size_t i = 0; i < BX_COUNT(scene->clients); i++)
		bx_text_init(&scene->clients[i].heard, 1 << 20);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	for (size_t i = 0; i < BX_COUNT(scene->clients); i++) {
		leave(&scene->clients[i]);
		bx_text_done(&scene->clients[i].heard);
	}
	bx_memory_free(scene->broker);
	bx_loop_free(scene->loop);
	free(scene);
	return 0;
}

static void connects_soon_and_never_within_a_call(void **state)
{
	struct scene *scene = *state;
	struct client *client = &scene->clients[0];
	struct bx_link_events events = { client, on_connected, on_disconnected, on_received,
		on_acknowledged };
	client->link = bx_memory_join(scene->broker, scene->loop);
	client->link->type->open(client->link, &events, NULL);
	assert_int_equal(client->connected, 0);
	pass(scene, 0);
	assert_int_equal(client->connected, 1);
}

static void live_ones_come_without_and_replays_with_the_mark(void **state)
{
	struct scene *scene = *state;
	struct client *client = &scene->clients[0];
	say(scene, "a/1", "old", true);
	say(scene, "a/1", "new", true);
	say(scene, "a/2", "ended", true);
	say(scene, "a/2", "", true);
	say(scene, "a/3", "passed", false);
	say(scene, "b/1", "unasked", true);
	join(scene, client, NULL);
	subscribe(client, "a/+");
	assert_string_equal(client->heard.data, ""); /* not within the call */
	pass(scene, 0);
	assert_string_equal(client->heard.data, "a/1 kept new\n");

	say(scene, "a/1", "live", true);
	say(scene, "a/9", "live", false);
	say(scene, "b/1", "live", true);
	pass(scene, 0);
	assert_string_equal(client->heard.data, "a/1 kept new\na/1 live\na/9 live\n");
}

static void an_unsubscribed_filter_is_heard_no_more(void **state)
{
	struct scene *scene = *state;
	struct client *client = &scene->clients[0];
	join(scene, client, NULL);
	subscribe(client, "a/+");
	subscribe(client, "b");
	client->link->type->unsubscribe(client->link, "a/+");
	client->link->type->unsubscribe(client->link, "never");
	say(scene, "a/1", "x", false);
	say(scene, "b", "x", false);
	pass(scene, 0);
	assert_string_equal(client->heard.data, "b x\n");
}

static void one_hears_itself_too_and_is_acknowledged(void **state)
{
	struct scene *scene = *state;
	struct client *client = &scene->clients[0];
	struct bx_packet packet = { .topic = "a", .bytes = "x", .size = 1, .qos = 1 };
	int id = 0, other = 0;
	client->link = bx_memory_join(scene->broker, scene->loop);
	assert_false(client->link->type->publish(client->link, &packet, &id)); /* not connected */
	leave(client);
	join(scene, client, NULL);
	subscribe(client, "a");
	assert_true(client->link->type->publish(client->link, &packet, &id));
	assert_true(client->link->type->publish(client->link, &packet, &other));
	assert_int_not_equal(id, other);
	packet.qos = 0;
	assert_true(client->link->type->publish(client->link, &packet, &id));
	assert_int_equal(client->acknowledged, 0);
	pass(scene, 0);
	assert_int_equal(client->acknowledged, 2); /* QoS 1 alone */
	assert_string_equal(client->heard.data, "a x\na x\na x\n");
}

static void properties_arrive_whole(void **state)
{
	struct scene *scene = *state;
	struct bx_memory *broker = scene->broker;
	struct client *client = &scene->clients[0];
	char text[] = "borrowed";
	join(scene, client, NULL);
	subscribe(client, "#");
	struct bx_packet packet = { .topic = text,
		.bytes = text,
		.size = 8,
		.qos = 1,
		.response_topic = text,
		.correlation = text,
		.correlation_size = 8,
		.property_count = 1,
		.properties = { { text, text } } };
	bx_memory_say(broker, &packet);
	memset(text, 'x', 8); /* the broker has copied it */
	pass(scene, 0);
	assert_string_equal(client->heard.data, "borrowed borrowed\n");
}

static void a_death_forgets_all_and_tells_all(void **state)
{
	struct scene *scene = *state;
	struct client *client = &scene->clients[0];
	join(scene, client, "my will");
	subscribe(client, "#");
	say(scene, "a", "x", true);
	bx_memory_die(scene->broker);
	pass(scene, 5000);
	assert_string_equal(client->heard.data, ""); /* what was on its way is lost */
	assert_int_equal(client->disconnected, 1);
	assert_int_equal(client->connected, 1);
	assert_int_equal(bx_memory_retained(scene->broker, "#"), 0);
	say(scene, "b", "x", true); /* nobody there */
	assert_null(bx_memory_newest(scene->broker, "b", NULL));

	bx_memory_live(scene->broker);
	pass(scene, 1000);
	assert_int_equal(client->connected, 2);
	say(scene, "c", "x", true);
	pass(scene, 0);
	assert_string_equal(client->heard.data, ""); /* sessions are clean: it has to subscribe anew */
	assert_null(
		bx_memory_newest(scene->broker, "will", NULL)); /* who dies with the broker leaves no will */
}

static void a_client_that_is_killed_leaves_its_will(void **state)
{
	struct scene *scene = *state;
	join(scene, &scene->clients[0], "gone");
	join(scene, &scene->clients[1], NULL);
	subscribe(&scene->clients[1], "will");
	leave(&scene->clients[0]);
	pass(scene, 0);
	assert_string_equal(scene->clients[1].heard.data, "will gone\n");
	assert_int_equal(bx_memory_retained(scene->broker, "will"), 1);
}

static void a_client_that_takes_leave_leaves_none(void **state)
{
	struct scene *scene = *state;
	struct client *client = &scene->clients[0];
	join(scene, client, "gone");
	client->link->type->close(client->link);
	leave(client);
	pass(scene, 1000);
	assert_int_equal(bx_memory_retained(scene->broker, "#"), 0);
	assert_int_equal(client->disconnected, 0);
}

static void newest_and_count_see_what_is_not_retained_too(void **state)
{
	struct scene *scene = *state;
	size_t count = 99;
	assert_null(bx_memory_newest(scene->broker, "a", &count));
	assert_int_equal(count, 0);
	say(scene, "a", "1", false);
	say(scene, "a", "2", false);
	assert_string_equal(bx_memory_newest(scene->broker, "a", &count), "2");
	assert_int_equal(count, 2);
	assert_int_equal(bx_memory_retained(scene->broker, "#"), 0);
	say(scene, "b", "3", true);
	assert_int_equal(bx_memory_retained(scene->broker, "#"), 1);
	say(scene, "b", "", true);
	assert_null(bx_memory_newest(scene->broker, "b", &count));
	assert_int_equal(count, 2);
	assert_int_equal(bx_memory_retained(scene->broker, "#"), 0);
}

static size_t lines_of(const struct bx_text *text)
{
	size_t lines = 0;
	for (const char *at = text->data; (at = strchr(at, '\n')); at++)
		lines++;
	return lines;
}

static void faults_hit_what_passes_and_never_state(void **state)
{
	static const struct {
		unsigned lost, doubled, late;
		size_t least, most; /* of a thousand */
	} cases[] = { { 0, 0, 0, 1000, 1000 }, { 100, 0, 0, 0, 0 }, { 0, 100, 0, 2000, 2000 },
		{ 30, 0, 0, 600, 800 }, { 0, 30, 0, 1200, 1400 }, { 0, 0, 100, 1000, 1000 } };
	struct scene *scene = *state;
	struct client *client = &scene->clients[0];
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		join(scene, client, NULL);
		subscribe(client, "passing");
		subscribe(client, "state");
		pass(scene, 0);
		bx_text_clear(&client->heard);
		bx_memory_fault(scene->broker, cases[i].lost, cases[i].doubled, cases[i].late);
		for (int j = 0; j < 1000; j++)
			say(scene, "passing", "x", false);
		pass(scene, 10);
		if (cases[i].late == 100)
			assert_true(lines_of(&client->heard) < 100);
		pass(scene, 3000);
		assert_in_range(lines_of(&client->heard), cases[i].least, cases[i].most);
		bx_text_clear(&client->heard);
		for (int j = 0; j < 1000; j++)
			say(scene, "state", "x", true);
		pass(scene, 0);
		assert_int_equal(lines_of(&client->heard), 1000);
		leave(client);
	}
}

static void a_seed_gives_the_same_day_again(void **state)
{
	struct scene *scene = *state;
	char *days[3];
	for (uint64_t i = 0; i < 3; i++) {
		bx_memory_free(scene->broker);
		scene->broker = bx_memory_new(i < 2 ? 7 : 8);
		bx_memory_fault(scene->broker, 20, 20, 20);
		join(scene, &scene->clients[0], NULL);
		subscribe(&scene->clients[0], "#");
		bx_text_clear(&scene->clients[0].heard);
		for (int j = 0; j < 100; j++) {
			char bytes[8];
			(void)snprintf(bytes, sizeof bytes, "%d", j);
			say(scene, "a", bytes, false);
		}
		pass(scene, 5000);
		days[i] = bx_copy(scene->clients[0].heard.data);
		leave(&scene->clients[0]);
	}
	int same = strcmp(days[0], days[1]), other = strcmp(days[0], days[2]);
	for (size_t i = 0; i < 3; i++)
		free(days[i]);
	assert_int_equal(same, 0);
	assert_int_not_equal(other, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(connects_soon_and_never_within_a_call),
		TEST(live_ones_come_without_and_replays_with_the_mark),
		TEST(an_unsubscribed_filter_is_heard_no_more),
		TEST(one_hears_itself_too_and_is_acknowledged),
		TEST(properties_arrive_whole),
		TEST(a_death_forgets_all_and_tells_all),
		TEST(a_client_that_is_killed_leaves_its_will),
		TEST(a_client_that_takes_leave_leaves_none),
		TEST(newest_and_count_see_what_is_not_retained_too),
		TEST(faults_hit_what_passes_and_never_state),
		TEST(a_seed_gives_the_same_day_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
