#include "libbus/run/config.h"

#include "libbus/base/file.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char default_path[] = "/etc/bitaxe/monitoring.conf";

struct bx_config {
	char *path;
	char *value[BX_KEY_COUNT];
	bool given[BX_KEY_COUNT];
};

struct reader {
	const char *name; /* of the file, for problems */
	unsigned line;
	struct bx_config *config;
	struct bx_text *problems;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void complain(struct reader *reader, const char *format, ...)
{
	char words[512];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(words, sizeof words, format, arguments); /* cut is fine */
	va_end(arguments);
	if (reader->line > 0)
		bx_text_print(reader->problems, "%s:%u: %s\n", reader->name, reader->line, words);
	else
		bx_text_print(reader->problems, "%s: %s\n", reader->name, words);
	reader->failed = true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A value as a shell would read it: quoted and unquoted pieces side by side, up to a blank; behind it a comment at most. */
static bool read_value(struct reader *reader, const char *at, struct bx_text *value)
{
	while (*at && !is_blank(*at)) {
		char quote = *at == '"' || *at == '\'' ? *at++ : '\0';
		for (;;) {
			if (*at == '\0') {
				if (quote)
					complain(reader, "a quote is not closed");
				return !quote;
			}
			if (*at == quote && quote)
				break;
			if (!quote && (is_blank(*at) || *at == '"' || *at == '\''))
				break;
			if (quote != '\'' && (*at == '$' || *at == '`')) {
				complain(reader,
					"'%c' would be a shell's substitution, which is not done here; write the value "
					"itself, or put it in single quotes",
					*at);
				return false;
			}
			if (!quote && strchr(";&|<>()*?[", *at)) {
				complain(reader, "'%c' means something to a shell; put the value in quotes",
					*at);
				return false;
			}
			if (*at == '\\' && !quote && at[1] == '\0') {
				complain(reader, "the line goes on behind a '\\'; write it in one");
				return false;
			}
			if (*at == '\\' &&
				(!quote || (quote == '"' && at[1] != '\0' && strchr("$`\"\\", at[1]))))
				at++;
			bx_text_add(value, at++, 1);
		}
		at += quote != '\0';
	}
	while (is_blank(*at))
		at++;
	if (*at != '\0' && *at != '#') {
		complain(reader,
			"more behind the value; a value with blanks needs quotes"); /* what, may be a secret */
		return false;
	}
	return true;
}

static void set(struct bx_config *config, enum bx_key key, const char *plain)
{
	free(config->value[key]);
	config->value[key] = bx_copy(plain);
}

static void take(struct reader *reader, enum bx_key key, const char *value)
{
	BX_TEXT_OWNED struct bx_text plain;
	BX_TEXT_OWNED struct bx_text why;
	bx_text_init(&plain, 4096);
	bx_text_init(&why, 256);
	if (bx_key_check(key, value, &plain, &why)) {
		set(reader->config, key, plain.data);
		reader->config->given[key] = true;
		return;
	}
	const struct bx_key_row *row = bx_key_row(key);
	complain(reader, "%s=%.60s: allowed is %s%s%s", row->name, row->secret ? "***" : value, why.data,
		row->unit ? " " : "", row->unit ? row->unit : "");
}

/* KEY_FILE of a secret KEY: its first line is the value. */
static void take_file(struct reader *reader, enum bx_key key, const char *path)
{
	struct bx_error error;
	size_t size;
	BX_OWNED(free) char *secret = bx_file_read(path, 4096, &size, &error);
	if (!secret) {
		complain(reader, "%s_FILE: %s", bx_key_row(key)->name, error.message);
		return;
	}
	secret[strcspn(secret, "\r\n")] = '\0';
	take(reader, key, secret);
}

static void read_line(struct reader *reader, char *line)
{
	while (is_blank(*line))
		line++;
	if (*line == '\0' || *line == '#')
		return;
	if (strncmp(line, "export ", 7) == 0)
		line += 7;
	size_t length = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
	if (length == 0 || line[length] != '=') {
		complain(reader, "this is no assignment; write KEY=value"); /* what it is, may be a secret */
		return;
	}
	line[length] = '\0';
	BX_TEXT_OWNED struct bx_text value;
	bx_text_init(&value, 4096);
	if (!read_value(reader, line + length + 1, &value))
		return;
	if (value.cut) {
		complain(reader, "%s: a value of over 4096 bytes", line);
		return;
	}
	enum bx_key key = bx_key_find(line);
	if (key != BX_KEY_COUNT) {
		take(reader, key, value.data);
		return;
	}
	size_t stem = length > 5 && strcmp(line + length - 5, "_FILE") == 0 ? length - 5 : 0;
	if (stem) {
		line[stem] = '\0';
		key = bx_key_find(line);
		if (key != BX_KEY_COUNT && bx_key_row(key)->secret) {
			take_file(reader, key, value.data);
			return;
		}
		line[stem] = '_';
	}
	const char *nearest = bx_key_nearest(line);
	complain(reader, "there is no key %.60s%s%s%s", line, nearest ? "; did you mean " : "",
		nearest ? nearest : "", nearest ? "?" : "");
}

/* What no single line can say. */
static void check_together(struct reader *reader)
{
	static const struct {
		enum bx_key warning, critical;
	} pairs[] = { { BX_KEY_CPU_WARNING_THRESHOLD, BX_KEY_CPU_CRITICAL_THRESHOLD },
		{ BX_KEY_MEMORY_WARNING_THRESHOLD, BX_KEY_MEMORY_CRITICAL_THRESHOLD },
		{ BX_KEY_DISK_WARNING_THRESHOLD, BX_KEY_DISK_CRITICAL_THRESHOLD },
		{ BX_KEY_TEMP_WARNING_THRESHOLD, BX_KEY_TEMP_CRITICAL_THRESHOLD } };
	reader->line = 0;
	for (size_t i = 0; i < BX_COUNT(pairs); i++)
		if (bx_config_number(reader->config, pairs[i].warning) >
			bx_config_number(reader->config, pairs[i].critical))
			complain(reader, "%s is over %s; the warning has to come first",
				bx_key_row(pairs[i].warning)->name, bx_key_row(pairs[i].critical)->name);
	/* a socket's name has to fit sun_path, unix(7) */
	if (strlen(bx_config_text(reader->config, BX_KEY_BUS)) > 107)
		complain(reader, "BUS: a socket's path has at most 107 bytes; name a shorter one");
}

static void complete_paths(struct bx_config *config)
{
	for (int key = 0; key < BX_KEY_COUNT; key++) {
		if (!bx_key_row((enum bx_key)key)->under_state || config->value[key][0] == '/')
			continue;
		BX_TEXT_OWNED struct bx_text whole;
		bx_text_init(&whole, 8192);
		bx_text_print(&whole, "%s/%s", config->value[BX_KEY_STATE_DIR], config->value[key]);
		set(config, (enum bx_key)key, whole.data);
	}
}

struct bx_config *bx_config_parse(const char *name, const char *text, size_t size, struct bx_text *problems)
{
	BX_OWNED(bx_config_free) struct bx_config *config = bx_alloc(1, sizeof *config);
	struct reader reader = { .name = name, .config = config, .problems = problems };
	config->path = bx_copy(name);
	for (int key = 0; key < BX_KEY_COUNT; key++) {
		BX_TEXT_OWNED struct bx_text plain;
		bx_text_init(&plain, 4096);
		bx_key_check((enum bx_key)key, bx_key_row((enum bx_key)key)->initial, &plain, &plain);
		set(config, (enum bx_key)key, plain.data);
	}
	if (!bx_is_utf8(text, size))
		complain(&reader, "is not UTF-8 text");
	for (const char *at = text, *end = text + size; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = newline ? (size_t)(newline - at) : (size_t)(end - at);
		BX_OWNED(free) char *line = bx_copy_bytes(at, length);
		if (length > 0 && line[length - 1] == '\r')
			line[length - 1] = '\0';
		reader.line++;
		if (strchr(line, '\r'))
			complain(&reader, "a carriage return within the line; end lines with a newline");
		else
			read_line(&reader, line);
		at += length + (newline != NULL);
	}
	check_together(&reader);
	if (reader.failed)
		return NULL;
	complete_paths(config);
	struct bx_config *read = config;
	config = NULL; /* the caller's */
	return read;
}

struct bx_config *bx_config_read(const char *path, struct bx_text *problems)
{
	if (!path)
		path = getenv("BITAXE_CONFIG");
	if (!path && access(default_path, F_OK) != 0)
		return bx_config_parse("", "", 0, problems);
	if (!path)
		path = default_path;
	struct bx_error error;
	size_t size;
	BX_OWNED(free) char *text = bx_file_read(path, BX_CONFIG_BYTES_MAX, &size, &error);
	if (!text) {
		bx_text_print(problems, "%s\n", error.message);
		return NULL;
	}
	return bx_config_parse(path, text, size, problems);
}

void bx_config_free(struct bx_config *config)
{
	if (!config)
		return;
	for (int key = 0; key < BX_KEY_COUNT; key++)
		free(config->value[key]);
	free(config->path);
	free(config);
}

int64_t bx_config_number(const struct bx_config *config, enum bx_key key)
{
	return strtoll(config->value[key], NULL, 10); /* was checked */
}

bool bx_config_is_on(const struct bx_config *config, enum bx_key key)
{
	return strcmp(config->value[key], "true") == 0;
}

const char *bx_config_text(const struct bx_config *config, enum bx_key key)
{
	return config->value[key];
}

bool bx_config_is_given(const struct bx_config *config, enum bx_key key)
{
	return config->given[key];
}

const char *bx_config_path(const struct bx_config *config)
{
	return config->path;
}
