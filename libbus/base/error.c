#include "libbus/base/error.h"

#include <stdio.h>
#include <string.h>

static const char *const words[] = {
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
	return words[code];
}

enum bx_code bx_code_of(const char *word)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i], word) == 0)
			return (enum bx_code)i;
	return BX_FAILED;
}

bool bx_fail(struct bx_error *error, enum bx_code code, const char *format, ...)
{
	if (!error)
		return false;
	error->code = code;
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(error->message, sizeof error->message, format, arguments); /* cut is fine */
	va_end(arguments);
	return false;
}

void bx_error_prefix(struct bx_error *error, const char *format, ...)
{
	if (!error)
		return;
	struct bx_error old = *error;
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(error->message, sizeof error->message, format, arguments);
	va_end(arguments);
	size_t used = length < 0 ? 0 : (size_t)length;
	if (used < sizeof error->message)
		(void)snprintf(error->message + used, sizeof error->message - used, ": %s", old.message);
}
