/* A service from open to close: what it says of itself, and that it ends in order, whatever it does. */
#define _GNU_SOURCE
#include "libbus/run/life.h"

#include "libbus/base/log.h"
#include "libbus/test/clock.h"
#include "libbus/test/fixture.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What the service under test did, and is to do. One a process, as services are: its functions get zeroed state. */
static struct {
	unsigned opened, closed, jobs, recalled, heard;
	bool open_fails, finish_hangs;
	void (*finished)(void *arg);
	void *finished_arg;
	struct bx_service *service;
} did;

struct state {
	int mark;
};

static bool test_open(void *state, struct bx_service *service, struct bx_error *error)
{
	did.opened++;
	did.service = service;
	((struct state *)state)->mark = 7;
	return !did.open_fails || bx_fail(error, BX_FAILED, "no coffee");
}

static void test_close(void *state)
{
	assert_int_equal(((struct state *)state)->mark, 7);
	did.closed++;
}

static void test_finish(void *state, void (*finished)(void *arg), void *arg)
{
	(void)state;
	did.finished = finished;
	did.finished_arg = arg;
	if (!did.finish_hangs)
		finished(arg);
}

static void test_job(void *state)
{
	(void)state;
	did.jobs++;
}

static void recall_one(void *state, const struct bx_message *message)
{
	(void)state, (void)message;
	did.recalled++;
	assert_int_equal(did.heard, 0); /* before the bus opens */
}

static void hear_one(void *state, const struct bx_message *message)
{
	(void)state, (void)message;
	did.heard++;
}

/* A name without verbs of its own, so that its table of commands is empty. */
static const struct bx_listen recall[] = { { BX_ALERT, recall_one }, { 0 } };
static const struct bx_listen listen[] = { { BX_MINER_AVAILABILITY, hear_one }, { 0 } };
static const struct bx_job jobs[] = { { BX_KEY_METRICS_COLLECTION_INTERVAL, test_job }, { 0 } };
static const struct bx_spec spec = { .name = "tester",
	.state_size = sizeof(struct state),
	.recall = recall,
	.listen = listen,
	.jobs = jobs,
	.open = test_open,
	.close = test_close };
static const struct bx_spec finishing_spec = { .name = "tester",
	.state_size = sizeof(struct state),
	.open = test_open,
	.finish = test_finish,
	.close = test_close };
static const struct bx_spec incomplete_spec = { .name = "collector", /* without its verbs */
	.state_size = sizeof(struct state),
	.open = test_open,
	.close = test_close };

struct scene {
	struct bx_test_clock clock;
	struct bx_loop *loop;
	struct bx_memory *broker;
	struct bx_config *config;
	struct bx_life *life;
	char folder[64];
	unsigned ended, handed_over, reloads;
	int64_t handed_over_ms;
};

static void pass(struct scene *scene, int64_t ms)
{
	bx_test_pass(&scene->clock, scene->loop, ms);
}

static int set_up(void **state)
{
	struct scene *scene = bx_alloc(1, sizeof *scene);
	struct bx_text problems;
	memset(&did, 0, sizeof did);
	bx_test_clock_init(&scene->clock);
	scene->loop = bx_loop_new_simulated(&scene->clock.clock);
	scene->broker = bx_memory_new(1);
	bx_text_init(&problems, 4096);
	static const char text[] = "METRICS_COLLECTION_INTERVAL=60\nSTORAGE_COMMIT_INTERVAL=300\n";
	scene->config = bx_config_parse("", text, strlen(text), &problems);
	bx_text_done(&problems);
	(void)snprintf(scene->folder, sizeof scene->folder, "/tmp/bx-life-XXXXXX");
	bx_log_to("test", BX_ERROR + 1);
	*state = scene;
	return mkdtemp(scene->folder) && scene->config ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *seen, int type, struct FTW *where)
{
	(void)seen, (void)type, (void)where;
	return remove(path);
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	bx_life_free(scene->life);
	bx_memory_free(scene->broker);
	bx_loop_free(scene->loop);
	bx_config_free(scene->config);
	(void)nftw(scene->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(scene);
	return did.opened == did.closed ? 0 : -1;
}

static void on_reload(void *arg)
{
	((struct scene *)arg)->reloads++;
}

static bool begin(struct scene *scene, const struct bx_spec *what, struct bx_error *error)
{
	struct bx_life_options options = { .spec = what,
		.loop = scene->loop,
		.config = scene->config,
		.link = bx_memory_join(scene->broker, scene->loop),
		.folder = scene->folder,
		.session = 0xabc,
		.reload = on_reload,
		.reload_arg = scene };
	scene->life = bx_life_begin(&options, error);
	pass(scene, 0);
	return scene->life != NULL;
}

static void must_begin(struct scene *scene, const struct bx_spec *what)
{
	struct bx_error error = { 0 };
	if (!begin(scene, what, &error))
		fail_msg("%s", error.message);
}

static void on_ended(void *arg)
{
	((struct scene *)arg)->ended++;
}

static void on_handed_over(void *arg)
{
	struct scene *scene = arg;
	scene->handed_over++;
	scene->handed_over_ms = scene->clock.mono.ms;
}

static const char *said(const struct scene *scene, const char *topic)
{
	char whole[BX_TOPIC_SIZE];
	(void)snprintf(whole, sizeof whole, "bitaxe/home/%s", topic);
	const char *bytes = bx_memory_newest(scene->broker, whole, NULL);
	return bytes ? bytes : "";
}

static void say(struct scene *scene, const char *topic, const char *bytes, const char *response)
{
	char whole[BX_TOPIC_SIZE];
	(void)snprintf(whole, sizeof whole, "bitaxe/home/%s", topic);
	struct bx_packet packet = {
		.topic = whole, .bytes = bytes, .size = strlen(bytes), .qos = 1, .response_topic = response
	};
	bx_memory_say(scene->broker, &packet);
	pass(scene, 0);
}

static const char *ask(struct scene *scene, const char *verb, const char *arguments)
{
	char topic[BX_TOPIC_SIZE];
	(void)snprintf(topic, sizeof topic, "cmd/tester/%s", verb);
	say(scene, topic, arguments, "bitaxe/home/reply/test/x");
	return said(scene, "reply/test/x");
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static void a_service_says_who_it_is(void **state)
{
	struct scene *scene = *state;
	must_begin(scene, &spec);
	assert_string_equal(said(scene, "service/tester/availability"), "online");
	assert_has(said(scene, "service/tester/info"), "\"started\":\"2026-01-01T00:00:00.000Z\"");
	assert_has(said(scene, "service/tester/info"), "\"pid\":");
	assert_has(said(scene, "service/tester/stats"), "\"rss\":");
	assert_null(strstr(said(scene, "service/tester/stats"), "\"cpu\":")); /* of no time yet */
	size_t before, after;
	bx_memory_newest(scene->broker, "bitaxe/home/service/tester/stats", &before);
	pass(scene, 600000);
	bx_memory_newest(scene->broker, "bitaxe/home/service/tester/stats", &after);
	assert_int_equal(after - before, 10); /* once a minute */
	assert_has(said(scene, "service/tester/stats"), "\"cpu\":");
	assert_has(said(scene, "service/tester/stats"), "\"queue\":");
}

static void jobs_run_from_the_start_and_every_interval(void **state)
{
	struct scene *scene = *state;
	must_begin(scene, &spec);
	assert_int_equal(did.jobs, 1);
	pass(scene, 3600000);
	assert_int_equal(did.jobs, 61);
}

static void own_state_comes_back_before_the_bus_opens(void **state)
{
	struct scene *scene = *state;
	struct bx_packet packet = { .topic = "bitaxe/home/miner/a/availability",
		.bytes = "online",
		.size = 6,
		.qos = 1,
		.retain = true };
	bx_memory_say(scene->broker, &packet);
	must_begin(scene, &spec);
	bx_state(did.service->bus, BX_ALERT, "a", "{\"n\":1}");
	bx_state(did.service->bus, BX_ALERT, "b", "{\"n\":2}");
	bx_life_free(scene->life); /* kill -9 */
	did.heard = 0;
	must_begin(scene, &spec);
	assert_int_equal(did.recalled, 2);
	assert_int_equal(did.heard, 1);
}

static void a_service_that_cannot_open_is_closed_and_its_reason_kept(void **state)
{
	struct scene *scene = *state;
	struct bx_error error = { 0 };
	did.open_fails = true;
	for (unsigned i = 1; i <= 2; i++) { /* twice, as systemd would */
		assert_false(begin(scene, &spec, &error));
		assert_string_equal(error.message, "no coffee");
		assert_int_equal(did.opened, i);
		assert_int_equal(did.closed, i);
		pass(scene, 60000);
		assert_string_equal(said(scene, "service/tester/availability"), "");
	}
	did.open_fails = false;
	must_begin(scene, &spec);
	assert_string_equal(said(scene, "service/tester/availability"), "online");
}

static void a_service_without_its_verbs_is_not_opened(void **state)
{
	struct scene *scene = *state;
	struct bx_error error = { 0 };
	assert_false(begin(scene, &incomplete_spec, &error));
	assert_has(error.message, "miner-add");
	assert_int_equal(did.opened, 0);
	assert_int_equal(did.closed, 0);
}

static void ending_says_offline_and_stops_the_jobs(void **state)
{
	struct scene *scene = *state;
	must_begin(scene, &spec);
	bx_life_end(scene->life, on_ended, scene);
	assert_int_equal(scene->ended, 0); /* never within the call */
	pass(scene, 1000);
	assert_int_equal(scene->ended, 1);
	assert_string_equal(said(scene, "service/tester/availability"), "offline");
	assert_int_equal(did.closed, 0); /* with the life */
	unsigned ran = did.jobs;
	pass(scene, 600000);
	assert_int_equal(did.jobs, ran);
	assert_int_equal(scene->ended, 1);
	bx_life_free(scene->life);
	scene->life = NULL;
	assert_int_equal(did.closed, 1);
}

static void ending_without_a_broker_takes_no_longer(void **state)
{
	struct scene *scene = *state;
	bx_memory_die(scene->broker);
	must_begin(scene, &spec);
	pass(scene, 10000);
	bx_life_end(scene->life, on_ended, scene);
	pass(scene, 1000);
	assert_int_equal(scene->ended, 1);
}

static void a_killed_one_is_told_offline_by_the_broker(void **state)
{
	struct scene *scene = *state;
	must_begin(scene, &spec);
	bx_life_free(scene->life);
	scene->life = NULL;
	assert_string_equal(said(scene, "service/tester/availability"), "offline");
	assert_int_equal(scene->ended, 0);
}

static void ending_waits_for_finish(void **state)
{
	struct scene *scene = *state;
	did.finish_hangs = true;
	must_begin(scene, &finishing_spec);
	bx_life_end(scene->life, on_ended, scene);
	pass(scene, 9000);
	assert_int_equal(scene->ended, 0);
	assert_string_equal(said(scene, "service/tester/availability"), "online"); /* it works on */
	assert_has(ask(scene, "ping", ""), "\"code\":\"busy\""); /* but takes no new calls */
	did.finished(did.finished_arg);
	pass(scene, 1000);
	assert_int_equal(scene->ended, 1);
	assert_string_equal(said(scene, "service/tester/availability"), "offline");
}

static void a_finish_that_never_comes_is_waited_for_ten_seconds(void **state)
{
	struct scene *scene = *state;
	did.finish_hangs = true;
	must_begin(scene, &finishing_spec);
	bx_life_end(scene->life, on_ended, scene);
	pass(scene, 9999);
	assert_int_equal(scene->ended, 0);
	pass(scene, 1001);
	assert_int_equal(scene->ended, 1);
	did.finished(did.finished_arg); /* at last, and nobody waits */
	pass(scene, 20000);
	assert_int_equal(scene->ended, 1);
}

static void a_finish_at_once_is_fine(void **state)
{
	struct scene *scene = *state;
	must_begin(scene, &finishing_spec);
	bx_life_end(scene->life, on_ended, scene);
	pass(scene, 1000);
	assert_int_equal(scene->ended, 1);
}

/* --- handing over --- */

static void handing_over_nothing_is_done_soon(void **state)
{
	struct scene *scene = *state;
	must_begin(scene, &finishing_spec);
	say(scene, "recorded/tester", "{\"session\":\"0000000000000abc\",\"ranges\":[[1,99]]}", NULL);
	int64_t before_ms = scene->clock.mono.ms;
	bx_life_hand_over(scene->life, 5000, on_handed_over, scene);
	assert_int_equal(scene->handed_over, 0);
	pass(scene, 5000);
	assert_int_equal(scene->handed_over, 1);
	assert_int_equal(scene->handed_over_ms, before_ms);
	assert_string_equal(said(scene, "cmd/storage/commit"), ""); /* nobody is bothered */
}

static void handing_over_asks_storage_and_waits_for_what_counts(void **state)
{
	struct scene *scene = *state;
	must_begin(scene, &finishing_spec); /* its stats are a record */
	bx_life_hand_over(scene->life, 5000, on_handed_over, scene);
	bx_life_hand_over(scene->life, 5000, on_handed_over, scene); /* is under way */
	pass(scene, 0);
	assert_string_equal(said(scene, "cmd/storage/commit"), "{}");
	pass(scene, 1000);
	assert_int_equal(scene->handed_over, 0);
	say(scene, "recorded/tester", "{\"session\":\"0000000000000abc\",\"ranges\":[[1,1]]}", NULL);
	pass(scene, 100);
	assert_int_equal(scene->handed_over, 1);
	pass(scene, 10000);
	assert_int_equal(scene->handed_over, 1);
}

static void handing_over_without_storage_ends_all_the_same(void **state)
{
	struct scene *scene = *state;
	must_begin(scene, &finishing_spec);
	int64_t before_ms = scene->clock.mono.ms;
	bx_life_hand_over(scene->life, 5000, on_handed_over, scene);
	pass(scene, 4900);
	assert_int_equal(scene->handed_over, 0);
	pass(scene, 5000);
	assert_int_equal(scene->handed_over, 1);
	assert_in_range(scene->handed_over_ms - before_ms, 5000, 5100);
}

static void a_life_that_ends_while_it_hands_over_calls_back_no_more(void **state)
{
	struct scene *scene = *state;
	must_begin(scene, &finishing_spec);
	bx_life_hand_over(scene->life, 5000, on_handed_over, scene);
	bx_life_free(scene->life);
	scene->life = NULL;
	pass(scene, 10000);
	assert_int_equal(scene->handed_over, 0);
}

/* --- the commands of every service --- */

static void answers_a_ping(void **state)
{
	struct scene *scene = *state;
	must_begin(scene, &spec);
	assert_has(ask(scene, "ping", ""), "\"ok\":true");
	assert_has(said(scene, "reply/test/x"), "\"version\":\"" BX_VERSION "\"");
}

static void changes_its_log_level(void **state)
{
	struct scene *scene = *state;
	must_begin(scene, &spec);
	assert_has(ask(scene, "log-level", "{\"level\":\"loud\"}"), "\"code\":\"invalid\"");
	assert_has(ask(scene, "log-level", "{}"), "needs 'level'");
	assert_has(ask(scene, "log-level", "{\"level\":\"error\"}"), "\"ok\":true");
	bx_log_to("test", BX_ERROR + 1);
}

static void reloads_only_what_can_be_read(void **state)
{
	struct scene *scene = *state;
	char path[128];
	(void)snprintf(path, sizeof path, "%s/monitoring.conf", scene->folder);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	(void)fputs("SITE=home\n", file);
	(void)fclose(file);
	struct bx_text problems;
	bx_text_init(&problems, 4096);
	bx_config_free(scene->config);
	scene->config = bx_config_read(path, &problems);
	bx_text_done(&problems);
	must_begin(scene, &spec);

	file = fopen(path, "we");
	assert_non_null(file);
	(void)fputs("SITE=home\nNONSENSE=1\n", file);
	(void)fclose(file);
	assert_has(ask(scene, "reload", ""), "NONSENSE");
	assert_has(said(scene, "reply/test/x"), "\"ok\":false");
	assert_int_equal(scene->reloads, 0);

	file = fopen(path, "we");
	assert_non_null(file);
	(void)fputs("SITE=home\n", file);
	(void)fclose(file);
	assert_has(ask(scene, "reload", ""), "\"ok\":true");
	assert_int_equal(scene->reloads, 1);
}

static void warnings_are_said_on_the_bus_and_lesser_ones_not(void **state)
{
	struct scene *scene = *state;
	must_begin(scene, &spec);
	bx_log(BX_INFO, "nothing much");
	pass(scene, 0);
	assert_string_equal(said(scene, "service/tester/log"), "");
	bx_log(BX_WARNING, "look when you can", BX_F("miner", "a b"));
	pass(scene, 0);
	assert_has(said(scene, "service/tester/log"), "\"level\":\"warning\"");
	assert_has(said(scene, "service/tester/log"), "look when you can");
	assert_has(said(scene, "service/tester/log"), "miner=\\\"a b\\\"");
	bx_life_free(scene->life);
	scene->life = NULL;
	bx_log(BX_WARNING, "nobody is there any more"); /* and nothing is touched */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_service_says_who_it_is),
		TEST(jobs_run_from_the_start_and_every_interval),
		TEST(own_state_comes_back_before_the_bus_opens),
		TEST(a_service_that_cannot_open_is_closed_and_its_reason_kept),
		TEST(a_service_without_its_verbs_is_not_opened),
		TEST(ending_says_offline_and_stops_the_jobs),
		TEST(ending_without_a_broker_takes_no_longer),
		TEST(a_killed_one_is_told_offline_by_the_broker),
		TEST(ending_waits_for_finish),
		TEST(a_finish_that_never_comes_is_waited_for_ten_seconds),
		TEST(a_finish_at_once_is_fine),
		TEST(handing_over_nothing_is_done_soon),
		TEST(handing_over_asks_storage_and_waits_for_what_counts),
		TEST(handing_over_without_storage_ends_all_the_same),
		TEST(a_life_that_ends_while_it_hands_over_calls_back_no_more),
		TEST(answers_a_ping),
		TEST(changes_its_log_level),
		TEST(reloads_only_what_can_be_read),
		TEST(warnings_are_said_on_the_bus_and_lesser_ones_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
