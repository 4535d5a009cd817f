/* The configuration's keys: a row each, with type, range, default, section and doc. Reader (run/config), the printed
 * monitoring.conf and the documents derive from here. */
#pragma once
#include "libbus/base/text.h"
#include <stdbool.h>
#include <stdint.h>

enum bx_key {
#define ROW(id, ...) BX_KEY_##id,
#include "libbus/contract/keys.rows"
#undef ROW
	BX_KEY_COUNT
};

enum bx_key_type {
	BX_NUMBER, /* whole, within the range */
	BX_BYTES, /* whole, with an optional K, M or G */
	BX_SWITCH, /* true or false (yes, no, on, off, 1, 0) */
	BX_TEXT,
	BX_LIST, /* words, separated by blanks */
	BX_PATH, /* absolute; below STATE_DIR where .under_state; empty where the default is */
	BX_SLUG,
	BX_CHOICE,
	BX_CRON, /* five fields or @daily and the like */
	BX_ADDRESS, /* HOST:PORT */
};

struct bx_key_row {
	const char *name, *section;
	enum bx_key_type type;
	const char *initial; /* the default */
	const char *doc;
	int64_t min, max;
	const char *unit, *words;
	const char *shipped, *shipped_why; /* the shipped file's own value, where it is not the default */
	bool under_state, secret;
};

const struct bx_key_row *bx_key_row(enum bx_key key);
enum bx_key bx_key_find(const char *name); /* BX_KEY_COUNT: none */
/* The known name nearest to a wrong one, NULL if none is near. */
const char *bx_key_nearest(const char *name);
/* Checks a value and brings it to its plain form: numbers in digits, switches as "true" and "false". False: *why says what
 * is allowed. */
bool bx_key_check(enum bx_key key, const char *value, struct bx_text *plain, struct bx_text *why);
