#include "libbus/contract/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void bx_values_init(struct bx_values *values, enum bx_scope scope, struct bx_wall time)
{
	*values = (struct bx_values){ .scope = scope, .time = time };
}

void bx_values_set(struct bx_values *values, enum bx_metric metric, double value)
{
	if (!isfinite(value))
		return;
	values->value[metric] = bx_round(value, bx_catalog_row(metric)->decimals);
	values->known[metric / 64] |= 1ULL << (metric % 64);
}

void bx_values_set_word(struct bx_values *values, enum bx_metric metric, const char *word)
{
	int place = bx_catalog_place(metric, word);
	if (place >= 0)
		bx_values_set(values, metric, place);
}

void bx_values_clear(struct bx_values *values, enum bx_metric metric)
{
	values->known[metric / 64] &= ~(1ULL << (metric % 64));
}

bool bx_values_get(const struct bx_values *values, enum bx_metric metric, double *value)
{
	if (!(values->known[metric / 64] >> (metric % 64) & 1))
		return false;
	*value = values->value[metric];
	return true;
}

static int part_index(const struct bx_values *values, const char *part)
{
	for (size_t i = 0; i < values->part_name_count; i++)
		if (strcmp(values->part_name[i], part) == 0)
			return (int)i;
	return -1;
}

/* A part's name becomes a piece of a series' name and of a path in the API. */
static bool is_part_name(const char *part)
{
	size_t length = strlen(part);
	if (length == 0 || length >= BX_PART_NAME_SIZE)
		return false;
	for (const char *at = part; *at; at++)
		if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7F || strchr("/\\\"'*?", *at))
			return false;
	return true;
}

/* ASICs are told as a list: the name is the place in it, so that one without a value moves no other. */
static bool is_asic_number(const char *part)
{
	int64_t number;
	return part[0] != '0' && bx_parse_integer(part, 1, BX_PARTS_MAX, &number);
}

static struct bx_part_value *find_part(struct bx_values *values, enum bx_metric metric, int name)
{
	for (size_t i = 0; i < values->part_count; i++)
		if (values->part[i].metric == metric && values->part[i].name == name)
			return &values->part[i];
	return NULL;
}

bool bx_values_set_part(struct bx_values *values, enum bx_metric metric, const char *part, double value)
{
	if (!isfinite(value))
		return true;
	const struct bx_row *row = bx_catalog_row(metric);
	value = bx_round(value, row->decimals);
	int name = part_index(values, part);
	struct bx_part_value *known = find_part(values, metric, name);
	if (known) {
		known->value = value;
		return true;
	}
	bool name_fits = name >= 0 || (values->part_name_count < BX_PARTS_MAX && is_part_name(part));
	bool is_none = row->part == BX_ASICS && !is_asic_number(part);
	if (!name_fits || is_none || values->part_count == BX_PART_VALUES_MAX) {
		values->left_out++;
		return false;
	}
	if (name < 0) {
		name = (int)values->part_name_count++;
		(void)bx_text_copy(values->part_name[name], BX_PART_NAME_SIZE, part); /* fits, see above */
	}
	values->part[values->part_count++] =
		(struct bx_part_value){ .metric = metric, .name = (unsigned char)name, .value = value };
	return true;
}

bool bx_values_get_part(
	const struct bx_values *values, enum bx_metric metric, const char *part, double *value)
{
	int name = part_index(values, part);
	for (size_t i = 0; i < values->part_count; i++) {
		if (values->part[i].metric == metric && values->part[i].name == name) {
			*value = values->part[i].value;
			return true;
		}
	}
	return false;
}

void bx_values_each(const struct bx_values *values,
	void (*each)(void *arg, enum bx_metric metric, const char *series, double value), void *arg)
{
	double value;
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++)
		if (bx_values_get(values, (enum bx_metric)metric, &value))
			each(arg, (enum bx_metric)metric, bx_catalog_row((enum bx_metric)metric)->name,
				value);
	for (size_t i = 0; i < values->part_count; i++) {
		const struct bx_part_value *part = &values->part[i];
		const struct bx_row *row = bx_catalog_row(part->metric);
		char series[BX_SERIES_SIZE];
		(void)snprintf(series, sizeof series, row->part == BX_ASICS ? "%s_%s_%s" : "%s/%s/%s",
			bx_part_series(row->part), values->part_name[part->name], row->name);
		each(arg, part->metric, series, part->value);
	}
}

void bx_value_json(struct bx_json *json, const char *name, enum bx_metric metric, double value)
{
	char text[BX_WALL_SIZE > BX_WORD_SIZE ? BX_WALL_SIZE : BX_WORD_SIZE];
	switch (bx_catalog_row(metric)->kind) {
	case BX_GAUGE:
	case BX_COUNTER:
		bx_json_number(json, name, value);
		break;
	case BX_YES_NO:
		bx_json_yes_no(json, name, value != 0);
		break;
	case BX_WORD:
		if (bx_catalog_word(metric, (int)value, text))
			bx_json_text(json, name, text);
		break;
	case BX_MOMENT:
		value = fmin(fmax(value, 0), 253402300799); /* the years 1970 to 9999 */
		bx_wall_print((struct bx_wall){ (int64_t)(value * 1000) }, text);
		bx_json_text(json, name, text);
		break;
	}
}

/* The values of one kind that a part has, an object of its own. `name` -1: no such part. */
static void encode_part(
	const struct bx_values *values, enum bx_part kind, int name, const char *key, struct bx_json *json)
{
	bx_json_object(json, key);
	for (size_t i = 0; i < values->part_count; i++) {
		const struct bx_part_value *part = &values->part[i];
		if (part->name == name && bx_catalog_row(part->metric)->part == kind)
			bx_value_json(json, bx_catalog_row(part->metric)->name, part->metric, part->value);
	}
	bx_json_end_object(json);
}

static bool has_kind(const struct bx_values *values, enum bx_part kind, int name)
{
	for (size_t i = 0; i < values->part_count; i++)
		if (values->part[i].name == name && bx_catalog_row(values->part[i].metric)->part == kind)
			return true;
	return false;
}

/* By number, {} for one without a value. */
static void encode_asics(const struct bx_values *values, struct bx_json *json)
{
	int names[BX_PARTS_MAX], count = 0;
	for (int number = 1; number <= BX_PARTS_MAX; number++) {
		char text[BX_PART_NAME_SIZE];
		(void)snprintf(text, sizeof text, "%d", number);
		names[number - 1] = part_index(values, text);
		if (has_kind(values, BX_ASICS, names[number - 1]))
			count = number;
	}
	if (count == 0)
		return;
	bx_json_list(json, bx_part_key(BX_ASICS));
	for (int i = 0; i < count; i++)
		encode_part(values, BX_ASICS, names[i], NULL, json);
	bx_json_end_list(json);
}

static void encode_parts(const struct bx_values *values, enum bx_part kind, struct bx_json *json)
{
	bool opened = false;
	for (int name = 0; name < (int)values->part_name_count; name++) {
		if (!has_kind(values, kind, name))
			continue;
		if (!opened)
			bx_json_object(json, bx_part_key(kind));
		opened = true;
		encode_part(values, kind, name, values->part_name[name], json);
	}
	if (opened)
		bx_json_end_object(json);
}

void bx_values_encode(const struct bx_values *values, struct bx_text *text)
{
	struct bx_json json = { .text = text };
	bx_json_object(&json, NULL);
	if (values->time.ms != 0) {
		char time[BX_WALL_SIZE];
		bx_wall_print(values->time, time);
		bx_json_text(&json, "time", time);
	}
	double value;
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++)
		if (bx_values_get(values, (enum bx_metric)metric, &value))
			bx_value_json(&json, bx_catalog_row((enum bx_metric)metric)->name,
				(enum bx_metric)metric, value);
	encode_asics(values, &json);
	for (int kind = BX_ASICS + 1; kind < BX_PART_COUNT; kind++)
		encode_parts(values, (enum bx_part)kind, &json);
	bx_json_end_object(&json);
}

/* The one place that says which JSON is which kind's value. */
static bool read_value(enum bx_metric metric, const json_t *from, double *value)
{
	switch (bx_catalog_row(metric)->kind) {
	case BX_GAUGE:
	case BX_COUNTER:
		*value = json_number_value(from);
		return json_is_number(from);
	case BX_YES_NO:
		*value = json_is_true(from);
		return json_is_boolean(from);
	case BX_WORD: {
		int place = json_is_string(from) ? bx_catalog_place(metric, json_string_value(from)) : -1;
		*value = place;
		return place >= 0;
	}
	case BX_MOMENT: {
		struct bx_wall wall;
		if (!json_is_string(from) || !bx_wall_parse(json_string_value(from), &wall))
			return false;
		*value = (double)wall.ms / 1000;
		return true;
	}
	}
	return false;
}

static void decode_part(struct bx_values *values, enum bx_part kind, const char *name, json_t *members)
{
	const char *key;
	json_t *member;
	values->left_out += !json_is_object(members);
	json_object_foreach (members, key, member) {
		enum bx_metric metric = bx_catalog_find(values->scope, kind, key);
		double value;
		if (metric == BX_METRIC_COUNT || !read_value(metric, member, &value))
			values->left_out++;
		else
			(void)bx_values_set_part(
				values, metric, name, value); /* it counts what does not fit */
	}
}

static bool decode_parts(struct bx_values *values, const char *key, json_t *from)
{
	for (int kind = BX_NO_PART + 1; kind < BX_PART_COUNT; kind++) {
		if (strcmp(bx_part_key((enum bx_part)kind), key) != 0)
			continue;
		const char *name;
		json_t *members;
		size_t index;
		char number[BX_PART_NAME_SIZE];
		json_object_foreach (from, name, members)
			decode_part(values, (enum bx_part)kind, name, members);
		json_array_foreach (from, index, members) {
			(void)snprintf(number, sizeof number, "%zu", index + 1);
			decode_part(values, (enum bx_part)kind, number, members);
		}
		return json_is_object(from) || json_is_array(from);
	}
	return false;
}

bool bx_values_decode(
	struct bx_values *values, enum bx_scope scope, const char *bytes, size_t size, struct bx_error *error)
{
	json_auto_t *object = bx_json_read(bytes, size, BX_JSON_OURS, error);
	if (!object)
		return false;
	if (!json_is_object(object))
		return bx_fail(error, BX_INVALID, "not an object");
	struct bx_wall time = { 0 };
	const json_t *told = json_object_get(object, "time");
	if (told && (!json_is_string(told) || !bx_wall_parse(json_string_value(told), &time)))
		return bx_fail(error, BX_INVALID, "its time is none");

	bx_values_init(values, scope, time);
	const char *key;
	json_t *member;
	json_object_foreach (object, key, member) {
		enum bx_metric metric = bx_catalog_find(scope, BX_NO_PART, key);
		double value;
		if (metric != BX_METRIC_COUNT && read_value(metric, member, &value))
			bx_values_set(values, metric, value);
		else if (strcmp(key, "time") != 0 &&
			(metric != BX_METRIC_COUNT || !decode_parts(values, key, member)))
			values->left_out++;
	}
	return true;
}
