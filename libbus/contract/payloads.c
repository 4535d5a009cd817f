#include "libbus/contract/payloads.h"

#include "libbus/base/json.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MEMBER(type, struct_, member) \
	type, offsetof(struct struct_, member), sizeof(((struct struct_ *)0)->member)
#define LIST(struct_, list, count, fields_) \
	BX_TYPE_LIST, offsetof(struct struct_, list), sizeof(((struct struct_ *)0)->list[0]), false, \
		offsetof(struct struct_, count), BX_COUNT(((struct struct_ *)0)->list), fields_

static const struct bx_payload_field info_fields[] = {
	{ "version", MEMBER(BX_TYPE_TEXT, bx_info, version), true },
	{ "pid", MEMBER(BX_TYPE_INTEGER, bx_info, pid), true },
	{ "started", MEMBER(BX_TYPE_MOMENT, bx_info, started) },
	{ "config", MEMBER(BX_TYPE_TEXT, bx_info, config) },
	{ 0 },
};

static const struct bx_payload_field log_line_fields[] = {
	{ "time", MEMBER(BX_TYPE_MOMENT, bx_log_line, time) },
	{ "level", MEMBER(BX_TYPE_TEXT, bx_log_line, level), true },
	{ "message", MEMBER(BX_TYPE_TEXT, bx_log_line, message), true },
	{ "fields", MEMBER(BX_TYPE_TEXT, bx_log_line, fields) },
	{ 0 },
};

static const struct bx_payload_field miner_entry_fields[] = {
	{ "id", MEMBER(BX_TYPE_TEXT, bx_miner_entry, id), true },
	{ "name", MEMBER(BX_TYPE_TEXT, bx_miner_entry, name), true },
	{ "url", MEMBER(BX_TYPE_TEXT, bx_miner_entry, url), true },
	{ "mac", MEMBER(BX_TYPE_TEXT, bx_miner_entry, mac) },
	{ "group", MEMBER(BX_TYPE_TEXT, bx_miner_entry, group) },
	{ "enabled", MEMBER(BX_TYPE_YES_NO, bx_miner_entry, enabled), true },
	{ 0 },
};

static const struct bx_payload_field miner_facts_fields[] = {
	{ "model", MEMBER(BX_TYPE_TEXT, bx_miner_facts, model) },
	{ "board", MEMBER(BX_TYPE_TEXT, bx_miner_facts, board) },
	{ "asic_model", MEMBER(BX_TYPE_TEXT, bx_miner_facts, asic_model) },
	{ "asic_count", MEMBER(BX_TYPE_NUMBER, bx_miner_facts, asic_count) },
	{ "firmware", MEMBER(BX_TYPE_TEXT, bx_miner_facts, firmware) },
	{ "dialect", MEMBER(BX_TYPE_TEXT, bx_miner_facts, dialect) },
	{ "mac", MEMBER(BX_TYPE_TEXT, bx_miner_facts, mac) },
	{ "ip", MEMBER(BX_TYPE_TEXT, bx_miner_facts, ip) },
	{ "hostname", MEMBER(BX_TYPE_TEXT, bx_miner_facts, hostname) },
	{ "pool_host", MEMBER(BX_TYPE_TEXT, bx_miner_facts, pool_host) },
	{ "pool_port", MEMBER(BX_TYPE_NUMBER, bx_miner_facts, pool_port) },
	{ "pool_user", MEMBER(BX_TYPE_TEXT, bx_miner_facts, pool_user) },
	{ "nominal_voltage", MEMBER(BX_TYPE_NUMBER, bx_miner_facts, nominal_voltage) },
	{ "boot_reason", MEMBER(BX_TYPE_TEXT, bx_miner_facts, boot_reason) },
	{ 0 },
};

static const struct bx_payload_field worst_fields[] = {
	{ "target", MEMBER(BX_TYPE_TEXT, bx_worst, target), true },
	{ "status", MEMBER(BX_TYPE_STATUS, bx_worst, status), true },
	{ "sentence", MEMBER(BX_TYPE_TEXT, bx_worst, sentence) },
	{ 0 },
};

static const struct bx_payload_field summary_fields[] = {
	{ "overall_status", MEMBER(BX_TYPE_STATUS, bx_summary, overall_status), true },
	{ "sentence", MEMBER(BX_TYPE_TEXT, bx_summary, sentence), true },
	{ "ok", MEMBER(BX_TYPE_NUMBER, bx_summary, ok) },
	{ "warning", MEMBER(BX_TYPE_NUMBER, bx_summary, warning) },
	{ "critical", MEMBER(BX_TYPE_NUMBER, bx_summary, critical) },
	{ "unknown", MEMBER(BX_TYPE_NUMBER, bx_summary, unknown) },
	{ "worst", LIST(bx_summary, worst, worst_count, worst_fields) },
	{ 0 },
};

static const struct bx_payload_field check_rule_fields[] = {
	{ "rule", MEMBER(BX_TYPE_TEXT, bx_check_rule, rule), true },
	{ "status", MEMBER(BX_TYPE_STATUS, bx_check_rule, status), true },
	{ "value", MEMBER(BX_TYPE_NUMBER, bx_check_rule, value) },
	{ "warning", MEMBER(BX_TYPE_NUMBER, bx_check_rule, warning) },
	{ "critical", MEMBER(BX_TYPE_NUMBER, bx_check_rule, critical) },
	{ "evidence", MEMBER(BX_TYPE_TEXT, bx_check_rule, evidence) },
	{ 0 },
};

static const struct bx_payload_field check_fields[] = {
	{ "status", MEMBER(BX_TYPE_STATUS, bx_check, status), true },
	{ "since", MEMBER(BX_TYPE_MOMENT, bx_check, since) },
	{ "sentence", MEMBER(BX_TYPE_TEXT, bx_check, sentence), true },
	{ "rules", LIST(bx_check, rules, rule_count, check_rule_fields) },
	{ 0 },
};

static const struct bx_payload_field acknowledged_fields[] = {
	{ "session", MEMBER(BX_TYPE_HEX, bx_acknowledged, session), true },
	{ "ranges", BX_TYPE_RANGES, offsetof(struct bx_acknowledged, ranges), sizeof(struct bx_range), true,
		offsetof(struct bx_acknowledged, range_count), BX_RANGES_MAX },
	{ 0 },
};

static const struct bx_payload_field event_fields[] = {
	{ "id", MEMBER(BX_TYPE_TEXT, bx_event_facts, id), true },
	{ "type", MEMBER(BX_TYPE_TEXT, bx_event_facts, type), true },
	{ "time", MEMBER(BX_TYPE_MOMENT, bx_event_facts, time) },
	{ "who", MEMBER(BX_TYPE_TEXT, bx_event_facts, who) },
	{ 0 },
};

static const struct {
	const char *title;
	const struct bx_payload_field *fields;
} payloads[BX_PAYLOAD_COUNT] = {
	[BX_OPAQUE] = { "object" },
	[BX_VALUES] = { "values" },
	[BX_AVAILABILITY] = { "availability" },
	[BX_SERVICE_FACTS] = { "service-info", info_fields },
	[BX_LOG_LINE] = { "log-line", log_line_fields },
	[BX_MINER_ENTRY] = { "miner-config", miner_entry_fields },
	[BX_MINER_FACTS] = { "miner-info", miner_facts_fields },
	[BX_SUMMARY] = { "health-summary", summary_fields },
	[BX_CHECK] = { "health-check", check_fields },
	[BX_ACKNOWLEDGED] = { "recorded", acknowledged_fields },
	[BX_EVENT_FACTS] = { "event", event_fields },
};

static const char *const statuses[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

const char *bx_status_word(enum bx_status status)
{
	return statuses[status];
}

const struct bx_payload_field *bx_payload_fields(enum bx_payload payload)
{
	return payloads[payload].fields;
}

const char *bx_payload_title(enum bx_payload payload)
{
	return payloads[payload].title;
}

static void encode_fields(const struct bx_payload_field *fields, const char *from, struct bx_json *json);

static void encode_list(const struct bx_payload_field *field, const char *from, struct bx_json *json)
{
	size_t count = *(const size_t *)(const void *)(from + field->count_offset);
	if (count == 0 && !field->required)
		return;
	bx_json_list(json, field->name);
	for (size_t i = 0; i < count; i++) {
		const char *entry = from + field->offset + i * field->size;
		if (field->type == BX_TYPE_LIST) {
			bx_json_object(json, NULL);
			encode_fields(field->fields, entry, json);
			bx_json_end_object(json);
		} else {
			const struct bx_range *range = (const void *)entry;
			bx_json_list(json, NULL);
			bx_json_integer(json, NULL, (int64_t)range->first);
			bx_json_integer(json, NULL, (int64_t)range->last);
			bx_json_end_list(json);
		}
	}
	bx_json_end_list(json);
}

static void encode_fields(const struct bx_payload_field *fields, const char *from, struct bx_json *json)
{
	for (const struct bx_payload_field *field = fields; field->name; field++) {
		const void *member = from + field->offset;
		char text[BX_WALL_SIZE];
		switch (field->type) {
		case BX_TYPE_TEXT:
			if (*(const char *)member)
				bx_json_text(json, field->name, member);
			break;
		case BX_TYPE_INTEGER:
			bx_json_integer(json, field->name, *(const int64_t *)member);
			break;
		case BX_TYPE_NUMBER:
			if (isfinite(*(const double *)member))
				bx_json_number(json, field->name, *(const double *)member);
			break;
		case BX_TYPE_YES_NO:
			bx_json_yes_no(json, field->name, *(const bool *)member);
			break;
		case BX_TYPE_MOMENT:
			if (((const struct bx_wall *)member)->ms == 0)
				break;
			bx_wall_print(*(const struct bx_wall *)member, text);
			bx_json_text(json, field->name, text);
			break;
		case BX_TYPE_STATUS:
			bx_json_text(json, field->name, statuses[*(const enum bx_status *)member]);
			break;
		case BX_TYPE_HEX:
			(void)snprintf(text, sizeof text, "%016" PRIx64, *(const uint64_t *)member);
			bx_json_text(json, field->name, text);
			break;
		case BX_TYPE_RANGES:
		case BX_TYPE_LIST:
			encode_list(field, from, json);
			break;
		}
	}
}

void bx_payload_encode(enum bx_topic topic, const void *payload, struct bx_text *text)
{
	enum bx_payload kind = bx_topic_row(topic)->payload;
	struct bx_json json = { .text = text };
	if (kind == BX_VALUES) {
		bx_values_encode(payload, text);
	} else if (kind == BX_AVAILABILITY) {
		bx_text_say(text, *(const bool *)payload ? "online" : "offline");
	} else if (kind == BX_OPAQUE) {
		bx_text_say(text, payload);
	} else {
		bx_json_object(&json, NULL);
		encode_fields(payloads[kind].fields, payload, &json);
		bx_json_end_object(&json);
	}
}

static bool decode_fields(
	const struct bx_payload_field *fields, json_t *from, char *to, struct bx_error *error);

static bool decode_range(json_t *from, struct bx_range *range)
{
	double first = json_number_value(json_array_get(from, 0)),
	       last = json_number_value(json_array_get(from, 1));
	if (json_array_size(from) != 2 || !(first >= 1) || !(last >= first) || last > 9e15)
		return false;
	*range = (struct bx_range){ (uint64_t)first, (uint64_t)last };
	return true;
}

/* Entries over the bound, or that are none, are left out. */
static bool decode_list(const struct bx_payload_field *field, json_t *from, char *to)
{
	size_t count = 0, index;
	json_t *entry;
	if (!json_is_array(from))
		return false;
	json_array_foreach (from, index, entry) {
		if (count == field->count_max)
			break;
		char *place = to + field->offset + count * field->size;
		bool taken = field->type == BX_TYPE_LIST ? decode_fields(field->fields, entry, place, NULL)
							 : decode_range(entry, (void *)place);
		count += taken;
	}
	*(size_t *)(void *)(to + field->count_offset) = count;
	return true;
}

static bool decode_status(const char *word, enum bx_status *status)
{
	for (size_t i = 0; i < BX_COUNT(statuses); i++) {
		if (strcmp(statuses[i], word) == 0) {
			*status = (enum bx_status)i;
			return true;
		}
	}
	return false;
}

static bool decode_member(const struct bx_payload_field *field, json_t *from, char *to)
{
	void *member = to + field->offset;
	const char *text = json_is_string(from) ? json_string_value(from) : "";
	switch (field->type) {
	case BX_TYPE_TEXT:
		bx_clean(member, field->size, text);
		return *(const char *)member != '\0';
	case BX_TYPE_INTEGER:
		if (!json_is_number(from) || fabs(json_number_value(from)) > 9e15)
			return false;
		*(int64_t *)member = (int64_t)json_number_value(from);
		return true;
	case BX_TYPE_NUMBER:
		if (json_is_number(from))
			*(double *)member = json_number_value(from);
		return json_is_number(from);
	case BX_TYPE_YES_NO:
		*(bool *)member = json_is_true(from);
		return json_is_boolean(from);
	case BX_TYPE_MOMENT:
		return bx_wall_parse(text, member);
	case BX_TYPE_STATUS:
		return decode_status(text, member);
	case BX_TYPE_HEX:
		return bx_parse_hex(text, 16, member);
	case BX_TYPE_RANGES:
	case BX_TYPE_LIST:
		return decode_list(field, from, to);
	}
	return false;
}

static bool decode_fields(
	const struct bx_payload_field *fields, json_t *from, char *to, struct bx_error *error)
{
	if (!json_is_object(from))
		return bx_fail(error, BX_INVALID, "not an object");
	for (const struct bx_payload_field *field = fields; field->name; field++) {
		memset(to + field->offset, 0,
			field->type == BX_TYPE_LIST || field->type == BX_TYPE_RANGES ? 0 : field->size);
		if (field->count_max)
			*(size_t *)(void *)(to + field->count_offset) = 0;
		if (field->type == BX_TYPE_NUMBER)
			*(double *)(void *)(to + field->offset) = (double)NAN;
		json_t *member = json_object_get(from, field->name);
		bool taken = member && decode_member(field, member, to);
		if (!taken && field->required)
			return bx_fail(error, BX_INVALID, "'%s' is %s", field->name,
				member ? "not what it should be" : "missing");
	}
	return true;
}

static bool decode_availability(const char *bytes, size_t size, bool *online, struct bx_error *error)
{
	*online = size == 6 && memcmp(bytes, "online", 6) == 0;
	if (*online || (size == 7 && memcmp(bytes, "offline", 7) == 0))
		return true;
	return bx_fail(error, BX_INVALID, "neither online nor offline");
}

bool bx_payload_decode(
	enum bx_topic topic, const char *bytes, size_t size, union bx_any *payload, struct bx_error *error)
{
	enum bx_payload kind = bx_topic_row(topic)->payload;
	if (kind == BX_VALUES)
		return bx_values_decode(&payload->values, bx_topic_row(topic)->scope, bytes, size, error);
	if (kind == BX_AVAILABILITY)
		return decode_availability(bytes, size, &payload->online, error);
	if (topic == BX_RECORDS || (kind == BX_OPAQUE && size == 0))
		return true; /* a record is its live topic's to decode: storage acknowledges malformed ones, too */
	json_auto_t *object = bx_json_read(bytes, size, BX_JSON_OURS, error);
	if (!object)
		return false;
	if (kind == BX_OPAQUE)
		return json_is_object(object) || bx_fail(error, BX_INVALID, "not an object");
	return decode_fields(payloads[kind].fields, object, (char *)payload, error);
}
