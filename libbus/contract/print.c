#include "libbus/contract/print.h"

#include "libbus/base/json.h"
#include "libbus/contract/keys.h"
#include "libbus/contract/verbs.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const bx_roles[] = { "suite", "gateway", "bxctl", "homeassistant", "monitor", NULL };

/* --- the ACL --- */

static size_t first_level(const char *pattern)
{
	return strcspn(pattern, "/");
}

/* Each first level once: a pattern's is left to the row that has it first. */
static bool is_first_of_level(int topic)
{
	const char *pattern = bx_topic_row((enum bx_topic)topic)->pattern;
	for (int earlier = 0; earlier < topic; earlier++) {
		const char *other = bx_topic_row((enum bx_topic)earlier)->pattern;
		if (first_level(other) == first_level(pattern) &&
			strncmp(other, pattern, first_level(pattern)) == 0)
			return false;
	}
	return true;
}

/* All but other roles' replies and, for those who do not need them, records. */
static void print_reads(struct bx_text *text, const char *site, bool records)
{
	for (int topic = 0; topic < BX_TOPIC_COUNT; topic++) {
		const char *pattern = bx_topic_row((enum bx_topic)topic)->pattern;
		if (topic == BX_REPLY || (topic == BX_RECORDS && !records) || !is_first_of_level(topic))
			continue;
		bx_text_print(
			text, "topic read bitaxe/%s/%.*s/#\n", site, (int)first_level(pattern), pattern);
	}
}

static void print_role(struct bx_text *text, const char *role)
{
	bx_text_print(text, "\nuser %s\n", role);
}

/* Positive lines alone: a `deny` would win wherever it stands. */
void bx_print_acl(struct bx_text *text, const char *site)
{
	bx_text_print(text,
		"# Who may do what on the bus of site '%s'. Printed from libbus/contract; do not edit.\n",
		site);
	print_role(text, "suite");
	bx_text_print(text,
		"topic readwrite bitaxe/%s/#\ntopic readwrite homeassistant/#\ntopic read $SYS/#\n", site);

	print_role(text, "gateway");
	print_reads(text, site, true);
	bx_text_print(text, "topic write bitaxe/%s/service/gateway/#\n", site);
	bx_text_print(text, "topic write bitaxe/%s/cmd/#\n", site);
	bx_text_print(text, "topic write bitaxe/%s/event/#\n", site);
	bx_text_print(text, "topic write bitaxe/%s/record/gateway\n", site);
	bx_text_print(text, "topic write bitaxe/%s/reply/#\n", site);
	bx_text_print(text, "topic read bitaxe/%s/reply/gateway/#\n", site);

	print_role(text, "bxctl");
	print_reads(text, site, false);
	bx_text_print(text, "topic write bitaxe/%s/cmd/#\n", site);
	bx_text_print(text, "topic readwrite bitaxe/%s/reply/bxctl/#\n", site);

	print_role(text, "homeassistant");
	print_reads(text, site, false);
	bx_text_say(text, "topic readwrite homeassistant/#\n");
	bx_text_print(text, "topic readwrite bitaxe/%s/reply/homeassistant/#\n", site);
	for (int verb = 0; verb < BX_VERB_COUNT; verb++) {
		const struct bx_verb_row *row = bx_verb_row((enum bx_verb)verb);
		if (row->discovered)
			bx_text_print(
				text, "topic write bitaxe/%s/cmd/%s/%s\n", site, row->service, row->verb);
	}

	print_role(text, "monitor");
	print_reads(text, site, false);
	bx_text_print(text, "topic readwrite bitaxe/%s/reply/monitor/#\n", site);
}

/* --- monitoring.conf --- */

static void print_key(struct bx_text *text, const struct bx_key_row *row)
{
	bx_text_print(text, "\n# %s", row->doc);
	if (row->type == BX_NUMBER)
		bx_text_print(text, " (%" PRId64 " to %" PRId64 "%s%s)", row->min, row->max,
			row->unit ? " " : "", row->unit ? row->unit : "");
	if (row->words)
		bx_text_print(text, " (one of: %s)", row->words);
	if (row->type == BX_SWITCH)
		bx_text_say(text, " (true or false)");
	if (row->under_state)
		bx_text_say(text, " (in STATE_DIR)");
	if (row->secret)
		bx_text_print(text, "\n#%s_FILE=", row->name);
	bool quoted = strpbrk(row->initial, " *~") != NULL;
	bx_text_print(
		text, "\n#%s=%s%s%s\n", row->name, quoted ? "\"" : "", row->initial, quoted ? "\"" : "");
	if (row->shipped)
		bx_text_print(text, "# %s\n%s=%s\n", row->shipped_why, row->name, row->shipped);
}

void bx_print_config(struct bx_text *text)
{
	const char *section = "";
	bx_text_say(text,
		"# Configuration of the Bitaxe monitoring suite. What is commented out is the default.\n"
		"# KEY=value as in a shell; a value with blanks needs quotes. After a change: bxctl test\n");
	for (int key = 0; key < BX_KEY_COUNT; key++) {
		const struct bx_key_row *row = bx_key_row((enum bx_key)key);
		if (strcmp(section, row->section) != 0)
			bx_text_print(text, "\n\n## %s\n", row->section);
		section = row->section;
		print_key(text, row);
	}
}

/* --- schemas --- */

static void print_value_schema(struct bx_json *json, const char *name, enum bx_metric metric)
{
	const struct bx_row *row = bx_catalog_row(metric);
	static const char *const types[] = { [BX_GAUGE] = "number",
		[BX_COUNTER] = "number",
		[BX_WORD] = "string",
		[BX_YES_NO] = "boolean",
		[BX_MOMENT] = "string" };
	bx_json_object(json, name);
	bx_json_text(json, "type", types[row->kind]);
	bx_json_text(json, "title", row->label);
	if (row->unit[0])
		bx_json_text(json, "description", row->unit);
	if (row->kind == BX_MOMENT)
		bx_json_text(json, "format", "date-time");
	if (row->kind == BX_WORD) {
		char word[BX_WORD_SIZE];
		bx_json_list(json, "enum");
		for (int place = 0; bx_catalog_word(metric, place, word); place++)
			bx_json_text(json, NULL, word);
		bx_json_end_list(json);
	}
	bx_json_end_object(json);
}

static void print_rows(struct bx_json *json, enum bx_scope scope, enum bx_part part)
{
	bx_json_object(json, "properties");
	if (part == BX_NO_PART) {
		bx_json_object(json, "time");
		bx_json_text(json, "type", "string");
		bx_json_text(json, "format", "date-time");
		bx_json_end_object(json);
	}
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++) {
		const struct bx_row *row = bx_catalog_row((enum bx_metric)metric);
		if ((row->scopes & scope) && row->part == part)
			print_value_schema(json, row->name, (enum bx_metric)metric);
	}
}

static bool has_part(enum bx_scope scope, enum bx_part part)
{
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++) {
		const struct bx_row *row = bx_catalog_row((enum bx_metric)metric);
		if ((row->scopes & scope) && row->part == part)
			return true;
	}
	return false;
}

static void print_values_schema(struct bx_json *json, enum bx_scope scope)
{
	bx_json_text(json, "type", "object");
	print_rows(json, scope, BX_NO_PART);
	for (int part = BX_NO_PART + 1; part < BX_PART_COUNT; part++) {
		if (!has_part(scope, (enum bx_part)part))
			continue;
		bx_json_object(json, bx_part_key((enum bx_part)part));
		bx_json_text(json, "type", part == BX_ASICS ? "array" : "object");
		bx_json_object(json, part == BX_ASICS ? "items" : "additionalProperties");
		bx_json_text(json, "type", "object");
		print_rows(json, scope, (enum bx_part)part);
		bx_json_end_object(json);
		bx_json_end_object(json);
		bx_json_end_object(json);
	}
	bx_json_end_object(json);
}

static void print_fields(struct bx_json *json, const struct bx_payload_field *fields);

static void print_field(struct bx_json *json, const struct bx_payload_field *field)
{
	static const char *const types[] = { [BX_TYPE_TEXT] = "string",
		[BX_TYPE_INTEGER] = "integer",
		[BX_TYPE_NUMBER] = "number",
		[BX_TYPE_YES_NO] = "boolean",
		[BX_TYPE_MOMENT] = "string",
		[BX_TYPE_STATUS] = "string",
		[BX_TYPE_HEX] = "string",
		[BX_TYPE_RANGES] = "array",
		[BX_TYPE_LIST] = "array" };
	bx_json_object(json, field->name);
	bx_json_text(json, "type", types[field->type]);
	if (field->type == BX_TYPE_TEXT)
		bx_json_integer(json, "maxLength", (int64_t)field->size - 1);
	if (field->type == BX_TYPE_MOMENT)
		bx_json_text(json, "format", "date-time");
	if (field->type == BX_TYPE_HEX)
		bx_json_text(json, "pattern", "^[0-9a-f]{16}$");
	if (field->type == BX_TYPE_STATUS) {
		bx_json_list(json, "enum");
		for (int status = 0; status <= BX_STATUS_UNKNOWN; status++)
			bx_json_text(json, NULL, bx_status_word((enum bx_status)status));
		bx_json_end_list(json);
	}
	if (field->count_max)
		bx_json_integer(json, "maxItems", (int64_t)field->count_max);
	if (field->fields) {
		bx_json_object(json, "items");
		print_fields(json, field->fields);
		bx_json_end_object(json);
	}
	bx_json_end_object(json);
}

static void print_fields(struct bx_json *json, const struct bx_payload_field *fields)
{
	bx_json_text(json, "type", "object");
	bx_json_object(json, "properties");
	for (const struct bx_payload_field *field = fields; field->name; field++)
		print_field(json, field);
	bx_json_end_object(json);
	bx_json_list(json, "required");
	for (const struct bx_payload_field *field = fields; field->name; field++)
		if (field->required)
			bx_json_text(json, NULL, field->name);
	bx_json_end_list(json);
}

bool bx_print_schema(struct bx_text *text, enum bx_payload payload, enum bx_scope scope)
{
	const struct bx_payload_field *fields = bx_payload_fields(payload);
	if (!fields && payload != BX_VALUES)
		return false;
	struct bx_json json = { .text = text };
	bx_json_object(&json, NULL);
	bx_json_text(&json, "$schema", "https://json-schema.org/draft/2020-12/schema");
	bx_json_text(&json, "title", fields ? bx_payload_title(payload) : bx_scope_word(scope));
	if (fields)
		print_fields(&json, fields);
	else
		print_values_schema(&json, scope);
	bx_json_end_object(&json);
	bx_text_say(text, "\n");
	return true;
}

/* --- AsyncAPI --- */

static void print_address(struct bx_text *text, const char *pattern)
{
	int names = 0;
	bx_text_say(text, "bitaxe/{site}/");
	for (; *pattern; pattern++) {
		if (*pattern == '+')
			bx_text_print(text, "{%s}", names++ ? "name" : "target");
		else
			bx_text_add(text, pattern, 1);
	}
}

static void print_channel(struct bx_text *text, const struct bx_topic_row *row)
{
	char slug[BX_NAME_SIZE];
	(void)bx_slug(slug, sizeof slug, row->pattern); /* patterns have letters */
	bx_text_print(text, "  %s:\n    address: '", slug);
	print_address(text, row->pattern);
	static const char *const kept[] = { "passes", "retained", "retained, and kept over a power cut" };
	bx_text_print(text, "'\n    description: \"%s. From: %s. QoS %d, %s.\"\n    messages:\n", row->doc,
		row->publisher, row->qos, kept[row->retention]);
	bx_text_print(text, "      message:\n        contentType: %s\n        payload:\n",
		row->payload == BX_AVAILABILITY ? "text/plain" : "application/json");
	if (row->payload == BX_VALUES)
		bx_text_print(text, "          $ref: payload/%s.schema.json\n", bx_scope_word(row->scope));
	else if (bx_payload_fields(row->payload))
		bx_text_print(
			text, "          $ref: payload/%s.schema.json\n", bx_payload_title(row->payload));
	else if (row->payload == BX_AVAILABILITY)
		bx_text_say(text, "          type: string\n          enum: [online, offline]\n");
	else
		bx_text_say(text, "          type: object\n");
}

static void print_command(struct bx_text *text, const struct bx_verb_row *row)
{
	bx_text_print(text,
		"  %s-%s:\n    action: send\n    channel:\n      $ref: '#/channels/cmd'\n    summary: \"%s\"\n",
		strcmp(row->service, "*") == 0 ? "any" : row->service, row->verb, row->help);
	if (row->arguments[0].name)
		bx_text_say(text, "    description: |\n");
	for (size_t i = 0; i < BX_ARGUMENTS_MAX && row->arguments[i].name; i++)
		bx_text_print(text, "      %s (%s): %s\n", row->arguments[i].name,
			row->arguments[i].need == BX_NEEDED ? "needed" : "optional", row->arguments[i].doc);
}

void bx_print_asyncapi(struct bx_text *text)
{
	bx_text_say(text,
		"# Printed from libbus/contract; do not edit.\n"
		"asyncapi: 3.0.0\ninfo:\n  title: Bitaxe monitoring suite, the bus\n  version: 1.0.0\n"
		"  description: MQTT 5. Readers skip what they do not know. Absent means unknown.\n"
		"defaultContentType: application/json\nchannels:\n");
	for (int topic = 0; topic < BX_TOPIC_COUNT; topic++)
		print_channel(text, bx_topic_row((enum bx_topic)topic));
	bx_text_say(text, "operations:\n");
	for (int verb = 0; verb < BX_VERB_COUNT; verb++)
		print_command(text, bx_verb_row((enum bx_verb)verb));
}

/* --- the catalogue --- */

void bx_print_catalog(struct bx_text *text)
{
	struct bx_json json = { .text = text };
	bx_json_object(&json, NULL);
	bx_json_list(&json, "metrics");
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++) {
		const struct bx_row *row = bx_catalog_row((enum bx_metric)metric);
		static const char *const kinds[] = { "gauge", "counter", "word", "yes_no", "moment" };
		bx_json_object(&json, NULL);
		bx_json_text(&json, "name", row->name);
		bx_json_list(&json, "scopes");
		for (unsigned scope = BX_MINER; scope <= BX_CUSTOM; scope <<= 1)
			if (row->scopes & scope)
				bx_json_text(&json, NULL, bx_scope_word((enum bx_scope)scope));
		bx_json_end_list(&json);
		if (row->part != BX_NO_PART)
			bx_json_text(&json, "part", bx_part_key(row->part));
		bx_json_text(&json, "unit", row->unit);
		bx_json_text(&json, "label", row->label);
		bx_json_integer(&json, "decimals", row->decimals);
		bx_json_text(&json, "kind", kinds[row->kind]);
		bx_json_yes_no(&json, "recorded", row->store == BX_STORED);
		bx_json_end_object(&json);
	}
	bx_json_end_list(&json);
	bx_json_end_object(&json);
}
