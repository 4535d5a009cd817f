/* Values of one source at one moment, by catalogue row. A metric is one row of catalog.rows and nothing else: no struct
 * member, no second table. Absent is absent: a value never set is not encoded, summed, judged or stored. */
#pragma once
#include "libbus/base/clock.h"
#include "libbus/base/error.h"
#include "libbus/base/json.h"
#include "libbus/contract/catalog.h"

#define BX_PARTS_MAX 32 /* distinct part names a source */
#define BX_PART_VALUES_MAX 192
#define BX_PART_NAME_SIZE 32
#define BX_SERIES_SIZE 80 /* a series' name within its source */
#define BX_VALUES_JSON_MAX (64 * 1024)

struct bx_part_value {
	enum bx_metric metric;
	unsigned char name; /* index into part_name */
	double value;
};

struct bx_values {
	enum bx_scope scope;
	struct bx_wall time; /* 0: the clock is not to be trusted yet, and these are never recorded */
	uint64_t known[(BX_METRIC_COUNT + 63) / 64];
	double value[BX_METRIC_COUNT];
	size_t part_name_count, part_count;
	char part_name[BX_PARTS_MAX][BX_PART_NAME_SIZE];
	struct bx_part_value part[BX_PART_VALUES_MAX];
	unsigned left_out; /* decoded: names unknown, values of a wrong type, parts over the bound */
};

void bx_values_init(struct bx_values *values, enum bx_scope scope, struct bx_wall time);
/* Rounded to the row's decimals. NaN and infinity: stays absent. */
void bx_values_set(struct bx_values *values, enum bx_metric metric, double value);
void bx_values_set_word(
	struct bx_values *values, enum bx_metric metric, const char *word); /* unknown: stays absent */
void bx_values_clear(struct bx_values *values, enum bx_metric metric);
bool bx_values_get(const struct bx_values *values, enum bx_metric metric, double *value);
/* False and left out: more than BX_PARTS_MAX names or BX_PART_VALUES_MAX values, or a name that is empty, too long or has
 * other than printable ASCII, blanks, quotes, slashes or wildcards. `part` of ASICs is their number, from 1. */
bool bx_values_set_part(struct bx_values *values, enum bx_metric metric, const char *part, double value);
bool bx_values_get_part(
	const struct bx_values *values, enum bx_metric metric, const char *part, double *value);

/* Each known value with its series' name ("hashrate", "disk/root/usage"); words as their place, see bx_catalog_word. */
void bx_values_each(const struct bx_values *values,
	void (*each)(void *arg, enum bx_metric metric, const char *series, double value), void *arg);
/* One value as JSON: a number, a word, true or false, a time. */
void bx_value_json(struct bx_json *json, const char *name, enum bx_metric metric, double value);

/* Appends the object with its time. */
void bx_values_encode(const struct bx_values *values, struct bx_text *text);
/* Unknown names are skipped and counted, wrong types and impossible values make that one value absent: a newer publisher
 * must not hurt. False: it is no object at all, or its time is not a time. */
bool bx_values_decode(
	struct bx_values *values, enum bx_scope scope, const char *json, size_t size, struct bx_error *error);
