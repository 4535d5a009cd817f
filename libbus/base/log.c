#include "libbus/base/log.h"

#include "libbus/base/clock.h"
#include "libbus/base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const level_words[] = { "debug", "info", "warning", "error" };

/* The one global besides const tables: where lines go. Worker threads read it, only the loop's thread writes. */
static struct {
	const char *name;
	enum bx_level level;
} sink = { .name = "", .level = BX_INFO };
static _Thread_local struct {
	enum bx_level level;
	void (*also)(void *arg, enum bx_level level, const char *message, const struct bx_field *fields);
	void *arg;
} beside;
static uint64_t errors;

const char *bx_level_word(enum bx_level level)
{
	return level_words[level];
}

bool bx_level_of(const char *word, enum bx_level *level)
{
	for (size_t i = 0; i < BX_COUNT(level_words); i++) {
		if (strcmp(level_words[i], word) == 0) {
			*level = (enum bx_level)i;
			return true;
		}
	}
	return false;
}

struct bx_field bx_field_text(const char *name, const char *text)
{
	return (struct bx_field){ .name = name, .type = BX_FIELD_TEXT, .text = text };
}

struct bx_field bx_field_integer(const char *name, int64_t integer)
{
	return (struct bx_field){ .name = name, .type = BX_FIELD_INTEGER, .integer = integer };
}

struct bx_field bx_field_unsigned(const char *name, uint64_t integer)
{
	return bx_field_integer(name, integer > INT64_MAX ? INT64_MAX : (int64_t)integer);
}

struct bx_field bx_field_number(const char *name, double number)
{
	return (struct bx_field){ .name = name, .type = BX_FIELD_NUMBER, .number = number };
}

struct bx_field bx_field_yes_no(const char *name, bool yes)
{
	return (struct bx_field){ .name = name, .type = BX_FIELD_YES_NO, .yes = yes };
}

/* Quoted only where a blank or a quote would mislead; control characters never reach the terminal or a log reader. */
static void add_text(struct bx_text *line, const char *text)
{
	char clean[512];
	bx_clean(clean, sizeof clean, text);
	if (clean[0] && !strpbrk(clean, " \"=")) {
		bx_text_say(line, clean);
		return;
	}
	bx_text_add(line, "\"", 1);
	for (const char *at = clean; *at; at++) {
		if (*at == '"' || *at == '\\')
			bx_text_add(line, "\\", 1);
		bx_text_add(line, at, 1);
	}
	bx_text_add(line, "\"", 1);
}

static void add_field(struct bx_text *line, const struct bx_field *field)
{
	if (field->type == BX_FIELD_TEXT && !field->text)
		return;
	bx_text_print(line, " %s=", field->name);
	switch (field->type) {
	case BX_FIELD_TEXT:
		add_text(line, field->text);
		break;
	case BX_FIELD_INTEGER:
		bx_text_print(line, "%" PRId64, field->integer);
		break;
	case BX_FIELD_NUMBER:
		bx_text_print(line, "%.6g", field->number);
		break;
	case BX_FIELD_YES_NO:
		bx_text_say(line, field->yes ? "yes" : "no");
		break;
	}
}

static void add_head(struct bx_text *line, enum bx_level level)
{
	static const char *const priorities[] = { "<7>", "<6>", "<4>", "<3>" }; /* sd-daemon(3) */
	if (getenv("JOURNAL_STREAM")) {
		bx_text_say(line, priorities[level]);
		return;
	}
	char now[BX_WALL_SIZE];
	bx_wall_print(bx_clock_kernel.wall(&bx_clock_kernel), now);
	bx_text_print(line, "%s %s %s: ", now, sink.name, level_words[level]);
}

void bx_log_print_fields(struct bx_text *text, const struct bx_field *fields)
{
	for (const struct bx_field *field = fields; field->name; field++)
		add_field(text, field);
}

void bx_log_write(enum bx_level level, const char *message, const struct bx_field *fields)
{
	if (level == BX_ERROR)
		__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED);
	if (level >= __atomic_load_n(&sink.level, __ATOMIC_RELAXED)) {
		BX_TEXT_OWNED struct bx_text line;
		bx_text_init(&line, 4095);
		add_head(&line, level);
		bx_text_say(&line, message);
		bx_log_print_fields(&line, fields);
		line.cut = false;
		line.max++; /* the line's end fits always */
		bx_text_say(&line, "\n");
		if (write(STDERR_FILENO, line.data, line.length) < 0)
			return; /* nowhere to say it */
	}
	void (*also)(void *, enum bx_level, const char *, const struct bx_field *) = beside.also;
	if (also && level >= beside.level) {
		beside.also = NULL; /* what is logged in there is not given to it */
		also(beside.arg, level, message, fields);
		beside.also = also;
	}
}

void bx_log_to(const char *name, enum bx_level level)
{
	sink.name = name;
	bx_log_set_level(level);
}

void bx_log_set_level(enum bx_level level)
{
	__atomic_store_n(&sink.level, level, __ATOMIC_RELAXED);
}

void bx_log_also(enum bx_level level,
	void (*also)(void *arg, enum bx_level level, const char *message, const struct bx_field *fields),
	void *arg)
{
	beside.level = level;
	beside.also = also;
	beside.arg = arg;
}

uint64_t bx_log_errors(void)
{
	return __atomic_load_n(&errors, __ATOMIC_RELAXED);
}
