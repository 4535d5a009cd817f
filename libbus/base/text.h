/* Text: a bounded builder, strict numbers, slugs, globs, and what outsiders' text is cleaned by. All is UTF-8, nothing
 * here depends on a locale. */
#pragma once
#include "libbus/base/memory.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text that grows up to `max` bytes. What does not fit is left out whole and sets `cut`; data is always NUL-terminated. */
struct bx_text {
	char *data;
	size_t length, size, max;
	bool cut;
};
void bx_text_init(struct bx_text *text, size_t max);
void bx_text_done(struct bx_text *text);
void bx_text_clear(struct bx_text *text); /* empty again, memory kept */
void bx_text_add(struct bx_text *text, const char *bytes, size_t size);
void bx_text_say(struct bx_text *text, const char *words);
__attribute__((format(printf, 2, 3))) void bx_text_print(struct bx_text *text, const char *format, ...);
#define BX_TEXT_OWNED __attribute__((cleanup(bx_text_done)))

/* Copies `from` into `to` of `size` bytes, NUL-terminated. False: it was cut, at a whole UTF-8 character. */
bool bx_text_copy(char *to, size_t size, const char *from);

/* Whole-string numbers. False: anything else than one number within the range; *number is untouched. */
bool bx_parse_integer(const char *text, int64_t min, int64_t max, int64_t *number);
bool bx_parse_number(
	const char *text, double *number); /* finite; digits, sign, point, exponent: no hex, no "inf" */
/* `size` hex digits and nothing else. */
bool bx_parse_hex(const char *text, size_t digits, uint64_t *number);

/* Shortest decimal form that reads back as the same double ("58.1", "1e+21"). `number` is finite. */
#define BX_NUMBER_SIZE 32
void bx_number_print(double number, char text[BX_NUMBER_SIZE]);
/* `number` rounded to `decimals` (0..6) as the double nearest to that decimal. */
double bx_round(double number, int decimals);

/* Lower-case letters, digits and single dashes: what topics, files and URLs carry. Other characters become a dash.
 * False: nothing is left of `from`. At most size - 1 characters are kept. */
bool bx_slug(char *to, size_t size, const char *from);
bool bx_is_slug(const char *text);

/* Shell-like globs over names with levels: `*` any run of characters, `?` one. */
bool bx_glob(const char *pattern, const char *text);

/* How many edits make one of the other (letters added, removed, changed, neighbours swapped), case ignored; at most 99. */
unsigned bx_distance(const char *one, const char *other);

/* Valid UTF-8 without NUL? */
bool bx_is_utf8(const char *bytes, size_t size);
/* Outside text made fit to be shown: control characters and broken UTF-8 become a space, ends are trimmed, cut to size. */
void bx_clean(char *to, size_t size, const char *from);
