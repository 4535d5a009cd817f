/* The whole collector under a made clock: its spec as the program runs it, miners that a function plays, a broker in memory. */
#include "libbus/base/json.h"
#include "libbus/run/fetch.h"
#include "libbus/test/fixture.h"
#include "services/collector/miners.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

extern const struct bx_spec bx_service_spec; /* main.c */

enum { DEVICES_MAX = 8, MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, TIMEOUT_MS = 6000 };

/* A played miner. */
struct device {
	const char *host, *mac; /* mac "": its firmware tells none */
	enum { WELL, SILENT, REFUSES, SAYS_BODY, SAYS_STATUS } how;
	const char *body;
	int status;
	int64_t takes_ms;
	double hashrate;
	size_t requests;
	int64_t busy_until_ms; /* till then a request is under way */
	char text[512];
};

struct scene {
	struct bx_fixture *fixture;
	int64_t stepped_ms; /* of the wall clock, so that the rest is time passed */
	struct device devices[DEVICES_MAX];
	size_t device_count;
	unsigned overlaps, odd_requests;
};

static int64_t now_ms(const struct scene *scene)
{
	return bx_fixture_wall(scene->fixture).ms - scene->stepped_ms;
}

static const char *print_body(struct device *device)
{
	(void)snprintf(device->text, sizeof device->text,
		"{\"ASICModel\":\"BM1370\",\"boardVersion\":\"602\",\"hashRate\":%.2f,\"expectedHashrate\":1071,"
		"\"power\":17.5,\"voltage\":5062,\"temp\":59.5,\"vrTemp\":53,\"fanrpm\":4521,\"sharesAccepted\":1204,"
		"\"sharesRejected\":3,\"uptimeSeconds\":86423,\"coreVoltageActual\":1149,\"macAddr\":\"%s\"}",
		device->hashrate, device->mac);
	return device->text;
}

static struct device *find_device(struct scene *scene, const char *url)
{
	for (size_t i = 0; i < scene->device_count; i++) {
		char known[80];
		(void)snprintf(known, sizeof known, "http://%s/api/system/info", scene->devices[i].host);
		if (strcmp(known, url) == 0)
			return &scene->devices[i];
	}
	return NULL;
}

static int64_t play(void *arg, const char *method, const char *url, struct bx_response *response)
{
	struct scene *scene = arg;
	struct device *device = find_device(scene, url);
	if (strcmp(method, "GET") != 0)
		scene->odd_requests++;
	if (!device)
		return 0; /* "nobody plays this address" */
	if (now_ms(scene) < device->busy_until_ms)
		scene->overlaps++; /* a failed assertion here would jump out of the loop */
	device->requests++;
	device->busy_until_ms =
		now_ms(scene) + (device->takes_ms < TIMEOUT_MS ? device->takes_ms : TIMEOUT_MS);
	if (device->how == SILENT)
		device->busy_until_ms = now_ms(scene) + TIMEOUT_MS;
	response->answered = device->how != REFUSES;
	response->status = device->how == SAYS_STATUS ? device->status : 200;
	response->body = device->how == SAYS_BODY ? device->body : print_body(device);
	return device->how == SILENT ? HOUR_MS : device->takes_ms;
}

/* A listener that counts what is to be kept, by live topic, and what happened, by type; it acknowledges as storage would. */
struct spy {
	struct bx_service *service;
	uint64_t last;
	size_t count, size;
	struct heard {
		char what[BX_TOPIC_SIZE];
		bool has_time;
	} * heard;
};

static void note(struct spy *spy, const char *what, bool has_time)
{
	if (spy->count == spy->size) {
		spy->size = spy->size ? spy->size * 2 : 64;
		spy->heard = bx_grow(spy->heard, spy->size, sizeof *spy->heard);
	}
	(void)bx_text_copy(spy->heard[spy->count].what, sizeof spy->heard->what, what);
	spy->heard[spy->count++].has_time = has_time;
}

static void hear_record(void *state, const struct bx_message *message)
{
	struct spy *spy = state;
	int64_t number;
	char text[120];
	const char *digits = bx_packet_property(message->packet, "number");
	if (strcmp(message->name, "collector") != 0 || !digits ||
		!bx_parse_integer(digits, 1, INT64_MAX, &number))
		return;
	int length =
		snprintf(text, sizeof text, "{\"session\":\"%s\",\"ranges\":[[%" PRId64 ",%" PRId64 "]]}",
			bx_packet_property(message->packet, "session"), number, number);
	bx_pass(spy->service->bus, BX_RECORDED, "collector", text, (size_t)length, NULL);
	if ((uint64_t)number <= spy->last)
		return;
	spy->last = (uint64_t)number;
	note(spy, bx_packet_property(message->packet, "topic"),
		strstr(message->bytes, "\"time\":\"2") != NULL);
}

static void hear_event(void *state, const struct bx_message *message)
{
	note(state, message->payload->event_facts.type, message->payload->event_facts.time.ms != 0);
}

static bool spy_open(void *state, struct bx_service *service, struct bx_error *error)
{
	(void)error;
	((struct spy *)state)->service = service;
	return true;
}

static void spy_close(void *state)
{
	free(((struct spy *)state)->heard);
}

static const struct bx_listen spy_listen[] = { { BX_RECORDS, hear_record }, { BX_EVENT, hear_event }, { 0 } };
static const struct bx_spec spy_spec = { .name = "spy",
	.state_size = sizeof(struct spy),
	.listen = spy_listen,
	.open = spy_open,
	.close = spy_close };

static size_t count_heard(struct scene *scene, const char *what)
{
	const struct spy *spy = bx_fixture_state(scene->fixture, "spy");
	size_t count = 0;
	for (size_t i = 0; i < spy->count; i++)
		count += strcmp(spy->heard[i].what, what) == 0;
	return count;
}

/* --- arranging and looking --- */

static int set_up(void **state)
{
	struct scene *scene = bx_alloc(1, sizeof *scene);
	scene->fixture = bx_fixture_new(1);
	bx_fetch_play(play, scene);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	unsigned overlaps = scene->overlaps, odd_requests = scene->odd_requests;
	bx_fixture_free(scene->fixture);
	bx_fetch_play(NULL, NULL);
	free(scene);
	if (overlaps || odd_requests)
		print_error("%u requests while another was under way at that address, %u that were no GET\n",
			overlaps, odd_requests);
	return overlaps || odd_requests ? -1 : 0;
}

static void start(struct scene *scene, const char *config)
{
	bx_fixture_start(scene->fixture, &bx_service_spec, config);
}

static void start_with_spy(struct scene *scene, const char *config)
{
	bx_fixture_start(scene->fixture, &spy_spec, "CLOCK_WAIT=0");
	start(scene, config);
}

static struct device *put_device(struct scene *scene, const char *host, const char *mac)
{
	assert_true(scene->device_count < DEVICES_MAX);
	struct device *device = &scene->devices[scene->device_count++];
	*device = (struct device){ .host = host, .mac = mac, .takes_ms = 120, .hashrate = 1072.5 };
	return device;
}

static void pass(struct scene *scene, int64_t ms)
{
	bx_fixture_advance(scene->fixture, ms);
}

static const char *said(struct scene *scene, const char *topic)
{
	return bx_fixture_heard(scene->fixture, topic);
}

static void assert_said(struct scene *scene, const char *topic, const char *expected)
{
	const char *found = said(scene, topic);
	if (!found || strcmp(found, expected) != 0)
		fail_msg("%s is %s, not %s", topic, found ? found : "not said", expected);
}

static void assert_has(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("'%s' is not in %s", part, text ? text : "nothing");
}

static void assert_not_said(struct scene *scene, const char *topic)
{
	if (said(scene, topic))
		fail_msg("%s is %s", topic, said(scene, topic));
}

/* cmocka's own compares floats. */
static void assert_near(double found, double expected, double most)
{
	if (!(fabs(found - expected) <= most))
		fail_msg("%f is not %f", found, expected);
}

static bool said_number(struct scene *scene, const char *topic, const char *name, double *number)
{
	const char *bytes = said(scene, topic);
	json_auto_t *object = bytes ? bx_json_read(bytes, strlen(bytes), BX_JSON_OURS, NULL) : NULL;
	const json_t *value = json_object_get(object, name);
	*number = json_number_value(value);
	return json_is_number(value);
}

static void assert_number(struct scene *scene, const char *topic, const char *name, double expected)
{
	double number;
	if (!said_number(scene, topic, name, &number))
		fail_msg("%s has no %s", topic, name);
	assert_near(number, expected, 1e-6);
}

/* Lets time pass until the topic says so; how long that took. */
static int64_t wait_for(struct scene *scene, const char *topic, const char *expected, int64_t most_ms)
{
	for (int64_t waited_ms = 0; waited_ms <= most_ms; waited_ms += 100) {
		const char *found = said(scene, topic);
		if (found && (!expected || strcmp(found, expected) == 0))
			return waited_ms;
		pass(scene, 100);
	}
	fail_msg("%s is not %s within %" PRId64 " ms", topic, expected ? expected : "said", most_ms);
	return most_ms;
}

static const char *ask(struct scene *scene, const char *verb, const char *arguments)
{
	const char *answer = bx_fixture_ask(scene->fixture, "collector", verb, arguments);
	assert_non_null(answer);
	return answer;
}

static void add(struct scene *scene, const char *host)
{
	char arguments[80];
	(void)snprintf(arguments, sizeof arguments, "{\"url\":\"%s\"}", host);
	assert_has(ask(scene, "miner-add", arguments), "\"ok\":true");
}

/* One well miner, gamma-000e at 10.0.0.7, added and heard. */
static struct device *put_gamma(struct scene *scene)
{
	struct device *device = put_device(scene, "10.0.0.7", "02:00:5E:10:00:0E");
	add(scene, "10.0.0.7");
	wait_for(scene, "miner/gamma-000e/telemetry", NULL, 20000);
	return device;
}

/* --- adding --- */

static void asks_an_address_before_it_adds_a_miner(void **state)
{
	struct scene *scene = *state;
	struct device *device = put_device(scene, "10.0.0.7", "02:00:5E:10:00:0E");
	start_with_spy(scene, "");

	const char *answer = ask(scene, "miner-add", "{\"url\":\"http://10.0.0.7/\"}");

	assert_string_equal(answer, "{\"ok\":true,\"result\":{\"id\":\"gamma-000e\"}}");
	assert_true(device->requests >= 1);
	assert_has(said(scene, "miner/gamma-000e/config"), "\"url\":\"http://10.0.0.7\"");
	assert_has(said(scene, "miner/gamma-000e/config"), "\"mac\":\"02:00:5E:10:00:0E\"");
	assert_int_equal(count_heard(scene, "miner.added"), 1);
	assert_int_equal(count_heard(scene, "command.done"), 1);
	assert_has(said(scene, "event/miner/gamma-000e"), "\"url\":\"http://10.0.0.7\"");
}

static void refuses_an_address_without_a_miner(void **state)
{
	static const struct {
		const char *arguments, *code, *words;
	} cases[] = {
		{ "{\"url\":\"10.0.0.1\"}", "invalid", "answers, but is no miner" },
		{ "{\"url\":\"10.0.0.2\"}", "invalid", "HTTP status 401" },
		{ "{\"url\":\"10.0.0.3\"}", "timed_out", "10.0.0.3: no answer in time" },
		{ "{\"url\":\"10.0.0.4\"}", "unreachable", "10.0.0.4" },
		{ "{\"url\":\"10.0.0.5\"}", "unreachable", "nobody plays" },
		{ "{\"url\":\"https://10.0.0.6\"}", "invalid", "is no miner's address" },
		{ "{\"url\":\"10.0.0.6:99999\"}", "invalid", "a port is a number" },
		{ "{\"url\":\"\"}", "invalid", "is no miner's address" },
		{ "{}", "invalid", "needs 'url'" },
	};
	struct scene *scene = *state;
	start_with_spy(scene, "");
	*put_device(scene, "10.0.0.1", "") =
		(struct device){ .host = "10.0.0.1", .how = SAYS_BODY, .body = "{\"hi\":1}" };
	*put_device(scene, "10.0.0.2", "") =
		(struct device){ .host = "10.0.0.2", .mac = "", .how = SAYS_STATUS, .status = 401 };
	put_device(scene, "10.0.0.3", "")->how = SILENT;
	put_device(scene, "10.0.0.4", "")->how = REFUSES;

	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		const char *answer = ask(scene, "miner-add", cases[i].arguments);
		char code[40];
		(void)snprintf(code, sizeof code, "\"code\":\"%s\"", cases[i].code);
		assert_has(answer, "\"ok\":false");
		assert_has(answer, code);
		assert_has(answer, cases[i].words);
	}
	assert_int_equal(bx_memory_retained(bx_fixture_broker(scene->fixture), "bitaxe/home/miner/#"), 0);
	assert_int_equal(count_heard(scene, "miner.added"), 0);
	assert_int_equal(count_heard(scene, "command.failed"), BX_COUNT(cases));
}

static void says_telemetry_within_an_interval_of_an_add(void **state)
{
	struct scene *scene = *state;
	put_device(scene, "10.0.0.7", "02:00:5E:10:00:0E");
	start(scene, "");
	add(scene, "10.0.0.7");

	wait_for(scene, "miner/gamma-000e/telemetry", NULL, 15000);

	assert_number(scene, "miner/gamma-000e/telemetry", "hashrate", 1072.5);
	assert_number(scene, "miner/gamma-000e/telemetry", "power", 17.5);
	assert_number(scene, "miner/gamma-000e/telemetry", "answer_time", 120);
	assert_number(scene, "miner/gamma-000e/telemetry", "efficiency", 16.3);
	assert_said(scene, "miner/gamma-000e/availability", "online");
	assert_has(said(scene, "miner/gamma-000e/info"), "\"model\":\"Gamma\"");
	wait_for(scene, "fleet/telemetry", NULL, 20000);
	pass(scene, 15000);
	assert_number(scene, "fleet/telemetry", "active_miners", 1);
	assert_number(scene, "fleet/telemetry", "hashrate", 1072.5);
}

static void asks_each_miner_once_an_interval(void **state)
{
	struct scene *scene = *state;
	start(scene, "MINER_POLL_INTERVAL=15");
	struct device *device = put_gamma(scene);
	size_t before = device->requests;

	pass(scene, HOUR_MS);

	assert_in_range(device->requests - before, 239, 241);
}

/* --- silence --- */

static void tells_offline_after_three_misses_and_within_a_minute(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	struct device *device = put_gamma(scene);
	for (int64_t phase_ms = 0; phase_ms < 15000; phase_ms += 1300) {
		wait_for(scene, "miner/gamma-000e/availability", "online", 2 * MINUTE_MS);
		for (size_t seen = device->requests; device->requests == seen;)
			pass(scene, 100);
		pass(scene, phase_ms);
		device->how = SILENT;
		size_t before = device->requests;

		int64_t took_ms = wait_for(scene, "miner/gamma-000e/availability", "offline", MINUTE_MS);

		assert_true(took_ms <= MINUTE_MS);
		assert_int_equal(device->requests - before, 3);
		device->how = WELL;
	}
}

static void two_misses_are_not_offline(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	struct device *device = put_gamma(scene);
	device->how = REFUSES;
	for (size_t before = device->requests; device->requests < before + 2;)
		pass(scene, 100);
	device->how = WELL;

	pass(scene, 5 * MINUTE_MS);

	assert_said(scene, "miner/gamma-000e/availability", "online");
	assert_int_equal(bx_fixture_count(scene->fixture, "miner/gamma-000e/availability"), 1);
	assert_number(scene, "miner/gamma-000e/telemetry", "polls_missed", 2);
}

static void a_slow_miner_is_not_offline_and_never_asked_twice_at_once(void **state)
{
	struct scene *scene = *state;
	start(scene, "MINER_POLL_INTERVAL=1");
	struct device *device = put_gamma(scene);
	device->takes_ms = 5500;

	for (int i = 0; i < 60; i++) {
		assert_has(ask(scene, "collect", "{}"), "\"ok\":true");
		pass(scene, 1700);
	}
	add(scene, "10.0.0.7"); /* asks the same address */
	assert_has(ask(scene, "miner-set", "{\"id\":\"gamma-000e\",\"url\":\"10.0.0.7\"}"), "\"ok\":true");

	assert_said(scene, "miner/gamma-000e/availability", "online");
	assert_int_equal(scene->overlaps, 0);
	assert_true(device->requests >= 10);
}

static void comes_back_when_it_answers_again(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	struct device *device = put_gamma(scene);
	device->how = SILENT;
	wait_for(scene, "miner/gamma-000e/availability", "offline", MINUTE_MS);
	size_t offline_from = device->requests;
	pass(scene, 2 * HOUR_MS);
	assert_in_range(device->requests - offline_from, 110, 200); /* slower, once a minute at least */
	device->how = WELL;
	device->hashrate = 900;

	wait_for(scene, "miner/gamma-000e/availability", "online", MINUTE_MS + TIMEOUT_MS);

	assert_number(scene, "miner/gamma-000e/telemetry", "hashrate", 900);
}

static void an_answer_that_is_none_is_a_miss(void **state)
{
	static const struct device odd[] = {
		{ .how = SAYS_BODY, .body = "" },
		{ .how = SAYS_BODY, .body = "{\"ASICModel\":\"BM1370\",\"hash" },
		{ .how = SAYS_BODY, .body = "<html>" },
		{ .how = SAYS_STATUS, .status = 500 },
		{ .how = SAYS_STATUS, .status = 302 },
	};
	struct scene *scene = *state;
	start(scene, "");
	struct device *device = put_gamma(scene);
	for (size_t i = 0; i < BX_COUNT(odd); i++) {
		size_t telemetries = bx_fixture_count(scene->fixture, "miner/gamma-000e/telemetry");
		device->how = odd[i].how;
		device->body = odd[i].body;
		device->status = odd[i].status;
		wait_for(scene, "miner/gamma-000e/availability", "offline", MINUTE_MS);
		assert_int_equal(bx_fixture_count(scene->fixture, "miner/gamma-000e/telemetry"), telemetries);
		device->how = WELL;
		wait_for(scene, "miner/gamma-000e/availability", "online", 2 * MINUTE_MS);
	}
}

static void a_dead_miner_costs_the_others_nothing(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	put_gamma(scene)->how = SILENT;
	struct device *other = put_device(scene, "10.0.0.8", "02:00:5E:10:00:0F");
	add(scene, "10.0.0.8");
	pass(scene, MINUTE_MS);
	size_t before = bx_fixture_count(scene->fixture, "miner/gamma-000f/telemetry");

	pass(scene, HOUR_MS);

	assert_in_range(bx_fixture_count(scene->fixture, "miner/gamma-000f/telemetry") - before, 239, 241);
	assert_said(scene, "miner/gamma-000f/availability", "online");
	assert_number(scene, "fleet/telemetry", "active_miners", 1);
	assert_number(scene, "fleet/telemetry", "enabled_miners", 2);
	assert_number(scene, "fleet/telemetry", "earned_percentage", 50.1); /* 1072.5 of 2 x 1071 */
	assert_true(other->requests > 0);
}

/* --- the registry --- */

static void registry_stands_after_the_power_is_pulled(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	struct device *device = put_gamma(scene);
	assert_has(ask(scene, "miner-set", "{\"id\":\"gamma-000e\",\"name\":\"Kitchen\"}"), "\"ok\":true");
	BX_OWNED(free) char *config = bx_copy(said(scene, "miner/gamma-000e/config"));
	bx_fixture_kill(scene->fixture, "collector");
	bx_memory_die(bx_fixture_broker(scene->fixture));
	assert_int_equal(bx_memory_retained(bx_fixture_broker(scene->fixture), "#"), 0);
	bx_memory_live(bx_fixture_broker(scene->fixture));
	size_t before = device->requests;

	start(scene, "");
	pass(scene, 15000);

	assert_string_equal(said(scene, "miner/gamma-000e/config"), config);
	assert_has(config, "\"name\":\"Kitchen\"");
	assert_true(device->requests > before);
	assert_said(scene, "miner/gamma-000e/availability", "online");
}

static void removing_ends_all_topics_of_a_miner(void **state)
{
	struct scene *scene = *state;
	start_with_spy(scene, "");
	struct device *device = put_gamma(scene);
	assert_true(bx_memory_retained(bx_fixture_broker(scene->fixture), "bitaxe/home/miner/#") >= 4);

	assert_has(ask(scene, "miner-remove", "{\"id\":\"gamma-000e\"}"), "\"ok\":true");
	size_t before = device->requests;
	pass(scene, HOUR_MS);

	assert_int_equal(bx_memory_retained(bx_fixture_broker(scene->fixture), "bitaxe/home/miner/#"), 0);
	assert_int_equal(device->requests, before);
	assert_int_equal(count_heard(scene, "miner.removed"), 1);
	assert_has(ask(scene, "miner-remove", "{\"id\":\"gamma-000e\"}"), "\"code\":\"missing\"");
	bx_fixture_kill(scene->fixture, "collector");
	start(scene, "");
	assert_int_equal(bx_memory_retained(bx_fixture_broker(scene->fixture), "bitaxe/home/miner/#"), 0);
}

static void removing_while_a_question_is_under_way_is_safe(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	struct device *device = put_gamma(scene);
	device->how = SILENT;
	for (size_t before = device->requests; device->requests == before;)
		pass(scene, 100);

	assert_has(ask(scene, "miner-remove", "{\"id\":\"gamma-000e\"}"), "\"ok\":true");
	pass(scene, MINUTE_MS);

	assert_int_equal(bx_memory_retained(bx_fixture_broker(scene->fixture), "bitaxe/home/miner/#"), 0);
}

static void stopping_while_an_address_is_asked_ends_the_command(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	put_device(scene, "10.0.0.7", "")->how = SILENT;
	struct bx_packet packet = { .topic = "bitaxe/home/cmd/collector/miner-add",
		.bytes = "{\"url\":\"10.0.0.7\"}",
		.size = 18,
		.qos = 1,
		.response_topic = "bitaxe/home/reply/test/first" };
	bx_memory_say(bx_fixture_broker(scene->fixture), &packet);
	pass(scene, 1000);

	bx_fixture_stop(scene->fixture, "collector");

	assert_has(said(scene, "reply/test/first"), "collector stops");
	assert_said(scene, "service/collector/availability", "offline");
}

static void setting_a_name_keeps_the_id(void **state)
{
	struct scene *scene = *state;
	start_with_spy(scene, "");
	put_gamma(scene);

	assert_has(ask(scene, "miner-set", "{\"id\":\"gamma-000e\",\"name\":\"Shed\",\"group\":\"garden\"}"),
		"\"id\":\"gamma-000e\"");

	assert_has(said(scene, "miner/gamma-000e/config"), "\"name\":\"Shed\"");
	assert_has(said(scene, "miner/gamma-000e/config"), "\"group\":\"garden\"");
	assert_int_equal(count_heard(scene, "miner.changed"), 1);
	assert_has(ask(scene, "miner-set", "{\"id\":\"nobody\",\"name\":\"x\"}"), "\"code\":\"missing\"");
}

static void a_disabled_miner_is_not_asked_and_not_told_of(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	struct device *device = put_gamma(scene);

	assert_has(ask(scene, "miner-set", "{\"id\":\"gamma-000e\",\"enabled\":false}"), "\"ok\":true");
	size_t before = device->requests;
	pass(scene, HOUR_MS);

	assert_int_equal(device->requests, before);
	assert_has(said(scene, "miner/gamma-000e/config"), "\"enabled\":false");
	assert_not_said(scene, "miner/gamma-000e/availability");
	assert_not_said(scene, "miner/gamma-000e/telemetry");
	assert_number(scene, "fleet/telemetry", "enabled_miners", 0);
	assert_has(ask(scene, "miner-set", "{\"id\":\"gamma-000e\",\"enabled\":\"perhaps\"}"),
		"\"code\":\"invalid\"");

	bx_fixture_kill(scene->fixture, "collector");
	start(scene, "");
	pass(scene, MINUTE_MS);
	assert_int_equal(device->requests, before);

	assert_has(ask(scene, "miner-set", "{\"id\":\"gamma-000e\",\"enabled\":true}"), "\"ok\":true");
	wait_for(scene, "miner/gamma-000e/availability", "online", 15000);
	assert_number(scene, "miner/gamma-000e/telemetry", "hashrate", 1072.5);
}

static void setting_an_address_asks_there_first(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	struct device *old = put_gamma(scene);
	struct device *new = put_device(scene, "10.0.0.8:8080", "02:00:5E:10:00:0E");

	assert_has(ask(scene, "miner-set", "{\"id\":\"gamma-000e\",\"url\":\"10.0.0.9\"}"),
		"\"code\":\"unreachable\"");
	assert_has(said(scene, "miner/gamma-000e/config"), "\"url\":\"http://10.0.0.7\"");
	assert_has(
		ask(scene, "miner-set", "{\"id\":\"gamma-000e\",\"url\":\"10.0.0.8:8080\"}"), "\"ok\":true");
	size_t old_requests = old->requests, new_requests = new->requests;
	pass(scene, MINUTE_MS);

	assert_has(said(scene, "miner/gamma-000e/config"), "\"url\":\"http://10.0.0.8:8080\"");
	assert_int_equal(old->requests, old_requests);
	assert_in_range(new->requests - new_requests, 3, 5);
}

static void setting_an_address_of_another_miner_is_refused(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	put_gamma(scene);
	put_device(scene, "10.0.0.8", "02:00:5E:10:00:0F");

	const char *answer = ask(scene, "miner-set", "{\"id\":\"gamma-000e\",\"url\":\"10.0.0.8\"}");

	assert_has(answer, "\"code\":\"conflict\"");
	assert_has(answer, "02:00:5E:10:00:0F");
	assert_has(said(scene, "miner/gamma-000e/config"), "\"url\":\"http://10.0.0.7\"");
}

static void a_miner_found_at_a_new_address_keeps_its_id(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	struct device *old = put_gamma(scene);
	put_device(scene, "10.0.0.8", "02:00:5E:10:00:0E");
	old->how = REFUSES;

	const char *answer = ask(scene, "miner-add", "{\"url\":\"10.0.0.8\"}");

	assert_has(answer, "\"id\":\"gamma-000e\"");
	size_t before = old->requests;
	pass(scene, MINUTE_MS);
	assert_int_equal(old->requests, before);
	assert_int_equal(
		bx_memory_retained(bx_fixture_broker(scene->fixture), "bitaxe/home/miner/+/config"), 1);
	assert_said(scene, "miner/gamma-000e/availability", "online");
}

static void a_stranger_at_a_known_address_is_not_believed(void **state)
{
	struct scene *scene = *state;
	start_with_spy(scene, "");
	struct device *device = put_gamma(scene);
	device->mac = "02:00:5E:10:00:99";
	device->hashrate = 5;
	size_t telemetries = bx_fixture_count(scene->fixture, "miner/gamma-000e/telemetry");

	wait_for(scene, "miner/gamma-000e/availability", "offline", MINUTE_MS);
	pass(scene, HOUR_MS);

	assert_int_equal(bx_fixture_count(scene->fixture, "miner/gamma-000e/telemetry"), telemetries);
	assert_number(scene, "miner/gamma-000e/telemetry", "hashrate", 1072.5);
	assert_has(said(scene, "miner/gamma-000e/info"), "02:00:5E:10:00:0E");
	assert_int_equal(count_heard(scene, "miner.stranger"), 1);
	assert_has(said(scene, "event/miner/gamma-000e"), "\"found\":\"02:00:5E:10:00:99\"");

	device->mac = "02:00:5E:10:00:0E";
	wait_for(scene, "miner/gamma-000e/availability", "online", 2 * MINUTE_MS);
	assert_number(scene, "miner/gamma-000e/telemetry", "hashrate", 5);
}

static void a_mac_seen_later_identifies_a_miner(void **state)
{
	struct scene *scene = *state;
	start_with_spy(scene, "");
	struct device *device = put_device(scene, "10.0.0.7", "");
	assert_has(
		ask(scene, "miner-add", "{\"url\":\"10.0.0.7\",\"name\":\"Old one\"}"), "\"id\":\"old-one\"");
	pass(scene, 20000);
	device->mac = "02:00:5E:10:00:0E"; /* its firmware was updated */

	pass(scene, 20000);

	assert_has(said(scene, "miner/old-one/config"), "\"mac\":\"02:00:5E:10:00:0E\"");
	assert_int_equal(count_heard(scene, "miner.identified"), 1);
	bx_fixture_kill(scene->fixture, "collector");
	start(scene, "");
	assert_has(said(scene, "miner/old-one/config"), "\"mac\":\"02:00:5E:10:00:0E\"");
}

static void collect_asks_all_now(void **state)
{
	struct scene *scene = *state;
	start(scene, "MINER_POLL_INTERVAL=3600");
	struct device *device = put_gamma(scene);
	struct device *other = put_device(scene, "10.0.0.8", "02:00:5E:10:00:0F");
	add(scene, "10.0.0.8");
	wait_for(scene, "miner/gamma-000f/telemetry", NULL, 20000);
	size_t before = device->requests, other_before = other->requests;

	const char *answer = ask(scene, "collect", "");
	pass(scene, 1000);

	assert_string_equal(answer, "{\"ok\":true,\"result\":{\"asked\":2}}");
	assert_int_equal(device->requests, before + 1);
	assert_int_equal(other->requests, other_before + 1);
}

/* --- records and the clock --- */

static void records_each_source_once_an_interval(void **state)
{
	struct scene *scene = *state;
	start_with_spy(scene, "METRICS_COLLECTION_INTERVAL=60\nMINER_POLL_INTERVAL=5");
	put_gamma(scene);
	pass(scene, 2 * MINUTE_MS);
	size_t miner = count_heard(scene, "miner/gamma-000e/telemetry"),
	       host = count_heard(scene, "host/telemetry");
	size_t fleet = count_heard(scene, "fleet/telemetry"),
	       stats = count_heard(scene, "service/collector/stats");
	size_t shown = bx_fixture_count(scene->fixture, "miner/gamma-000e/telemetry");

	pass(scene, HOUR_MS);

	assert_int_equal(count_heard(scene, "miner/gamma-000e/telemetry") - miner, 60);
	assert_int_equal(count_heard(scene, "host/telemetry") - host, 60);
	assert_int_equal(count_heard(scene, "fleet/telemetry") - fleet, 60);
	assert_int_equal(count_heard(scene, "service/collector/stats") - stats, 60);
	assert_in_range(bx_fixture_count(scene->fixture, "miner/gamma-000e/telemetry") - shown, 719, 721);
}

static void records_nothing_of_a_miner_that_does_not_answer(void **state)
{
	struct scene *scene = *state;
	start_with_spy(scene, "");
	struct device *device = put_gamma(scene);
	device->how = SILENT;
	pass(scene, 2 * MINUTE_MS);
	size_t before = count_heard(scene, "miner/gamma-000e/telemetry");

	pass(scene, HOUR_MS);

	assert_int_equal(count_heard(scene, "miner/gamma-000e/telemetry"), before);
}

static void shows_without_a_time_and_records_nothing_until_the_clock_is_right(void **state)
{
	static const char *const topics[] = { "miner/gamma-000e/telemetry", "host/telemetry",
		"fleet/telemetry", "service/collector/stats" };
	struct scene *scene = *state;
	bx_fixture_synchronise(scene->fixture, false);
	start_with_spy(scene, "CLOCK_WAIT=600");
	put_gamma(scene);
	pass(scene, 8 * MINUTE_MS);

	for (size_t i = 0; i < BX_COUNT(topics); i++) {
		assert_non_null(said(scene, topics[i]));
		assert_null(strstr(said(scene, topics[i]), "\"time\""));
		assert_int_equal(count_heard(scene, topics[i]), 0);
	}
	assert_int_equal(count_heard(scene, "event/miner/gamma-000e"), 0);
	assert_int_equal(count_heard(scene, "miner.added"), 1); /* live all the same */

	bx_fixture_synchronise(scene->fixture, true);
	pass(scene, 90000);
	const struct spy *spy = bx_fixture_state(scene->fixture, "spy");
	for (size_t i = 0; i < BX_COUNT(topics); i++) {
		assert_has(said(scene, topics[i]), "\"time\":\"2026-01-01T");
		assert_in_range(count_heard(scene, topics[i]), 1, 2);
	}
	for (size_t i = 0; i < spy->count; i++)
		assert_true(spy->heard[i].has_time || !strstr(spy->heard[i].what, "telemetry"));
}

static void records_after_clock_wait_on_a_box_without_a_time_service(void **state)
{
	struct scene *scene = *state;
	bx_fixture_synchronise(scene->fixture, false);
	start_with_spy(scene, "CLOCK_WAIT=300");
	put_gamma(scene);
	pass(scene, 4 * MINUTE_MS);
	assert_int_equal(count_heard(scene, "miner/gamma-000e/telemetry"), 0);

	pass(scene, 3 * MINUTE_MS);

	assert_in_range(count_heard(scene, "miner/gamma-000e/telemetry"), 1, 3);
	assert_has(said(scene, "miner/gamma-000e/telemetry"), "\"time\":\"2026");
}

static void steps_of_the_wall_clock_change_nothing_in_polling(void **state)
{
	static const int64_t steps_ms[] = { HOUR_MS, -HOUR_MS, 400LL * 24 * HOUR_MS, -800LL * 24 * HOUR_MS, 1,
		-1 };
	struct scene *scene = *state;
	start_with_spy(scene, "");
	struct device *device = put_gamma(scene);
	pass(scene, 2 * MINUTE_MS);
	size_t requests = device->requests, records = count_heard(scene, "host/telemetry");

	for (size_t i = 0; i < BX_COUNT(steps_ms); i++) {
		bx_fixture_step_wall(scene->fixture, steps_ms[i]);
		scene->stepped_ms += steps_ms[i];
		pass(scene, 10 * MINUTE_MS);
	}

	assert_in_range(device->requests - requests, 239, 241);
	assert_int_equal(count_heard(scene, "host/telemetry") - records, 60);
	assert_int_equal(bx_fixture_count(scene->fixture, "miner/gamma-000e/availability"), 1);
}

static void a_simulated_day_takes_seconds(void **state)
{
	struct scene *scene = *state;
	start_with_spy(scene, "");
	put_gamma(scene);
	for (size_t i = 0; i < 3; i++) {
		static const char *const hosts[] = { "10.0.1.1", "10.0.1.2", "10.0.1.3" };
		static const char *const macs[] = { "02:00:5E:10:01:01", "02:00:5E:10:01:02",
			"02:00:5E:10:01:03" };
		put_device(scene, hosts[i], macs[i]);
		add(scene, hosts[i]);
	}
	struct timespec before, after;
	size_t requests = scene->devices[0].requests;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);

	pass(scene, 24 * HOUR_MS);

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_in_range(scene->devices[0].requests - requests, 5759, 5761);
	assert_in_range(count_heard(scene, "miner/gamma-0103/telemetry"), 1440, 1442);
	print_message("           a day took %ld s\n", (long)(after.tv_sec - before.tv_sec));
	assert_true(after.tv_sec - before.tv_sec < 20);
}

/* --- the bus --- */

static void says_all_again_when_the_broker_died(void **state)
{
	struct scene *scene = *state;
	struct bx_memory *broker = bx_fixture_broker(scene->fixture);
	start(scene, "MINER_POLL_INTERVAL=3600");
	struct device *device = put_gamma(scene);
	pass(scene, MINUTE_MS);
	size_t retained = bx_memory_retained(broker, "#"), requests = device->requests;
	BX_OWNED(free) char *telemetry = bx_copy(said(scene, "miner/gamma-000e/telemetry"));
	assert_true(retained >= 8); /* 4 of the miner, 3 of the service, the box */
	bx_memory_die(broker);
	pass(scene, 10000);
	assert_int_equal(bx_memory_retained(broker, "#"), 0);

	bx_memory_live(broker);
	pass(scene, 1000);

	assert_int_equal(bx_memory_retained(broker, "#"), retained);
	assert_int_equal(bx_memory_retained(broker, "bitaxe/home/miner/gamma-000e/+"), 4);
	assert_int_equal(bx_memory_retained(broker, "bitaxe/home/service/collector/+"), 3);
	assert_string_equal(said(scene, "miner/gamma-000e/telemetry"), telemetry);
	assert_int_equal(device->requests, requests); /* said from memory */
}

static void keeps_the_records_of_the_time_without_a_broker(void **state)
{
	struct scene *scene = *state;
	start_with_spy(scene, "");
	put_gamma(scene);
	pass(scene, 2 * MINUTE_MS);
	size_t before = count_heard(scene, "miner/gamma-000e/telemetry");

	bx_memory_die(bx_fixture_broker(scene->fixture));
	pass(scene, 10 * MINUTE_MS);
	bx_memory_live(bx_fixture_broker(scene->fixture));
	pass(scene, MINUTE_MS);

	assert_in_range(count_heard(scene, "miner/gamma-000e/telemetry") - before, 10, 12);
}

static void refuses_an_argument_it_does_not_know(void **state)
{
	struct scene *scene = *state;
	struct device *device = put_device(scene, "10.0.0.7", "02:00:5E:10:00:0E");
	start(scene, "");

	const char *answer = ask(scene, "miner-add", "{\"url\":\"10.0.0.7\",\"colour\":\"red\"}");

	assert_has(answer, "\"code\":\"invalid\"");
	assert_has(answer, "colour");
	assert_int_equal(device->requests, 0);
}

static void the_same_command_twice_at_once_is_busy(void **state)
{
	struct scene *scene = *state;
	struct device *device = put_device(scene, "10.0.0.7", "02:00:5E:10:00:0E");
	device->takes_ms = 3000;
	start(scene, "");
	struct bx_packet packet = { .topic = "bitaxe/home/cmd/collector/miner-add",
		.bytes = "{\"url\":\"10.0.0.7\"}",
		.size = 18,
		.qos = 1,
		.response_topic = "bitaxe/home/reply/test/first" };
	bx_memory_say(bx_fixture_broker(scene->fixture), &packet);
	pass(scene, 1000);

	const char *answer = ask(scene, "miner-add", "{\"url\":\"10.0.0.7\"}");

	assert_has(answer, "\"code\":\"busy\"");
	assert_null(said(scene, "reply/test/first"));
	pass(scene, 2100);
	assert_has(said(scene, "reply/test/first"), "\"ok\":true");
}

static void a_retained_command_is_not_done(void **state)
{
	struct scene *scene = *state;
	struct device *device = put_device(scene, "10.0.0.7", "02:00:5E:10:00:0E");
	struct bx_packet packet = { .topic = "bitaxe/home/cmd/collector/miner-add",
		.bytes = "{\"url\":\"10.0.0.7\"}",
		.size = 18,
		.qos = 1,
		.retain = true };
	bx_memory_say(bx_fixture_broker(scene->fixture), &packet);

	start(scene, "");
	pass(scene, MINUTE_MS);

	assert_int_equal(device->requests, 0);
	assert_int_equal(bx_memory_retained(bx_fixture_broker(scene->fixture), "bitaxe/home/miner/#"), 0);
}

static void an_expired_command_is_not_done(void **state)
{
	struct scene *scene = *state;
	struct device *device = put_device(scene, "10.0.0.7", "02:00:5E:10:00:0E");
	struct bx_packet packet = { .topic = "bitaxe/home/cmd/collector/miner-add",
		.bytes = "{\"url\":\"10.0.0.7\"}",
		.size = 18,
		.qos = 1,
		.response_topic = "bitaxe/home/reply/test/first",
		.property_count = 1,
		.properties = { { "expires", "2025-12-31T23:59:59.999Z" } } };
	start(scene, "");

	bx_memory_say(bx_fixture_broker(scene->fixture), &packet);
	pass(scene, MINUTE_MS);
	assert_has(said(scene, "reply/test/first"), "\"code\":\"late\"");
	assert_int_equal(device->requests, 0);

	packet.properties[0].value = "2026-01-01T00:05:00.000Z";
	bx_memory_say(bx_fixture_broker(scene->fixture), &packet);
	pass(scene, 10000);
	assert_has(said(scene, "reply/test/first"), "\"ok\":true");
}

static void says_the_box_only_where_it_is_wanted(void **state)
{
	struct scene *scene = *state;
	start(scene, "SYSTEM_MONITORING_ENABLED=false");

	pass(scene, 5 * MINUTE_MS);

	assert_not_said(scene, "host/telemetry");
	assert_number(scene, "fleet/telemetry", "total_miners", 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(asks_an_address_before_it_adds_a_miner),
		TEST(refuses_an_address_without_a_miner),
		TEST(says_telemetry_within_an_interval_of_an_add),
		TEST(asks_each_miner_once_an_interval),
		TEST(tells_offline_after_three_misses_and_within_a_minute),
		TEST(two_misses_are_not_offline),
		TEST(a_slow_miner_is_not_offline_and_never_asked_twice_at_once),
		TEST(comes_back_when_it_answers_again),
		TEST(an_answer_that_is_none_is_a_miss),
		TEST(a_dead_miner_costs_the_others_nothing),
		TEST(registry_stands_after_the_power_is_pulled),
		TEST(removing_ends_all_topics_of_a_miner),
		TEST(removing_while_a_question_is_under_way_is_safe),
		TEST(stopping_while_an_address_is_asked_ends_the_command),
		TEST(setting_a_name_keeps_the_id),
		TEST(a_disabled_miner_is_not_asked_and_not_told_of),
		TEST(setting_an_address_asks_there_first),
		TEST(setting_an_address_of_another_miner_is_refused),
		TEST(a_miner_found_at_a_new_address_keeps_its_id),
		TEST(a_stranger_at_a_known_address_is_not_believed),
		TEST(a_mac_seen_later_identifies_a_miner),
		TEST(collect_asks_all_now),
		TEST(records_each_source_once_an_interval),
		TEST(records_nothing_of_a_miner_that_does_not_answer),
		TEST(shows_without_a_time_and_records_nothing_until_the_clock_is_right),
		TEST(records_after_clock_wait_on_a_box_without_a_time_service),
		TEST(steps_of_the_wall_clock_change_nothing_in_polling),
		TEST(a_simulated_day_takes_seconds),
		TEST(says_all_again_when_the_broker_died),
		TEST(keeps_the_records_of_the_time_without_a_broker),
		TEST(refuses_an_argument_it_does_not_know),
		TEST(the_same_command_twice_at_once_is_busy),
		TEST(a_retained_command_is_not_done),
		TEST(an_expired_command_is_not_done),
		TEST(says_the_box_only_where_it_is_wanted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
