#include "libbus/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void bx_text_init(struct bx_text *text, size_t max)
{
	*text = (struct bx_text){ .max = max };
	text->size = max < 256 ? max + 1 : 256;
	text->data = bx_alloc(text->size, 1);
}

void bx_text_done(struct bx_text *text)
{
	free(text->data);
	*text = (struct bx_text){ 0 };
}

void bx_text_clear(struct bx_text *text)
{
	text->length = 0;
	text->cut = false;
	text->data[0] = '\0';
}

static bool text_reserve(struct bx_text *text, size_t more)
{
	if (text->cut || more > text->max - text->length) {
		text->cut = true;
		return false;
	}
	size_t need = text->length + more + 1;
	if (need > text->size) {
		text->size = need * 2 > text->max + 1 ? text->max + 1 : need * 2;
		text->data = bx_grow(text->data, text->size, 1);
	}
	return true;
}

void bx_text_add(struct bx_text *text, const char *bytes, size_t size)
{
	if (size == 0 || !text_reserve(text, size))
		return;
	memcpy(text->data + text->length, bytes, size);
	text->length += size;
	text->data[text->length] = '\0';
}

void bx_text_say(struct bx_text *text, const char *words)
{
	bx_text_add(text, words, strlen(words));
}

void bx_text_print(struct bx_text *text, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length > 0 && text_reserve(text, (size_t)length)) {
		(void)vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
		text->length += (size_t)length;
	}
	va_end(again);
}

/* Bytes of the UTF-8 character at `bytes`, 0 where there is none: overlong forms, surrogates and cut ends are none. */
static size_t utf8_length(const unsigned char *bytes, size_t size)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} kinds[] = { { 0x80, 0x00, 0 }, { 0xE0, 0xC0, 0x80 }, { 0xF0, 0xE0, 0x800 },
		{ 0xF8, 0xF0, 0x10000 } };

	for (size_t kind = 0; kind < BX_COUNT(kinds); kind++) {
		if ((bytes[0] & kinds[kind].mask) != kinds[kind].lead)
			continue;
		if (kind + 1 > size)
			return 0;
		uint32_t point = bytes[0] & (unsigned char)~kinds[kind].mask;
		for (size_t i = 1; i <= kind; i++) {
			if ((bytes[i] & 0xC0) != 0x80)
				return 0;
			point = point << 6 | (bytes[i] & 0x3F);
		}
		bool surrogate = point >= 0xD800 && point <= 0xDFFF;
		return point < kinds[kind].least || point > 0x10FFFF || surrogate ? 0 : kind + 1;
	}
	return 0;
}

bool bx_is_utf8(const char *bytes, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t length = utf8_length((const unsigned char *)bytes + at, size - at);
		if (length == 0 || bytes[at] == '\0')
			return false;
		at += length;
	}
	return true;
}

bool bx_text_copy(char *to, size_t size, const char *from)
{
	size_t length = strlen(from), kept = length < size ? length : size - 1;
	while (kept < length && kept > 0 && ((unsigned char)from[kept] & 0xC0) == 0x80)
		kept--;
	memcpy(to, from, kept);
	to[kept] = '\0';
	return kept == length;
}

void bx_clean(char *to, size_t size, const char *from)
{
	size_t length = strlen(from), used = 0;
	for (size_t at = 0; at < length;) {
		size_t step = utf8_length((const unsigned char *)from + at, length - at);
		bool plain = step > 1 || (step == 1 && (unsigned char)from[at] >= ' ' && from[at] != 0x7F);
		/* U+0080..U+009F are control characters, too */
		if (step == 2 && (unsigned char)from[at] == 0xC2 && (unsigned char)from[at + 1] < 0xA0)
			plain = false;
		size_t keep = plain ? step : 1;
		if (used + keep >= size)
			break;
		if (plain)
			memcpy(to + used, from + at, keep);
		else
			to[used] = ' ';
		if (used > 0 || to[0] != ' ')
			used += keep;
		at += step ? step : 1;
	}
	while (used > 0 && to[used - 1] == ' ')
		used--;
	to[used] = '\0';
}

bool bx_parse_integer(const char *text, int64_t min, int64_t max, int64_t *number)
{
	const char *digits = text[0] == '-' ? text + 1 : text;
	if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		return false;
	errno = 0;
	long long value = strtoll(text, NULL, 10);
	if (errno != 0 || value < min || value > max)
		return false;
	*number = value;
	return true;
}

bool bx_parse_number(const char *text, double *number)
{
	if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0')
		return false;
	char *end;
	double value = strtod(text, &end);
	if (*end != '\0' || end == text || !isfinite(value))
		return false;
	*number = value;
	return true;
}

bool bx_parse_hex(const char *text, size_t digits, uint64_t *number)
{
	if (strlen(text) != digits || text[strspn(text, "0123456789abcdef")] != '\0')
		return false;
	*number = strtoull(text, NULL, 16);
	return true;
}

void bx_number_print(double number, char text[BX_NUMBER_SIZE])
{
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, BX_NUMBER_SIZE, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			return;
	}
}

double bx_round(double number, int decimals)
{
	static const double scale[] = { 1, 10, 100, 1e3, 1e4, 1e5, 1e6 };
	double scaled = number * scale[decimals];
	return fabs(scaled) < 9e15 ? round(scaled) / scale[decimals] + 0.0 /* -0 is 0 */ : number;
}

bool bx_slug(char *to, size_t size, const char *from)
{
	size_t used = 0;
	for (; *from && used + 1 < size; from++) {
		unsigned char letter = (unsigned char)*from;
		if (letter < 0x80 && isalnum(letter))
			to[used++] = (char)tolower(letter);
		else if (used > 0 && to[used - 1] != '-')
			to[used++] = '-';
	}
	while (used > 0 && to[used - 1] == '-')
		used--;
	to[used] = '\0';
	return used > 0;
}

bool bx_is_slug(const char *text)
{
	size_t length = strlen(text);
	return length > 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length &&
		text[0] != '-' && text[length - 1] != '-' && !strstr(text, "--");
}

bool bx_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;
	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			retry = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* Optimal string alignment over three rows; both texts are bounded, so the rows are, too. */
unsigned bx_distance(const char *one, const char *other)
{
	enum { LONGEST = 63 };
	size_t rows = strlen(one), columns = strlen(other);
	if (rows > LONGEST || columns > LONGEST)
		return 99;
	unsigned before[LONGEST + 1], above[LONGEST + 1], row[LONGEST + 1];
	for (size_t j = 0; j <= columns; j++)
		above[j] = before[j] = (unsigned)j;
	for (size_t i = 1; i <= rows; i++) {
		row[0] = (unsigned)i;
		int a = tolower((unsigned char)one[i - 1]),
		    a_before = i > 1 ? tolower((unsigned char)one[i - 2]) : 0;
		for (size_t j = 1; j <= columns; j++) {
			int b = tolower((unsigned char)other[j - 1]);
			unsigned least = above[j - 1] + (a != b);
			if (above[j] + 1 < least)
				least = above[j] + 1;
			if (row[j - 1] + 1 < least)
				least = row[j - 1] + 1;
			if (i > 1 && j > 1 && a == tolower((unsigned char)other[j - 2]) && a_before == b &&
				before[j - 2] + 1 < least)
				least = before[j - 2] + 1;
			row[j] = least;
		}
		memcpy(before, above, sizeof above);
		memcpy(above, row, sizeof row);
	}
	return rows == 0 ? (unsigned)columns : above[columns];
}
