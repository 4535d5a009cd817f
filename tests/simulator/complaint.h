/* Why something could not be done: one line for a person, that says what and what to do. */
#ifndef SIMULATOR_COMPLAINT_H
#define SIMULATOR_COMPLAINT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct complaint {
	char text[240];
};

/* Fills *complaint (cut when too long). Always false, so that a caller writes `return complain(...)`. */
__attribute__((format(printf, 2, 3))) static inline bool complain(
	struct complaint *complaint, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(complaint->text, sizeof(complaint->text), format, arguments);
	va_end(arguments);
	return false;
}

#endif
