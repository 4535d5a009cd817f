/* What went wrong, for a program and for a person.
 *
 * A function that can fail for a reason a person should hear returns bool (or a pointer) and takes a `struct bx_error *`
 * last: a code that callers decide on, and a message that says what happened, to what, and what to do. It lies on the
 * caller's stack, needs no free and cannot fail itself. NULL is allowed: then only the return value tells. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>

enum bx_code {
	BX_OK, /* no error */
	BX_INVALID, /* what was given is not valid; the same again fails again */
	BX_MISSING, /* what was named does not exist */
	BX_CONFLICT, /* it exists already, or belongs to another */
	BX_BUSY, /* the same is being done now */
	BX_LATE, /* the deadline had passed before it began */
	BX_FULL, /* a bound is reached; the message names it */
	BX_DENIED, /* not allowed */
	BX_UNREACHABLE, /* the other side does not answer */
	BX_TIMED_OUT, /* the other side did not answer in time */
	BX_FAILED, /* tried, and did not succeed */
};

struct bx_error {
	enum bx_code code;
	char message[320]; /* UTF-8, cut at the end where longer */
};

/* The code's word on the bus and in JSON: "invalid", "missing", ... */
const char *bx_code_word(enum bx_code code);

/* The code of a word, BX_FAILED for an unknown one: what a newer service answers is a failure at least. */
enum bx_code bx_code_of(const char *word);

/* Fills *error (if not NULL) and returns false, so that `return bx_fail(error, BX_INVALID, "...")` reads as it does. */
__attribute__((format(printf, 3, 4))) bool bx_fail(
	struct bx_error *error, enum bx_code code, const char *format, ...);

/* Puts "<format>: " before the message: context added on the way up. */
__attribute__((format(printf, 2, 3))) void bx_error_prefix(struct bx_error *error, const char *format, ...);
