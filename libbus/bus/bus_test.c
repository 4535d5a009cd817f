/* The bus on a link that the test holds in its hands: it sees each packet, and says when the broker acknowledges, dies, comes
 * back. Where a broker's own memory matters, the broker in memory stands behind. */
#define _GNU_SOURCE
#include "libbus/bus/bus.h"

#include "libbus/base/log.h"
#include "libbus/bus/memory.h"
#include "libbus/test/clock.h"
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { PACKETS_MAX = 4000, FILTERS_MAX = 40, AGAIN_MS = 600000 };

/* A link by hand. */
struct hand {
	struct bx_link base; /* first */
	struct bx_link_events events;
	bool open, connected, refuses;
	struct bx_packet *will;
	struct bx_packet *packets[PACKETS_MAX]; /* all that was published */
	int ids[PACKETS_MAX];
	size_t count;
	char filters[FILTERS_MAX][BX_TOPIC_SIZE];
	size_t filter_count;
};

static void hand_open(struct bx_link *base, const struct bx_link_events *events, const struct bx_packet *will)
{
	struct hand *hand = (struct hand *)base;
	hand->events = *events;
	hand->open = true;
	hand->will = will ? bx_packet_copy(will) : NULL;
}

static bool hand_publish(struct bx_link *base, const struct bx_packet *packet, int *id)
{
	struct hand *hand = (struct hand *)base;
	if (!hand->connected || hand->refuses || hand->count == PACKETS_MAX)
		return false;
	hand->packets[hand->count] = bx_packet_copy(packet);
	hand->ids[hand->count] = *id = (int)hand->count + 1;
	hand->count++;
	return true;
}

static void hand_subscribe(struct bx_link *base, const char *filter)
{
	struct hand *hand = (struct hand *)base;
	if (hand->filter_count < FILTERS_MAX)
		(void)bx_text_copy(hand->filters[hand->filter_count++], BX_TOPIC_SIZE, filter);
}

static void hand_unsubscribe(struct bx_link *base, const char *filter)
{
	(void)base, (void)filter;
}

static void hand_close(struct bx_link *base)
{
	((struct hand *)base)->open = false;
}

static void hand_free(struct bx_link *base)
{
	struct hand *hand = (struct hand *)base;
	for (size_t i = 0; i < hand->count; i++)
		free(hand->packets[i]);
	free(hand->will);
	free(hand);
}

static struct hand *hand_new(void)
{
	static const struct bx_link_type type = { hand_open, hand_publish, hand_subscribe, hand_unsubscribe,
		hand_close, hand_free };
	struct hand *hand = bx_alloc(1, sizeof *hand);
	hand->base.type = &type;
	return hand;
}

/* --- the scene --- */

struct scene {
	struct bx_test_clock clock;
	struct bx_loop *loop;
	struct hand *hand; /* the bus's */
	struct bx_bus *bus;
	char folder[64];
	struct bx_text heard; /* what a listener was told, a line each */
	unsigned times;
};

static struct bx_bus *bus_of(struct scene *scene, bool is_service, struct bx_link *link)
{
	struct bx_bus_options options = { .site = "home",
		.client = is_service ? "collector" : "bxctl-7",
		.role = "suite",
		.is_service = is_service,
		.folder = is_service ? scene->folder : NULL,
		.session = 0xabc,
		.outbox_max = 64 * 1024,
		.again_ms = AGAIN_MS };
	return bx_bus_new(scene->loop, &options, link);
}

static int set_up(void **state)
{
	struct scene *scene = bx_alloc(1, sizeof *scene);
	bx_test_clock_init(&scene->clock);
	scene->loop = bx_loop_new_simulated(&scene->clock.clock);
	(void)snprintf(scene->folder, sizeof scene->folder, "/tmp/bx-bus-XXXXXX");
	if (!mkdtemp(scene->folder))
		return -1;
	bx_text_init(&scene->heard, 1 << 20);
	bx_log_to("test", BX_ERROR + 1);
	*state = scene;
	return 0;
}

static int remove_one(const char *path, const struct stat *seen, int type, struct FTW *where)
{
	(void)seen, (void)type, (void)where;
	return remove(path);
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	bx_bus_free(scene->bus);
	bx_loop_free(scene->loop);
	bx_text_done(&scene->heard);
	(void)nftw(scene->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(scene);
	return 0;
}

static void pass(struct scene *scene, int64_t ms)
{
	bx_test_pass(&scene->clock, scene->loop, ms);
}

static void open_bus(struct scene *scene, bool is_service)
{
	scene->hand = hand_new();
	scene->bus = bus_of(scene, is_service, &scene->hand->base);
	bx_bus_open(scene->bus);
}

static void connect(struct scene *scene)
{
	scene->hand->connected = true;
	scene->hand->events.connected(scene->hand->events.arg);
}

static void disconnect(struct scene *scene)
{
	scene->hand->connected = false;
	scene->hand->events.disconnected(scene->hand->events.arg, "the test wants it");
}

static void acknowledge_from(struct scene *scene, size_t first, bool accepted)
{
	for (size_t i = first; i < scene->hand->count; i++)
		scene->hand->events.acknowledged(scene->hand->events.arg, scene->hand->ids[i], accepted);
}

static void receive(
	struct scene *scene, const char *topic, const char *bytes, bool retain, const char *marker)
{
	char whole[BX_TOPIC_SIZE * 2];
	(void)snprintf(
		whole, sizeof whole, "%s%s", strncmp(topic, "bitaxe/", 7) == 0 ? "" : "bitaxe/home/", topic);
	struct bx_packet packet = {
		.topic = whole, .bytes = bytes, .size = strlen(bytes), .qos = 1, .retain = retain
	};
	if (marker) {
		packet.property_count = 1;
		packet.properties[0] = (struct bx_property){ "marker", marker };
	}
	scene->hand->events.received(scene->hand->events.arg, &packet);
}

/* How often a topic was published from packet `first` on; the newest payload in *newest. */
static size_t count_from(const struct scene *scene, size_t first, const char *topic, const char **newest)
{
	char whole[BX_TOPIC_SIZE];
	size_t count = 0;
	(void)snprintf(whole, sizeof whole, "bitaxe/home/%s", topic);
	for (size_t i = first; i < scene->hand->count; i++) {
		const struct bx_packet *packet = scene->hand->packets[i];
		if (strcmp(packet->topic, whole) != 0)
			continue;
		count++;
		if (newest)
			*newest = packet->bytes;
	}
	return count;
}

static size_t count(const struct scene *scene, const char *topic)
{
	return count_from(scene, 0, topic, NULL);
}

static void say_online(struct scene *scene, const char *miner, bool online)
{
	bx_state(scene->bus, BX_MINER_AVAILABILITY, miner, &online);
}

static void note(void *arg, const struct bx_message *message)
{
	struct scene *scene = arg;
	bx_text_print(&scene->heard, "%s%s%s %.*s\n", message->name, message->replay ? " replay" : "",
		message->ended ? " ended" : "", (int)message->size, message->bytes);
}

static void count_call(void *arg)
{
	((struct scene *)arg)->times++;
}

static void record_one(struct scene *scene, double load)
{
	struct bx_values values;
	bx_values_init(&values, BX_HOST, bx_wall_now(scene->loop));
	bx_values_set(&values, BX_LOAD_AVERAGE, load);
	bx_sample(scene->bus, BX_HOST_TELEMETRY, "", &values, BX_RECORD);
}

/* --- states --- */

static void state_is_said_again_after_each_connect(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	say_online(scene, "a", true);
	say_online(scene, "b", true);
	assert_int_equal(scene->hand->count, 0); /* nobody is there */

	for (int i = 0; i < 3; i++) {
		size_t before = scene->hand->count;
		connect(scene);
		pass(scene, 0);
		assert_int_equal(count_from(scene, before, "miner/a/availability", NULL), 1);
		assert_int_equal(count_from(scene, before, "miner/b/availability", NULL), 1);
		assert_int_equal(count_from(scene, before, "service/collector/availability", NULL), 1);
		disconnect(scene);
	}
	for (size_t i = 0; i < scene->hand->count; i++)
		assert_int_equal(
			scene->hand->packets[i]->retain, !strstr(scene->hand->packets[i]->topic, "reply"));
}

static void of_what_changed_meanwhile_the_newest_is_said(void **state)
{
	struct scene *scene = *state;
	const char *newest;
	open_bus(scene, true);
	connect(scene);
	disconnect(scene);
	say_online(scene, "a", true);
	say_online(scene, "a", false);
	say_online(scene, "a", true);
	say_online(scene, "a", false);
	bx_state_end(scene->bus, BX_MINER_AVAILABILITY, "never-was");
	say_online(scene, "gone", true);
	bx_state_end(scene->bus, BX_MINER_AVAILABILITY, "gone");

	connect(scene);

	assert_int_equal(count_from(scene, 0, "miner/a/availability", &newest), 1);
	assert_string_equal(newest, "offline");
	assert_int_equal(count_from(scene, 0, "miner/gone/availability", &newest), 1);
	assert_string_equal(newest, "");
	assert_string_equal(bx_state_said(scene->bus, BX_MINER_AVAILABILITY, "a"), "offline");
	assert_null(bx_state_said(scene->bus, BX_MINER_AVAILABILITY, "gone"));
	assert_null(bx_state_said(scene->bus, BX_MINER_AVAILABILITY, "b"));
}

static void at_most_100_are_unacknowledged(void **state)
{
	struct scene *scene = *state;
	const char *newest;
	open_bus(scene, true);
	for (int i = 0; i < 150; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "m%d", i);
		say_online(scene, name, true);
	}
	connect(scene);
	assert_int_equal(scene->hand->count, 100);
	say_online(scene, "m149", false); /* it waits, and is said as it is when its turn comes */

	scene->hand->events.acknowledged(scene->hand->events.arg, 12345, true); /* not ours */
	assert_int_equal(scene->hand->count, 100);
	scene->hand->events.acknowledged(scene->hand->events.arg, 50, true);
	assert_int_equal(scene->hand->count, 101);
	scene->hand->events.acknowledged(scene->hand->events.arg, 50, true); /* twice is once */
	assert_int_equal(scene->hand->count, 101);
	for (int id = 1; id <= 100; id++)
		scene->hand->events.acknowledged(scene->hand->events.arg, id, true);
	assert_int_equal(scene->hand->count, 152); /* 150, the service's own, the marker */
	assert_int_equal(count_from(scene, 0, "miner/m149/availability", &newest), 1);
	assert_string_equal(newest, "offline");
}

static void a_new_connection_has_a_free_window(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	for (int i = 0; i < 100; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "m%d", i);
		say_online(scene, name, true);
	}
	connect(scene);
	disconnect(scene); /* not one of a hundred was acknowledged */
	size_t before = scene->hand->count;
	connect(scene);
	assert_int_equal(scene->hand->count - before, 100);
	acknowledge_from(scene, before, true);
	assert_int_equal(scene->hand->count - before, 102);
}

static void what_is_sent_without_acknowledgement_takes_no_place(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	connect(scene);
	for (int i = 0; i < 500; i++)
		bx_pass(scene->bus, BX_SERVICE_LOG, "collector", "{}", 2, NULL); /* QoS 0 */
	assert_int_equal(count(scene, "service/collector/log"), 500);
}

static void what_the_broker_refuses_is_counted(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	connect(scene);
	acknowledge_from(scene, 0, true);
	assert_int_equal(bx_bus_figures(scene->bus).refused, 0);
	say_online(scene, "a", true);
	acknowledge_from(scene, scene->hand->count - 1, false);
	assert_int_equal(bx_bus_figures(scene->bus).refused, 1);
	scene->hand->refuses = true; /* too large to be sent at all */
	say_online(scene, "a", false);
	assert_int_equal(bx_bus_figures(scene->bus).refused, 2);
}

static void a_name_that_makes_no_topic_is_not_said(void **state)
{
	static const char *const names[] = { "", "a/b", "+", "#", "a+", "/" };
	struct scene *scene = *state;
	open_bus(scene, true);
	connect(scene);
	size_t before = scene->hand->count;
	for (size_t i = 0; i < BX_COUNT(names); i++) {
		say_online(scene, names[i], true);
		bx_state_end(scene->bus, BX_MINER_AVAILABILITY, names[i]);
		bx_pass(scene->bus, BX_SERVICE_LOG, names[i], "{}", 2, NULL);
		assert_null(bx_state_said(scene->bus, BX_MINER_AVAILABILITY, names[i]));
	}
	assert_int_equal(scene->hand->count, before);
}

/* --- what passes --- */

static void what_passes_is_dropped_while_nobody_is_there(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	bx_event(scene->bus, "miner.added", "miner/a", BX_FIELDS());
	connect(scene);
	assert_int_equal(count(scene, "event/miner/a"), 0);
	for (int i = 0; i < 200; i++)
		bx_event(scene->bus, "miner.added", "miner/b", BX_FIELDS());
	size_t sent = count(scene, "event/miner/b");
	assert_in_range(sent, 40, 100); /* the rest waits for the window, which records share */

	disconnect(scene);
	connect(scene);
	acknowledge_from(scene, 0, true);

	assert_int_equal(count(scene, "event/miner/b"), sent); /* and is gone with the connection */
}

static void what_passes_is_bounded(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	connect(scene);
	for (int i = 0; i < 5000; i++)
		bx_pass(scene->bus, BX_EVENT, "miner/a", "{}", 2, NULL);
	for (int i = 0; i < 100; i++)
		acknowledge_from(scene, 0, true);
	assert_in_range(count(scene, "event/miner/a"), 1000, 1100);
}

static void an_event_has_an_id_of_its_own_and_its_facts(void **state)
{
	struct scene *scene = *state;
	const char *first = NULL, *second = NULL;
	bool on = true;
	open_bus(scene, true);
	connect(scene);
	bx_event(scene->bus, "miner.added", "miner/a",
		BX_FIELDS(BX_F("url", "http://10.0.0.7"), BX_F("n", 7), BX_F("x", 0.5), BX_F("on", on),
			BX_F("none", (const char *)NULL)));
	count_from(scene, 0, "event/miner/a", &first);
	assert_string_equal(first,
		"{\"id\":\"1767225600000-home-collector-1\",\"type\":\"miner.added\",\"time\":\"2026-01-01T00:00:00.000Z\","
		"\"who\":\"collector\",\"url\":\"http://10.0.0.7\",\"n\":7,\"x\":0.5,\"on\":true}");
	bx_event(scene->bus, "miner.added", "miner/a", BX_FIELDS());
	count_from(scene, 0, "event/miner/a", &second);
	assert_non_null(strstr(second, "\"id\":\"1767225600000-home-collector-2\""));
	assert_int_equal(bx_bus_figures(scene->bus).unrecorded, 2);
}

/* --- availability --- */

static void a_service_leaves_a_will_and_a_client_none(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	assert_non_null(scene->hand->will);
	assert_string_equal(scene->hand->will->topic, "bitaxe/home/service/collector/availability");
	assert_string_equal(scene->hand->will->bytes, "offline");
	assert_true(scene->hand->will->retain);
	bx_bus_free(scene->bus);
	open_bus(scene, false);
	connect(scene);
	assert_null(scene->hand->will);
	assert_int_equal(scene->hand->count, 1); /* the marker alone */
}

static void closing_says_offline_and_waits_for_the_broker(void **state)
{
	struct scene *scene = *state;
	const char *newest;
	open_bus(scene, true);
	connect(scene);
	acknowledge_from(scene, 0, true);
	record_one(scene, 1);

	bx_bus_close(scene->bus, 1000, count_call, scene);
	pass(scene, 900);
	assert_int_equal(scene->times, 0);
	assert_true(scene->hand->open);
	count_from(scene, 0, "service/collector/availability", &newest);
	assert_string_equal(newest, "offline");
	acknowledge_from(scene, 0, true);
	pass(scene, 0);

	assert_int_equal(scene->times, 1);
	assert_false(scene->hand->open);
	pass(scene, 5000);
	assert_int_equal(scene->times, 1);
}

static void closing_ends_without_the_broker_too(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	connect(scene); /* which acknowledges nothing */
	bx_bus_close(scene->bus, 1000, count_call, scene);
	pass(scene, 999);
	assert_int_equal(scene->times, 0);
	pass(scene, 1);
	assert_int_equal(scene->times, 1);
	bx_bus_free(scene->bus);

	open_bus(scene, true); /* never connected */
	bx_bus_close(scene->bus, 1000, count_call, scene);
	pass(scene, 0);
	assert_int_equal(scene->times, 2);
	bx_bus_free(scene->bus);

	open_bus(scene, true); /* loses it while it closes */
	connect(scene);
	bx_bus_close(scene->bus, 1000, count_call, scene);
	disconnect(scene);
	pass(scene, 0);
	assert_int_equal(scene->times, 3);
}

/* --- hearing --- */

static void hears_rows_by_name(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, false);
	bx_hear(scene->bus, BX_MINER_AVAILABILITY, NULL, note, scene);
	connect(scene);
	receive(scene, "miner/a/availability", "online", true, NULL);
	receive(scene, "miner/a/availability", "offline", false, NULL);
	receive(scene, "miner/a/availability", "", false, NULL);
	receive(scene, "miner/a/config", "{}", false, NULL); /* another row */
	assert_string_equal(scene->heard.data, "a replay online\na offline\na ended \n");
}

static void hears_one_name_and_names_with_a_plus(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, false);
	bx_hear(scene->bus, BX_MINER_AVAILABILITY, "b", note, scene);
	bx_hear(scene->bus, BX_COMMAND, "collector/+", note, scene);
	connect(scene);
	receive(scene, "miner/a/availability", "online", false, NULL);
	receive(scene, "miner/b/availability", "online", false, NULL);
	receive(scene, "cmd/collector/ping", "{}", false, NULL);
	receive(scene, "cmd/health/ping", "{}", false, NULL);
	assert_string_equal(scene->heard.data, "b online\ncollector/ping {}\n");
}

static void asks_for_the_same_only_once(void **state)
{
	struct scene *scene = *state;
	size_t asked = 0;
	open_bus(scene, false);
	bx_hear(scene->bus, BX_MINER_AVAILABILITY, NULL, note, scene);
	bx_hear(scene->bus, BX_MINER_AVAILABILITY, NULL, note, scene);
	connect(scene);
	bx_hear(scene->bus, BX_MINER_AVAILABILITY, NULL, note, scene);
	for (size_t i = 0; i < scene->hand->filter_count; i++)
		asked += strcmp(scene->hand->filters[i], "bitaxe/home/miner/+/availability") == 0;
	assert_int_equal(asked, 1);
	receive(scene, "miner/a/availability", "online", false, NULL);
	assert_string_equal(scene->heard.data, "a online\na online\na online\n");
}

static void malformed_ones_are_counted_and_left_out(void **state)
{
	static const struct {
		const char *topic, *bytes;
	} bad[] = { { "miner/a/telemetry", "no JSON" }, { "miner/a/telemetry", "[]" },
		{ "miner/a/telemetry", "{\"time\":7}" }, { "miner/a/availability", "perhaps" },
		{ "miner/a/config", "{}" }, { "miner/a/unknown", "{}" }, { "nothing", "{}" },
		{ "bitaxe/other/miner/a/availability", "online" } };
	struct scene *scene = *state;
	open_bus(scene, false);
	bx_hear(scene->bus, BX_MINER_TELEMETRY, NULL, note, scene);
	bx_hear(scene->bus, BX_MINER_AVAILABILITY, NULL, note, scene);
	bx_hear(scene->bus, BX_MINER_CONFIG, NULL, note, scene);
	connect(scene);
	for (size_t i = 0; i < BX_COUNT(bad); i++) {
		receive(scene, bad[i].topic, bad[i].bytes, false, NULL);
		assert_string_equal(scene->heard.data, "");
		assert_int_equal(bx_bus_figures(scene->bus).refused, i + 1);
	}
	receive(scene, "miner/a/telemetry", "{\"hashrate\":1}", false, NULL);
	assert_string_equal(scene->heard.data, "a {\"hashrate\":1}\n");
	assert_int_equal(bx_bus_figures(scene->bus).in, BX_COUNT(bad) + 1);
}

static void hear_more(void *arg, const struct bx_message *message)
{
	struct scene *scene = arg;
	note(arg, message);
	for (int i = 0; i < 50; i++)
		bx_hear(scene->bus, BX_MINER_CONFIG, NULL, note,
			scene); /* the table moves under the caller */
}

static void a_listener_may_listen_to_more(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, false);
	bx_hear(scene->bus, BX_MINER_AVAILABILITY, NULL, hear_more, scene);
	bx_hear(scene->bus, BX_MINER_AVAILABILITY, NULL, note, scene);
	connect(scene);
	receive(scene, "miner/a/availability", "online", false, NULL);
	assert_string_equal(scene->heard.data, "a online\na online\n");
}

/* --- settled --- */

static void settled_comes_behind_all_that_was_retained(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, false);
	bx_when_settled(scene->bus, count_call, scene);
	connect(scene);
	const struct bx_packet *marker = scene->hand->packets[scene->hand->count - 1];
	assert_string_equal(marker->topic, bx_bus_reply_topic(scene->bus));
	BX_OWNED(free) char *value = bx_copy(bx_packet_property(marker, "marker"));
	pass(scene, 10000);
	assert_false(bx_is_settled(scene->bus));
	receive(scene, "reply/suite/bxctl-7", "{}", false, "999"); /* not ours */
	receive(scene, "reply/suite/bxctl-7", "{}", false, "x");
	assert_false(bx_is_settled(scene->bus));

	receive(scene, "reply/suite/bxctl-7", "{}", false, value);

	assert_true(bx_is_settled(scene->bus));
	assert_int_equal(scene->times, 1);
	bx_when_settled(scene->bus, count_call, scene); /* later ones hear of it soon, not within the call */
	assert_int_equal(scene->times, 1);
	pass(scene, 0);
	assert_int_equal(scene->times, 2);
}

static void a_marker_of_an_earlier_connection_settles_nothing(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, false);
	bx_when_settled(scene->bus, count_call, scene);
	connect(scene);
	BX_OWNED(free)
	char *old = bx_copy(bx_packet_property(scene->hand->packets[scene->hand->count - 1], "marker"));
	disconnect(scene);
	connect(scene);
	receive(scene, "reply/suite/bxctl-7", "{}", false, old);
	assert_false(bx_is_settled(scene->bus));
	BX_OWNED(free)
	char *new = bx_copy(bx_packet_property(scene->hand->packets[scene->hand->count - 1], "marker"));
	receive(scene, "reply/suite/bxctl-7", "{}", false, new);
	assert_true(bx_is_settled(scene->bus));
	assert_int_equal(scene->times, 1);
}

static void caught_up_comes_behind_what_is_on_its_way(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, false);
	bx_when_caught_up(scene->bus, 60000, count_call, scene); /* nobody is there: soon */
	assert_int_equal(scene->times, 0);
	pass(scene, 0);
	assert_int_equal(scene->times, 1);

	connect(scene);
	bx_when_caught_up(scene->bus, 60000, count_call, scene);
	BX_OWNED(free) char *own = bx_copy(bx_packet_property(scene->hand->packets[1], "marker"));
	receive(scene, "reply/suite/bxctl-7", "{}", false,
		bx_packet_property(scene->hand->packets[0], "marker"));
	assert_int_equal(scene->times, 1);
	receive(scene, "reply/suite/bxctl-7", "{}", false, own);
	assert_int_equal(scene->times, 2);

	bx_when_caught_up(scene->bus, 60000, count_call, scene);
	disconnect(scene);
	pass(scene, 10000);
	assert_int_equal(scene->times, 2);
	connect(scene);
	receive(scene, "reply/suite/bxctl-7", "{}", false,
		bx_packet_property(scene->hand->packets[scene->hand->count - 1], "marker"));
	assert_int_equal(scene->times, 3);

	bx_when_caught_up(scene->bus, 1000, count_call, scene); /* its marker is never back */
	pass(scene, 999);
	assert_int_equal(scene->times, 3);
	pass(scene, 1);
	assert_int_equal(scene->times, 4);
}

/* --- an owner's broker, which keeps what is retained over our deaths --- */

static void retain(struct bx_memory *broker, const char *topic, const char *bytes)
{
	struct bx_packet packet = {
		.topic = topic, .bytes = bytes, .size = strlen(bytes), .qos = 1, .retain = true
	};
	bx_memory_say(broker, &packet);
}

static void ghosts_of_an_earlier_run_end_after_a_minute(void **state)
{
	struct scene *scene = *state;
	struct bx_memory *broker = bx_memory_new(1);
	retain(broker, "bitaxe/home/miner/ghost/config",
		"{\"id\":\"ghost\",\"name\":\"g\",\"url\":\"http://g\"}");
	retain(broker, "bitaxe/home/miner/ghost/telemetry", "{}");
	retain(broker, "bitaxe/home/miner/slow/availability", "offline");
	retain(broker, "bitaxe/home/service/health/availability", "online"); /* another's */
	retain(broker, "bitaxe/home/health/summary", "{}");
	retain(broker, "bitaxe/other/miner/ghost/availability", "online");
	scene->bus = bus_of(scene, true, bx_memory_join(broker, scene->loop));
	bx_bus_open(scene->bus);
	pass(scene, 59000);
	assert_int_equal(bx_memory_retained(broker, "bitaxe/home/miner/ghost/+"), 2);
	say_online(scene, "slow", true); /* just in time */

	pass(scene, 2000);

	assert_int_equal(bx_memory_retained(broker, "bitaxe/home/miner/ghost/+"), 0);
	assert_string_equal(bx_memory_newest(broker, "bitaxe/home/miner/slow/availability", NULL), "online");
	assert_int_equal(bx_memory_retained(broker, "bitaxe/home/service/health/availability"), 1);
	assert_int_equal(bx_memory_retained(broker, "bitaxe/home/health/summary"), 1);
	assert_int_equal(bx_memory_retained(broker, "bitaxe/other/#"), 1);
	bx_bus_free(scene->bus);
	scene->bus = NULL;
	bx_memory_free(broker);
}

static void a_client_that_is_no_service_ends_nothing(void **state)
{
	struct scene *scene = *state;
	struct bx_memory *broker = bx_memory_new(1);
	retain(broker, "bitaxe/home/miner/a/availability", "online");
	retain(broker, "bitaxe/home/service/bxctl-7/availability", "online");
	scene->bus = bus_of(scene, false, bx_memory_join(broker, scene->loop));
	bx_bus_open(scene->bus);
	pass(scene, 200000);
	assert_int_equal(bx_memory_retained(broker, "#"), 2);
	bx_bus_free(scene->bus);
	scene->bus = NULL;
	bx_memory_free(broker);
}

/* --- the outbox --- */

static void a_record_carries_topic_session_and_number(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	connect(scene);
	record_one(scene, 0.5);

	const struct bx_packet *record = scene->hand->packets[scene->hand->count - 1];
	assert_string_equal(record->topic, "bitaxe/home/record/collector");
	assert_string_equal(record->bytes, "{\"time\":\"2026-01-01T00:00:00.000Z\",\"load_average\":0.5}");
	assert_false(record->retain);
	assert_string_equal(bx_packet_property(record, "topic"), "host/telemetry");
	assert_string_equal(bx_packet_property(record, "session"), "0000000000000abc");
	assert_string_equal(bx_packet_property(record, "number"), "1");
	assert_int_equal(count(scene, "host/telemetry"), 1);
}

static void shown_ones_and_those_without_a_time_are_not_recorded(void **state)
{
	struct scene *scene = *state;
	struct bx_values values;
	open_bus(scene, true);
	connect(scene);
	bx_values_init(&values, BX_HOST, scene->clock.wall);
	bx_sample(scene->bus, BX_HOST_TELEMETRY, "", &values, BX_SHOW);
	bx_values_init(&values, BX_HOST, (struct bx_wall){ 0 });
	bx_sample(scene->bus, BX_HOST_TELEMETRY, "", &values, BX_RECORD);
	scene->clock.synchronised = false;
	bx_loop_trust_clock_after(scene->loop, 60000);
	bx_event(scene->bus, "miner.added", "miner/a", BX_FIELDS());
	assert_int_equal(count(scene, "host/telemetry"), 2);
	assert_int_equal(count(scene, "event/miner/a"), 1);
	assert_int_equal(count(scene, "record/collector"), 0);
	assert_int_equal(bx_bus_figures(scene->bus).unrecorded, 0);
}

static void a_record_is_sent_again_when_storage_says_online(void **state)
{
	static const bool replays[] = { false, true };
	struct scene *scene = *state;
	open_bus(scene, true);
	connect(scene);
	for (int i = 1; i <= 5; i++)
		record_one(scene, i);
	acknowledge_from(scene, 0, true);
	receive(scene, "recorded/collector", "{\"session\":\"0000000000000abc\",\"ranges\":[[2,3]]}", false,
		NULL);
	assert_int_equal(bx_bus_figures(scene->bus).unrecorded, 3);
	for (size_t i = 0; i < BX_COUNT(replays); i++) {
		size_t before = scene->hand->count;
		receive(scene, "service/storage/availability", "offline", false, NULL);
		assert_int_equal(scene->hand->count, before);

		receive(scene, "service/storage/availability", "online", replays[i], NULL);

		assert_int_equal(scene->hand->count - before, 3); /* oldest first */
		assert_string_equal(bx_packet_property(scene->hand->packets[before], "number"), "1");
		assert_string_equal(bx_packet_property(scene->hand->packets[before + 1], "number"), "4");
		assert_string_equal(bx_packet_property(scene->hand->packets[before + 2], "number"), "5");
	}
}

static void a_record_is_sent_again_after_two_commit_intervals(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	connect(scene);
	record_one(scene, 1);
	acknowledge_from(scene, 0, true);
	pass(scene, AGAIN_MS - 1);
	assert_int_equal(count(scene, "record/collector"), 1);
	pass(scene, 1);
	assert_int_equal(count(scene, "record/collector"), 2);
	acknowledge_from(scene, 0, true);
	pass(scene, AGAIN_MS);
	assert_int_equal(count(scene, "record/collector"), 3);
	receive(scene, "recorded/collector", "{\"session\":\"0000000000000abc\",\"ranges\":[[1,1]]}", false,
		NULL);
	pass(scene, 10 * AGAIN_MS);
	assert_int_equal(count(scene, "record/collector"), 3);
}

static void the_last_record_of_a_quiet_service_is_sent_again_too(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	connect(scene);
	record_one(scene, 1);
	pass(scene, AGAIN_MS / 2);
	record_one(scene, 2);
	acknowledge_from(scene, 0, true);
	receive(scene, "recorded/collector", "{\"session\":\"0000000000000abc\",\"ranges\":[[1,1]]}", false,
		NULL);
	size_t before = count(scene, "record/collector");

	pass(scene, 2 * AGAIN_MS); /* the second is lost on its way, and nothing else happens */

	assert_true(count(scene, "record/collector") > before);
}

static void only_our_own_session_is_acknowledged(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	connect(scene);
	record_one(scene, 1);
	receive(scene, "recorded/collector", "{\"session\":\"0000000000000abd\",\"ranges\":[[1,99]]}", false,
		NULL);
	receive(scene, "recorded/health", "{\"session\":\"0000000000000abc\",\"ranges\":[[1,99]]}", false,
		NULL);
	receive(scene, "recorded/collector", "{\"session\":\"0000000000000abc\",\"ranges\":[[2,99]]}", false,
		NULL);
	assert_int_equal(bx_bus_figures(scene->bus).unrecorded, 1);
	receive(scene, "recorded/collector", "{\"session\":\"0000000000000abc\",\"ranges\":[[1,99]]}", false,
		NULL);
	assert_int_equal(bx_bus_figures(scene->bus).unrecorded, 0);
}

static void records_of_a_time_without_a_broker_come_later(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	for (int i = 0; i < 20; i++) {
		record_one(scene, i);
		pass(scene, 60000);
	}
	connect(scene);
	assert_int_equal(count(scene, "record/collector"), 20);
	assert_int_equal(count(scene, "host/telemetry"), 1); /* live is now, once */
}

static void a_full_outbox_drops_the_oldest_and_counts(void **state)
{
	struct scene *scene = *state;
	open_bus(scene, true);
	for (int i = 0; i < 3000; i++)
		record_one(scene, i);
	struct bx_bus_figures figures = bx_bus_figures(scene->bus);
	assert_int_equal(figures.dropped + figures.unrecorded, 3000);
	assert_in_range(figures.unrecorded, 100, 1000); /* of 64 KiB */
	connect(scene);
	char oldest[24];
	(void)snprintf(oldest, sizeof oldest, "%" PRIu64, figures.dropped + 1);
	for (size_t i = 0; i < scene->hand->count; i++) {
		if (!strstr(scene->hand->packets[i]->topic, "record/"))
			continue;
		assert_string_equal(bx_packet_property(scene->hand->packets[i], "number"), oldest);
		return;
	}
	fail_msg("no record was sent");
}

/* --- durable state --- */

static void durable_state_is_handed_back(void **state)
{
	struct scene *scene = *state;
	struct bx_miner_entry entry = { .id = "a", .name = "A", .url = "http://a", .enabled = true };
	const char *newest;
	open_bus(scene, true); /* and never connected: on disk when bx_state returns */
	bx_state(scene->bus, BX_MINER_CONFIG, "a", &entry);
	bx_state(scene->bus, BX_MINER_CONFIG, "b", &entry);
	bx_state_end(scene->bus, BX_MINER_CONFIG, "b");
	say_online(scene, "a", true); /* not durable */
	bx_bus_free(scene->bus);

	open_bus(scene, true);
	bx_recall(scene->bus, BX_MINER_CONFIG, note, scene);
	bx_recall(scene->bus, BX_MINER_AVAILABILITY, note, scene);
	connect(scene);

	assert_string_equal(scene->heard.data,
		"a replay {\"id\":\"a\",\"name\":\"A\",\"url\":\"http://a\",\"enabled\":true}\n");
	assert_int_equal(count_from(scene, 0, "miner/a/config", &newest), 1); /* it counts as said */
	assert_int_equal(count(scene, "miner/b/config"), 0);
}

static void a_durable_state_that_is_no_more_readable_costs_itself_alone(void **state)
{
	struct scene *scene = *state;
	char path[100];
	(void)snprintf(path, sizeof path, "%s/miner-config.json", scene->folder);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	(void)fputs(
		"{\"a\":{\"id\":\"a\",\"name\":\"A\",\"url\":\"http://a\",\"enabled\":true},\"b\":7,\"c/d\":{\"id\":\"c\",\"name\":\"C\","
		"\"url\":\"http://c\"}}",
		file);
	(void)fclose(file);
	open_bus(scene, true);
	bx_recall(scene->bus, BX_MINER_CONFIG, note, scene);
	assert_int_equal(strncmp(scene->heard.data, "a replay ", 9), 0);
	assert_int_equal(strcspn(scene->heard.data, "\n"), scene->heard.length - 1); /* one line */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(state_is_said_again_after_each_connect),
		TEST(of_what_changed_meanwhile_the_newest_is_said),
		TEST(at_most_100_are_unacknowledged),
		TEST(a_new_connection_has_a_free_window),
		TEST(what_is_sent_without_acknowledgement_takes_no_place),
		TEST(what_the_broker_refuses_is_counted),
		TEST(a_name_that_makes_no_topic_is_not_said),
		TEST(what_passes_is_dropped_while_nobody_is_there),
		TEST(what_passes_is_bounded),
		TEST(an_event_has_an_id_of_its_own_and_its_facts),
		TEST(a_service_leaves_a_will_and_a_client_none),
		TEST(closing_says_offline_and_waits_for_the_broker),
		TEST(closing_ends_without_the_broker_too),
		TEST(hears_rows_by_name),
		TEST(hears_one_name_and_names_with_a_plus),
		TEST(asks_for_the_same_only_once),
		TEST(malformed_ones_are_counted_and_left_out),
		TEST(a_listener_may_listen_to_more),
		TEST(settled_comes_behind_all_that_was_retained),
		TEST(a_marker_of_an_earlier_connection_settles_nothing),
		TEST(caught_up_comes_behind_what_is_on_its_way),
		TEST(ghosts_of_an_earlier_run_end_after_a_minute),
		TEST(a_client_that_is_no_service_ends_nothing),
		TEST(a_record_carries_topic_session_and_number),
		TEST(shown_ones_and_those_without_a_time_are_not_recorded),
		TEST(a_record_is_sent_again_when_storage_says_online),
		TEST(a_record_is_sent_again_after_two_commit_intervals),
		TEST(the_last_record_of_a_quiet_service_is_sent_again_too),
		TEST(only_our_own_session_is_acknowledged),
		TEST(records_of_a_time_without_a_broker_come_later),
		TEST(a_full_outbox_drops_the_oldest_and_counts),
		TEST(durable_state_is_handed_back),
		TEST(a_durable_state_that_is_no_more_readable_costs_itself_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
