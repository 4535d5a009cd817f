/* JSON: a strict reader (jansson) with bounds, and a writer that only appends.
 *
 * It lives at the border: what comes in is read once into plain values, what goes out is written once from them. */
#pragma once
#include "libbus/base/error.h"
#include "libbus/base/text.h"
#include <jansson.h>

#define BX_JSON_BYTES_MAX (256 * 1024) /* of one document */
#define BX_JSON_DEPTH_MAX 32

/* Whose JSON: ours has every key once, a device's may not. */
enum bx_json_from { BX_JSON_OURS, BX_JSON_FOREIGN };

/* The document (the caller's, json_decref or json_auto_t), or NULL: not UTF-8, not JSON, too large, too deep, more behind
 * it. Numbers are read as doubles, since miners count past 2^63. */
json_t *bx_json_read(const char *bytes, size_t size, enum bx_json_from from, struct bx_error *error);

/* Appends to *text, which bounds it: `text->cut` afterwards says that it did not fit and is no document.
 * Names are NULL inside lists. */
struct bx_json {
	struct bx_text *text;
	bool comma; /* something stands before on this level */
};
void bx_json_object(struct bx_json *json, const char *name); /* opens */
void bx_json_list(struct bx_json *json, const char *name);
void bx_json_end_object(struct bx_json *json);
void bx_json_end_list(struct bx_json *json);
void bx_json_text(struct bx_json *json, const char *name, const char *text); /* broken UTF-8 becomes spaces */
void bx_json_number(
	struct bx_json *json, const char *name, double number); /* shortest; NaN and infinity: null */
void bx_json_integer(struct bx_json *json, const char *name, int64_t integer);
void bx_json_yes_no(struct bx_json *json, const char *name, bool yes);
void bx_json_null(struct bx_json *json, const char *name);
struct bx_field; /* log.h */
void bx_json_fields(
	struct bx_json *json, const struct bx_field *fields); /* each a member; NULL texts are left out */
void bx_json_raw(
	struct bx_json *json, const char *name, const char *document, size_t size); /* JSON already */
void bx_json_copy(struct bx_json *json, const char *name, json_t *value); /* as it was read */
