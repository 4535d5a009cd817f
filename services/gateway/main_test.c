/* The whole gateway under a made clock, but for its sockets: routes are asked and browsers watch by the functions that the
 * server calls. */
#include "libbus/test/fixture.h"
#include "services/gateway/gateway.h"
#include "services/gateway/routes.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const struct bx_spec bx_service_spec; /* main.c */

struct scene {
	struct bx_fixture *fixture;
	struct gateway *gateway;
	struct answer answer;
	char *body; /* NUL-terminated, of `answer` */
	unsigned answers, wakes;
};

static int begin(void **state)
{
	struct scene *scene = bx_alloc(1, sizeof *scene);
	scene->fixture = bx_fixture_new(1);
	bx_fixture_start(scene->fixture, &bx_service_spec, "");
	scene->gateway = bx_fixture_state(scene->fixture, "gateway");
	files_add(scene->gateway->files, "index.html", bx_copy("<!doctype html>"), 15);
	files_add(scene->gateway->files, "live.js", bx_copy("let a;"), 6);
	*state = scene;
	return 0;
}

static int end(void **state)
{
	struct scene *scene = *state;
	bx_fixture_free(scene->fixture);
	free(scene->body);
	free(scene);
	return 0;
}

static void take(void *arg, uint64_t exchange, struct answer *answer)
{
	struct scene *scene = arg;
	assert_int_equal(exchange, 42);
	free(scene->body);
	const char *bytes = answer->body ? answer->body : answer->kept;
	scene->body = bytes ? bx_copy_bytes(bytes, answer->size) : bx_copy("");
	free(answer->body);
	scene->answer = *answer;
	scene->answers++;
}

/* Asks "/path?name=value&..." and lets the answer come; returns its status. */
static int ask_as(struct scene *scene, enum method method, const char *url, const char *if_none_match)
{
	char text[512];
	const char *arguments[16] = { NULL };
	size_t count = 0;
	assert_true(bx_text_copy(text, sizeof text, url));
	char *rest = strchr(text, '?');
	if (rest)
		*rest++ = '\0';
	for (char *argument = rest ? strtok_r(rest, "&", &rest) : NULL; argument;
		argument = strtok_r(NULL, "&", &rest))
		arguments[count++] = argument;
	struct request request = {
		.method = method, .path = text, .arguments = arguments, .if_none_match = if_none_match
	};
	struct reply reply = { take, scene, 42 };
	unsigned before = scene->answers;
	routes_answer(scene->gateway, &request, &reply);
	bx_fixture_advance(scene->fixture, 0);
	assert_int_equal(scene->answers, before + 1);
	return scene->answer.status;
}

static int ask(struct scene *scene, const char *url)
{
	return ask_as(scene, METHOD_GET, url, "");
}

static void say_miner(struct scene *scene, const char *id)
{
	char topic[80], json[200];
	(void)snprintf(topic, sizeof topic, "miner/%s/config", id);
	(void)snprintf(json, sizeof json,
		"{\"id\":\"%s\",\"name\":\"Miner %s\",\"url\":\"http://10.0.0.1\",\"enabled\":true}", id, id);
	bx_fixture_say(scene->fixture, topic, json);
}

static const char *now_text(const struct scene *scene)
{
	static char text[BX_WALL_SIZE];
	bx_wall_print(bx_fixture_wall(scene->fixture), text);
	return text;
}

/* --- routes --- */

static const struct {
	enum method method;
	int status;
	const char *url, *type, *body; /* NULL: not looked at */
} cases[] = {
	{ METHOD_GET, 307, "/", NULL, "" },
	{ METHOD_GET, 200, "/monitoring", "text/html; charset=utf-8", "<!doctype html>" },
	{ METHOD_HEAD, 200, "/monitoring", "text/html; charset=utf-8", NULL },
	{ METHOD_GET, 307, "/monitoring/", NULL, "" },
	{ METHOD_GET, 200, "/monitoring/live.js", "text/javascript; charset=utf-8", "let a;" },
	{ METHOD_GET, 404, "/monitoring/none.js", "application/problem+json", NULL },
	{ METHOD_GET, 404, "/monitoring/../main.c", "application/problem+json", NULL },
	{ METHOD_GET, 404, "/nothing", "application/problem+json",
		"{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":\"there is nothing at /nothing; the "
		"dashboard is at /monitoring\"}" },
	{ METHOD_GET, 404, "/monitoring/api", "application/problem+json", NULL },
	{ METHOD_GET, 404, "/monitoring/api/nothing", "application/problem+json", NULL },
	{ METHOD_GET, 426, "/monitoring/ws", "application/problem+json", NULL },
	{ METHOD_GET, 200, "/healthz", "application/json",
		"{\"ok\":true,\"connected\":true,\"settled\":true}" },
	{ METHOD_HEAD, 200, "/healthz", "application/json", NULL },
	{ METHOD_POST, 405, "/healthz", "application/problem+json", NULL },
	{ METHOD_OTHER, 405, "/monitoring/api/health", "application/problem+json", NULL },
	{ METHOD_POST, 404, "/nothing", "application/problem+json", NULL },
	{ METHOD_GET, 400, "/monitoring/api/health?x=1", "application/problem+json", NULL },
	{ METHOD_GET, 200, "/monitoring/api/miners", "application/json", "{\"miners\":[],\"next\":null}" },
	{ METHOD_GET, 400, "/monitoring/api/miners?limit=0", "application/problem+json", NULL },
	{ METHOD_GET, 400, "/monitoring/api/miners?limit=501", "application/problem+json", NULL },
	{ METHOD_GET, 400, "/monitoring/api/miners?limits=5", "application/problem+json", NULL },
	{ METHOD_GET, 404, "/monitoring/api/miners/gamma-3", "application/problem+json", NULL },
	{ METHOD_GET, 404, "/monitoring/api/miners/a/b", "application/problem+json", NULL },
	{ METHOD_GET, 400, "/monitoring/api/metrics?hours=x", "application/problem+json", NULL },
	{ METHOD_GET, 400, "/monitoring/api/metrics?hour=1", "application/problem+json", NULL },
	{ METHOD_GET, 400, "/monitoring/api/metrics?from=0&step=1", "application/problem+json", NULL },
	{ METHOD_GET, 200, "/monitoring/api/metrics", "application/json", NULL },
	{ METHOD_GET, 200, "/monitoring/api/metrics?format=csv", "text/csv; charset=utf-8", NULL },
	{ METHOD_GET, 200, "/monitoring/api/catalog", "application/json", NULL },
};

static void each_route_answers(void **state)
{
	struct scene *scene = *state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		int status = ask_as(scene, cases[i].method, cases[i].url, "");
		if (status != cases[i].status)
			fail_msg("%s: %d %s", cases[i].url, status, scene->body);
		if (cases[i].type)
			assert_string_equal(scene->answer.type, cases[i].type);
		if (cases[i].body)
			assert_string_equal(scene->body, cases[i].body);
	}
}

static void says_which_methods_and_where_home_is(void **state)
{
	struct scene *scene = *state;
	assert_int_equal(ask_as(scene, METHOD_POST, "/monitoring/api/miners", ""), 405);
	assert_string_equal(scene->answer.allow, "GET, HEAD");
	assert_int_equal(ask(scene, "/"), 307);
	assert_string_equal(scene->answer.location, "/monitoring");
}

static void what_a_browser_has_is_not_sent_again(void **state)
{
	struct scene *scene = *state;
	char tags[80];
	assert_int_equal(ask(scene, "/monitoring/api/catalog"), 200);
	const char *etag = scene->answer.etag;
	assert_int_equal(ask_as(scene, METHOD_GET, "/monitoring/api/catalog", etag), 304);
	assert_string_equal(scene->body, "");
	assert_string_equal(scene->answer.etag, etag);
	(void)snprintf(tags, sizeof tags, "\"old\", W/%s", etag);
	assert_int_equal(ask_as(scene, METHOD_GET, "/monitoring/api/catalog", tags), 304);
	assert_int_equal(ask_as(scene, METHOD_GET, "/monitoring/api/catalog", "*"), 304);
	assert_int_equal(ask_as(scene, METHOD_GET, "/monitoring/api/catalog", "\"old\""), 200);
}

/* --- the original's health --- */

static void say_service(struct scene *scene, const char *name)
{
	char topic[80], json[160];
	(void)snprintf(topic, sizeof topic, "service/%s/availability", name);
	bx_fixture_say(scene->fixture, topic, "online");
	(void)snprintf(topic, sizeof topic, "service/%s/stats", name);
	(void)snprintf(json, sizeof json, "{\"time\":\"%s\",\"rss\":1000}", now_text(scene));
	bx_fixture_say(scene->fixture, topic, json);
}

static void health_has_the_originals_shape(void **state)
{
	struct scene *scene = *state;
	char json[300];
	say_service(scene, "health");
	bx_fixture_say(scene->fixture, "health/summary",
		"{\"overall_status\":\"WARNING\",\"sentence\":\"One miner is hot.\"}");
	bx_fixture_say(scene->fixture, "unit/bitaxe-web/state", "{\"state\":\"running\"}");
	(void)snprintf(json, sizeof json,
		"{\"time\":\"%s\",\"cpu_usage\":12.5,\"memory_usage\":45.2,\"disk_usage\":61,\"load_average\":0.7}",
		now_text(scene));
	bx_fixture_say(scene->fixture, "host/telemetry", json);

	assert_int_equal(ask(scene, "/monitoring/api/health"), 200);

	assert_string_equal(scene->body,
		"{\"timestamp\":\"2026-01-01T00:00:00Z\",\"overall_status\":\"WARNING\",\"system_metrics\":{\"cpu_usage\":12.5,"
		"\"memory_usage\":45.2,\"disk_usage\":61,\"temperature\":\"N/A\",\"load_average\":\"0.70\"},\"services\":{"
		"\"bitaxe-web\":\"running\",\"bitaxe-gateway\":\"running\",\"bitaxe-health\":\"running\"},"
		"\"sentence\":\"One miner is hot.\"}");
}

static void old_judgements_and_values_are_unknown(void **state)
{
	struct scene *scene = *state;
	char json[300];
	say_service(scene, "health");
	bx_fixture_say(scene->fixture, "health/summary",
		"{\"overall_status\":\"OK\",\"sentence\":\"All is well.\"}");
	(void)snprintf(json, sizeof json, "{\"time\":\"%s\",\"cpu_usage\":12.5}", now_text(scene));
	bx_fixture_say(scene->fixture, "host/telemetry", json);
	assert_int_equal(ask(scene, "/monitoring/api/health"), 200);
	assert_non_null(strstr(scene->body, "\"overall_status\":\"OK\""));

	bx_fixture_advance(scene->fixture, 4 * 60 * 1000); /* health and collector have died in silence */

	assert_int_equal(ask(scene, "/monitoring/api/health"), 200);
	assert_non_null(strstr(scene->body, "\"overall_status\":\"UNKNOWN\""));
	assert_non_null(strstr(scene->body, "\"cpu_usage\":\"N/A\""));
	assert_non_null(strstr(scene->body, "\"bitaxe-health\":\"stopped\""));
	assert_null(strstr(scene->body, "sentence"));
}

static void before_the_bus_is_there_all_is_unknown(void **state)
{
	(void)state;
	struct scene scene = { .fixture = bx_fixture_new(1) };
	bx_memory_die(bx_fixture_broker(scene.fixture));
	bx_fixture_start(scene.fixture, &bx_service_spec, "");
	scene.gateway = bx_fixture_state(scene.fixture, "gateway");
	assert_int_equal(ask(&scene, "/monitoring/api/health"), 200);
	assert_non_null(strstr(scene.body, "\"overall_status\":\"UNKNOWN\""));
	assert_int_equal(ask(&scene, "/healthz"), 200);
	assert_string_equal(scene.body, "{\"ok\":true,\"connected\":false,\"settled\":false}");
	bx_memory_live(bx_fixture_broker(scene.fixture));
	bx_fixture_free(scene.fixture);
	free(scene.body);
}

/* --- lists --- */

static void a_miner_is_what_its_topics_say(void **state)
{
	struct scene *scene = *state;
	say_miner(scene, "gamma-3");
	bx_fixture_say(scene->fixture, "miner/gamma-3/availability", "online");
	bx_fixture_say(
		scene->fixture, "miner/gamma-3/telemetry", "{\"hashrate\": 1234.5, \"new_in_3.0\": [1]}");
	bx_fixture_say(scene->fixture, "miner/stranger/telemetry", "{\"hashrate\":1}");

	assert_int_equal(ask(scene, "/monitoring/api/miners/gamma-3"), 200);
	assert_string_equal(scene->body,
		"{\"id\":\"gamma-3\",\"availability\":\"online\",\"config\":{\"id\":\"gamma-3\",\"name\":\"Miner gamma-3\","
		"\"url\":\"http://10.0.0.1\",\"enabled\":true},\"telemetry\":{\"hashrate\": 1234.5, \"new_in_3.0\": [1]}}");
	assert_int_equal(ask(scene, "/monitoring/api/miners/stranger"), 404);

	bx_fixture_say(scene->fixture, "miner/gamma-3/config", "");
	assert_int_equal(ask(scene, "/monitoring/api/miners/gamma-3"), 404);
}

static void pages_hold_each_miner_once(void **state)
{
	struct scene *scene = *state;
	char id[16], url[80] = "/monitoring/api/miners?limit=7";
	size_t seen = 0, pages = 0;
	for (int i = 0; i < 24; i++) {
		(void)snprintf(id, sizeof id, "miner-%02d", i);
		say_miner(scene, id);
	}
	for (bool more = true; more; pages++) {
		assert_int_equal(ask(scene, url), 200);
		json_auto_t *page = json_loads(scene->body, 0, NULL);
		size_t index;
		json_t *miner;
		json_array_foreach (json_object_get(page, "miners"), index, miner) {
			(void)snprintf(id, sizeof id, "miner-%02zu", seen++);
			assert_string_equal(json_string_value(json_object_get(miner, "id")), id);
		}
		const char *next = json_string_value(json_object_get(page, "next"));
		more = next != NULL;
		(void)snprintf(url, sizeof url, "/monitoring/api/miners?limit=7&after=%s", more ? next : "");
	}
	assert_int_equal(seen, 24);
	assert_int_equal(pages, 4);
}

static void services_run_or_do_not(void **state)
{
	struct scene *scene = *state;
	say_service(scene, "collector");
	bx_fixture_say(scene->fixture, "service/storage/availability", "offline");
	assert_int_equal(ask(scene, "/monitoring/api/services"), 200);
	assert_string_equal(scene->body,
		"{\"services\":[{\"target\":\"service/collector\",\"state\":\"running\"},"
		"{\"target\":\"service/gateway\",\"state\":\"running\",\"since\":\"2026-01-01T00:00:00.000Z\"},"
		"{\"target\":\"service/storage\",\"state\":\"stopped\"}]}");
}

/* --- history --- */

static void the_newest_minutes_come_from_the_records(void **state)
{
	struct scene *scene = *state;
	bx_fixture_record(scene->fixture, "collector", "miner/gamma-3/telemetry", "00000000000000aa", 1,
		"{\"time\":\"2025-12-31T23:59:10.000Z\",\"hashrate\":1000}");
	bx_fixture_record(scene->fixture, "collector", "miner/gamma-3/telemetry", "00000000000000aa", 2,
		"{\"time\":\"2025-12-31T23:59:40.000Z\",\"hashrate\":1100}");
	bx_fixture_record(scene->fixture, "collector", "miner/gamma-3/telemetry", "00000000000000aa", 2,
		"{\"time\":\"2025-12-31T23:59:40.000Z\",\"hashrate\":1100}");
	static const char url[] =
		"/monitoring/api/metrics?from=2025-12-31T23:59:00Z&to=2026-01-01T00:00:00Z&step=60&series=miner/*/hashrate";

	assert_int_equal(ask(scene, url), 200);
	assert_string_equal(scene->body,
		"{\"from\":1767225540,\"to\":1767225600,\"step\":60,\"times\":[1767225540],\"series\":{\"miner/gamma-3/hashrate\":{"
		"\"unit\":\"GH/s\",\"min\":[1000],\"mean\":[1050],\"max\":[1100]}}}");

	/* there is no database in this test: what storage says that it has is gone from here */
	bx_fixture_say(scene->fixture, "recorded/collector",
		"{\"session\":\"00000000000000aa\",\"ranges\":[[1,2]]}");
	assert_int_equal(ask(scene, url), 200);
	assert_non_null(strstr(scene->body, "\"series\":{}"));
}

/* --- the same on the bus --- */

static const char *call(struct scene *scene, const char *arguments)
{
	const char *answer = bx_fixture_ask(scene->fixture, "gateway", "history", arguments);
	assert_non_null(answer);
	return answer;
}

static void say_hashrates(struct scene *scene)
{
	bx_fixture_record(scene->fixture, "collector", "miner/gamma-3/telemetry", "00000000000000aa", 1,
		"{\"time\":\"2025-12-31T23:59:10.000Z\",\"hashrate\":1000}");
	bx_fixture_record(scene->fixture, "collector", "miner/gamma-3/telemetry", "00000000000000aa", 2,
		"{\"time\":\"2025-12-31T23:59:40.000Z\",\"hashrate\":1100,\"power\":17.25}");
}

static void the_bus_is_answered_as_the_route_is(void **state)
{
	static const struct {
		const char *arguments, *url;
	} same[] = {
		{ "", "" },
		{ "{\"hours\":1}", "?hours=1" },
		{ "{\"hours\":\"0.5\",\"points\":7,\"series\":\"miner/*/hashrate,host/*\"}",
			"?hours=0.5&points=7&series=miner/*/hashrate,host/*" },
		{ "{\"from\":\"2025-12-31T23:59:00Z\",\"to\":1767225600,\"step\":60}",
			"?from=2025-12-31T23:59:00Z&to=1767225600&step=60" },
		{ "{\"series\":\"nobody/*\",\"points\":1}", "?series=nobody/*&points=1" },
	};
	struct scene *scene = *state;
	say_hashrates(scene);
	for (size_t i = 0; i < BX_COUNT(same); i++) {
		char url[200];
		BX_TEXT_OWNED struct bx_text wanted;
		bx_text_init(&wanted, 1 << 20);
		(void)snprintf(url, sizeof url, "/monitoring/api/metrics%s", same[i].url);
		assert_int_equal(ask(scene, url), 200);
		bx_text_print(&wanted, "{\"ok\":true,\"result\":%s}", scene->body);
		assert_string_equal(call(scene, same[i].arguments), wanted.data);
	}
}

static void the_bus_is_refused_as_the_route_is(void **state)
{
	static const struct {
		const char *arguments, *code, *says;
	} refused[] = {
		{ "{\"hours\":\"x\"}", "invalid", "hours is a number" },
		{ "{\"hours\":1,\"from\":1}", "invalid", "give hours or from, not both" },
		{ "{\"from\":2000,\"to\":1000}", "invalid", "the range is empty" },
		{ "{\"from\":0,\"step\":1}", "invalid", "more than 5000 steps" },
		{ "{\"points\":5,\"step\":5}", "invalid", "give step or points, not both" },
		{ "{\"format\":\"csv\"}", "invalid", "no argument 'format'" },
		{ "{\"series\":[]}", "invalid", "series" },
		{ "{\"points\":5000,\"hours\":1000}", "full",
			"the answer is over 200 kB: ask for fewer series, a longer step or less time" },
	};
	struct scene *scene = *state;
	say_hashrates(scene);
	bx_fixture_record(scene->fixture, "collector", "host/telemetry", "00000000000000aa", 3,
		"{\"time\":\"2025-12-31T23:59:40.000Z\",\"cpu_usage\":1,\"memory_usage\":2}");
	for (size_t i = 0; i < BX_COUNT(refused); i++) {
		char code[40];
		const char *answer = call(scene, refused[i].arguments);
		(void)snprintf(code, sizeof code, "{\"code\":\"%s\"", refused[i].code);
		if (strncmp(answer, "{\"ok\":false,", 12) != 0 || !strstr(answer, code) ||
			!strstr(answer, refused[i].says))
			fail_msg("%s: %.300s", refused[i].arguments, answer);
	}
	assert_int_equal(ask(scene, "/monitoring/api/metrics?points=5000&hours=1000"), 200);
}

/* Sends it and lets no time pass. */
static void send(struct scene *scene, const char *arguments, const char *expires)
{
	struct bx_packet packet = { .topic = "bitaxe/home/cmd/gateway/history",
		.bytes = arguments,
		.size = strlen(arguments),
		.qos = 1,
		.response_topic = "bitaxe/home/reply/test/fixture",
		.correlation = "1",
		.correlation_size = 1 };
	if (expires)
		packet.properties[packet.property_count++] = (struct bx_property){ "expires", expires };
	bx_memory_say(bx_fixture_broker(scene->fixture), &packet);
}

static void late_calls_are_refused(void **state)
{
	struct scene *scene = *state;
	send(scene, "{}", "2025-12-31T23:59:59.000Z");
	bx_fixture_advance(scene->fixture, 0);
	assert_non_null(strstr(bx_fixture_heard(scene->fixture, "reply/test/fixture"), "\"code\":\"late\""));
}

static void so_many_are_answered_at_once_over_http_and_bus_together(void **state)
{
	struct scene *scene = *state;
	const char *none[] = { NULL };
	struct request request = { .method = METHOD_GET,
		.path = "/monitoring/api/metrics",
		.arguments = none,
		.if_none_match = "" };
	struct reply reply = { take, scene, 42 };
	send(scene, "{\"points\":3}", NULL); /* comes behind the others */
	for (int i = 0; i < METRICS_QUERIES_MAX; i++)
		routes_answer(scene->gateway, &request, &reply);
	assert_int_equal(scene->answers, 0);
	routes_answer(scene->gateway, &request, &reply);
	assert_int_equal(scene->answer.status, 503);
	bx_fixture_advance(scene->fixture, 0);
	assert_int_equal(scene->answers, METRICS_QUERIES_MAX + 1);
	assert_int_equal(bx_fixture_count(scene->fixture, "reply/test/fixture"), 1);
	assert_non_null(strstr(bx_fixture_heard(scene->fixture, "reply/test/fixture"), "\"code\":\"busy\""));
	assert_non_null(strstr(call(scene, "{}"), "\"ok\":true"));
}

static void a_call_that_has_ended_meanwhile_is_not_answered_twice(void **state)
{
	struct scene *scene = *state;
	metrics_call(scene->gateway->metrics, 4711); /* there is none of this number */
	bx_fixture_advance(scene->fixture, 0);
	assert_null(bx_fixture_heard(scene->fixture, "reply/test/fixture"));
	send(scene, "{}", NULL);
	bx_fixture_stop(scene->fixture, "gateway"); /* with a query under way, or the command not yet there */
	assert_true(bx_fixture_count(scene->fixture, "reply/test/fixture") <= 1);
}

static void odd_records_hurt_nobody(void **state)
{
	struct scene *scene = *state;
	size_t before = tail_count(scene->gateway->tail); /* our own figures */
	bx_fixture_record(scene->fixture, "collector", "miner/gamma-3/telemetry", "no session", 1, "{}");
	bx_fixture_record(scene->fixture, "collector", "nothing", "00000000000000aa", 1, "{}");
	bx_fixture_record(scene->fixture, "collector", "host/telemetry", "00000000000000aa", 0, "{}");
	bx_fixture_say(scene->fixture, "record/collector", "{}");
	assert_int_equal(tail_count(scene->gateway->tail), before);
}

/* --- browsers that watch --- */

static void wake(void *arg)
{
	((struct scene *)arg)->wakes++;
}

/* The next message, whole, in at least one piece; NULL: there is none. The caller's: json_decref. */
static json_t *next_message(struct live_client *client, unsigned *pieces)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 64 * 1024 * 1024);
	*pieces = 0;
	for (;;) {
		size_t before = text.length;
		enum live_piece piece = live_next(client, &text);
		if (piece == LIVE_NOTHING) {
			assert_int_equal(*pieces, 0);
			return NULL;
		}
		assert_true(text.length - before < LIVE_PIECE_BYTES_MAX);
		++*pieces;
		if (piece == LIVE_WHOLE || piece == LIVE_LAST)
			break;
	}
	json_error_t error;
	json_t *message = json_loads(text.data, JSON_REJECT_DUPLICATES, &error);
	if (!message)
		fail_msg("%s: %s", error.text, text.data);
	return message;
}

static json_t *state_of(json_t *message, const char *topic)
{
	return json_object_get(json_object_get(message, "state"), topic);
}

static void a_watcher_gets_all_state_then_changes(void **state)
{
	struct scene *scene = *state;
	unsigned pieces;
	say_miner(scene, "gamma-3");
	bx_fixture_say(scene->fixture, "miner/gamma-3/availability", "online");
	bx_fixture_say(scene->fixture, "miner/gone/availability", "online");
	bx_fixture_say(scene->fixture, "miner/gone/availability", "");
	struct live_client *client = live_join(scene->gateway->live, wake, scene);

	json_t *snapshot = next_message(client, &pieces);
	assert_true(json_is_true(json_object_get(snapshot, "snapshot")));
	assert_true(json_is_true(json_object_get(snapshot, "connected")));
	assert_string_equal(json_string_value(json_object_get(snapshot, "time")), now_text(scene));
	assert_string_equal(json_string_value(state_of(snapshot, "miner/gamma-3/availability")), "online");
	assert_string_equal(
		json_string_value(json_object_get(state_of(snapshot, "miner/gamma-3/config"), "id")),
		"gamma-3");
	assert_null(state_of(snapshot, "miner/gone/availability"));
	json_decref(snapshot);
	assert_null(next_message(client, &pieces));

	unsigned wakes = scene->wakes;
	bx_fixture_say(scene->fixture, "miner/gamma-3/telemetry", "{\"hashrate\":1}");
	assert_true(scene->wakes > wakes);
	json_t *change = next_message(client, &pieces);
	assert_null(json_object_get(change, "snapshot"));
	assert_int_equal(json_object_size(json_object_get(change, "state")), 1);
	assert_non_null(state_of(change, "miner/gamma-3/telemetry"));
	json_decref(change);

	bx_fixture_say(scene->fixture, "miner/gamma-3/telemetry", "");
	json_t *end = next_message(client, &pieces);
	assert_true(json_is_null(state_of(end, "miner/gamma-3/telemetry")));
	json_decref(end);
	assert_null(next_message(client, &pieces));
	live_leave(client);
}

static void a_slow_watcher_gets_the_newest_of_each(void **state)
{
	struct scene *scene = *state;
	unsigned pieces;
	char json[64];
	struct live_client *client = live_join(scene->gateway->live, wake, scene);
	json_decref(next_message(client, &pieces));
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(json, sizeof json, "{\"hashrate\":%d}", i);
		bx_fixture_say(scene->fixture, i % 2 ? "miner/a/telemetry" : "miner/b/telemetry", json);
	}
	json_t *late = next_message(client, &pieces);
	assert_int_equal(json_object_size(json_object_get(late, "state")), 2);
	assert_int_equal(
		json_number_value(json_object_get(state_of(late, "miner/a/telemetry"), "hashrate")), 999);
	assert_int_equal(
		json_number_value(json_object_get(state_of(late, "miner/b/telemetry"), "hashrate")), 998);
	json_decref(late);
	assert_null(next_message(client, &pieces));
	live_leave(client);
}

static void a_large_snapshot_comes_in_pieces_with_changes_between(void **state)
{
	struct scene *scene = *state;
	enum { MINERS = 2000 };
	char id[24];
	unsigned pieces;
	for (int i = 0; i < MINERS; i++) {
		(void)snprintf(id, sizeof id, "m%d", i);
		say_miner(scene, id);
	}
	struct live_client *client = live_join(scene->gateway->live, wake, scene);
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 64 * 1024 * 1024);
	enum live_piece piece = live_next(client, &text);
	assert_int_equal(piece, LIVE_FIRST);
	say_miner(scene, "m0"); /* sent already: comes again behind the snapshot */
	say_miner(scene, "m1999"); /* not yet sent: comes behind it */
	bx_fixture_say(scene->fixture, "miner/m1998/config", "");
	for (pieces = 1; piece != LIVE_LAST; pieces++) {
		piece = live_next(client, &text);
		assert_true(piece == LIVE_MIDDLE || piece == LIVE_LAST);
	}
	assert_in_range(pieces, 10, 100);

	json_auto_t *snapshot = json_loads(text.data, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(snapshot);
	assert_non_null(state_of(snapshot, "miner/m0/config"));
	assert_non_null(state_of(snapshot, "miner/m1997/config"));
	assert_null(state_of(snapshot, "miner/m1998/config"));
	assert_null(state_of(snapshot, "miner/m1999/config"));
	json_t *changes = next_message(client, &pieces);
	assert_int_equal(json_object_size(json_object_get(changes, "state")), 3);
	assert_non_null(state_of(changes, "miner/m0/config"));
	assert_non_null(state_of(changes, "miner/m1999/config"));
	assert_true(json_is_null(state_of(changes, "miner/m1998/config")));
	json_decref(changes);
	live_leave(client);
}

static void a_filter_narrows_and_brings_a_snapshot(void **state)
{
	struct scene *scene = *state;
	unsigned pieces;
	say_miner(scene, "gamma-3");
	bx_fixture_say(scene->fixture, "miner/gamma-3/telemetry", "{\"hashrate\":1}");
	struct live_client *client = live_join(scene->gateway->live, wake, scene);
	json_decref(next_message(client, &pieces));
	static const char wish[] = "{\"filter\":[\"miner/+/telemetry\",\"host/#\"]}";

	assert_true(live_wish(client, wish, strlen(wish), NULL));
	json_t *snapshot = next_message(client, &pieces);
	assert_true(json_is_true(json_object_get(snapshot, "snapshot")));
	assert_int_equal(json_object_size(json_object_get(snapshot, "state")), 1);
	assert_non_null(state_of(snapshot, "miner/gamma-3/telemetry"));
	json_decref(snapshot);
	say_miner(scene, "gamma-4");
	assert_null(next_message(client, &pieces));
	bx_fixture_say(scene->fixture, "host/telemetry", "{\"cpu_usage\":1}");
	json_t *change = next_message(client, &pieces);
	assert_non_null(state_of(change, "host/telemetry"));
	json_decref(change);

	static const char *const bad[] = { "", "{", "[]", "1", "{}", "{\"filter\":1}", "{\"filter\":[1]}" };
	for (size_t i = 0; i < BX_COUNT(bad); i++)
		assert_false(live_wish(client, bad[i], strlen(bad[i]), NULL));
	live_leave(client);
}

static void a_filter_in_mid_message_waits_for_its_end(void **state)
{
	struct scene *scene = *state;
	char id[24];
	unsigned pieces;
	for (int i = 0; i < 500; i++) {
		(void)snprintf(id, sizeof id, "m%d", i);
		say_miner(scene, id);
	}
	struct live_client *client = live_join(scene->gateway->live, wake, scene);
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 64 * 1024 * 1024);
	assert_int_equal(live_next(client, &text), LIVE_FIRST);
	static const char wish[] = "{\"filter\":[\"miner/m7/config\"]}";
	assert_true(live_wish(client, wish, strlen(wish), NULL));
	assert_int_equal(live_next(client, &text), LIVE_LAST);
	json_auto_t *cut_short = json_loads(text.data, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(cut_short);
	json_t *snapshot = next_message(client, &pieces);
	assert_int_equal(json_object_size(json_object_get(snapshot, "state")), 1);
	json_decref(snapshot);
	live_leave(client);
}

static void a_watcher_hears_that_the_bus_is_gone(void **state)
{
	struct scene *scene = *state;
	unsigned pieces;
	struct live_client *client = live_join(scene->gateway->live, wake, scene);
	bx_fixture_advance(scene->fixture, 1500);
	json_decref(next_message(client, &pieces));
	assert_null(next_message(client, &pieces));
	bx_memory_die(bx_fixture_broker(scene->fixture));
	bx_fixture_advance(scene->fixture, 2000);
	json_t *gone = next_message(client, &pieces);
	assert_true(json_is_false(json_object_get(gone, "connected")));
	assert_int_equal(json_object_size(json_object_get(gone, "state")), 0);
	json_decref(gone);
	bx_memory_live(bx_fixture_broker(scene->fixture));
	live_leave(client);
}

static void names_from_outside_do_not_break_the_json(void **state)
{
	struct scene *scene = *state;
	unsigned pieces;
	struct live_client *client = live_join(scene->gateway->live, wake, scene);
	json_decref(next_message(client, &pieces));
	bx_fixture_say(scene->fixture, "custom/a\"b\\c/telemetry", "{\"x\":\"</script>\"}");
	json_t *message = next_message(client, &pieces);
	assert_non_null(state_of(message, "custom/a\"b\\c/telemetry"));
	json_decref(message);
	live_leave(client);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_route_answers),
		TEST(says_which_methods_and_where_home_is),
		TEST(what_a_browser_has_is_not_sent_again),
		TEST(health_has_the_originals_shape),
		TEST(old_judgements_and_values_are_unknown),
		cmocka_unit_test(before_the_bus_is_there_all_is_unknown),
		TEST(a_miner_is_what_its_topics_say),
		TEST(pages_hold_each_miner_once),
		TEST(services_run_or_do_not),
		TEST(the_newest_minutes_come_from_the_records),
		TEST(the_bus_is_answered_as_the_route_is),
		TEST(the_bus_is_refused_as_the_route_is),
		TEST(late_calls_are_refused),
		TEST(so_many_are_answered_at_once_over_http_and_bus_together),
		TEST(a_call_that_has_ended_meanwhile_is_not_answered_twice),
		TEST(odd_records_hurt_nobody),
		TEST(a_watcher_gets_all_state_then_changes),
		TEST(a_slow_watcher_gets_the_newest_of_each),
		TEST(a_large_snapshot_comes_in_pieces_with_changes_between),
		TEST(a_filter_narrows_and_brings_a_snapshot),
		TEST(a_filter_in_mid_message_waits_for_its_end),
		TEST(a_watcher_hears_that_the_bus_is_gone),
		TEST(names_from_outside_do_not_break_the_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
