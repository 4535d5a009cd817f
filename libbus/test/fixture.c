#define _GNU_SOURCE
#include "libbus/test/fixture.h"

#include "libbus/base/file.h"
#include "libbus/base/log.h"
#include "libbus/test/clock.h"
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SERVICES_MAX = 6 };

struct running {
	const struct bx_spec *spec; /* NULL: free */
	struct bx_config *config;
	struct bx_loop *loop;
	struct bx_life *life;
	bool ended;
	char folder[128];
};

struct bx_fixture {
	struct bx_test_clock clock;
	struct bx_memory *broker;
	struct running running[SERVICES_MAX];
	uint64_t sessions;
	char folder[64];
};

__attribute__((noreturn, format(printf, 1, 2))) static void give_up(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	abort();
}

struct bx_fixture *bx_fixture_new(uint64_t seed)
{
	struct bx_fixture *fixture = bx_alloc(1, sizeof *fixture);
	bx_test_clock_init(&fixture->clock);
	fixture->broker = bx_memory_new(seed);
	fixture->sessions = seed * 1000;
	(void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/bx-fixture-XXXXXX");
	if (!mkdtemp(fixture->folder))
		give_up("no folder for the test's state");
	bx_log_to("test", getenv("BX_TEST_LOG") ? BX_DEBUG : BX_ERROR + 1);
	return fixture;
}

static struct running *find(struct bx_fixture *fixture, const char *service)
{
	for (size_t i = 0; i < SERVICES_MAX; i++)
		if (fixture->running[i].spec && strcmp(fixture->running[i].spec->name, service) == 0)
			return &fixture->running[i];
	give_up("no service %s runs in this test", service);
}

static void release(struct running *running)
{
	bx_life_free(running->life);
	bx_loop_free(running->loop);
	bx_config_free(running->config);
	*running = (struct running){ 0 };
}

void bx_fixture_start(struct bx_fixture *fixture, const struct bx_spec *spec, const char *config)
{
	struct running *running = fixture->running;
	while (running < fixture->running + SERVICES_MAX && running->spec)
		running++;
	if (running == fixture->running + SERVICES_MAX)
		give_up("at most %d services in a test", SERVICES_MAX);
	BX_TEXT_OWNED struct bx_text text;
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&text, 64 * 1024);
	bx_text_init(&problems, 4096);
	bx_text_print(&text, "STATE_DIR=%s\n%s\n", fixture->folder, config);
	running->config = bx_config_parse("test.conf", text.data, text.length, &problems);
	if (!running->config)
		give_up("%s", problems.data);
	running->spec = spec;
	running->loop = bx_loop_new_simulated(&fixture->clock.clock);
	struct bx_error error;
	(void)snprintf(running->folder, sizeof running->folder, "%s/%s", fixture->folder, spec->name);
	if (!bx_folder_make(running->folder, 0700, &error))
		give_up("%s", error.message);
	struct bx_life_options options = { .spec = spec,
		.loop = running->loop,
		.config = running->config,
		.link = bx_memory_join(fixture->broker, running->loop),
		.folder = running->folder,
		.session = ++fixture->sessions };
	running->life = bx_life_begin(&options, &error);
	if (!running->life)
		give_up("%s does not start: %s", spec->name, error.message);
	bx_fixture_advance(fixture, 0);
}

static void on_ended(void *arg)
{
	((struct running *)arg)->ended = true;
}

void bx_fixture_stop(struct bx_fixture *fixture, const char *service)
{
	struct running *running = find(fixture, service);
	bx_life_end(running->life, on_ended, running);
	for (int i = 0; i < 200 && !running->ended; i++)
		bx_fixture_advance(fixture, 100);
	if (!running->ended)
		give_up("%s does not stop", service);
	release(running);
}

void bx_fixture_kill(struct bx_fixture *fixture, const char *service)
{
	release(find(fixture, service));
	bx_fixture_advance(fixture, 0);
}

void *bx_fixture_state(struct bx_fixture *fixture, const char *service)
{
	return bx_life_state(find(fixture, service)->life);
}

static int remove_one(const char *path, const struct stat *seen, int type, struct FTW *where)
{
	(void)seen, (void)type, (void)where;
	return remove(path);
}

void bx_fixture_free(struct bx_fixture *fixture)
{
	for (size_t i = 0; i < SERVICES_MAX; i++)
		if (fixture->running[i].spec)
			bx_fixture_stop(fixture, fixture->running[i].spec->name);
	bx_memory_free(fixture->broker);
	(void)nftw(fixture->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(fixture);
}

void bx_fixture_advance(struct bx_fixture *fixture, int64_t ms)
{
	int64_t target_ms = fixture->clock.mono.ms + ms;
	for (;;) {
		int64_t next_ms = INT64_MAX;
		for (size_t i = 0; i < SERVICES_MAX; i++) {
			struct bx_mono next = { INT64_MAX };
			if (fixture->running[i].spec)
				next = bx_loop_run_due(fixture->running[i].loop);
			next_ms = next.ms < next_ms ? next.ms : next_ms;
		}
		/* one service's work may have made another's due now */
		for (size_t i = 0; i < SERVICES_MAX; i++)
			if (fixture->running[i].spec && bx_loop_next(fixture->running[i].loop).ms < next_ms)
				next_ms = bx_loop_next(fixture->running[i].loop).ms;
		if (next_ms > target_ms)
			break;
		if (next_ms > fixture->clock.mono.ms) {
			fixture->clock.wall.ms += next_ms - fixture->clock.mono.ms;
			fixture->clock.mono.ms = next_ms;
		}
	}
	fixture->clock.wall.ms += target_ms - fixture->clock.mono.ms;
	fixture->clock.mono.ms = target_ms;
}

void bx_fixture_step_wall(struct bx_fixture *fixture, int64_t ms)
{
	fixture->clock.wall.ms += ms;
}

void bx_fixture_synchronise(struct bx_fixture *fixture, bool synchronised)
{
	fixture->clock.synchronised = synchronised;
}

struct bx_wall bx_fixture_wall(const struct bx_fixture *fixture)
{
	return fixture->clock.wall;
}

void bx_fixture_say_bytes(struct bx_fixture *fixture, const char *topic, const void *bytes, size_t size)
{
	char whole[2 * BX_TOPIC_SIZE], name[BX_NAME_SIZE];
	enum bx_topic row;
	(void)snprintf(whole, sizeof whole, "bitaxe/home/%s", topic);
	bool retained = bx_topic_match(topic, &row, name) && bx_topic_row(row)->retention != BX_PASSING;
	struct bx_packet packet = {
		.topic = whole, .bytes = bytes, .size = size, .qos = 1, .retain = retained
	};
	bx_memory_say(fixture->broker, &packet);
	bx_fixture_advance(fixture, 0);
}

void bx_fixture_say(struct bx_fixture *fixture, const char *topic, const char *json)
{
	bx_fixture_say_bytes(fixture, topic, json, strlen(json));
}

const char *bx_fixture_heard(struct bx_fixture *fixture, const char *topic)
{
	char whole[2 * BX_TOPIC_SIZE];
	(void)snprintf(whole, sizeof whole, "bitaxe/home/%s", topic);
	return bx_memory_newest(fixture->broker, whole, NULL);
}

size_t bx_fixture_count(struct bx_fixture *fixture, const char *topic)
{
	char whole[2 * BX_TOPIC_SIZE];
	size_t count;
	(void)snprintf(whole, sizeof whole, "bitaxe/home/%s", topic);
	(void)bx_memory_newest(fixture->broker, whole, &count);
	return count;
}

const char *bx_fixture_ask(
	struct bx_fixture *fixture, const char *service, const char *verb, const char *arguments)
{
	char topic[BX_TOPIC_SIZE];
	(void)snprintf(topic, sizeof topic, "bitaxe/home/cmd/%s/%s", service, verb);
	struct bx_packet packet = { .topic = topic,
		.bytes = arguments,
		.size = strlen(arguments),
		.qos = 1,
		.response_topic = "bitaxe/home/reply/test/fixture",
		.correlation = "1",
		.correlation_size = 1 };
	size_t before = bx_fixture_count(fixture, "reply/test/fixture");
	bx_memory_say(fixture->broker, &packet);
	for (int64_t waited_ms = 0; waited_ms < 60000; waited_ms += 100) {
		bx_fixture_advance(fixture, waited_ms > 0 ? 100 : 0);
		const char *answer = bx_fixture_heard(fixture, "reply/test/fixture");
		if (bx_fixture_count(fixture, "reply/test/fixture") > before &&
			strncmp(answer, "{\"progress\"", 11) != 0)
			return answer;
	}
	return NULL;
}

void bx_fixture_record(struct bx_fixture *fixture, const char *publisher, const char *topic,
	const char *session, uint64_t number, const char *json)
{
	char whole[BX_TOPIC_SIZE], digits[24];
	(void)snprintf(whole, sizeof whole, "bitaxe/home/record/%s", publisher);
	(void)snprintf(digits, sizeof digits, "%" PRIu64, number);
	struct bx_packet packet = { .topic = whole,
		.bytes = json,
		.size = strlen(json),
		.qos = 1,
		.property_count = 3,
		.properties = { { "topic", topic }, { "session", session }, { "number", digits } } };
	bx_memory_say(fixture->broker, &packet);
	bx_fixture_advance(fixture, 0);
}

struct bx_memory *bx_fixture_broker(struct bx_fixture *fixture)
{
	return fixture->broker;
}

const char *bx_fixture_folder(const struct bx_fixture *fixture)
{
	return fixture->folder;
}
