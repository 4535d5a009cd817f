#include "libbus/contract/keys.h"

#include "libbus/base/memory.h"
#include <inttypes.h>
#include <string.h>

/* clang-format off */
#define RANGE(min_, max_) .min = min_, .max = max_
#define ROW(id, section_, type_, initial_, doc_, ...) \
	[BX_KEY_##id] = { .name = #id, .section = section_, .type = type_, .initial = initial_, .doc = doc_, __VA_ARGS__ },
static const struct bx_key_row rows[] = {
#include "libbus/contract/keys.rows"
};
#undef ROW
/* clang-format on */

const struct bx_key_row *bx_key_row(enum bx_key key)
{
	return &rows[key];
}

enum bx_key bx_key_find(const char *name)
{
	for (size_t i = 0; i < BX_COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return (enum bx_key)i;
	return BX_KEY_COUNT;
}

const char *bx_key_nearest(const char *name)
{
	const char *nearest = NULL;
	unsigned least = (unsigned)strlen(name) / 3 + 1; /* further away it is another word */
	for (size_t i = 0; i < BX_COUNT(rows); i++) {
		unsigned distance = bx_distance(name, rows[i].name);
		if (distance <= least && distance < strlen(rows[i].name)) {
			least = distance;
			nearest = rows[i].name;
		}
		if (distance == 0)
			break;
	}
	return nearest;
}

static bool check_number(
	const struct bx_key_row *row, const char *value, struct bx_text *plain, struct bx_text *why)
{
	int64_t number;
	if (!bx_parse_integer(value, row->min, row->max, &number)) {
		bx_text_print(why, "a whole number from %" PRId64 " to %" PRId64, row->min, row->max);
		return false;
	}
	bx_text_print(plain, "%" PRId64, number);
	return true;
}

static bool check_bytes(
	const struct bx_key_row *row, const char *value, struct bx_text *plain, struct bx_text *why)
{
	static const char units[] = "KMG";
	char digits[24];
	size_t length = strlen(value);
	const char *unit = length > 0 ? strchr(units, value[length - 1]) : NULL;
	int shift = unit && *unit ? 10 * (int)(unit - units + 1) : 0;
	int64_t number = 0;
	bool good = length > 0 && length < sizeof digits && bx_text_copy(digits, sizeof digits, value);
	if (good && shift)
		digits[length - 1] = '\0';
	good = good && bx_parse_integer(digits, 0, INT64_MAX >> shift, &number) &&
		number << shift >= row->min && number << shift <= row->max;
	if (!good)
		bx_text_print(why, "a number of bytes from %" PRId64 "K to %" PRId64 "M, such as 8M",
			row->min >> 10, row->max >> 20);
	else
		bx_text_print(plain, "%" PRId64, number << shift);
	return good;
}

static bool check_word(const char *words, const char *value, struct bx_text *plain, struct bx_text *why)
{
	size_t length = strlen(value);
	for (const char *at = words; *at; at += strcspn(at, " "), at += *at == ' ') {
		if (length > 0 && strcspn(at, " ") == length && strncmp(at, value, length) == 0) {
			bx_text_say(plain, value);
			return true;
		}
	}
	bx_text_print(why, "one of: %s", words);
	return false;
}

static bool check_switch(const char *value, struct bx_text *plain, struct bx_text *why)
{
	static const char *const words[][2] = { { "true", "false" }, { "yes", "no" }, { "on", "off" },
		{ "1", "0" } };
	for (size_t i = 0; i < BX_COUNT(words); i++) {
		for (size_t side = 0; side < 2; side++) {
			if (strcmp(words[i][side], value) == 0) {
				bx_text_say(plain, words[0][side]);
				return true;
			}
		}
	}
	bx_text_say(why, "true or false");
	return false;
}

static bool check_address(const char *value, struct bx_text *plain, struct bx_text *why)
{
	const char *colon = strrchr(value, ':');
	int64_t port;
	bool good = colon && colon > value && bx_parse_integer(colon + 1, 0, 65535, &port) &&
		strcspn(value, " \t/") == strlen(value);
	bx_text_say(good ? plain : why, good ? value : "HOST:PORT, such as 127.0.0.1:5000");
	return good;
}

static bool check_path(
	const struct bx_key_row *row, const char *value, struct bx_text *plain, struct bx_text *why)
{
	bool good = value[0] == '/' || (value[0] == '\0' ? row->initial[0] == '\0' : row->under_state);
	bx_text_say(good ? plain : why, good ? value : "a path that begins with /");
	return good;
}

bool bx_key_check(enum bx_key key, const char *value, struct bx_text *plain, struct bx_text *why)
{
	const struct bx_key_row *row = &rows[key];
	switch (row->type) {
	case BX_NUMBER:
		return check_number(row, value, plain, why);
	case BX_BYTES:
		return check_bytes(row, value, plain, why);
	case BX_SWITCH:
		return check_switch(value, plain, why);
	case BX_CHOICE:
		return check_word(row->words, value, plain, why);
	case BX_ADDRESS:
		return check_address(value, plain, why);
	case BX_SLUG:
		bx_text_say(bx_is_slug(value) ? plain : why,
			bx_is_slug(value) ? value : "small letters, digits and single dashes");
		return bx_is_slug(value);
	case BX_PATH:
		return check_path(row, value, plain, why);
	case BX_TEXT:
	case BX_LIST:
	case BX_CRON: /* the field's grammar is judged where schedules are kept */
		bx_text_say(plain, value);
		return true;
	}
	return false;
}
