/* The test's clock: it stands still until the test moves it. */
#pragma once
#include "libbus/base/loop.h"

struct bx_test_clock {
	struct bx_clock
		clock; /* first: the clock's functions find the rest by it; for bx_loop_new_simulated */
	struct bx_mono mono;
	struct bx_wall wall;
	bool synchronised;
};

/* 2026-01-01T00:00:00Z, one second after the boot, synchronised. */
void bx_test_clock_init(struct bx_test_clock *clock);
/* Lets time pass on one loop: runs what falls due, in order. */
void bx_test_pass(struct bx_test_clock *clock, struct bx_loop *loop, int64_t ms);
