#define _GNU_SOURCE
#include "libbus/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now); /* cannot fail for these two ids */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct bx_mono kernel_mono(const struct bx_clock *clock)
{
	(void)clock;
	return (struct bx_mono){ read_ms(CLOCK_MONOTONIC) };
}

static struct bx_wall kernel_wall(const struct bx_clock *clock)
{
	(void)clock;
	return (struct bx_wall){ read_ms(CLOCK_REALTIME) };
}

static bool kernel_synchronised(const struct bx_clock *clock)
{
	(void)clock;
	struct timex asked = { .modes = 0 };
	int state = adjtimex(&asked);
	return state >= 0 && state != TIME_ERROR;
}

const struct bx_clock bx_clock_kernel = {
	.mono = kernel_mono,
	.wall = kernel_wall,
	.synchronised = kernel_synchronised,
};

void bx_wall_print(struct bx_wall wall, char text[BX_WALL_SIZE])
{
	static const int64_t last_ms = 253402300799999; /* 9999-12-31T23:59:59.999Z */
	int64_t ms = wall.ms < 0 ? 0 : wall.ms > last_ms ? last_ms : wall.ms;
	time_t second = (time_t)(ms / 1000);
	struct tm utc;
	gmtime_r(&second, &utc);
	(void)snprintf(text, BX_WALL_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		(unsigned)(utc.tm_year + 1900) % 10000, (unsigned)(utc.tm_mon + 1) % 100,
		(unsigned)utc.tm_mday % 100, (unsigned)utc.tm_hour % 100, (unsigned)utc.tm_min % 100,
		(unsigned)utc.tm_sec % 100, (unsigned)(ms % 1000));
}

/* `digits` decimal digits at *text, which moves behind them and behind `after` ('\0': nothing follows). -1: not so. */
static int take_digits(const char **text, int digits, char after)
{
	int number = 0;
	for (int i = 0; i < digits; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return -1;
		number = number * 10 + (**text - '0');
	}
	if (after != '\0' && *(*text)++ != after)
		return -1;
	return number;
}

bool bx_wall_parse(const char *text, struct bx_wall *wall)
{
	int year = take_digits(&text, 4, '-');
	int month = year < 1970 ? -1 : take_digits(&text, 2, '-');
	int day = month < 1 || month > 12 ? -1 : take_digits(&text, 2, 'T');
	int hour = day < 1 || day > 31 ? -1 : take_digits(&text, 2, ':');
	int minute = hour < 0 || hour > 23 ? -1 : take_digits(&text, 2, ':');
	int second = minute < 0 || minute > 59 ? -1 : take_digits(&text, 2, '\0');
	if (second < 0 || second > 59)
		return false;
	int64_t ms = 0;
	if (*text == '.') {
		int64_t unit = 100;
		if (text[1] < '0' || text[1] > '9')
			return false;
		for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
			ms += (*text - '0') * unit;
	}
	if (strcmp(text, "Z") != 0)
		return false;
	struct tm utc = { .tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = hour,
		.tm_min = minute,
		.tm_sec = second };
	time_t at = timegm(&utc);
	if (utc.tm_mday != day) /* 31 February became March */
		return false;
	wall->ms = (int64_t)at * 1000 + ms;
	return true;
}

int64_t bx_wall_second(struct bx_wall wall)
{
	return wall.ms / 1000;
}
