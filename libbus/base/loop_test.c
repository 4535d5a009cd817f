#include "libbus/base/loop.h"

#include "libbus/base/text.h"
#include "libbus/test/clock.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- simulated --- */

/* A loop under a clock that the test moves, and what its callbacks did. */
struct scene {
	struct bx_test_clock clock;
	struct bx_loop *loop;
	struct bx_text said;
	uint64_t id;
	unsigned count;
};

static void scene_init(struct scene *scene)
{
	*scene = (struct scene){ 0 };
	bx_test_clock_init(&scene->clock);
	scene->loop = bx_loop_new_simulated(&scene->clock.clock);
	bx_text_init(&scene->said, 1 << 20);
}

static void scene_done(struct scene *scene)
{
	bx_loop_free(scene->loop);
	bx_text_done(&scene->said);
}

#define SCENE(name) \
	__attribute__((cleanup(scene_done))) struct scene name; \
	scene_init(&name)

static struct bx_mono advance(struct scene *scene, int64_t ms)
{
	scene->clock.mono.ms += ms;
	return bx_loop_run_due(scene->loop);
}

/* A callback that says its word. */
struct say {
	struct scene *scene;
	const char *word;
};

static void on_say(void *arg)
{
	struct say *say = arg;
	bx_text_say(&say->scene->said, say->word);
}

static void runs_deadlines_in_their_order(void **state)
{
	(void)state;
	SCENE(scene);
	struct say a = { &scene, "a" }, b = { &scene, "b" }, c = { &scene, "c" }, d = { &scene, "d" };
	bx_after(scene.loop, 30, on_say, &c);
	bx_after(scene.loop, 10, on_say, &a);
	bx_after(scene.loop, 40, on_say, &d);
	bx_after(scene.loop, 20, on_say, &b);

	advance(&scene, 100);

	assert_string_equal(scene.said.data, "abcd");
}

static void runs_what_was_asked_first_first_at_one_moment(void **state)
{
	(void)state;
	SCENE(scene);
	static const char letters[][2] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
		"n", "o", "p", "q", "r", "s", "t" };
	struct say says[BX_COUNT(letters)];
	for (size_t i = 0; i < BX_COUNT(letters); i++) {
		says[i] = (struct say){ &scene, letters[i] };
		bx_after(scene.loop, 10, on_say, &says[i]);
	}

	advance(&scene, 10);

	assert_string_equal(scene.said.data, "abcdefghijklmnopqrst");
}

static void runs_nothing_before_its_time(void **state)
{
	(void)state;
	SCENE(scene);
	struct say a = { &scene, "a" };
	bx_after(scene.loop, 10, on_say, &a);

	struct bx_mono next = advance(&scene, 9);

	assert_string_equal(scene.said.data, "");
	assert_int_equal(next.ms, 1010);
	assert_int_equal(advance(&scene, 1).ms, INT64_MAX);
	assert_string_equal(scene.said.data, "a");
}

static void soon_is_never_before_the_call_returns(void **state)
{
	(void)state;
	SCENE(scene);
	struct say soon = { &scene, "a" }, past = { &scene, "b" };
	bx_after(scene.loop, 0, on_say, &soon);
	bx_after(scene.loop, -5, on_say, &past);
	assert_string_equal(scene.said.data, "");

	advance(&scene, 0);

	assert_string_equal(scene.said.data, "ab");
}

static void runs_a_thousand_deadlines_in_order_whatever_was_cancelled(void **state)
{
	(void)state;
	enum { COUNT = 1000 };
	for (unsigned seed = 1; seed <= 50; seed++) {
		SCENE(scene);
		static struct say says[COUNT];
		static char words[COUNT][12];
		static uint64_t ids[COUNT];
		static int64_t at_ms[COUNT];
		unsigned random = seed;
		for (int i = 0; i < COUNT; i++) {
			random = random * 1103515245 + 12345;
			at_ms[i] = random >> 16 & 255;
			(void)snprintf(words[i], sizeof words[i], "%d ", i);
			says[i] = (struct say){ &scene, words[i] };
			ids[i] = bx_after(scene.loop, at_ms[i], on_say, &says[i]);
		}
		for (int i = 0; i < COUNT; i++) {
			random = random * 1103515245 + 12345;
			if (random >> 16 & 1) {
				bx_cancel(scene.loop, ids[i]);
				at_ms[i] = -1;
			}
		}
		BX_TEXT_OWNED struct bx_text want;
		bx_text_init(&want, 1 << 20);
		for (int64_t ms = 0; ms < 256; ms++)
			for (int i = 0; i < COUNT; i++)
				if (at_ms[i] == ms)
					bx_text_say(&want, words[i]);

		for (int ms = 0; ms < 256; ms += 5)
			advance(&scene, 5);

		if (strcmp(scene.said.data, want.data) != 0)
			fail_msg("seed %u", seed);
	}
}

static void on_cancel(void *arg)
{
	struct scene *scene = arg;
	bx_text_say(&scene->said, "cancel ");
	bx_cancel(scene->loop, scene->id);
}

static void a_callback_cancels_another_that_is_due(void **state)
{
	(void)state;
	SCENE(scene);
	struct say other = { &scene, "other" };
	bx_after(scene.loop, 10, on_cancel, &scene);
	scene.id = bx_after(scene.loop, 10, on_say, &other);

	advance(&scene, 10);

	assert_string_equal(scene.said.data, "cancel ");
}

static void cancels_nothing_by_an_id_that_is_gone(void **state)
{
	(void)state;
	SCENE(scene);
	struct say a = { &scene, "a" }, b = { &scene, "b" };
	scene.id = bx_after(scene.loop, 0, on_cancel, &scene); /* cancels itself while it runs */
	bx_after(scene.loop, 0, on_say, &a);
	bx_cancel(scene.loop, 0);
	advance(&scene, 0);
	uint64_t later = bx_after(scene.loop, 0, on_say, &b);

	bx_cancel(scene.loop, scene.id);
	advance(&scene, 0);

	assert_string_equal(scene.said.data, "cancel ab");
	assert_true(later > scene.id);
}

static void on_again(void *arg)
{
	struct scene *scene = arg;
	if (++scene->count < 1000)
		bx_after(scene->loop, 0, on_again, scene);
}

static void soon_again_and_again_starves_no_other(void **state)
{
	(void)state;
	SCENE(scene);
	struct say other = { &scene, "other" };
	bx_after(scene.loop, 0, on_again, &scene);
	bx_after(scene.loop, 0, on_say, &other);

	/* on_again has run once by the time the other did: what it asks for comes behind */
	advance(&scene, 0);

	assert_string_equal(scene.said.data, "other");
	assert_int_equal(scene.count, 1000);
}

static void on_stop(void *arg)
{
	struct scene *scene = arg;
	bx_loop_stop(scene->loop);
}

static void returns_after_the_callback_that_stopped_it(void **state)
{
	(void)state;
	SCENE(scene);
	struct say other = { &scene, "other" };
	bx_after(scene.loop, 0, on_stop, &scene);
	bx_after(scene.loop, 0, on_say, &other);

	alarm(5);
	advance(&scene, 0);
	alarm(0);

	assert_string_equal(scene.said.data, "");
}

static void do_work(void *arg)
{
	struct scene *scene = arg;
	bx_text_say(&scene->said, "work ");
}

static void on_worked(void *arg)
{
	struct scene *scene = arg;
	bx_text_say(&scene->said, "done ");
}

static void simulated_work_is_done_on_the_loop(void **state)
{
	(void)state;
	SCENE(scene);

	bx_offload(scene.loop, do_work, on_worked, &scene);
	assert_string_equal(scene.said.data, "work ");
	advance(&scene, 0);

	assert_string_equal(scene.said.data, "work done ");
}

static void tells_how_late_callbacks_came_and_forgets_it(void **state)
{
	(void)state;
	SCENE(scene);
	struct say a = { &scene, "a" };
	bx_after(scene.loop, 10, on_say, &a);
	bx_after(scene.loop, 30, on_say, &a);

	advance(&scene, 40);

	assert_int_equal(bx_loop_lag(scene.loop), 30);
	assert_int_equal(bx_loop_lag(scene.loop), 0);
}

static void has_no_wall_time_until_the_clock_is_synchronised_or_waited_for(void **state)
{
	(void)state;
	SCENE(scene);
	scene.clock.synchronised = false;
	bx_loop_trust_clock_after(scene.loop, 600);

	assert_int_equal(bx_wall_now(scene.loop).ms, 0);
	scene.clock.synchronised = true;
	assert_int_equal(bx_wall_now(scene.loop).ms, scene.clock.wall.ms);
	scene.clock.synchronised = false;
	advance(&scene, 599);
	assert_int_equal(bx_wall_now(scene.loop).ms, 0);
	advance(&scene, 1);
	assert_int_equal(bx_wall_now(scene.loop).ms, scene.clock.wall.ms);
}

static void trusts_the_clock_at_once_where_it_need_not_wait(void **state)
{
	(void)state;
	SCENE(scene);
	scene.clock.synchronised = false;
	bx_loop_trust_clock_after(scene.loop, 0);
	assert_int_equal(bx_wall_now(scene.loop).ms, scene.clock.wall.ms);
}

static void drops_deadlines_when_it_is_freed(void **state)
{
	(void)state;
	SCENE(scene);
	struct say a = { &scene, "a" };
	bx_after(scene.loop, 0, on_say, &a);

	bx_loop_free(scene.loop);
	scene.loop = NULL;

	assert_string_equal(scene.said.data, "");
}

static void pauses_grow_up_to_the_most_and_are_spread(void **state)
{
	(void)state;
	static const struct {
		unsigned attempt;
		int64_t want_ms;
	} cases[] = { { 0, 1000 }, { 1, 2000 }, { 2, 4000 }, { 5, 32000 }, { 6, 60000 }, { 100, 60000 },
		{ UINT32_MAX, 60000 } };
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		int64_t least = INT64_MAX, most = 0;
		for (int again = 0; again < 300; again++) {
			int64_t pause_ms = bx_pause_ms(cases[i].attempt, 1000, 60000);
			least = pause_ms < least ? pause_ms : least;
			most = pause_ms > most ? pause_ms : most;
		}
		if (most > cases[i].want_ms || least < cases[i].want_ms * 3 / 4)
			fail_msg("attempt %u: %lld to %lld", cases[i].attempt, (long long)least,
				(long long)most);
		if (most - least < cases[i].want_ms / 10)
			fail_msg("attempt %u: %lld to %lld is no spread", cases[i].attempt, (long long)least,
				(long long)most);
	}
}

/* --- real; each of these has a deadline of its own --- */

struct real {
	struct bx_loop *loop;
	int pipe[2];
	struct bx_watch *watch;
	uint64_t soon;
	unsigned count, ready;
	char got[16];
	pthread_t thread;
	bool late;
};

static void on_late(void *arg)
{
	struct real *real = arg;
	real->late = true;
	bx_loop_stop(real->loop);
}

static void real_init(struct real *real)
{
	*real = (struct real){ .loop = bx_loop_new() };
	assert_int_equal(pipe(real->pipe), 0);
	bx_after(real->loop, 5000, on_late, real);
}

static void real_done(struct real *real)
{
	bx_unwatch(real->watch);
	bx_loop_free(real->loop);
	close(real->pipe[0]);
	close(real->pipe[1]);
}

#define REAL(name) \
	__attribute__((cleanup(real_done))) struct real name; \
	real_init(&name)

static void on_ready(void *arg, unsigned ready)
{
	struct real *real = arg;
	real->ready = ready;
	ssize_t got = read(real->pipe[0], real->got, sizeof real->got - 1);
	real->got[got > 0 ? got : 0] = '\0';
	bx_loop_stop(real->loop);
}

static void on_write(void *arg)
{
	struct real *real = arg;
	assert_int_equal(write(real->pipe[1], "hello", 5), 5);
}

static void watches_a_descriptor(void **state)
{
	(void)state;
	REAL(real);
	real.watch = bx_watch(real.loop, real.pipe[0], BX_READABLE, on_ready, &real);
	bx_after(real.loop, 5, on_write, &real);

	bx_loop_run(real.loop);

	assert_false(real.late);
	assert_int_equal(real.ready, BX_READABLE);
	assert_string_equal(real.got, "hello");
}

static void watches_for_what_is_asked_alone(void **state)
{
	(void)state;
	REAL(real);
	real.watch = bx_watch(real.loop, real.pipe[0], BX_READABLE, on_ready, &real);
	bx_watch_for(real.watch, 0);
	on_write(&real);
	bx_after(real.loop, 30, on_late, &real);
	bx_loop_run(real.loop);
	assert_true(real.late); /* nothing came while nothing was asked for */

	real.late = false;
	bx_watch_for(real.watch, BX_READABLE);
	bx_loop_run(real.loop);

	assert_false(real.late);
	assert_string_equal(real.got, "hello");
}

static void tells_that_the_other_end_was_closed(void **state)
{
	(void)state;
	REAL(real);
	real.watch = bx_watch(real.loop, real.pipe[0], BX_READABLE, on_ready, &real);
	close(real.pipe[1]);
	real.pipe[1] = dup(real.pipe[0]);

	bx_loop_run(real.loop);

	assert_false(real.late);
	assert_true(real.ready & BX_READABLE);
}

static void on_ready_unwatch(void *arg, unsigned ready)
{
	(void)ready;
	struct real *real = arg;
	real->count++;
	bx_unwatch(real->watch);
	real->watch = NULL;
	bx_after(real->loop, 20, on_late, real);
}

static void a_callback_ends_its_own_watch(void **state)
{
	(void)state;
	REAL(real);
	real.watch = bx_watch(real.loop, real.pipe[0], BX_READABLE, on_ready_unwatch, &real);
	on_write(&real); /* and nobody reads it: it stays readable */

	bx_loop_run(real.loop);

	assert_int_equal(real.count, 1);
}

static void on_soon(void *arg)
{
	struct real *real = arg;
	real->count++;
	real->soon = bx_after(real->loop, 0, on_soon, real);
}

static void soon_again_and_again_keeps_no_descriptor_waiting(void **state)
{
	(void)state;
	REAL(real);
	real.watch = bx_watch(real.loop, real.pipe[0], BX_READABLE, on_ready, &real);
	bx_after(real.loop, 0, on_soon, &real);
	bx_after(real.loop, 5, on_write, &real);

	bx_loop_run(real.loop);

	assert_false(real.late);
	assert_string_equal(real.got, "hello");
	assert_true(real.count > 0);
}

static void looks_at_descriptors_between_one_soon_and_the_next(void **state)
{
	(void)state;
	REAL(real);
	real.watch = bx_watch(real.loop, real.pipe[0], BX_READABLE, on_ready, &real);
	bx_after(real.loop, 0, on_soon, &real);
	on_write(&real);

	bx_loop_run(real.loop);

	assert_string_equal(real.got, "hello");
	assert_in_range(real.count, 0, 2);
}

static void blocking_work(void *arg)
{
	struct real *real = arg;
	real->thread = pthread_self();
	real->count++;
	usleep(1000);
}

static void on_blocking_done(void *arg)
{
	struct real *real = arg;
	real->ready = pthread_equal(pthread_self(), real->thread) ? 2 : 1;
	bx_loop_stop(real->loop);
}

static void works_in_a_thread_and_is_done_on_the_loop(void **state)
{
	(void)state;
	REAL(real);
	bx_offload(real.loop, blocking_work, on_blocking_done, &real);

	bx_loop_run(real.loop);

	assert_false(real.late);
	assert_int_equal(real.count, 1);
	assert_int_equal(real.ready, 1);
}

static void waits_for_work_when_it_is_freed(void **state)
{
	(void)state;
	struct real real;
	real_init(&real);
	bx_offload(real.loop, blocking_work, on_blocking_done, &real);

	real_done(&real);

	assert_int_equal(real.ready, 1);
}

static void frees_all_though_it_was_stopped_before(void **state)
{
	(void)state;
	struct real real;
	real_init(&real);
	real.watch = bx_watch(real.loop, real.pipe[0], BX_READABLE, on_ready, &real);
	bx_offload(real.loop, blocking_work, on_blocking_done, &real);
	bx_loop_stop(real.loop);

	real_done(&real);

	assert_int_equal(real.ready, 1);
}

static void on_signalled(void *arg)
{
	struct real *real = arg;
	real->count++;
	bx_loop_stop(real->loop);
}

static void on_raise(void *arg)
{
	(void)arg;
	(void)raise(SIGUSR1);
}

static void hears_a_signal_on_the_loop_each_time(void **state)
{
	(void)state;
	REAL(real);
	bx_on_signal(real.loop, SIGUSR1, on_signalled, &real);

	for (unsigned time = 1; time <= 3; time++) {
		bx_after(real.loop, 1, on_raise, &real);
		bx_loop_run(real.loop);
		assert_int_equal(real.count, time);
	}
	assert_false(real.late);
}

static void waits_as_long_as_it_was_told(void **state)
{
	(void)state;
	REAL(real);
	int64_t before_ms = bx_now(real.loop).ms;
	bx_after(real.loop, 20, on_signalled, &real);

	bx_loop_run(real.loop);

	int64_t waited_ms = bx_now(real.loop).ms - before_ms;
	assert_false(real.late);
	assert_true(waited_ms >= 20);
}

static void says_which_kind_it_is(void **state)
{
	(void)state;
	SCENE(scene);
	REAL(real);
	assert_true(bx_loop_is_simulated(scene.loop));
	assert_null(bx_loop_uv(scene.loop));
	assert_false(bx_loop_is_simulated(real.loop));
	assert_non_null(bx_loop_uv(real.loop));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_deadlines_in_their_order),
		cmocka_unit_test(runs_what_was_asked_first_first_at_one_moment),
		cmocka_unit_test(runs_nothing_before_its_time),
		cmocka_unit_test(soon_is_never_before_the_call_returns),
		cmocka_unit_test(runs_a_thousand_deadlines_in_order_whatever_was_cancelled),
		cmocka_unit_test(a_callback_cancels_another_that_is_due),
		cmocka_unit_test(cancels_nothing_by_an_id_that_is_gone),
		cmocka_unit_test(soon_again_and_again_starves_no_other),
		cmocka_unit_test(returns_after_the_callback_that_stopped_it),
		cmocka_unit_test(simulated_work_is_done_on_the_loop),
		cmocka_unit_test(tells_how_late_callbacks_came_and_forgets_it),
		cmocka_unit_test(has_no_wall_time_until_the_clock_is_synchronised_or_waited_for),
		cmocka_unit_test(trusts_the_clock_at_once_where_it_need_not_wait),
		cmocka_unit_test(drops_deadlines_when_it_is_freed),
		cmocka_unit_test(pauses_grow_up_to_the_most_and_are_spread),
		cmocka_unit_test(watches_a_descriptor),
		cmocka_unit_test(watches_for_what_is_asked_alone),
		cmocka_unit_test(tells_that_the_other_end_was_closed),
		cmocka_unit_test(a_callback_ends_its_own_watch),
		cmocka_unit_test(soon_again_and_again_keeps_no_descriptor_waiting),
		cmocka_unit_test(looks_at_descriptors_between_one_soon_and_the_next),
		cmocka_unit_test(works_in_a_thread_and_is_done_on_the_loop),
		cmocka_unit_test(waits_for_work_when_it_is_freed),
		cmocka_unit_test(frees_all_though_it_was_stopped_before),
		cmocka_unit_test(hears_a_signal_on_the_loop_each_time),
		cmocka_unit_test(waits_as_long_as_it_was_told),
		cmocka_unit_test(says_which_kind_it_is),
	};
	return cmocka_run_group_tests_name("base/loop", tests, NULL, NULL);
}
