#include "services/collector/average.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka's own compares floats. */
static void assert_near(double found, double expected, double most)
{
	if (!(fabs(found - expected) <= most))
		fail_msg("%f is not %f", found, expected);
}

static double mean_at(const struct average *average, int64_t ms)
{
	double mean = -1;
	return average_read(average, (struct bx_mono){ ms }, &mean) ? mean : -1;
}

static void add_at(struct average *average, int64_t ms, double value)
{
	average_add(average, (struct bx_mono){ ms }, value);
}

static void nothing_has_no_mean(void **state)
{
	(void)state;
	struct average average = { 0 };
	assert_near(mean_at(&average, 0), -1, 0);
	assert_near(mean_at(&average, 123456789), -1, 0);
}

static void one_value_is_the_mean(void **state)
{
	(void)state;
	for (int64_t ms = 0; ms < 1300000; ms += 7777) {
		struct average average = { 0 };
		add_at(&average, ms, 1071.5);
		assert_near(mean_at(&average, ms), 1071.5, 0);
	}
}

static void each_ten_seconds_weigh_the_same(void **state)
{
	(void)state;
	struct average average = { 0 };
	for (int64_t ms = 0; ms < 10000; ms += 1000)
		add_at(&average, ms, 100); /* asked each second, then only once */
	add_at(&average, 10000, 300);

	assert_near(mean_at(&average, 10000), 200, 1e-9);
}

static void values_go_after_ten_minutes(void **state)
{
	(void)state;
	struct average average = { 0 };
	add_at(&average, 0, 100);
	add_at(&average, 300000, 200);

	assert_near(mean_at(&average, 599999), 150, 1e-9);
	assert_near(mean_at(&average, 600000), 200, 1e-9);
	assert_near(mean_at(&average, 899999), 200, 1e-9);
	assert_near(mean_at(&average, 900000), -1, 0);
}

static void an_old_value_in_the_same_place_does_not_count(void **state)
{
	(void)state;
	struct average average = { 0 };
	add_at(&average, 5000, 1e9);
	for (int64_t round = 1; round < 5; round++) {
		add_at(&average, 600000 * round + 5000, 7);
		assert_near(mean_at(&average, 600000 * round + 5000), 7, 0);
	}
}

static void zero_is_a_value(void **state)
{
	(void)state;
	struct average average = { 0 };
	add_at(&average, 0, 100);
	add_at(&average, 15000, 0);
	assert_near(mean_at(&average, 15000), 50, 1e-9);
}

static void follows_a_miner_that_is_asked_for_hours(void **state)
{
	(void)state;
	struct average average = { 0 };
	for (int64_t ms = 0; ms < 3 * 3600000; ms += 15000) {
		add_at(&average, ms, ms < 2 * 3600000 ? 1000 : 500);
		if (ms == 2 * 3600000 + 300000 - 15000)
			assert_near(mean_at(&average, ms), 750, 20); /* half of the ten minutes */
	}
	assert_near(mean_at(&average, 3 * 3600000 - 15000), 500, 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_has_no_mean),
		cmocka_unit_test(one_value_is_the_mean),
		cmocka_unit_test(each_ten_seconds_weigh_the_same),
		cmocka_unit_test(values_go_after_ten_minutes),
		cmocka_unit_test(an_old_value_in_the_same_place_does_not_count),
		cmocka_unit_test(zero_is_a_value),
		cmocka_unit_test(follows_a_miner_that_is_asked_for_hours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
