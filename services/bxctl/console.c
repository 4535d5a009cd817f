#include "services/bxctl/console.h"

#include "libbus/base/clock.h"
#include "libbus/base/json.h"
#include "libbus/base/log.h"
#include "services/bxctl/programs.h"
#include "services/bxctl/show.h"
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NAME_WIDTH = 9, LINE_SIZE = 4200 };

static enum bx_level level_of(const char **line)
{
	static const struct {
		const char *mark;
		enum bx_level level;
	} marks[] = { { "<7>", BX_DEBUG }, { "<6>", BX_INFO }, { "<4>", BX_WARNING }, { "<3>", BX_ERROR },
		/* mosquitto's */
		{ "Warning: ", BX_WARNING }, { "Error: ", BX_ERROR } };
	for (size_t i = 0; i < BX_COUNT(marks); i++) {
		if (strncmp(*line, marks[i].mark, strlen(marks[i].mark)) != 0)
			continue;
		*line += strlen(marks[i].mark);
		return marks[i].level;
	}
	return BX_INFO;
}

static void print_text(struct bx_text *text, const char *name, size_t place, enum bx_level level,
	const char *now, const char *words)
{
	static const char *const hues[] = { "\033[36m", "\033[34m", "\033[32m", "\033[35m", "\033[33m",
		"\033[90m" };
	static const enum show_colour colours[] = { SHOW_FAINT, SHOW_PLAIN, SHOW_WARNING, SHOW_BAD };
	bool coloured = show_is_terminal(stdout);
	const char *hue = !coloured      ? ""
		: place < BX_COUNT(hues) ? hues[place]
					 : show_colour(stdout, SHOW_STRONG);
	const char *plain = show_colour(stdout, SHOW_PLAIN);
	bx_text_print(text, "%s%-*s |%s %s %s", hue, NAME_WIDTH, name, plain, now,
		show_colour(stdout, colours[level]));
	if (level >= BX_WARNING)
		bx_text_print(text, "%s: ", bx_level_word(level));
	bx_text_print(text, "%s%s\n", words, plain);
}

static void print_json(struct bx_text *text, const char *name, enum bx_level level, const char *words)
{
	struct bx_json json = { .text = text };
	char now[BX_WALL_SIZE];
	bx_wall_print(bx_clock_kernel.wall(&bx_clock_kernel), now);
	bx_json_object(&json, NULL);
	bx_json_text(&json, "time", now);
	bx_json_text(&json, "from", name);
	bx_json_text(&json, "level", bx_level_word(level));
	bx_json_text(&json, "line", words);
	bx_json_end_object(&json);
	bx_text_say(text, "\n");
}

/* Never waits: a terminal that is stopped (Ctrl-S) must not stop the suite. */
static bool put(const struct bx_text *text)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	if (poll(&out, 1, 0) == 1 && (out.revents & POLLOUT))
		return write(STDOUT_FILENO, text->data, text->length) >= 0;
	return false;
}

void console_say(struct console *console, const char *name, size_t place, const char *line)
{
	char clean[LINE_SIZE], now[16] = "";
	time_t seconds = time(NULL);
	struct tm local;
	enum bx_level level = level_of(&line);
	bx_clean(clean, sizeof clean, line);
	if (localtime_r(&seconds, &local))
		(void)strftime(now, sizeof now, "%H:%M:%S", &local); /* fits */
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 4 * LINE_SIZE);
	if (console->lost > 0)
		bx_text_print(
			&text, "(%lu lines are missing here: they were not taken in time)\n", console->lost);
	if (console->json)
		print_json(&text, name, level, clean);
	else
		print_text(&text, name, place, level, now, clean);
	console->lost = put(&text) ? 0 : console->lost + 1;
}

void console_tell(struct console *console, const char *format, ...)
{
	char words[1000];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(words, sizeof words, format, arguments); /* cut is fine */
	va_end(arguments);
	console_say(console, "bxctl", PROGRAM_COUNT, words);
}
