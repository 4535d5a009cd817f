/* The whole of health under a made clock: its spec as the program runs it, a played collector, a broker in memory. */
#include "libbus/test/fixture.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

extern const struct bx_spec bx_service_spec; /* main.c */

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS, MINERS_MAX = 1000 };

/* Nobody takes the records here: few are kept, lest a month of them is sent again and again. */
#define SMALL "OUTBOX_MAX=65536\nSTORAGE_COMMIT_INTERVAL=3600\n"

/* --- the played collector --- */

struct played_miner {
	char id[24], name[24];
	bool is_removed, is_disabled, is_silent;
	double share, uptime_s; /* of what it should make */
	unsigned misses;
};

static struct {
	size_t count;
	struct played_miner miners[MINERS_MAX];
	double cpu, memory, disk, temperature; /* NaN: absent */
	double noise; /* share of a value */
	bool peaks; /* of CPU, every third reading */
	unsigned readings;
	bool says_nothing; /* it hangs: no telemetry, though it runs */
	uint64_t random;
	struct bx_service *service;
} play;

static double noisy(double value)
{
	play.random = play.random * 6364136223846793005ULL + 1442695040888963407ULL;
	return value * (1 + play.noise * ((double)(play.random >> 33) / (double)(1ULL << 31) * 2 - 1));
}

static void say_entry(const struct played_miner *miner)
{
	struct bx_miner_entry entry = { .url = "http://10.0.0.7", .enabled = !miner->is_disabled };
	(void)bx_text_copy(entry.id, sizeof entry.id, miner->id);
	(void)bx_text_copy(entry.name, sizeof entry.name, miner->name);
	bx_state(play.service->bus, BX_MINER_CONFIG, entry.id, &entry);
}

static void poll(struct played_miner *miner)
{
	struct bx_values values;
	bool online = !miner->is_silent;
	if (miner->is_removed || miner->is_disabled)
		return;
	miner->misses = online ? 0 : miner->misses + 1;
	if (online || miner->misses == 3)
		bx_state(play.service->bus, BX_MINER_AVAILABILITY, miner->id, &online);
	if (!online)
		return;
	bx_values_init(&values, BX_MINER, bx_wall_now(play.service->loop));
	bx_values_set(&values, BX_HASHRATE_EXPECTED, 2000);
	bx_values_set(&values, BX_HASHRATE_10M, noisy(2000 * miner->share));
	bx_values_set(&values, BX_UPTIME, miner->uptime_s);
	bx_sample(play.service->bus, BX_MINER_TELEMETRY, miner->id, &values, BX_SHOW);
}

static void job_live(void *state)
{
	(void)state;
	struct bx_values host, fleet;
	double hashrate = 0, online = 0;
	if (play.says_nothing)
		return;
	for (size_t i = 0; i < play.count; i++) {
		poll(&play.miners[i]);
		hashrate += play.miners[i].is_silent ? 0 : 2000 * play.miners[i].share;
		online += play.miners[i].is_silent ? 0 : 1;
	}
	bx_values_init(&host, BX_HOST, bx_wall_now(play.service->loop));
	bx_values_set(&host, BX_CPU_USAGE, play.peaks && play.readings++ % 3 == 0 ? 99 : noisy(play.cpu));
	bx_values_set(&host, BX_MEMORY_USAGE, play.memory);
	bx_values_set(&host, BX_DISK_USAGE, play.disk);
	bx_values_set(&host, BX_TEMPERATURE, play.temperature);
	bx_sample(play.service->bus, BX_HOST_TELEMETRY, "", &host, BX_SHOW);
	bx_values_init(&fleet, BX_FLEET, bx_wall_now(play.service->loop));
	bx_values_set(&fleet, BX_HASHRATE_10M, noisy(hashrate));
	bx_values_set(&fleet, BX_POWER, online * 35);
	bx_sample(play.service->bus, BX_FLEET_TELEMETRY, "", &fleet, BX_SHOW);
}

static bool collector_open(void *state, struct bx_service *service, struct bx_error *error)
{
	(void)state, (void)error;
	play.service = service;
	for (size_t i = 0; i < play.count; i++)
		if (!play.miners[i].is_removed)
			say_entry(&play.miners[i]);
	return true;
}

static void collector_close(void *state)
{
	(void)state;
}

static void cmd_none(void *state, bx_call call)
{
	(void)state, (void)call;
}

static const struct bx_command commands[] = { { BX_VERB_MINER_ADD, cmd_none },
	{ BX_VERB_MINER_SET, cmd_none }, { BX_VERB_MINER_REMOVE, cmd_none }, { BX_VERB_COLLECT, cmd_none },
	{ 0 } };
static const struct bx_job jobs[] = { { BX_KEY_MINER_POLL_INTERVAL, job_live }, { 0 } };
static const struct bx_spec collector_spec = { .name = "collector",
	.state_size = 1,
	.commands = commands,
	.jobs = jobs,
	.open = collector_open,
	.close = collector_close };

/* --- helpers --- */

static struct bx_fixture *fixture;

static int set_up(void **state)
{
	(void)state;
	memset(&play, 0, sizeof play);
	play.cpu = 12;
	play.memory = 34;
	play.disk = 56;
	play.temperature = 45;
	fixture = bx_fixture_new(7);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bx_fixture_free(fixture);
	return 0;
}

static struct played_miner *put(const char *id, const char *name)
{
	struct played_miner *miner = &play.miners[play.count++];
	(void)snprintf(miner->id, sizeof miner->id, "%s", id);
	(void)snprintf(miner->name, sizeof miner->name, "%s", name);
	miner->share = 1.05;
	miner->uptime_s = 86400;
	return miner;
}

static void put_three(void)
{
	put("alpha-1", "Alpha-1");
	put("beta-2", "Beta-2");
	put("gamma-3", "Gamma-3");
}

static void pass(int64_t ms)
{
	bx_fixture_advance(fixture, ms);
}

static void start_health(const char *config)
{
	bx_fixture_start(fixture, &bx_service_spec, config);
}

static void start_collector(void)
{
	bx_fixture_start(fixture, &collector_spec, "CLOCK_WAIT=0");
}

/* Both, and time for the first judgement. */
static void start_all(void)
{
	start_collector();
	start_health("");
	pass(20 * SECOND_MS);
}

static const char *said(const char *topic)
{
	const char *found = bx_fixture_heard(fixture, topic);
	return found ? found : "nothing";
}

static void expect(const char *topic, const char *part)
{
	if (!strstr(said(topic), part))
		fail_msg("%s: no %s in %s", topic, part, said(topic));
}

static void expect_sentence(const char *sentence)
{
	char part[300];
	(void)snprintf(part, sizeof part, "\"sentence\":\"%s\"", sentence);
	expect("health/summary", part);
}

/* Messages health has said since the start of the test. */
static size_t said_count(void)
{
	return bx_fixture_count(fixture, "health/summary") +
		bx_fixture_count(fixture, "health/check/host/home") +
		bx_fixture_count(fixture, "health/check/miner/alpha-1") +
		bx_fixture_count(fixture, "health/check/miner/beta-2") +
		bx_fixture_count(fixture, "health/check/miner/gamma-3");
}

/* --- promises --- */

static void says_nothing_is_known_before_it_is(void **state)
{
	(void)state;
	put_three();
	start_health("");
	expect_sentence("Nothing is known yet.");
	start_collector();
	pass(14 * SECOND_MS);
	expect_sentence("Nothing is known yet.");
	assert_int_equal(bx_fixture_count(fixture, "health/summary"), 1);
	assert_int_equal(bx_memory_retained(bx_fixture_broker(fixture), "bitaxe/home/health/check/#"), 0);
	expect("reply/none", "nothing");
	assert_non_null(
		strstr(bx_fixture_ask(fixture, "health", "check", "{}"), "\"overall_status\":\"UNKNOWN\""));
	pass(2 * SECOND_MS);
	expect_sentence("All 3 miners earn: 6.30 TH/s, 105 W.");
	expect("health/summary", "\"overall_status\":\"OK\"");
	expect("health/check/miner/gamma-3", "\"status\":\"OK\",\"since\":\"2026-01-01T00:00:");
	expect("health/check/host/home", "\"sentence\":\"The box is well.\"");
}

static void knows_that_no_miner_is_registered(void **state)
{
	(void)state;
	start_all();
	expect_sentence("No miner is registered yet; add one: bxctl miner add ADDRESS.");
	expect("health/summary", "\"overall_status\":\"OK\"");
	say_entry(put("gamma-3", "Gamma-3"));
	pass(SECOND_MS);
	expect_sentence("Nothing is known of Gamma-3.");
	pass(15 * SECOND_MS);
	expect_sentence("Gamma-3 earns: 2.10 TH/s, 35.0 W.");
}

static void tells_of_a_silent_miner_within_60_s(void **state)
{
	(void)state;
	put_three();
	start_all();
	pass(HOUR_MS);
	play.miners[2].is_silent = true;
	pass(MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"WARNING\"");
	expect_sentence("Gamma-3 does not answer since 01:01; 2 of 3 miners earn.");
	expect("health/check/miner/gamma-3",
		"\"sentence\":\"Gamma-3 does not answer since 01:01; check plug and Wi-Fi.\"");
	expect("event/miner/gamma-3", "\"type\":\"check.changed\"");
	expect("event/miner/gamma-3", "\"from\":\"OK\",\"to\":\"WARNING\"");
	assert_int_equal(bx_fixture_count(fixture, "event/miner/gamma-3"), 1);
	pass(9 * MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"WARNING\"");
	pass(MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"CRITICAL\"");
	expect_sentence("Gamma-3 does not answer since 01:01; 2 of 3 miners earn.");
	assert_int_equal(bx_fixture_count(fixture, "event/miner/gamma-3"), 2);
	play.miners[2].is_silent = false;
	pass(20 * SECOND_MS);
	expect_sentence("All 3 miners earn: 6.30 TH/s, 105 W.");
	expect("event/miner/gamma-3", "\"from\":\"CRITICAL\",\"to\":\"OK\"");
}

static void tells_of_a_miner_that_earns_too_little_after_15_min(void **state)
{
	(void)state;
	put_three();
	start_all();
	play.miners[0].share = 0.85;
	pass(14 * MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"OK\"");
	pass(2 * MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"WARNING\"");
	expect_sentence("Alpha-1 earns 85 % of what it should since 00:00; 2 of 3 miners earn.");
	expect("health/check/miner/alpha-1",
		"\"rule\":\"earns\",\"status\":\"WARNING\",\"value\":85,\"warning\":90,\"critical\":70");
	play.miners[0].share = 0.5;
	pass(16 * MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"CRITICAL\"");
	play.miners[0].uptime_s = 60; /* somebody restarted it: not mended yet */
	play.miners[0].share = 1;
	pass(5 * MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"CRITICAL\"");
	play.miners[0].uptime_s = 1000;
	pass(2 * MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"OK\"");
}

static void tells_of_the_box(void **state)
{
	(void)state;
	put_three();
	start_all();
	play.cpu = 97;
	pass(5 * MINUTE_MS - 30 * SECOND_MS);
	expect("health/summary", "\"overall_status\":\"OK\"");
	pass(MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"CRITICAL\"");
	expect_sentence("CPU at 97 % for 5 min; all 3 miners earn.");
	expect("health/check/host/home",
		"\"rule\":\"cpu\",\"status\":\"CRITICAL\",\"value\":97,\"warning\":80,\"critical\":95,");
	play.cpu = 12;
	pass(2 * MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"OK\"");
}

static void takes_its_thresholds_from_the_configuration(void **state)
{
	(void)state;
	start_collector();
	start_health("DISK_WARNING_THRESHOLD=50\nDISK_CRITICAL_THRESHOLD=60");
	pass(20 * SECOND_MS);
	expect_sentence("The disk is 56 % full; no miner is registered yet.");
	expect("health/summary", "\"overall_status\":\"WARNING\"");
	expect("health/summary",
		"\"worst\":[{\"target\":\"host/home\",\"status\":\"WARNING\",\"sentence\":\"The disk is 56 % full; make room");
}

static void says_the_same_after_its_own_death(void **state)
{
	(void)state;
	char summary[2000], check[2000];
	put_three();
	start_all();
	play.miners[2].is_silent = true;
	pass(12 * MINUTE_MS);
	(void)snprintf(summary, sizeof summary, "%s", said("health/summary"));
	(void)snprintf(check, sizeof check, "%s", said("health/check/miner/gamma-3"));
	assert_non_null(strstr(summary, "CRITICAL"));
	size_t events = bx_fixture_count(fixture, "event/miner/gamma-3");
	bx_fixture_kill(fixture, "health");
	pass(2 * HOUR_MS);
	start_health("");
	for (int i = 0; i < 120; i++) {
		pass(SECOND_MS);
		assert_string_equal(said("health/summary"), summary);
		assert_string_equal(said("health/check/miner/gamma-3"), check);
	}
	assert_int_equal(bx_fixture_count(fixture, "event/miner/gamma-3"), events);
}

static void ends_what_an_earlier_run_judged_and_is_no_more(void **state)
{
	(void)state;
	put_three();
	start_all();
	bx_fixture_kill(fixture, "health");
	play.miners[1].is_removed = true;
	bx_state_end(play.service->bus, BX_MINER_CONFIG, "beta-2");
	start_health("");
	pass(20 * SECOND_MS);
	assert_int_equal(
		bx_memory_retained(bx_fixture_broker(fixture), "bitaxe/home/health/check/miner/#"), 2);
	expect_sentence("All 2 miners earn: 6.30 TH/s, 105 W.");
}

static void says_when_the_collector_is_gone_and_bears_a_reload(void **state)
{
	(void)state;
	put_three();
	start_all();
	pass(10 * MINUTE_MS);
	size_t before = said_count();
	bx_fixture_kill(fixture, "collector");
	pass(20 * SECOND_MS);
	start_collector(); /* as a reload would */
	pass(MINUTE_MS);
	assert_int_equal(said_count(), before);

	bx_fixture_kill(fixture, "collector");
	pass(31 * SECOND_MS);
	expect_sentence("The collector does not run; nothing is known of the miners since 00:11.");
	expect("health/summary", "\"overall_status\":\"UNKNOWN\"");
	expect("health/check/miner/gamma-3",
		"\"sentence\":\"The collector does not run; nothing is known of Gamma-3 since 00:11.\"");
	pass(HOUR_MS);
	bx_fixture_kill(fixture, "health");
	start_health("");
	pass(2 * MINUTE_MS);
	expect_sentence("The collector does not run; nothing is known of the miners since 00:11.");
	start_collector();
	pass(SECOND_MS);
	expect("health/summary", "\"overall_status\":\"UNKNOWN\"");
	pass(16 * SECOND_MS);
	expect_sentence("All 3 miners earn: 6.30 TH/s, 105 W.");
	assert_int_equal(bx_fixture_count(fixture, "event/miner/gamma-3"), 0); /* nothing happened to it */
}

static void says_when_nothing_new_comes_though_the_collector_runs(void **state)
{
	(void)state;
	put_three();
	start_all();
	play.says_nothing = true;
	pass(50 * SECOND_MS);
	expect("health/summary", "\"overall_status\":\"OK\"");
	pass(20 * SECOND_MS);
	expect("health/summary", "\"overall_status\":\"UNKNOWN\"");
	expect("health/check/miner/gamma-3",
		"\"sentence\":\"Nothing is heard of Gamma-3 since 00:00, though the collector runs.\"");
	expect("event/miner/gamma-3", "\"to\":\"UNKNOWN\"");
}

static void a_collector_whose_stats_are_old_does_not_run(void **state)
{
	(void)state;
	put_three();
	start_all();
	bx_memory_die(bx_fixture_broker(
		fixture)); /* both die with the broker: nobody says offline for the collector */
	bx_fixture_kill(fixture, "collector");
	bx_memory_live(bx_fixture_broker(fixture));
	pass(2 * MINUTE_MS);
	expect("health/summary", "\"sentence\":\"Nothing is known of 3 miners.\"");
	pass(3 * MINUTE_MS);
	expect_sentence("The collector does not run; nothing is known of the miners since 00:00.");
}

static void a_healthy_fleet_costs_no_message(void **state)
{
	(void)state;
	put_three();
	play.noise = 0.04;
	start_all();
	pass(5 * MINUTE_MS);
	size_t before = said_count();
	pass(6 * HOUR_MS);
	size_t more = said_count() - before;
	if (more > 12) /* the figures of the sentence, when they are 5 % off */
		fail_msg("%zu messages in 6 h", more);
}

static void a_month_of_noise_raises_nothing(void **state)
{
	(void)state;
	put_three();
	play.noise = 0.12; /* over the limits again and again, but never for long */
	play.cpu = 60;
	play.peaks = true;
	for (size_t i = 0; i < play.count; i++)
		play.miners[i].share = 1;
	bx_fixture_start(fixture, &collector_spec, SMALL "MINER_POLL_INTERVAL=120");
	start_health(SMALL "MINER_POLL_INTERVAL=120");
	pass(10 * MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"OK\"");
	for (int hour = 0; hour < 30 * 24; hour++) {
		pass(HOUR_MS);
		expect("health/summary", "\"overall_status\":\"OK\"");
	}
	assert_int_equal(bx_fixture_count(fixture, "event/host/home"), 0);
	assert_int_equal(bx_fixture_count(fixture, "event/miner/gamma-3"), 0);
}

static void steps_of_the_clock_change_nothing(void **state)
{
	(void)state;
	static const int64_t steps_ms[] = { HOUR_MS, -3 * HOUR_MS, 400LL * 24 * HOUR_MS,
		-800LL * 24 * HOUR_MS };
	put_three();
	start_all();
	play.miners[2].is_silent = true;
	pass(11 * MINUTE_MS);
	expect_sentence("Gamma-3 does not answer since 00:01; 2 of 3 miners earn.");
	size_t events = bx_fixture_count(fixture, "event/miner/gamma-3");
	for (size_t i = 0; i < BX_COUNT(steps_ms); i++) {
		bx_fixture_step_wall(fixture, steps_ms[i]);
		for (int second = 0; second < 240; second++) {
			pass(SECOND_MS);
			expect("health/summary", "\"overall_status\":\"CRITICAL\"");
			expect("health/summary", "2 of 3 miners earn.");
			expect("health/check/miner/alpha-1", "\"status\":\"OK\"");
		}
	}
	assert_int_equal(bx_fixture_count(fixture, "event/miner/gamma-3"), events);
}

static void says_no_time_while_the_clock_is_not_to_be_trusted(void **state)
{
	(void)state;
	put_three();
	bx_fixture_synchronise(fixture, false);
	start_collector();
	start_health("CLOCK_WAIT=600");
	play.miners[2].is_silent = true;
	pass(5 * MINUTE_MS);
	expect_sentence("Gamma-3 does not answer; 2 of 3 miners earn.");
	bx_fixture_synchronise(fixture, true);
	pass(90 * SECOND_MS);
	expect_sentence("Gamma-3 does not answer since 00:00; 2 of 3 miners earn.");
}

static void garbage_changes_nothing(void **state)
{
	(void)state;
	static const char *const topics[] = { "miner/gamma-3/config", "miner/gamma-3/availability",
		"miner/gamma-3/telemetry", "host/telemetry", "fleet/telemetry",
		"service/collector/availability", "service/collector/stats", "health/check/miner/gamma-3",
		"health/summary", "miner/nobody/telemetry", "miner/nobody/availability" };
	static const char *const bodies[] = { "{", "null", "[]", "\"online\"", "{\"hashrate_10m\":\"much\"",
		"\xff\xfe{\"a\":1}", "{\"time\":12}", "{\"a\":1}trailing" };
	put_three();
	start_all();
	pass(MINUTE_MS);
	char *huge = bx_alloc(400 * 1024, 1);
	memset(huge, '[', 400 * 1024 - 1);
	size_t own = bx_fixture_count(fixture, "health/summary");
	play.says_nothing = true; /* only garbage for a while */
	for (size_t topic = 0; topic < BX_COUNT(topics); topic++) {
		bool is_own = strncmp(topics[topic], "health/", 7) == 0;
		for (size_t body = 0; body < BX_COUNT(bodies); body++)
			bx_fixture_say(fixture, topics[topic], bodies[body]);
		bx_fixture_say_bytes(fixture, topics[topic], huge, 400 * 1024);
		bx_fixture_say_bytes(fixture, topics[topic], "\0\0\0", 3);
		own += is_own && strcmp(topics[topic], "health/summary") == 0 ? BX_COUNT(bodies) + 2 : 0;
	}
	free(huge);
	pass(20 * SECOND_MS);
	assert_int_equal(bx_fixture_count(fixture, "health/summary"), own);
	play.says_nothing = false;
	const char *answer = bx_fixture_ask(fixture, "health", "check", "{}");
	assert_non_null(strstr(answer, "All 3 miners earn"));
	/* wrong types and impossible values cost that value alone */
	bx_fixture_say(fixture, "miner/gamma-3/telemetry",
		"{\"hashrate_10m\":\"1\",\"hashrate_expected\":-5,\"uptime\":1e400}");
	bx_fixture_say(fixture, "host/telemetry",
		"{\"cpu_usage\":[],\"memory_usage\":true,\"disk_usage\":{},\"x\":1}");
	assert_non_null(strstr(bx_fixture_ask(fixture, "health", "check", "{}"), "All 3 miners earn"));
	pass(5 * MINUTE_MS);
	expect("health/check/host/home", "\"status\":\"OK\"");
}

static void judges_a_thousand_miners(void **state)
{
	(void)state;
	for (int i = 0; i < MINERS_MAX; i++) {
		char id[24];
		(void)snprintf(id, sizeof id, "m-%d", i);
		put(id, id);
	}
	start_all();
	expect("health/summary", "All 1000 miners earn: 2.10 PH/s, 35.0 kW.");
	for (int i = 0; i < MINERS_MAX; i += 2)
		play.miners[i].is_silent = true;
	size_t before = bx_fixture_count(fixture, "health/summary");
	pass(70 * SECOND_MS);
	expect_sentence("500 of 1000 miners do not answer, the first since 00:01; 500 of 1000 miners earn.");
	expect("health/summary", "\"ok\":501,\"warning\":500,\"critical\":0");
	assert_in_range(bx_fixture_count(fixture, "health/summary") - before, 1, 4);
}

static void a_disabled_or_removed_miner_is_not_judged(void **state)
{
	(void)state;
	put_three();
	start_all();
	play.miners[0].is_disabled = true;
	say_entry(&play.miners[0]);
	pass(SECOND_MS);
	expect_sentence("All 2 miners earn: 6.30 TH/s, 105 W.");
	play.miners[1].is_removed = true;
	bx_state_end(play.service->bus, BX_MINER_CONFIG, "beta-2");
	pass(SECOND_MS);
	expect("health/summary", "Gamma-3 earns");
	assert_int_equal(
		bx_memory_retained(bx_fixture_broker(fixture), "bitaxe/home/health/check/miner/#"), 1);
	play.miners[0].is_silent = play.miners[1].is_silent = true;
	pass(20 * MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"OK\"");
	play.miners[2].is_disabled = true;
	say_entry(&play.miners[2]);
	pass(SECOND_MS);
	expect_sentence("No miner is enabled; nothing is judged but the box.");
}

static void answers_the_command(void **state)
{
	(void)state;
	put_three();
	start_all();
	assert_string_equal(bx_fixture_ask(fixture, "health", "check", "{}"),
		"{\"ok\":true,\"result\":{\"overall_status\":\"OK\",\"sentence\":\"All 3 miners earn: 6.30 TH/s, 105 W.\"}}");
	assert_string_equal(bx_fixture_ask(fixture, "health", "check", "{\"target\":\"miner/gamma-3\"}"),
		"{\"ok\":true,\"result\":{\"target\":\"miner/gamma-3\",\"status\":\"OK\",\"sentence\":\"Gamma-3 earns.\"}}");
	const char *refused = bx_fixture_ask(fixture, "health", "check", "{\"target\":\"miner/nobody\"}");
	assert_non_null(strstr(refused, "\"ok\":false"));
	assert_non_null(strstr(refused, "\"missing\""));
}

static void says_that_it_is_switched_off(void **state)
{
	(void)state;
	put_three();
	start_collector();
	start_health("HEALTH_CHECK_ENABLED=false");
	pass(HOUR_MS);
	expect_sentence("Health checks are switched off (HEALTH_CHECK_ENABLED=false).");
	expect("health/summary", "\"overall_status\":\"UNKNOWN\"");
	assert_int_equal(bx_memory_retained(bx_fixture_broker(fixture), "bitaxe/home/health/check/#"), 0);
	assert_non_null(strstr(bx_fixture_ask(fixture, "health", "check", "{}"), "switched off"));
}

static void does_not_judge_a_box_that_is_not_watched(void **state)
{
	(void)state;
	put_three();
	start_collector();
	start_health("SYSTEM_MONITORING_ENABLED=false");
	play.cpu = 99;
	pass(20 * MINUTE_MS);
	expect("health/summary", "\"overall_status\":\"OK\"");
	expect("health/check/host/home", "nothing");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	const struct CMUnitTest tests[] = {
		TEST(says_nothing_is_known_before_it_is),
		TEST(knows_that_no_miner_is_registered),
		TEST(tells_of_a_silent_miner_within_60_s),
		TEST(tells_of_a_miner_that_earns_too_little_after_15_min),
		TEST(tells_of_the_box),
		TEST(takes_its_thresholds_from_the_configuration),
		TEST(says_the_same_after_its_own_death),
		TEST(ends_what_an_earlier_run_judged_and_is_no_more),
		TEST(says_when_the_collector_is_gone_and_bears_a_reload),
		TEST(says_when_nothing_new_comes_though_the_collector_runs),
		TEST(a_collector_whose_stats_are_old_does_not_run),
		TEST(a_healthy_fleet_costs_no_message),
		TEST(a_month_of_noise_raises_nothing),
		TEST(steps_of_the_clock_change_nothing),
		TEST(says_no_time_while_the_clock_is_not_to_be_trusted),
		TEST(garbage_changes_nothing),
		TEST(judges_a_thousand_miners),
		TEST(a_disabled_or_removed_miner_is_not_judged),
		TEST(answers_the_command),
		TEST(says_that_it_is_switched_off),
		TEST(does_not_judge_a_box_that_is_not_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
