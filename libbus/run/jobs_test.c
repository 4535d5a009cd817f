#include "libbus/run/jobs.h"
#include "libbus/test/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Two jobs under a clock that the test moves, and the seconds in which they ran. */
struct scene {
	struct bx_test_clock clock;
	struct bx_loop *loop;
	struct bx_config *config;
	struct bx_jobs *jobs;
	struct bx_text polls, metrics;
};

static void job_poll(void *arg)
{
	struct scene *scene = arg;
	bx_text_print(&scene->polls, "%g ", (double)scene->clock.mono.ms / 1000);
}

static void job_metrics(void *arg)
{
	struct scene *scene = arg;
	bx_text_print(&scene->metrics, "%g ", (double)scene->clock.mono.ms / 1000);
}

static const struct bx_job both[] = { { BX_KEY_MINER_POLL_INTERVAL, job_poll },
	{ BX_KEY_METRICS_COLLECTION_INTERVAL, job_metrics }, { 0 } };

static void scene_init(struct scene *scene)
{
	static const char text[] = "MINER_POLL_INTERVAL=10\nMETRICS_COLLECTION_INTERVAL=25\n";
	*scene = (struct scene){ 0 };
	bx_test_clock_init(&scene->clock);
	scene->clock.mono.ms = 0; /* so that its seconds are whole */
	bx_text_init(&scene->polls, 1 << 20);
	bx_text_init(&scene->metrics, 1 << 20);
	scene->loop = bx_loop_new_simulated(&scene->clock.clock);
	scene->config = bx_config_parse("test.conf", text, strlen(text), &scene->polls);
	scene->jobs = bx_jobs_new(scene->loop, both, scene->config, scene);
}

static void scene_done(struct scene *scene)
{
	bx_jobs_free(scene->jobs);
	bx_loop_free(scene->loop);
	bx_config_free(scene->config);
	bx_text_done(&scene->polls);
	bx_text_done(&scene->metrics);
}

#define SCENE(name) \
	__attribute__((cleanup(scene_done))) struct scene name; \
	scene_init(&name)

/* Time passes, deadline by deadline. */
static void advance(struct scene *scene, int64_t ms)
{
	int64_t target_ms = scene->clock.mono.ms + ms;
	for (;;) {
		int64_t next_ms = bx_loop_run_due(scene->loop).ms;
		if (next_ms > target_ms)
			break;
		scene->clock.mono.ms = next_ms;
	}
	if (scene->clock.mono.ms < target_ms)
		scene->clock.mono.ms = target_ms;
}

static void runs_soon_and_then_every_interval(void **state)
{
	(void)state;
	SCENE(scene);
	assert_string_equal(scene.polls.data, ""); /* not before bx_jobs_new returns */

	advance(&scene, 50000);

	assert_string_equal(scene.polls.data, "0 10 20 30 40 50 ");
	assert_string_equal(scene.metrics.data, "0 25 50 ");
}

static void a_late_run_does_not_move_the_next(void **state)
{
	(void)state;
	SCENE(scene);
	advance(&scene, 0);

	scene.clock.mono.ms = 13000; /* something else took 3 s */
	advance(&scene, 20000);

	assert_string_equal(scene.polls.data, "0 13 20 30 ");
}

static void has_not_drifted_after_a_day(void **state)
{
	(void)state;
	SCENE(scene);
	unsigned random = 1;
	while (scene.clock.mono.ms < 86400000) {
		random = random * 1103515245 + 12345;
		scene.clock.mono.ms =
			bx_loop_next(scene.loop).ms + (random >> 16) % 900; /* each a little late */
		bx_loop_run_due(scene.loop);
	}
	scene.clock.mono.ms = 86500000;
	bx_loop_run_due(scene.loop);
	bx_text_clear(&scene.polls);

	advance(&scene, 20000);

	assert_string_equal(scene.polls.data, "86510 86520 ");
}

static void makes_up_once_what_was_missed_in_a_standstill(void **state)
{
	(void)state;
	SCENE(scene);
	advance(&scene, 20000);

	scene.clock.mono.ms += 3600 * 1000 + 1234; /* suspended for an hour */
	advance(&scene, 20000);

	assert_string_equal(scene.polls.data, "0 10 20 3621.23 3630 3640 ");
	assert_string_equal(scene.metrics.data, "0 3621.23 3625 ");
}

static void runs_no_more_once_it_is_freed(void **state)
{
	(void)state;
	SCENE(scene);
	advance(&scene, 10000);

	bx_jobs_free(scene.jobs);
	scene.jobs = NULL;

	assert_int_equal(bx_loop_run_due(scene.loop).ms, INT64_MAX);
	advance(&scene, 10000);
	assert_string_equal(scene.polls.data, "0 10 ");
}

static void needs_no_jobs(void **state)
{
	(void)state;
	SCENE(scene);
	static const struct bx_job none[] = { { 0 } };
	BX_OWNED(bx_jobs_free) struct bx_jobs *empty = bx_jobs_new(scene.loop, none, scene.config, &scene);
	BX_OWNED(bx_jobs_free) struct bx_jobs *no_list = bx_jobs_new(scene.loop, NULL, scene.config, &scene);
	bx_jobs_free(NULL);

	assert_non_null(empty);
	assert_non_null(no_list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_soon_and_then_every_interval),
		cmocka_unit_test(a_late_run_does_not_move_the_next),
		cmocka_unit_test(has_not_drifted_after_a_day),
		cmocka_unit_test(makes_up_once_what_was_missed_in_a_standstill),
		cmocka_unit_test(runs_no_more_once_it_is_freed),
		cmocka_unit_test(needs_no_jobs),
	};
	return cmocka_run_group_tests_name("run/jobs", tests, NULL, NULL);
}
