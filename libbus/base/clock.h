/* Two clocks that do not mix: a moment of one cannot be given where the other is wanted.
 *
 * Wall time is what people and the database speak of; it may jump (NTP, a Pi without a battery, a person). Monotonic time
 * is what every wait is measured by. Spans are int64_t milliseconds of either. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bx_wall {
	int64_t ms; /* since 1970-01-01 UTC; 0: not known, because the clock is not to be trusted yet */
};
struct bx_mono {
	int64_t ms; /* since some moment of this boot */
};

/* Where a loop takes its time from: the kernel, or a test. */
struct bx_clock {
	struct bx_mono (*mono)(const struct bx_clock *clock);
	struct bx_wall (*wall)(const struct bx_clock *clock);
	bool (*synchronised)(const struct bx_clock *clock);
};
extern const struct bx_clock bx_clock_kernel; /* synchronised: by adjtimex(2) */

/* ISO 8601 in UTC with milliseconds, "2026-01-31T12:00:00.000Z": the form on the bus. */
#define BX_WALL_SIZE 25
void bx_wall_print(struct bx_wall wall, char text[BX_WALL_SIZE]);
/* Reads that form, with or without a fraction. False: something else, or outside the years 1970 to 9999. */
bool bx_wall_parse(const char *text, struct bx_wall *wall);

/* The whole second a moment lies in. */
int64_t bx_wall_second(struct bx_wall wall);
