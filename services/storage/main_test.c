/* The whole storage under a made clock: its spec as the program runs it, publishers played or real, a broker in memory and a
 * real database in the fixture's folder. */
#include "libbus/base/json.h"
#include "libbus/base/log.h"
#include "libbus/test/fixture.h"
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct bx_spec bx_service_spec; /* main.c */

#define SESSION "00000000000000a1"
#define INTERVAL "STORAGE_COMMIT_INTERVAL=60\n"
enum { SECOND_MS = 1000, INTERVAL_MS = 60000, DAY_MS = 86400000 };

struct scene {
	struct bx_fixture *fixture;
	char path[160];
	uint64_t number; /* of the last record said as "probe" */
};

/* --- a publisher as any service is one --- */

struct probe {
	struct bx_service *service;
};

static bool probe_open(void *state, struct bx_service *service, struct bx_error *error)
{
	(void)error;
	((struct probe *)state)->service = service;
	return true;
}

static void probe_close(void *state)
{
	(void)state;
}

static const struct bx_spec probe_spec = {
	.name = "probe", .state_size = sizeof(struct probe), .open = probe_open, .close = probe_close
};

static struct bx_bus *probe_bus(struct scene *scene)
{
	return ((struct probe *)bx_fixture_state(scene->fixture, "probe"))->service->bus;
}

static void publish(struct scene *scene, double load)
{
	struct bx_values values;
	bx_values_init(&values, BX_HOST, bx_fixture_wall(scene->fixture));
	bx_values_set(&values, BX_LOAD_AVERAGE, load);
	bx_sample(probe_bus(scene), BX_HOST_TELEMETRY, "", &values, BX_RECORD);
}

/* --- the stage --- */

static int set_up(void **state)
{
	struct scene *scene = bx_alloc(1, sizeof *scene);
	scene->fixture = bx_fixture_new(7);
	(void)snprintf(
		scene->path, sizeof scene->path, "%s/storage/bitaxe.db", bx_fixture_folder(scene->fixture));
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	bx_fixture_free(scene->fixture);
	free(scene);
	return 0;
}

static void start(struct scene *scene, const char *more)
{
	char config[400];
	/* its own telemetry is out of the way */
	(void)snprintf(config, sizeof config, INTERVAL "METRICS_COLLECTION_INTERVAL=86400\n%s", more);
	bx_fixture_start(scene->fixture, &bx_service_spec, config);
}

static void start_probe(struct scene *scene)
{
	bx_fixture_start(scene->fixture, &probe_spec, INTERVAL);
}

static void pass(struct scene *scene, int64_t ms)
{
	bx_fixture_advance(scene->fixture, ms);
}

/* The number that a query gives; 0 where there is no database, or none of ours yet. */
static int64_t ask(const struct scene *scene, const char *sql)
{
	sqlite3 *handle;
	sqlite3_stmt *statement = NULL;
	int64_t number = 0;
	if (sqlite3_open_v2(scene->path, &handle, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
		sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK &&
		sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return number;
}

static int64_t count_loads(const struct scene *scene)
{
	return ask(scene, "SELECT count(*) FROM sample WHERE source = 'host' AND name = 'load_average'");
}

/* All that the probe said is in the database. */
static void assert_drained(struct scene *scene)
{
	assert_non_null(bx_fixture_ask(scene->fixture, "storage", "commit", "{}"));
	assert_int_equal(bx_bus_figures(probe_bus(scene)).unrecorded, 0);
}

static void assert_sound(const struct scene *scene)
{
	assert_int_equal(
		ask(scene, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
	assert_int_equal(
		ask(scene,
			"SELECT count(*) FROM (SELECT 1 FROM sample GROUP BY series, time HAVING count(*) > 1)"),
		0);
}

/* Is this number of the played publisher's acknowledged by what was said last? */
static bool is_acknowledged(struct scene *scene, uint64_t number)
{
	const char *said = bx_fixture_heard(scene->fixture, "recorded/probe");
	union bx_any payload;
	if (!said)
		return false;
	assert_true(bx_payload_decode(BX_RECORDED, said, strlen(said), &payload, NULL));
	for (size_t i = 0; i < payload.acknowledged.range_count; i++)
		if (payload.acknowledged.ranges[i].first <= number &&
			number <= payload.acknowledged.ranges[i].last)
			return payload.acknowledged.session == 0xA1;
	return false;
}

/* Says a record of the played publisher; returns its number. */
static uint64_t record(struct scene *scene, const char *topic, const char *json)
{
	bx_fixture_record(scene->fixture, "probe", topic, SESSION, ++scene->number, json);
	return scene->number;
}

/* One of the box, `ago_ms` ago. */
static uint64_t record_load(struct scene *scene, double load, int64_t ago_ms)
{
	char json[120], time[BX_WALL_SIZE];
	bx_wall_print((struct bx_wall){ bx_fixture_wall(scene->fixture).ms - ago_ms }, time);
	(void)snprintf(json, sizeof json, "{\"time\":\"%s\",\"load_average\":%.2f}", time, load);
	return record(scene, "host/telemetry", json);
}

static uint64_t record_event(struct scene *scene, const char *id)
{
	char json[200], time[BX_WALL_SIZE];
	bx_wall_print(bx_fixture_wall(scene->fixture), time);
	(void)snprintf(json, sizeof json,
		"{\"id\":\"%s\",\"type\":\"miner.added\",\"time\":\"%s\",\"url\":\"http://10.0.0.7\"}", id,
		time);
	return record(scene, "event/miner/gamma-3", json);
}

static size_t count_online(struct scene *scene)
{
	return bx_fixture_count(scene->fixture, "service/storage/availability");
}

static void remove_database(const struct scene *scene)
{
	static const char *const behind[] = { "", "-wal", "-shm" };
	for (size_t i = 0; i < BX_COUNT(behind); i++) {
		char path[180];
		(void)snprintf(path, sizeof path, "%s%s", scene->path, behind[i]);
		(void)unlink(path); /* may not be there */
	}
}

static void refuse_database(const struct scene *scene)
{
	remove_database(scene);
	assert_int_equal(mkdir(scene->path, 0700), 0);
}

/* --- when what is where --- */

static void commits_what_came_once_an_interval(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	pass(scene, 10 * SECOND_MS);
	record_load(scene, 0.5, 0);

	pass(scene, 49 * SECOND_MS);
	assert_int_equal(count_loads(scene), 0);
	pass(scene, 2 * SECOND_MS);
	assert_int_equal(count_loads(scene), 1);

	record_load(scene, 0.75, 0);
	record_load(scene, 0.25, 3 * SECOND_MS);
	pass(scene, 58 * SECOND_MS);
	assert_int_equal(count_loads(scene), 1);
	pass(scene, 2 * SECOND_MS);
	assert_int_equal(count_loads(scene), 3);
	assert_sound(scene);
}

static void an_event_is_in_the_database_within_a_second(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	pass(scene, 10 * SECOND_MS);
	uint64_t sample = record_load(scene, 0.5, 0), event = record_event(scene, "1-home-probe-1");

	pass(scene, SECOND_MS);

	assert_int_equal(
		ask(scene,
			"SELECT count(*) FROM event WHERE id = '1-home-probe-1' AND type = 'miner.added' AND "
			"target = 'miner/gamma-3' AND json_extract(data, '$.url') = 'http://10.0.0.7' AND time "
			"= unixepoch('2026-01-01 00:00:10')"),
		1);
	assert_true(is_acknowledged(scene, event));
	assert_false(is_acknowledged(scene, sample)); /* samples wait for their commit */
	assert_int_equal(count_loads(scene), 0);
}

static void an_event_told_twice_is_kept_once(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	record_event(scene, "1-home-probe-1");
	record_event(scene, "1-home-probe-1");
	pass(scene, 2 * SECOND_MS);
	uint64_t late = record_event(scene, "1-home-probe-1");
	pass(scene, 2 * SECOND_MS);

	assert_int_equal(ask(scene, "SELECT count(*) FROM event"), 1);
	assert_true(is_acknowledged(scene, late));
}

static void acknowledges_after_the_commit_never_before(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	pass(scene, 10 * SECOND_MS);
	uint64_t number = record_load(scene, 0.5, 0);

	for (int i = 0; i < 49; i++) {
		pass(scene, SECOND_MS);
		assert_null(bx_fixture_heard(scene->fixture, "recorded/probe"));
	}
	pass(scene, 2 * SECOND_MS);

	assert_int_equal(count_loads(scene), 1);
	assert_true(is_acknowledged(scene, number));
}

static void acknowledges_again_what_is_in_the_database_already(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	record_load(scene, 0.5, 0);
	pass(scene, INTERVAL_MS);
	uint64_t again = record_load(scene, 0.5, INTERVAL_MS);
	pass(scene, INTERVAL_MS);

	assert_true(is_acknowledged(scene, again));
	assert_int_equal(count_loads(scene), 1);
}

static void the_commit_command_writes_now_and_answers_afterwards(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	pass(scene, 10 * SECOND_MS);
	uint64_t number = record_load(scene, 0.5, 0);

	const char *answer = bx_fixture_ask(scene->fixture, "storage", "commit", "{}");

	assert_non_null(answer);
	assert_non_null(strstr(answer, "\"ok\":true"));
	assert_int_equal(count_loads(scene), 1);
	assert_true(is_acknowledged(scene, number));
}

static void the_commit_command_says_why_it_failed(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	refuse_database(scene);

	const char *answer = bx_fixture_ask(scene->fixture, "storage", "commit", "{}");

	assert_non_null(answer);
	assert_non_null(strstr(answer, "\"code\":\"failed\""));
	assert_non_null(strstr(answer, scene->path));
	assert_int_equal(rmdir(scene->path), 0);
}

static void a_stop_commits_the_last_second(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	pass(scene, 10 * SECOND_MS);
	uint64_t sample = record_load(scene, 0.5, 0), event = record_event(scene, "1-home-probe-1");

	bx_fixture_stop(scene->fixture, "storage");

	assert_int_equal(count_loads(scene), 1);
	assert_int_equal(ask(scene, "SELECT count(*) FROM event"), 1);
	assert_true(is_acknowledged(scene, sample) || is_acknowledged(scene, event));
	assert_string_equal(bx_fixture_heard(scene->fixture, "service/storage/availability"), "offline");
	assert_int_equal(
		ask(scene, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
}

static void a_stop_with_a_refused_database_ends_all_the_same(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	refuse_database(scene);
	record_load(scene, 0.5, 0);

	bx_fixture_stop(scene->fixture, "storage");

	assert_null(bx_fixture_heard(scene->fixture, "recorded/probe"));
	assert_int_equal(rmdir(scene->path), 0);
}

/* --- online --- */

static void says_online_after_every_connect(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	pass(scene, SECOND_MS);
	for (int i = 0; i < 3; i++) {
		size_t before = count_online(scene);
		bx_memory_die(bx_fixture_broker(scene->fixture));
		pass(scene, 5 * SECOND_MS);
		bx_memory_live(bx_fixture_broker(scene->fixture));
		pass(scene, SECOND_MS);
		assert_int_equal(count_online(scene), before + 1);
		assert_string_equal(
			bx_fixture_heard(scene->fixture, "service/storage/availability"), "online");
	}
}

static void says_online_after_another_database_was_opened(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	pass(scene, INTERVAL_MS);
	size_t before = count_online(scene);
	pass(scene, 3 * INTERVAL_MS);
	assert_int_equal(count_online(scene), before); /* nor without a reason */

	remove_database(scene);
	pass(scene, INTERVAL_MS);

	assert_int_equal(count_online(scene), before + 1);
}

static void what_was_on_its_way_when_the_broker_died_comes_again_at_once(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	start_probe(scene);
	pass(scene, SECOND_MS);
	bx_memory_fault(bx_fixture_broker(scene->fixture), 100, 0, 0);
	publish(scene, 0.5);
	pass(scene, SECOND_MS);
	bx_memory_fault(bx_fixture_broker(scene->fixture), 0, 0, 0);

	bx_memory_die(bx_fixture_broker(scene->fixture));
	pass(scene, SECOND_MS);
	bx_memory_live(bx_fixture_broker(scene->fixture));
	pass(scene, SECOND_MS); /* and not two intervals later */
	assert_non_null(bx_fixture_ask(scene->fixture, "storage", "commit", "{}"));

	assert_int_equal(count_loads(scene), 1);
}

/* --- what can never be kept --- */

static void acknowledges_and_counts_what_can_never_be_kept(void **state)
{
	static const struct {
		const char *what, *topic, *json;
	} cases[] = {
		{ "no JSON", "host/telemetry", "{\"time\":" },
		{ "not UTF-8", "host/telemetry", "{\"time\":\"\xFF\"}" },
		{ "no object", "host/telemetry", "[1]" },
		{ "nothing", "host/telemetry", "" },
		{ "no time", "host/telemetry", "{\"load_average\":1}" },
		{ "a time that is none", "host/telemetry", "{\"time\":\"noon\",\"load_average\":1}" },
		{ "too old", "host/telemetry", "{\"time\":\"2024-12-31T00:00:00.000Z\",\"load_average\":1}" },
		{ "over a day ahead", "host/telemetry",
			"{\"time\":\"2026-01-03T00:00:00.000Z\",\"load_average\":1}" },
		{ "an unknown topic", "weather/telemetry", "{\"time\":\"2026-01-01T00:00:00.000Z\"}" },
		{ "a topic that is never recorded", "custom/x/telemetry",
			"{\"time\":\"2026-01-01T00:00:00.000Z\"}" },
		{ "a topic of no values", "miner/x/config", "{\"id\":\"x\",\"url\":\"http://x\"}" },
		{ "a topic with a wildcard", "miner/+/telemetry", "{\"time\":\"2026-01-01T00:00:00.000Z\"}" },
		{ "an event without an id", "event/miner/x",
			"{\"type\":\"a.b\",\"time\":\"2026-01-01T00:00:00.000Z\"}" },
		{ "an event without a time", "event/miner/x", "{\"id\":\"1\",\"type\":\"a.b\"}" },
	};
	struct scene *scene = *state;
	start(scene, "");
	pass(scene, SECOND_MS);
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		uint64_t number = record(scene, cases[i].topic, cases[i].json);
		assert_non_null(bx_fixture_ask(scene->fixture, "storage", "commit", "{}"));
		if (!is_acknowledged(scene, number))
			fail_msg("%s is not acknowledged", cases[i].what);
	}
	bx_fixture_stop(scene->fixture, "storage");
	start(scene, "METRICS_COLLECTION_INTERVAL=30\n");
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		record(scene, cases[i].topic, cases[i].json);
	pass(scene, INTERVAL_MS);

	assert_int_equal(
		ask(scene, "SELECT count(*) FROM sample WHERE source NOT IN ('database', 'service')"), 0);
	assert_int_equal(ask(scene, "SELECT count(*) FROM event WHERE type <> 'command.done'"), 0);
	const char *told = bx_fixture_heard(scene->fixture, "database/telemetry");
	char refused[32];
	(void)snprintf(refused, sizeof refused, "\"refused\":%zu,", BX_COUNT(cases));
	if (!strstr(told, refused))
		fail_msg("%s is not in %s", refused, told);
}

static void ignores_a_record_of_nobody_who_could_be_told(void **state)
{
	static const struct {
		const char *topic, *session, *number;
	} cases[] = {
		{ NULL, SESSION, "1" },
		{ "host/telemetry", NULL, "1" },
		{ "host/telemetry", SESSION, NULL },
		{ "host/telemetry", "a1", "1" },
		{ "host/telemetry", "00000000000000zz", "1" },
		{ "host/telemetry", "00000000000000a1ff", "1" },
		{ "host/telemetry", SESSION, "0" },
		{ "host/telemetry", SESSION, "-1" },
		{ "host/telemetry", SESSION, "1.5" },
		{ "host/telemetry", SESSION, "99999999999999999999" },
		{ "host/telemetry", SESSION, "" },
	};
	struct scene *scene = *state;
	start(scene, "");
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct bx_packet packet = { .topic = "bitaxe/home/record/probe",
			.bytes = "{\"time\":\"2026-01-01T00:00:00.000Z\",\"load_average\":1}",
			.size = 52,
			.qos = 1 };
		const char *const names[] = { "topic", "session", "number" },
				  *const values[] = { cases[i].topic, cases[i].session, cases[i].number };
		for (size_t k = 0; k < 3; k++)
			if (values[k])
				packet.properties[packet.property_count++] =
					(struct bx_property){ names[k], values[k] };
		bx_memory_say(bx_fixture_broker(scene->fixture), &packet);
	}
	pass(scene, 2 * INTERVAL_MS);

	assert_int_equal(count_loads(scene), 0);
	assert_null(bx_fixture_heard(scene->fixture, "recorded/probe"));
}

/* All that lies in the database, as one number. */
static int64_t digest(const struct scene *scene)
{
	sqlite3 *handle;
	sqlite3_stmt *statement;
	uint64_t sum = 14695981039346656037ULL;
	assert_int_equal(sqlite3_open_v2(scene->path, &handle, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(handle,
			"SELECT source.id || type || source.name || series.id || series.name || unit FROM source JOIN series ON "
			"source.id = series.id >> 12 WHERE type <> 'service' UNION ALL SELECT times || data FROM open JOIN source ON "
			"source.id = open.id & 4095 WHERE type <> 'service' UNION ALL SELECT id || time || event.type || target || data "
			"FROM event",
			-1, &statement, NULL),
		SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW)
		for (const unsigned char *at = sqlite3_column_text(statement, 0); *at; at++)
			sum = (sum ^ *at) * 1099511628211ULL;
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return (int64_t)sum;
}

static void garbage_changes_nothing_in_the_database(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	record_load(scene, 0.5, 0);
	record_event(scene, "1-home-probe-1");
	pass(scene, INTERVAL_MS);
	int64_t before = digest(scene);

	size_t huge_size = (size_t)1024 * 1024;
	BX_OWNED(free) char *huge = bx_alloc(huge_size + 1, 1);
	memset(huge, '[', huge_size);
	record(scene, "host/telemetry", huge);
	memset(huge, '\xFE', huge_size);
	record(scene, "event/miner/x", huge);
	bx_fixture_say_bytes(scene->fixture, "record/probe", huge, huge_size);
	bx_fixture_say_bytes(scene->fixture, "host/telemetry", "\x00\x01\x02", 3);
	bx_fixture_say(scene->fixture, "nothing/of/ours/at/all", "{}");
	bx_fixture_say(scene->fixture, "recorded/probe", "{\"session\":1,\"ranges\":\"all\"}");
	bx_fixture_say(scene->fixture, "recorded/storage",
		"{\"session\":\"00000000000000a1\",\"ranges\":[[9,1],[-1,1e300]]}");
	bx_fixture_say(scene->fixture, "service/storage/availability", "perhaps");
	record(scene, "host/telemetry", "{\"time\":1767225600,\"load_average\":1}");
	record(scene, "host/telemetry",
		"{\"time\":\"2026-01-01T00:00:00.500Z\",\"load_average\":7}"); /* a second held */
	record(scene, "event/miner/gamma-3",
		"{\"id\":\"1-home-probe-1\",\"type\":\"miner.removed\",\"time\":\"2026-01-01T00:00:00.000Z\"}");
	record(scene, "event/miner/gamma-3", "{\"id\":{},\"type\":[],\"time\":\"2026-01-01T00:00:00.000Z\"}");
	pass(scene, 2 * INTERVAL_MS);

	assert_int_equal(digest(scene), before);
	record_load(scene, 0.25, 0);
	pass(scene, INTERVAL_MS);
	assert_int_equal(count_loads(scene), 2); /* and it goes on */
}

static void skips_values_of_a_wrong_type_and_keys_it_does_not_know(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	record(scene, "host/telemetry",
		"{\"time\":\"2026-01-01T00:00:00.000Z\",\"cpu_usage\":\"hot\",\"load_average\":0.5,\"weather\":\"fine\","
		"\"temperature\":null,\"memory_usage\":{\"a\":1},\"disks\":{\"root\":{\"usage\":61.2,\"colour\":1}}}");
	pass(scene, INTERVAL_MS);

	assert_int_equal(ask(scene, "SELECT count(*) FROM sample WHERE source = 'host'"), 2);
	assert_int_equal(
		ask(scene,
			"SELECT count(*) FROM series WHERE id >> 12 = (SELECT id FROM source WHERE type = 'host')"),
		2);
}

static void a_record_without_a_value_is_acknowledged(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	record(scene, "host/telemetry", "{\"time\":\"2026-01-01T00:00:00.000Z\"}");
	record(scene, "host/telemetry",
		"{\"time\":\"2026-01-01T00:00:01.000Z\",\"uptime\":3}"); /* live only */
	uint64_t last = record(
		scene, "host/telemetry", "{\"time\":\"2026-01-01T00:00:02.000Z\",\"cpu_usage\":\"x\"}");
	pass(scene, INTERVAL_MS);

	assert_true(is_acknowledged(scene, last));
	assert_int_equal(ask(scene, "SELECT count(*) FROM sample WHERE source = 'host'"), 0);
	assert_sound(scene);
}

/* --- misfortunes --- */

static void a_clock_a_day_back_loses_and_doubles_nothing(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	start_probe(scene);
	pass(scene, SECOND_MS);
	for (int i = 0; i < 30; i++, pass(scene, 7 * SECOND_MS))
		publish(scene, i);
	bx_fixture_step_wall(scene->fixture, -DAY_MS);
	for (int i = 0; i < 30; i++, pass(scene, 7 * SECOND_MS))
		publish(scene, i);
	bx_fixture_step_wall(scene->fixture, DAY_MS);
	for (int i = 0; i < 30; i++, pass(scene, 7 * SECOND_MS))
		publish(scene, i);
	pass(scene, INTERVAL_MS);

	assert_int_equal(count_loads(scene), 90);
	assert_sound(scene);
	assert_drained(scene);
}

static void what_a_killed_storage_had_in_hand_is_sent_again(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	start_probe(scene);
	pass(scene, 10 * SECOND_MS);
	publish(scene, 0.5);
	bx_event(probe_bus(scene), "miner.added", "miner/gamma-3", BX_FIELDS());
	pass(scene, 100);

	bx_fixture_kill(scene->fixture, "storage");
	assert_int_equal(count_loads(scene), 0);
	pass(scene, 3 * INTERVAL_MS);
	start(scene, "");
	pass(scene, INTERVAL_MS + SECOND_MS);

	assert_int_equal(count_loads(scene), 1);
	assert_int_equal(ask(scene, "SELECT count(*) FROM event"), 1);
	assert_drained(scene);
}

static void kills_and_a_bad_network_lose_and_double_nothing(void **state)
{
	struct scene *scene = *state;
	int published = 0;
	start_probe(scene);
	for (int round = 0; round < 20; round++) {
		start(scene, "");
		bx_memory_fault(bx_fixture_broker(scene->fixture), 20, 20, 30);
		for (int i = 0; i < 16; i++, published++) {
			publish(scene, published);
			bx_event(probe_bus(scene), "miner.added", "miner/gamma-3",
				BX_FIELDS(BX_F("n", published)));
			pass(scene, 1300 + 700 * (round % 7));
		}
		if (round % 5 == 4) {
			bx_memory_die(bx_fixture_broker(scene->fixture));
			pass(scene, 3 * SECOND_MS);
			bx_memory_live(bx_fixture_broker(scene->fixture));
		}
		bx_fixture_kill(scene->fixture, "storage");
	}
	bx_memory_fault(bx_fixture_broker(scene->fixture), 0, 0, 0);
	start(scene, "");
	pass(scene, 3 * INTERVAL_MS);

	assert_int_equal(published, 320);
	assert_int_equal(count_loads(scene), published);
	assert_int_equal(
		ask(scene, "SELECT count(DISTINCT value) FROM sample WHERE source = 'host'"), published);
	assert_int_equal(
		ask(scene, "SELECT count(DISTINCT json_extract(data, '$.n')) FROM event"), published);
	assert_int_equal(ask(scene, "SELECT count(*) FROM event"), published);
	assert_drained(scene);
	assert_sound(scene);
}

static void a_wiped_database_gets_the_next_sample_and_all_that_waits(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	start_probe(scene);
	pass(scene, 10 * SECOND_MS);
	publish(scene, 1);
	pass(scene, INTERVAL_MS);
	publish(scene, 2); /* in hand */
	pass(scene, SECOND_MS);

	remove_database(scene);
	publish(scene, 3);
	pass(scene, INTERVAL_MS);

	assert_int_equal(count_loads(scene), 2);
	assert_drained(scene);
	assert_sound(scene);
}

static void copy_file(const char *from, const char *to)
{
	char command[400];
	(void)snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
}

/* A copy of the database as it is now, whole. */
static void copy_database(const struct scene *scene, char copy[200])
{
	sqlite3 *handle;
	char sql[260];
	(void)snprintf(copy, 200, "%s.copy", scene->path);
	(void)snprintf(sql, sizeof sql, "VACUUM INTO '%s'", copy);
	assert_int_equal(sqlite3_open_v2(scene->path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(handle);
}

static void an_older_database_put_in_place_under_way_is_taken_as_it_is(void **state)
{
	struct scene *scene = *state;
	char copy[200];
	start(scene, "");
	start_probe(scene);
	pass(scene, 10 * SECOND_MS);
	publish(scene, 1);
	pass(scene, INTERVAL_MS);
	copy_database(scene, copy);
	publish(scene, 2);
	pass(scene, INTERVAL_MS); /* acknowledged, and not in the copy */
	publish(scene, 3);
	pass(scene, SECOND_MS);

	assert_int_equal(rename(copy, scene->path), 0);
	pass(scene, INTERVAL_MS);

	assert_int_equal(count_loads(scene), 2);
	assert_int_equal(ask(scene, "SELECT sum(value) FROM sample WHERE source = 'host'"), 1 + 3);
	assert_drained(scene);
	assert_sound(scene);
}

static void an_older_database_put_in_place_while_it_stood_gets_what_publishers_hold(void **state)
{
	struct scene *scene = *state;
	char copy[200];
	start(scene, "");
	start_probe(scene);
	pass(scene, 10 * SECOND_MS);
	publish(scene, 1);
	pass(scene, INTERVAL_MS);
	copy_database(scene, copy);
	bx_fixture_stop(scene->fixture, "storage");
	publish(scene, 2);
	pass(scene, SECOND_MS);

	remove_database(scene);
	copy_file(copy, scene->path);
	start(scene, "");
	pass(scene, INTERVAL_MS);

	assert_int_equal(count_loads(scene), 2);
	assert_sound(scene);
}

static void a_refused_database_is_told_once_and_recorded_in_within_one_interval_afterwards(void **state)
{
	struct scene *scene = *state;
	start_probe(scene);
	start(scene, "");
	pass(scene, INTERVAL_MS);
	size_t told = bx_fixture_count(scene->fixture, "service/storage/log");
	refuse_database(scene);
	for (int i = 0; i < 5; i++) {
		publish(scene, i);
		bx_event(probe_bus(scene), "miner.added", "miner/gamma-3", BX_FIELDS());
		pass(scene, INTERVAL_MS);
	}
	assert_int_equal(bx_fixture_count(scene->fixture, "service/storage/log"), told + 1);
	assert_non_null(strstr(
		bx_fixture_heard(scene->fixture, "service/storage/log"), "nothing can be recorded now"));

	assert_int_equal(rmdir(scene->path), 0);
	pass(scene, INTERVAL_MS);

	assert_int_equal(count_loads(scene), 5);
	assert_int_equal(ask(scene, "SELECT count(*) FROM event"), 5);
	assert_int_equal(bx_fixture_count(scene->fixture, "service/storage/log"), told + 1);
	assert_drained(scene);
}

static void a_full_disk_is_told_once_and_loses_nothing(void **state)
{
	struct scene *scene = *state;
	struct rlimit before, full;
	start_probe(scene);
	start(scene, "");
	pass(scene, INTERVAL_MS);
	publish(scene, 0);
	pass(scene, INTERVAL_MS);
	size_t told = bx_fixture_count(scene->fixture, "service/storage/log");
	(void)signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	full = before;
	full.rlim_cur = 1024; /* less than one page */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	for (int i = 1; i < 6; i++) {
		publish(scene, i);
		pass(scene, INTERVAL_MS);
	}
	size_t told_while_full = bx_fixture_count(scene->fixture, "service/storage/log");
	size_t unrecorded = bx_bus_figures(probe_bus(scene)).unrecorded;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	pass(scene, 2 * INTERVAL_MS);

	assert_int_equal(told_while_full, told + 1);
	assert_true(unrecorded >= 5);
	assert_int_equal(count_loads(scene), 6);
	assert_drained(scene);
	assert_sound(scene);
}

/* --- names without end --- */

/* A record of the box with 32 interfaces from number `first` on, at a second of its own. */
static uint64_t record_interfaces(struct scene *scene, int first)
{
	BX_TEXT_OWNED struct bx_text text;
	char time[BX_WALL_SIZE];
	bx_text_init(&text, 64 * 1024);
	bx_wall_print(bx_fixture_wall(scene->fixture), time);
	bx_text_print(&text, "{\"time\":\"%s\",\"load_average\":%d,\"interfaces\":{", time, first);
	for (int i = 0; i < 32; i++)
		bx_text_print(&text, "%s\"veth%d\":{\"receive_rate\":%d}", i ? "," : "", first + i, i);
	bx_text_say(&text, "}}");
	uint64_t number = record(scene, "host/telemetry", text.data);
	pass(scene, SECOND_MS);
	return number;
}

static int64_t count_series(const struct scene *scene, const char *source)
{
	char sql[160];
	(void)snprintf(sql, sizeof sql,
		"SELECT count(*) FROM series JOIN source ON source.id = series.id >> 12 WHERE type = '%s'",
		source);
	return ask(scene, sql);
}

static void of_4097_names_the_last_is_left_out_and_all_else_is_kept(void **state)
{
	struct scene *scene = *state;
	uint64_t last = 0;
	start(scene, "");
	record(scene, "fleet/telemetry",
		"{\"time\":\"2026-01-01T00:00:00.000Z\",\"power\":1}"); /* the next source */
	for (int i = 0; i < 4096; i += 32)
		last = record_interfaces(scene, i); /* and load_average: 4,097 */
	pass(scene, INTERVAL_MS);

	assert_true(is_acknowledged(scene, last));
	assert_int_equal(count_series(scene, "host"), 4096);
	assert_int_equal(count_series(scene, "fleet"), 1);
	assert_int_equal(count_loads(scene), 128);
	assert_int_equal(
		ask(scene, "SELECT value FROM sample WHERE name = 'interface/veth4094/receive_rate'"), 30);
	assert_int_equal(
		ask(scene, "SELECT count(*) FROM series WHERE name = 'interface/veth4095/receive_rate'"), 0);

	/* the bound stands after a start, and no number is given to another source */
	bx_fixture_stop(scene->fixture, "storage");
	start(scene, "");
	last = record_interfaces(scene, 5000);
	record(scene, "fleet/telemetry", "{\"time\":\"2026-01-01T00:10:00.000Z\",\"power\":2,\"energy\":1}");
	pass(scene, INTERVAL_MS);
	assert_true(ask(scene, "SELECT count(*) FROM sample WHERE source = 'fleet' AND name = 'power'") == 2);
	assert_int_equal(count_series(scene, "host"), 4096);
	assert_int_equal(count_series(scene, "fleet"), 2);
	assert_int_equal(count_loads(scene), 129);
	assert_int_equal(
		ask(scene, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
}

/* A collector that keeps to its contract reports interfaces with hardware behind them, at most 16, sorted: those of
 * containers are counted and never named. */
static void a_thousand_interfaces_that_come_and_go_add_no_series(void **state)
{
	struct scene *scene = *state;
	start(scene, "");
	for (int i = 0; i < 1000; i++) {
		BX_TEXT_OWNED struct bx_text text;
		char time[BX_WALL_SIZE];
		bx_text_init(&text, 64 * 1024);
		bx_wall_print(bx_fixture_wall(scene->fixture), time);
		bx_text_print(&text, "{\"time\":\"%s\",\"interfaces_left_out\":%d,\"interfaces\":{", time, i);
		for (int k = 0; k < 16; k++)
			bx_text_print(&text, "%s\"eth%d\":{\"receive_rate\":%d}", k ? "," : "", k, i);
		bx_text_say(&text, "}}");
		record(scene, "host/telemetry", text.data);
		pass(scene, SECOND_MS);
	}
	pass(scene, INTERVAL_MS);

	assert_int_equal(count_series(scene, "host"), 16);
	assert_int_equal(ask(scene, "SELECT count(*) FROM sample WHERE source = 'host'"), 16000);
}

/* --- what it says of itself --- */

static void tells_sizes_rate_and_what_waits_by_publisher(void **state)
{
	struct scene *scene = *state;
	start(scene, "METRICS_COLLECTION_INTERVAL=30\nSTORAGE_COMMIT_INTERVAL=45\n");
	pass(scene, 46 * SECOND_MS);
	record_load(scene, 0.5, 0);
	record_load(scene, 0.5, SECOND_MS);
	pass(scene, 15 * SECOND_MS);

	const char *told = bx_fixture_heard(scene->fixture, "database/telemetry");
	union bx_any payload;
	double value;
	assert_true(bx_payload_decode(BX_DATABASE_TELEMETRY, told, strlen(told), &payload, NULL));
	assert_true(bx_values_get(&payload.values, BX_SIZE, &value) && value >= 2048);
	assert_true(bx_values_get(&payload.values, BX_WAL_SIZE, &value) && value > 0);
	assert_true(bx_values_get(&payload.values, BX_FREE_SIZE, &value));
	assert_true(bx_values_get(&payload.values, BX_COMMIT_TIME, &value));
	assert_true(bx_values_get(&payload.values, BX_INGEST_RATE, &value) && value > 0);
	assert_true(bx_values_get(&payload.values, BX_REFUSED, &value) && value < 0.5);
	assert_true(bx_values_get_part(&payload.values, BX_BACKLOG, "probe", &value));
	assert_float_equal(value, 2, 0);
	pass(scene, INTERVAL_MS);
	assert_true(
		ask(scene,
			"SELECT count(*) FROM sample WHERE source = 'database' AND name = 'publisher/probe/backlog'") >
		0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(commits_what_came_once_an_interval),
		TEST(an_event_is_in_the_database_within_a_second),
		TEST(an_event_told_twice_is_kept_once),
		TEST(acknowledges_after_the_commit_never_before),
		TEST(acknowledges_again_what_is_in_the_database_already),
		TEST(the_commit_command_writes_now_and_answers_afterwards),
		TEST(the_commit_command_says_why_it_failed),
		TEST(a_stop_commits_the_last_second),
		TEST(a_stop_with_a_refused_database_ends_all_the_same),
		TEST(says_online_after_every_connect),
		TEST(says_online_after_another_database_was_opened),
		TEST(what_was_on_its_way_when_the_broker_died_comes_again_at_once),
		TEST(acknowledges_and_counts_what_can_never_be_kept),
		TEST(ignores_a_record_of_nobody_who_could_be_told),
		TEST(garbage_changes_nothing_in_the_database),
		TEST(skips_values_of_a_wrong_type_and_keys_it_does_not_know),
		TEST(a_record_without_a_value_is_acknowledged),
		TEST(a_clock_a_day_back_loses_and_doubles_nothing),
		TEST(what_a_killed_storage_had_in_hand_is_sent_again),
		TEST(kills_and_a_bad_network_lose_and_double_nothing),
		TEST(a_wiped_database_gets_the_next_sample_and_all_that_waits),
		TEST(an_older_database_put_in_place_under_way_is_taken_as_it_is),
		TEST(an_older_database_put_in_place_while_it_stood_gets_what_publishers_hold),
		TEST(a_refused_database_is_told_once_and_recorded_in_within_one_interval_afterwards),
		TEST(a_full_disk_is_told_once_and_loses_nothing),
		TEST(of_4097_names_the_last_is_left_out_and_all_else_is_kept),
		TEST(a_thousand_interfaces_that_come_and_go_add_no_series),
		TEST(tells_sizes_rate_and_what_waits_by_publisher),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
