/* What `bxctl up` prints: a line of a child at a time, its name before it, coloured on a terminal.
 *
 *	collector | 21:15:02 warning: miner does not answer miner=gamma
 *
 * Services write as to the journal: a priority, then the words (sd-daemon(3)). Others' lines are shown as they are. All bytes
 * from outside are cleaned. Who reads too slowly (a stopped terminal) loses lines, which is said; nobody waits for it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct console {
	bool json; /* a JSON object a line */
	unsigned long lost; /* lines, since the last one that could be written */
};

/* `place`: of the row of programs[], for its colour; PROGRAM_COUNT and up: ourselves. */
void console_say(struct console *console, const char *name, size_t place, const char *line);
/* Our own words. */
__attribute__((format(printf, 2, 3))) void console_tell(struct console *console, const char *format, ...);
