#include "libbus/test/clock.h"

static struct bx_mono test_mono(const struct bx_clock *clock)
{
	return ((const struct bx_test_clock *)clock)->mono;
}

static struct bx_wall test_wall(const struct bx_clock *clock)
{
	return ((const struct bx_test_clock *)clock)->wall;
}

static bool test_synchronised(const struct bx_clock *clock)
{
	return ((const struct bx_test_clock *)clock)->synchronised;
}

void bx_test_clock_init(struct bx_test_clock *clock)
{
	*clock = (struct bx_test_clock){ .clock = { test_mono, test_wall, test_synchronised },
		.mono = { 1000 },
		.wall = { 1767225600000 },
		.synchronised = true };
}

void bx_test_pass(struct bx_test_clock *clock, struct bx_loop *loop, int64_t ms)
{
	for (int64_t target_ms = clock->mono.ms + ms;;) {
		int64_t next_ms = bx_loop_run_due(loop).ms;
		next_ms = next_ms < target_ms ? next_ms : target_ms;
		clock->wall.ms += next_ms - clock->mono.ms;
		if (clock->mono.ms == next_ms)
			return;
		clock->mono.ms = next_ms;
	}
}
