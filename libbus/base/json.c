#include "libbus/base/json.h"

#include "libbus/base/log.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Nesting is counted before jansson recurses: it allows 2,048 levels, we have no use for so many. */
static size_t deepest(const char *bytes, size_t size)
{
	size_t depth = 0, most = 0;
	bool quoted = false;
	for (size_t i = 0; i < size; i++) {
		char c = bytes[i];
		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			depth++;
			most = depth > most ? depth : most;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return most;
}

json_t *bx_json_read(const char *bytes, size_t size, enum bx_json_from from, struct bx_error *error)
{
	if (size > BX_JSON_BYTES_MAX) {
		bx_fail(error, BX_INVALID, "JSON of %zu bytes, at most %d are read", size, BX_JSON_BYTES_MAX);
		return NULL;
	}
	if (deepest(bytes, size) > BX_JSON_DEPTH_MAX) {
		bx_fail(error, BX_INVALID, "JSON nested deeper than %d levels", BX_JSON_DEPTH_MAX);
		return NULL;
	}
	json_error_t why;
	size_t flags = JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL |
		(from == BX_JSON_OURS ? JSON_REJECT_DUPLICATES : 0);
	json_t *document = json_loadb(bytes ? bytes : "", size, flags, &why);
	if (!document)
		bx_fail(error, BX_INVALID, "not JSON: %s at byte %d", why.text, why.position);
	return document;
}

/* A string literal, its quotes included. Escapes what RFC 8259 wants escaped; the rest is UTF-8 as it stands. */
static void add_quoted(struct bx_text *text, const char *words)
{
	char *cleaned = NULL;
	size_t length = strlen(words);
	if (!bx_is_utf8(words, length)) {
		cleaned = bx_alloc(length + 1, 1);
		bx_clean(cleaned, length + 1, words);
		words = cleaned;
	}
	bx_text_add(text, "\"", 1);
	for (const char *at = words; *at;) {
		size_t plain = 0;
		while ((unsigned char)at[plain] >= ' ' && at[plain] != '"' && at[plain] != '\\')
			plain++;
		bx_text_add(text, at, plain);
		at += plain;
		if (*at == '"' || *at == '\\')
			bx_text_print(text, "\\%c", *at++);
		else if (*at)
			bx_text_print(text, "\\u%04x", (unsigned char)*at++);
	}
	bx_text_add(text, "\"", 1);
	free(cleaned);
}

static void begin(struct bx_json *json, const char *name)
{
	if (json->comma)
		bx_text_add(json->text, ",", 1);
	json->comma = true;
	if (name) {
		add_quoted(json->text, name);
		bx_text_add(json->text, ":", 1);
	}
}

void bx_json_object(struct bx_json *json, const char *name)
{
	begin(json, name);
	bx_text_add(json->text, "{", 1);
	json->comma = false;
}

void bx_json_list(struct bx_json *json, const char *name)
{
	begin(json, name);
	bx_text_add(json->text, "[", 1);
	json->comma = false;
}

void bx_json_end_object(struct bx_json *json)
{
	bx_text_add(json->text, "}", 1);
	json->comma = true;
}

void bx_json_end_list(struct bx_json *json)
{
	bx_text_add(json->text, "]", 1);
	json->comma = true;
}

void bx_json_text(struct bx_json *json, const char *name, const char *text)
{
	begin(json, name);
	add_quoted(json->text, text);
}

void bx_json_number(struct bx_json *json, const char *name, double number)
{
	char digits[BX_NUMBER_SIZE] = "null";
	if (isfinite(number))
		bx_number_print(number, digits);
	begin(json, name);
	bx_text_say(json->text, digits);
}

void bx_json_integer(struct bx_json *json, const char *name, int64_t integer)
{
	begin(json, name);
	bx_text_print(json->text, "%" PRId64, integer);
}

void bx_json_yes_no(struct bx_json *json, const char *name, bool yes)
{
	begin(json, name);
	bx_text_say(json->text, yes ? "true" : "false");
}

void bx_json_null(struct bx_json *json, const char *name)
{
	begin(json, name);
	bx_text_say(json->text, "null");
}

void bx_json_fields(struct bx_json *json, const struct bx_field *fields)
{
	for (const struct bx_field *field = fields; field && field->name; field++) {
		switch (field->type) {
		case BX_FIELD_TEXT:
			if (field->text)
				bx_json_text(json, field->name, field->text);
			break;
		case BX_FIELD_INTEGER:
			bx_json_integer(json, field->name, field->integer);
			break;
		case BX_FIELD_NUMBER:
			bx_json_number(json, field->name, field->number);
			break;
		case BX_FIELD_YES_NO:
			bx_json_yes_no(json, field->name, field->yes);
			break;
		}
	}
}

void bx_json_raw(struct bx_json *json, const char *name, const char *document, size_t size)
{
	begin(json, name);
	bx_text_add(json->text, document, size);
}

void bx_json_copy(struct bx_json *json, const char *name, json_t *value)
{
	const char *key;
	json_t *member;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		bx_json_object(json, name);
		json_object_foreach (value, key, member)
			bx_json_copy(json, key, member);
		bx_json_end_object(json);
		break;
	case JSON_ARRAY:
		bx_json_list(json, name);
		for (size_t i = 0; i < json_array_size(value); i++)
			bx_json_copy(json, NULL, json_array_get(value, i));
		bx_json_end_list(json);
		break;
	case JSON_STRING:
		bx_json_text(json, name, json_string_value(value));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		bx_json_number(json, name, json_number_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		bx_json_yes_no(json, name, json_is_true(value));
		break;
	case JSON_NULL:
		bx_json_null(json, name);
		break;
	}
}
