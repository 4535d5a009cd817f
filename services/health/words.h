/* A rule's words, filled with facts. Pure.
 *
 * "{name} does not answer[ since {since}]": a place in braces is filled, a part in brackets is left out whole where a place
 * in it has nothing to fill it. */
#pragma once
#include "libbus/base/text.h"
#include "services/health/facts.h"

struct words {
	const char *name; /* whose; NULL: a place without a fill */
	double value; /* NaN: none */
	int64_t span_ms; /* how long it has been so; negative: not known */
	struct bx_wall since; /* 0: not known */
	struct bx_wall now; /* since which day "14:02" would be another day's */
	size_t count, all; /* of several targets; 0: none */
};

/* Appends; at the start of the text with a large first letter, but a name stays as its owner writes it. */
void words_fill(struct bx_text *text, const char *pattern, const struct words *words);
/* "5 min", "3 h", "2 d"; "1 min" below that. */
void words_span(struct bx_text *text, int64_t span_ms);
/* Local time: "14:02"; "31 Jan 14:02" on another day than `now`. */
void words_time(struct bx_text *text, struct bx_wall time, struct bx_wall now);
/* "6.40 TH/s" of GH/s, "107 W": three figures, the unit that fits. */
void words_hashrate(struct bx_text *text, double ghs);
void words_power(struct bx_text *text, double watts);
