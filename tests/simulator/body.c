#include "body.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "life.h"

struct scan {
	struct body *body;
	struct complaint *complaint;
	size_t at;
};

static bool scan_value(struct scan *scan, const char *path, int depth);

static char skip_blanks(struct scan *scan)
{
	scan->at += strspn(scan->body->text + scan->at, " \t\r\n");
	return scan->body->text[scan->at];
}

static void scan_text(struct scan *scan)
{
	const char *text = scan->body->text;
	for (scan->at++; text[scan->at] != '"'; scan->at++) {
		if (text[scan->at] == '\\')
			scan->at++;
	}
	scan->at++;
}

/* The members of an object or an array, up to and with the closing bracket. */
static bool scan_members(struct scan *scan, const char *path, int depth, enum value_type type)
{
	const char *text = scan->body->text;
	char member[BODY_PATH_MAX];
	size_t index = 0;

	scan->at++;
	for (;; index++) {
		char next = skip_blanks(scan);
		if (next == '}' || next == ']')
			break;
		if (next == ',') {
			scan->at++;
			skip_blanks(scan);
		}
		int written;
		if (type == VALUE_OBJECT) {
			size_t key = scan->at + 1;
			scan_text(scan);
			written = snprintf(member, sizeof(member), "%s%s%.*s", path, *path ? "." : "",
				(int)(scan->at - 1 - key), text + key);
			skip_blanks(scan);
			scan->at++; /* the colon */
		} else {
			written = snprintf(member, sizeof(member), "%s[%zu]", path, index);
		}
		if (written < 0 || (size_t)written >= sizeof(member))
			return complain(scan->complaint, "%s: the key at byte %zu is too long",
				scan->body->name, scan->at);
		if (!scan_value(scan, member, depth + 1))
			return false;
		if (depth == 0)
			scan->body->end_of_values = scan->at;
	}
	scan->at++;
	return true;
}

static enum value_type type_of(char first)
{
	switch (first) {
	case '{':
		return VALUE_OBJECT;
	case '[':
		return VALUE_ARRAY;
	case '"':
		return VALUE_TEXT;
	case 't':
	case 'f':
	case 'n':
		return VALUE_OTHER;
	default:
		return VALUE_NUMBER;
	}
}

/* jansson has accepted the text before, so this knows that each bracket and quote has its partner. */
static bool scan_value(struct scan *scan, const char *path, int depth)
{
	struct body *body = scan->body;
	char first = skip_blanks(scan);
	size_t start = scan->at;
	enum value_type type = type_of(first);
	struct value *value = NULL;

	if (depth > BODY_DEPTH_MAX || body->value_count == BODY_VALUES_MAX)
		return complain(
			scan->complaint, "%s: too deep or more than %d values", body->name, BODY_VALUES_MAX);
	if (depth > 0) { /* the body itself is no value */
		value = &body->values[body->value_count++];
		(void)snprintf(value->path, sizeof(value->path), "%s", path);
		value->start = start;
		value->type = type;
		value->life = life_row_find(path);
	}
	if (type == VALUE_OBJECT || type == VALUE_ARRAY) {
		if (!scan_members(scan, path, depth, type))
			return false;
	} else if (type == VALUE_TEXT) {
		scan_text(scan);
	} else {
		scan->at += strcspn(body->text + scan->at, ",]} \t\r\n");
	}
	if (!value)
		return true;
	value->length = scan->at - start;
	if (type == VALUE_NUMBER) {
		value->number = strtod(body->text + start, NULL);
		value->is_whole = strcspn(body->text + start, ".eE") >= value->length;
	}
	return true;
}

char *body_read_file(const char *path, struct complaint *complaint)
{
	FILE *file = fopen(path, "re");
	if (!file) {
		complain(complaint, "cannot read %s: %s; is --bodies right?", path, strerror(errno));
		return NULL;
	}
	char *text = calloc(1, BODY_BYTES_MAX + 1);
	size_t length = text ? fread(text, 1, BODY_BYTES_MAX, file) : 0;
	bool is_whole = text && !ferror(file) && fgetc(file) == EOF;
	(void)fclose(file); /* only read */
	if (!is_whole || memchr(text, '\0', length)) {
		complain(complaint, "%s: not readable as text of at most %d bytes", path, BODY_BYTES_MAX);
		free(text);
		return NULL;
	}
	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		text[--length] = '\0';
	return text;
}

static bool body_scan(struct body *body, struct complaint *complaint)
{
	json_error_t error;
	json_auto_t *parsed = json_loads(body->text, 0, &error);
	if (!json_is_object(parsed) || json_object_size(parsed) == 0)
		return complain(
			complaint, "%s: not a JSON object (line %d: %s)", body->name, error.line, error.text);
	body->length = strlen(body->text);
	body->is_tabbed = strncmp(body->text, "{\n", 2) == 0;
	struct scan scan = { .body = body, .complaint = complaint };
	return scan_value(&scan, "", 0);
}

struct body *body_load(const char *directory, const char *name, struct complaint *complaint)
{
	char path[512];
	int written = snprintf(path, sizeof(path), "%s/%s.json", directory, name);
	if (written < 0 || (size_t)written >= sizeof(path) || strstr(name, "..")) {
		complain(complaint, "'%s' is no name of a sample", name);
		return NULL;
	}
	struct body *body = calloc(1, sizeof(*body));
	if (!body)
		abort();
	body->name = strdup(name);
	body->values = calloc(BODY_VALUES_MAX, sizeof(*body->values));
	if (!body->name || !body->values)
		abort();
	body->is_fault = strncmp(name, "faults/", 7) == 0;
	body->text = body_read_file(path, complaint);
	if (!body->text || !body_scan(body, complaint)) {
		body_free(body);
		return NULL;
	}
	return body;
}

void body_free(struct body *body)
{
	if (!body)
		return;
	free(body->name);
	free(body->text);
	free(body->values);
	free(body);
}

const struct value *body_find(const struct body *body, const char *path)
{
	for (size_t i = 0; i < body->value_count; i++) {
		if (strcmp(body->values[i].path, path) == 0)
			return &body->values[i];
	}
	return NULL;
}

void body_copy_text(const struct body *body, const char *path, char *copy, size_t size)
{
	const struct value *value = body_find(body, path);
	copy[0] = '\0';
	if (value && value->type == VALUE_TEXT && value->length - 2 < size) {
		memcpy(copy, body->text + value->start + 1, value->length - 2);
		copy[value->length - 2] = '\0';
	}
}
