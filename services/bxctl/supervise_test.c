#include "services/bxctl/supervise.h"

#include "libbus/base/memory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A scene is four letters, one a child: b(roker), s(torage), and two publishers c(ollector), g(ateway). Upper case: alive.
 * '-' absent. The answer: what is done to each: '+' started, '?' asked to stop, '!' killed, '.' nothing. */
static const enum supervise_stage stages[] = { STAGE_BROKER, STAGE_STORAGE, STAGE_PUBLISHER,
	STAGE_PUBLISHER };

struct scene {
	const char *name, *children, *answer;
	bool accepts;
	int64_t stopping_ms; /* since the stop began; -1: not stopping */
	const char *asked; /* of whom the stop has been asked */
	int64_t start_in_ms; /* from now, of those that are dead */
};

static const struct scene scenes[] = {
	{ "1 absent: left out", "bs-g", "++.+", true, -1, "", 0 },
	{ "2 at first the broker alone", "bscg", "+...", false, -1, "", 0 },
	{ "2 it runs and has not accepted: wait", "Bscg", "....", false, -1, "", 0 },
	{ "2 it accepts: all the others", "Bscg", ".+++", true, -1, "", 0 },
	{ "3 who ended waits for its pause", "BScG", "....", true, -1, "", 400 },
	{ "3 its pause is over", "BScG", "..+.", true, -1, "", 0 },
	{ "3 the broker ended: it comes back, the others live on", "bSCG", "+...", true, -1, "", 0 },
	{ "all run", "BSCG", "....", true, -1, "", 0 },
	{ "4 stopping: nobody is started", "bscg", "....", true, 0, "", 0 },
	{ "6 publishers first", "BSCG", "..??", true, 0, "", 0 },
	{ "6 asked once", "BSCG", "....", true, 500, "CG", 0 },
	{ "6 one publisher left: storage waits", "BSCg", "....", true, 500, "C", 0 },
	{ "6 no publisher left: storage", "BScg", ".?..", true, 500, "", 0 },
	{ "6 storage is asked, the broker waits", "BScg", "....", true, 600, "S", 0 },
	{ "6 storage is gone: the broker", "Bscg", "?...", true, 600, "", 0 },
	{ "6 there never was a storage", "B-cg", "?...", true, 100, "", 0 },
	{ "5 a publisher uses its time up: killed", "BSCg", "..!.", true, 1400, "C", 0 },
	{ "6 and storage waits no longer", "BSCg", ".?!.", true, 1500, "C", 0 },
	{ "5 storage uses its time up", "BScg", ".!..", true, 2600, "S", 0 },
	{ "6 and the broker waits no longer", "BScg", "?!..", true, 2700, "S", 0 },
	{ "5 all of them", "BSCG", "!!!!", true, 2900, "BSCG", 0 },
};

static void decides_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(scenes); i++) {
		const struct scene *scene = &scenes[i];
		enum { NOW = 100000 };
		struct supervise_child children[4] = { 0 };
		struct supervise all = { .children = children,
			.count = 4,
			.accepts = scene->accepts,
			.stopping = scene->stopping_ms >= 0,
			.stop_ms = NOW - scene->stopping_ms };
		char answer[5] = "";
		for (size_t child = 0; child < 4; child++) {
			char letter = scene->children[child];
			children[child] = (struct supervise_child){ .stage = stages[child],
				.absent = letter == '-',
				.alive = letter >= 'A' && letter <= 'Z',
				.asked = strchr(scene->asked, letter) != NULL,
				.start_at_ms = NOW + scene->start_in_ms };
		}
		for (size_t child = 0; child < 4; child++)
			answer[child] = ".+?!"[supervise_decide(&all, child, NOW)];
		if (strcmp(answer, scene->answer) != 0)
			fail_msg("%s: %s, not %s", scene->name, answer, scene->answer);
	}
}

static void pauses_longer_each_time_and_forgives(void **state)
{
	(void)state;
	static const struct {
		int64_t lived_ms, least_ms, most_ms;
	} ends[] = { { 10, 375, 500 }, { 10, 750, 1000 }, { 10, 1500, 2000 }, { 59999, 3000, 4000 },
		{ 60000, 375, 500 }, { 10, 750, 1000 } };
	struct supervise_child child = { 0 };
	int64_t now_ms = 5000;
	for (size_t i = 0; i < BX_COUNT(ends); i++) {
		child.started_ms = now_ms;
		now_ms += ends[i].lived_ms;
		supervise_ended(&child, now_ms);
		assert_in_range(child.start_at_ms - now_ms, ends[i].least_ms, ends[i].most_ms);
	}
	for (int i = 0; i < 40; i++)
		supervise_ended(&child, now_ms);
	assert_in_range(child.start_at_ms - now_ms, 22500, 30000); /* never more */
}

static void looks_again_when_something_is_due(void **state)
{
	(void)state;
	struct supervise_child children[] = { { .stage = STAGE_BROKER, .alive = true },
		{ .stage = STAGE_PUBLISHER, .start_at_ms = 700 },
		{ .stage = STAGE_PUBLISHER, .start_at_ms = 400 },
		{ .stage = STAGE_STORAGE, .absent = true } };
	struct supervise all = { .children = children, .count = 4 };
	assert_true(supervise_wait_ms(&all, 100) ==
		INT64_MAX); /* the broker has not accepted: its news is waited for */
	all.accepts = true;
	assert_int_equal(supervise_wait_ms(&all, 100), 300);
	assert_int_equal(supervise_wait_ms(&all, 500), 0);
	children[1].alive = children[2].alive = true;
	assert_true(supervise_wait_ms(&all, 100) == INT64_MAX);
	all.stopping = true;
	assert_in_range(supervise_wait_ms(&all, 100), 1, 50);
}

static void is_over_when_all_are_gone(void **state)
{
	(void)state;
	struct supervise_child children[] = { { .stage = STAGE_BROKER, .alive = true },
		{ .stage = STAGE_PUBLISHER } };
	struct supervise all = { .children = children, .count = 2, .stopping = true };
	assert_false(supervise_is_over(&all));
	children[0].alive = false;
	assert_true(supervise_is_over(&all));
	all.stopping = false;
	assert_false(supervise_is_over(&all));
}

static void gives_a_broker_up_that_never_accepted(void **state)
{
	(void)state;
	struct supervise_child children[] = { { .stage = STAGE_PUBLISHER, .ends = 9 },
		{ .stage = STAGE_BROKER, .ends = 2 } };
	struct supervise all = { .children = children, .count = 2 };
	assert_false(supervise_is_hopeless(&all));
	children[1].ends = SUPERVISE_TRIES;
	assert_true(supervise_is_hopeless(&all));
	all.accepts = true;
	assert_false(supervise_is_hopeless(&all));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_as_the_table_says),
		cmocka_unit_test(pauses_longer_each_time_and_forgives),
		cmocka_unit_test(looks_again_when_something_is_due),
		cmocka_unit_test(is_over_when_all_are_gone),
		cmocka_unit_test(gives_a_broker_up_that_never_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
