/* The log: one event, one line, a message that stands alone, facts as fields.
 *
 *	bx_log(BX_WARNING, "miner does not answer", BX_F("miner", id), BX_F("waited_ms", waited_ms));
 *
 * error: someone must act. warning: look when you can. info: a state changed. debug: for us. A state is logged when it
 * changes, not each time it is seen. Outside text is escaped here. Secrets never come here. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bx_level { BX_DEBUG, BX_INFO, BX_WARNING, BX_ERROR };
const char *bx_level_word(enum bx_level level); /* "debug", "info", "warning", "error" */
bool bx_level_of(const char *word, enum bx_level *level);

/* A named fact, of a log line or of an event on the bus. Names and texts are borrowed for the call. */
struct bx_field {
	const char *name;
	enum { BX_FIELD_TEXT, BX_FIELD_INTEGER, BX_FIELD_NUMBER, BX_FIELD_YES_NO } type;
	union {
		const char *text; /* NULL: the field is left out */
		int64_t integer;
		double number;
		bool yes;
	};
};
struct bx_field bx_field_text(const char *name, const char *text);
struct bx_field bx_field_integer(const char *name, int64_t integer);
struct bx_field bx_field_unsigned(const char *name, uint64_t integer); /* over INT64_MAX: INT64_MAX */
struct bx_field bx_field_number(const char *name, double number);
struct bx_field bx_field_yes_no(const char *name, bool yes);
#define BX_F(name, value) \
	_Generic((value),                                                                                     \
		char *: bx_field_text,                                                                        \
		const char *: bx_field_text,                                                                  \
		bool: bx_field_yes_no,                                                                        \
		double: bx_field_number,                                                                      \
		unsigned long: bx_field_unsigned,                                                             \
		unsigned long long: bx_field_unsigned,                                                        \
		default: bx_field_integer)(name, value)
/* The fields of a call, ended by one without a name. */
#define BX_FIELDS(...) ((const struct bx_field[]){ __VA_ARGS__ __VA_OPT__(, ){ .name = NULL } })

#define bx_log(level, message, ...) bx_log_write(level, message, BX_FIELDS(__VA_ARGS__))
void bx_log_write(enum bx_level level, const char *message, const struct bx_field *fields);

/* The sink, one a process, set before any thread starts: lines at `level` and above go to standard error, for the journal
 * with its priorities where standard error is the journal's, else with a time and `name`, the service's (borrowed). */
void bx_log_to(const char *name, enum bx_level level);
void bx_log_set_level(enum bx_level level);
/* Lines of `level` and above are given to `also` (the bus), too, NULL: to nobody. Only those of this thread, and none that
 * is logged while it runs. */
void bx_log_also(enum bx_level level,
	void (*also)(void *arg, enum bx_level level, const char *message, const struct bx_field *fields),
	void *arg);
struct bx_text;
/* Appends " name=value" for each field. */
void bx_log_print_fields(struct bx_text *text, const struct bx_field *fields);

/* Lines of BX_ERROR since the start: a figure of service/<service>/stats. */
uint64_t bx_log_errors(void);
