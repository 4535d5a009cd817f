/* What the gateway takes from a browser once libwebsockets has parsed it: path, arguments, If-None-Match, Host, Origin, and what
 * is said over a WebSocket. The service is the real one, in a simulated loop with a broker in memory.
 *
 * The input reads like a request, with the body as the WebSocket's message:
 *
 *	GET /monitoring/api/metrics?hours=1&format=csv
 *	Host: localhost:5000
 *
 *	{"filter": ["miner/#"]}
 */
#include "libbus/base/json.h"
#include "libbus/base/log.h"
#include "libbus/bus/memory.h"
#include "libbus/run/life.h"
#include "services/gateway/gateway.h"
#include "services/gateway/guard.h"
#include "services/gateway/listen.h"
#include "services/gateway/routes.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

enum { ARGUMENTS_MAX = 16, LIVE_BYTES_MAX = 1024 * 1024, PIECES_MAX = 1000 };

extern const struct bx_spec bx_service_spec;

static struct {
	struct gateway *gateway;
	struct bx_loop *loop;
	uint64_t exchange; /* asked last */
	unsigned answers; /* to it */
} world;

static struct bx_mono fixed_mono(const struct bx_clock *clock)
{
	(void)clock;
	return (struct bx_mono){ 1000 };
}

static struct bx_wall fixed_wall(const struct bx_clock *clock)
{
	(void)clock;
	return (struct bx_wall){ 1767225660000 }; /* a minute behind the records below */
}

static bool fixed_synchronised(const struct bx_clock *clock)
{
	(void)clock;
	return true;
}

static const struct bx_clock clock_fixed = { fixed_mono, fixed_wall, fixed_synchronised };

/* What there is to be seen: miners, and a record of each that storage has not. */
static void fill(struct bx_memory *broker)
{
	static const char telemetry[] =
		"{\"time\":\"2026-01-01T00:00:00.000Z\",\"hashrate\":1234.5,\"power\":17.5,"
		"\"asics\":[{\"hashrate\":600},{\"hashrate\":634.5}],\"state\":\"mining\"}";
	static const char host[] =
		"{\"time\":\"2026-01-01T00:00:00.000Z\",\"cpu_usage\":3.5,\"disks\":{\"root\":{\"usage\":61.2}}}";
	static const char entry[] =
		"{\"id\":\"gamma-3\",\"name\":\"Gamma\",\"url\":\"http://10.0.0.7\",\"enabled\":true}";
	struct bx_packet packets[] = {
		{ .topic = "bitaxe/home/miner/gamma-3/config", .bytes = entry, .retain = true },
		{ .topic = "bitaxe/home/miner/gamma-3/availability", .bytes = "online", .retain = true },
		{ .topic = "bitaxe/home/miner/gamma-3/telemetry", .bytes = telemetry, .retain = true },
		{ .topic = "bitaxe/home/host/telemetry", .bytes = host, .retain = true },
		{ .topic = "bitaxe/home/record/collector",
			.bytes = telemetry,
			.property_count = 3,
			.properties = { { "topic", "miner/gamma-3/telemetry" },
				{ "session", "0123456789abcdef" }, { "number", "1" } } },
		{ .topic = "bitaxe/home/record/collector",
			.bytes = host,
			.property_count = 3,
			.properties = { { "topic", "host/telemetry" }, { "session", "0123456789abcdef" },
				{ "number", "2" } } },
	};
	for (size_t i = 0; i < BX_COUNT(packets); i++) {
		packets[i].size = strlen(packets[i].bytes);
		packets[i].qos = 1;
		bx_memory_say(broker, &packets[i]);
		(void)bx_loop_run_due(world.loop); /* constant time: until nothing is due */
	}
}

static void begin(void)
{
	static const char settings[] = "STATE_DIR=/nonexistent\nDATABASE=/nonexistent/bitaxe.db\n";
	struct bx_error error = { 0 };
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 4096);
	bx_log_to("fuzz", BX_ERROR);
	struct bx_memory *broker = bx_memory_new(1);
	world.loop = bx_loop_new_simulated(&clock_fixed);
	struct bx_life_options options = { .spec = &bx_service_spec,
		.loop = world.loop,
		.folder = "/nonexistent",
		.config = bx_config_parse("fuzz.conf", settings, sizeof settings - 1, &problems),
		.link = bx_memory_join(broker, world.loop),
		.session = 1 };
	struct bx_life *life = bx_life_begin(&options, &error);
	if (!life)
		(void)fprintf(stderr, "%s\n", error.message);
	FUZZ_REQUIRE(life);
	world.gateway = bx_life_state(life);
	files_add(world.gateway->files, "index.html", bx_copy("<!doctype html>"), 15);
	(void)bx_loop_run_due(world.loop);
	fill(broker);
}

static void take(void *arg, uint64_t exchange, struct answer *answer)
{
	(void)arg;
	FUZZ_REQUIRE(exchange == world.exchange && ++world.answers == 1);
	FUZZ_REQUIRE(answer->status >= 200 && answer->status < 600 && answer->status != 500);
	const char *body = answer->body ? answer->body : answer->kept;
	FUZZ_REQUIRE(body || answer->size == 0);
	/* whatever was asked for, nothing of it stands raw in a head or breaks the JSON */
	FUZZ_REQUIRE(!answer->location || !strpbrk(answer->location, "\r\n"));
	if (body && answer->type && strstr(answer->type, "json") && answer->size <= BX_JSON_BYTES_MAX) {
		struct bx_error error;
		json_auto_t *document = bx_json_read(body, answer->size, BX_JSON_OURS, &error);
		if (!document)
			(void)fprintf(stderr, "%s: %.*s\n", error.message, (int)answer->size, body);
		FUZZ_REQUIRE(document);
	}
	free(answer->body);
}

/* "GET /path?a=1&b=2", taken apart as exchange.c gives it to the routes: decoded, which for us is as it stands. */
static void ask(char *line, const char *none_match)
{
	static const struct {
		const char *word;
		enum method method;
	} methods[] = { { "GET ", METHOD_GET }, { "HEAD ", METHOD_HEAD }, { "POST ", METHOD_POST },
		{ "", METHOD_OTHER } };
	const char *arguments[ARGUMENTS_MAX + 1] = { NULL };
	size_t count = 0, which = 0;
	while (strncmp(line, methods[which].word, strlen(methods[which].word)) != 0)
		which++;
	char *path = line + strlen(methods[which].word), *rest = strchr(path, '?');
	while (rest && count < ARGUMENTS_MAX) {
		*rest++ = '\0';
		arguments[count++] = rest;
		rest = strchr(rest, '&');
	}
	if (rest)
		*rest = '\0';
	struct request request = { methods[which].method, path, arguments, none_match };
	struct reply reply = { take, NULL, ++world.exchange };
	world.answers = 0;
	routes_answer(world.gateway, &request, &reply);
	(void)bx_loop_run_due(world.loop);
	FUZZ_REQUIRE(world.answers == 1);
}

static void guard(const char *host, const char *origin)
{
	struct guard ours = { "127.0.0.1", "10.0.0.2", "pi" };
	struct listen_at at, again;
	struct bx_error error;
	char url[80];
	(void)guard_origin(origin, host);
	if (guard_host(&ours, host)) /* a name of ours has only these letters */
		FUZZ_REQUIRE(
			strspn(host,
				"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:[]+-") ==
			strlen(host));
	if (!listen_read(host, &at, &error))
		return;
	listen_url(&at, url, sizeof url);
	FUZZ_REQUIRE(strncmp(url, "http://", 7) == 0 && listen_read(url + 7, &again, &error));
	FUZZ_REQUIRE(again.port == at.port);
	(void)listen_may(&at, "no", &error);
	(void)listen_find_inode(host, at.port);
}

static void wake(void *arg)
{
	(void)arg;
}

/* The client says something, if it may, then takes all that there is: one message, whole, in pieces that fit. */
static void watch(const char *words, size_t size)
{
	struct bx_error error;
	struct live_client *client = live_join(world.gateway->live, wake, NULL);
	bool good = size == 0 || live_wish(client, words, size, &error);
	FUZZ_REQUIRE(good || (error.code == BX_INVALID && error.message[0] != '\0'));
	BX_TEXT_OWNED struct bx_text message;
	bx_text_init(&message, LIVE_BYTES_MAX);
	enum live_piece piece = live_next(client, &message);
	FUZZ_REQUIRE(piece == LIVE_WHOLE || piece == LIVE_FIRST);
	for (int i = 0; piece != LIVE_WHOLE && piece != LIVE_LAST; i++) {
		FUZZ_REQUIRE(i < PIECES_MAX);
		piece = live_next(client, &message);
	}
	FUZZ_REQUIRE(live_next(client, &message) == LIVE_NOTHING);
	json_auto_t *document = bx_json_read(message.data, message.length, BX_JSON_OURS, &error);
	FUZZ_REQUIRE(document && json_is_object(json_object_get(document, "state")));
	live_leave(client);
}

static const char *header(char **line, const char *name)
{
	return strncmp(*line, name, strlen(name)) == 0 ? *line + strlen(name) : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!world.gateway)
		begin();
	BX_OWNED(free) char *text = bx_copy_bytes(data, size);
	const char *host = "", *origin = "", *none_match = "", *body = "";
	char *rest = text, *first = strsep(&rest, "\n");
	for (char *line; rest && (line = strsep(&rest, "\n")) && *line;) {
		const char *value;
		if ((value = header(&line, "Host: ")))
			host = value;
		else if ((value = header(&line, "Origin: ")))
			origin = value;
		else if ((value = header(&line, "If-None-Match: ")))
			none_match = value;
	}
	if (rest)
		body = rest;
	guard(host, origin);
	ask(first, none_match);
	watch(body, strnlen(body, LIVE_WISH_BYTES_MAX));
	return 0;
}
