#include "libbus/base/error.h"

#include "libbus/base/text.h"
#include <stdio.h>
#include <string.h>

/* Longer than the message by a character, so that bx_text_copy sees where it cuts. */
enum { WORDS_SIZE = sizeof((struct bx_error *)0)->message + 4 };

static const char *const code_words[] = {
	[BX_OK] = "ok",
	[BX_INVALID] = "invalid",
	[BX_MISSING] = "missing",
	[BX_CONFLICT] = "conflict",
	[BX_BUSY] = "busy",
	[BX_LATE] = "late",
	[BX_FULL] = "full",
	[BX_DENIED] = "denied",
	[BX_UNREACHABLE] = "unreachable",
	[BX_TIMED_OUT] = "timed_out",
	[BX_FAILED] = "failed",
};

const char *bx_code_word(enum bx_code code)
{
	return code_words[code];
}

enum bx_code bx_code_of(const char *word)
{
	for (size_t i = 0; i < BX_COUNT(code_words); i++)
		if (strcmp(code_words[i], word) == 0)
			return (enum bx_code)i;
	return BX_FAILED;
}

bool bx_fail(struct bx_error *error, enum bx_code code, const char *format, ...)
{
	if (!error)
		return false;
	error->code = code;
	char words[WORDS_SIZE];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(words, sizeof words, format, arguments);
	va_end(arguments);
	(void)bx_text_copy(error->message, sizeof error->message, words); /* cut is fine */
	return false;
}

void bx_error_prefix(struct bx_error *error, const char *format, ...)
{
	if (!error)
		return;
	char words[WORDS_SIZE];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(words, sizeof words, format, arguments);
	va_end(arguments);
	size_t used = length < 0 ? 0 : (size_t)length;
	if (used < sizeof words)
		(void)snprintf(words + used, sizeof words - used, ": %s", error->message);
	(void)bx_text_copy(error->message, sizeof error->message, words); /* cut is fine */
}
