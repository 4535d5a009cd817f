#include "services/health/words.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

void words_span(struct bx_text *text, int64_t span_ms)
{
	if (span_ms < 2 * HOUR_MS)
		bx_text_print(text, "%" PRId64 " min", span_ms < MINUTE_MS ? 1 : span_ms / MINUTE_MS);
	else if (span_ms < 2 * DAY_MS)
		bx_text_print(text, "%" PRId64 " h", span_ms / HOUR_MS);
	else
		bx_text_print(text, "%" PRId64 " d", span_ms / DAY_MS);
}

void words_time(struct bx_text *text, struct bx_wall time, struct bx_wall now)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
		"Oct", "Nov", "Dec" };
	time_t then_s = (time_t)(time.ms / 1000), now_s = (time_t)(now.ms / 1000);
	struct tm then, today;
	localtime_r(&then_s, &then);
	localtime_r(&now_s, &today);
	if (then.tm_yday != today.tm_yday || then.tm_year != today.tm_year)
		bx_text_print(text, "%d %s ", then.tm_mday, months[then.tm_mon]);
	bx_text_print(text, "%02d:%02d", then.tm_hour, then.tm_min);
}

/* Three figures: 1.24, 12.4, 124. */
static void say_figures(struct bx_text *text, double number, const char *unit)
{
	int decimals = number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
	bx_text_print(text, "%.*f %s", decimals, number, unit);
}

void words_hashrate(struct bx_text *text, double ghs)
{
	if (ghs < 999.5)
		say_figures(text, ghs, "GH/s");
	else if (ghs < 999500)
		say_figures(text, ghs / 1e3, "TH/s");
	else
		say_figures(text, ghs / 1e6, "PH/s");
}

void words_power(struct bx_text *text, double watts)
{
	if (watts < 99.95)
		say_figures(text, watts, "W");
	else if (watts < 9999.5)
		bx_text_print(text, "%.0f W", watts);
	else
		say_figures(text, watts / 1e3, "kW");
}

/* False: nothing to fill it with. */
static bool fill_place(struct bx_text *text, const char *place, size_t length, const struct words *words)
{
	if (length == 4 && memcmp(place, "name", 4) == 0 && words->name) {
		bx_text_say(text, words->name);
	} else if (length == 5 && memcmp(place, "value", 5) == 0 && !isnan(words->value)) {
		bx_text_print(text, "%.0f", words->value);
	} else if (length == 4 && memcmp(place, "span", 4) == 0 && words->span_ms >= 0) {
		words_span(text, words->span_ms);
	} else if (length == 5 && memcmp(place, "since", 5) == 0 && words->since.ms != 0) {
		words_time(text, words->since, words->now);
	} else if (length == 5 && memcmp(place, "count", 5) == 0 && words->count > 0) {
		bx_text_print(text, "%zu", words->count);
	} else if (length == 3 && memcmp(place, "all", 3) == 0 && words->all > 0) {
		bx_text_print(text, "%zu", words->all);
	} else {
		return false;
	}
	return true;
}

/* Fills up to the end of the pattern, or of the bracket it is in. False: some place was not filled. */
static bool fill_part(struct bx_text *text, const char **at, const struct words *words)
{
	bool filled = true;
	for (; **at && **at != ']'; (*at)++) {
		if (**at == '{') {
			size_t length = strcspn(*at + 1, "}");
			filled &= fill_place(text, *at + 1, length, words);
			*at += length + 1;
		} else if (**at == '[') {
			BX_TEXT_OWNED struct bx_text part;
			bx_text_init(&part, text->max);
			++*at;
			if (fill_part(&part, at, words))
				bx_text_add(text, part.data, part.length);
		} else {
			bx_text_add(text, *at, 1);
		}
	}
	return filled;
}

void words_fill(struct bx_text *text, const char *pattern, const struct words *words)
{
	const char *at = pattern;
	if (text->length == 0 && *at >= 'a' && *at <= 'z') {
		char large = (char)(*at++ - 'a' + 'A');
		bx_text_add(text, &large, 1);
	}
	(void)fill_part(text, &at, words); /* a place outside brackets without a fill is empty */
}
