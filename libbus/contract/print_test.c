#include "libbus/contract/print.h"

#include "libbus/base/file.h"
#include "libbus/base/json.h"
#include "libbus/run/config.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What differs is told by its first line that does. */
static void compare_with_file(const char *name, const struct bx_text *printed)
{
	char path[512];
	struct bx_error error;
	size_t size;
	(void)snprintf(path, sizeof path, "%s/%s", BX_SOURCE_DIR, name);
	BX_OWNED(free) char *file = bx_file_read(path, 1 << 20, &size, &error);
	if (!file) {
		fail_msg("%s", error.message);
		return;
	}
	if (printed->cut)
		fail_msg("%s is too large for the test", name);
	if (strcmp(file, printed->data) == 0 && size == printed->length)
		return;
	size_t at = 0, line = 1, start = 0;
	for (; file[at] && file[at] == printed->data[at]; at++) {
		if (file[at] == '\n') {
			line++;
			start = at + 1;
		}
	}
	fail_msg("%s:%zu is not what is printed; run bx-contract\n%.*s\n%.*s", name, line,
		(int)strcspn(file + start, "\n"), file + start, (int)strcspn(printed->data + start, "\n"),
		printed->data + start);
}

#define PRINTED \
	BX_TEXT_OWNED struct bx_text text; \
	bx_text_init(&text, 1 << 20)

/* --- the committed files --- */

static void the_committed_description_is_what_is_printed(void **state)
{
	(void)state;
	PRINTED;
	bx_print_asyncapi(&text);
	compare_with_file("libbus/contract/asyncapi.yaml", &text);
}

static void the_committed_acl_is_what_is_printed(void **state)
{
	(void)state;
	PRINTED;
	bx_print_acl(&text, "home");
	compare_with_file("broker-config/acl", &text);
}

/* Prints the schema number `index`, as bx-contract does; false: there are no more. */
static bool print_schema(unsigned index, struct bx_text *text, char name[128])
{
	unsigned count = 0;
	for (int payload = 0; payload < BX_PAYLOAD_COUNT; payload++) {
		unsigned last = payload == BX_VALUES ? BX_SERVICE : BX_MINER;
		for (unsigned scope = BX_MINER; scope <= last; scope <<= 1) {
			bx_text_clear(text);
			if (!bx_print_schema(text, (enum bx_payload)payload, (enum bx_scope)scope) ||
				count++ < index)
				continue;
			(void)snprintf(name, 128, "%s.schema.json",
				payload == BX_VALUES ? bx_scope_word((enum bx_scope)scope)
						     : bx_payload_title((enum bx_payload)payload));
			return true;
		}
	}
	return false;
}

static void each_committed_schema_is_what_is_printed(void **state)
{
	(void)state;
	PRINTED;
	char name[128], path[256];
	for (unsigned i = 0; print_schema(i, &text, name); i++) {
		(void)snprintf(path, sizeof path, "libbus/contract/payload/%s", name);
		compare_with_file(path, &text);
	}
}

static void no_committed_schema_is_left_of_another_time(void **state)
{
	(void)state;
	PRINTED;
	char name[128];
	DIR *folder = opendir(BX_SOURCE_DIR "/libbus/contract/payload");
	assert_non_null(folder);
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
		bool known = entry->d_name[0] == '.';
		for (unsigned i = 0; !known && print_schema(i, &text, name); i++)
			known = strcmp(name, entry->d_name) == 0;
		if (!known)
			fail_msg("nothing prints payload/%s", entry->d_name);
	}
	closedir(folder);
}

/* --- what the ACL allows --- */

/* May `user` do `verb` ("read" or "write") with `topic`? */
static bool may(const char *acl, const char *user, const char *verb, const char *topic)
{
	bool is_user = false, allowed = false;
	for (const char *at = acl; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		char line[256], word[16], filter[200];
		(void)snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
		if (strncmp(line, "user ", 5) == 0)
			is_user = strcmp(line + 5, user) == 0;
		else if (is_user && sscanf(line, "topic %15s %199s", word, filter) == 2)
			allowed |= (strcmp(word, "readwrite") == 0 || strcmp(word, verb) == 0) &&
				bx_topic_filter(filter, topic);
	}
	return allowed;
}

static void each_role_may_what_it_needs_and_no_more(void **state)
{
	(void)state;
	static const struct {
		const char *user, *verb, *topic;
		bool want;
	} cases[] = {
		{ "suite", "write", "bitaxe/attic/record/collector", true },
		{ "suite", "read", "bitaxe/attic/miner/gamma-3/telemetry", true },
		{ "suite", "write", "bitaxe/home/miner/gamma-3/telemetry", false }, /* another site */
		{ "gateway", "read", "bitaxe/attic/miner/gamma-3/telemetry", true },
		{ "gateway", "write", "bitaxe/attic/cmd/collector/collect", true },
		{ "gateway", "write", "bitaxe/attic/miner/gamma-3/telemetry", false },
		{ "gateway", "write", "bitaxe/attic/record/collector", false },
		{ "gateway", "read", "bitaxe/attic/reply/bxctl/1", false },
		{ "bxctl", "write", "bitaxe/attic/cmd/collector/miner-remove", true },
		{ "bxctl", "read", "bitaxe/attic/reply/bxctl/1", true },
		{ "bxctl", "read", "bitaxe/attic/record/collector", false },
		{ "bxctl", "write", "bitaxe/attic/event/health/1", false },
		{ "homeassistant", "write", "bitaxe/attic/cmd/collector/collect", true },
		{ "homeassistant", "write", "bitaxe/attic/cmd/collector/miner-remove", false },
		{ "homeassistant", "write", "bitaxe/attic/cmd/collector/miner-add", false },
		{ "homeassistant", "read", "bitaxe/attic/reply/gateway/1", false },
		{ "monitor", "read", "bitaxe/attic/health/summary", true },
		{ "monitor", "write", "bitaxe/attic/cmd/collector/collect", false },
		{ "monitor", "read", "bitaxe/attic/record/collector", false },
		{ "nobody", "read", "bitaxe/attic/health/summary", false },
		{ "", "read", "bitaxe/attic/health/summary", false },
	};
	PRINTED;
	bx_print_acl(&text, "attic");
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		if (may(text.data, cases[i].user, cases[i].verb, cases[i].topic) != cases[i].want)
			fail_msg("'%s' may %s%s %s", cases[i].user, cases[i].want ? "not " : "",
				cases[i].verb, cases[i].topic);
}

static void the_acl_has_each_role_and_no_other(void **state)
{
	(void)state;
	PRINTED;
	bx_print_acl(&text, "home");
	size_t users = 0, roles = 0;
	for (const char *at = strstr(text.data, "\nuser "); at; at = strstr(at + 1, "\nuser "))
		users++;
	for (; bx_roles[roles]; roles++) {
		char line[64];
		(void)snprintf(line, sizeof line, "\nuser %s\n", bx_roles[roles]);
		if (!strstr(text.data, line))
			fail_msg("'%s' is not there", bx_roles[roles]);
	}
	assert_int_equal(users, roles);
}

/* --- monitoring.conf --- */

static void the_printed_configuration_is_read_without_a_problem(void **state)
{
	(void)state;
	PRINTED;
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 4096);
	bx_print_config(&text);

	BX_OWNED(bx_config_free)
	struct bx_config *config = bx_config_parse("printed", text.data, text.length, &problems);

	if (!config)
		fail_msg("%s", problems.data);
	assert_string_equal(problems.data, "");
	for (int key = 0; key < BX_KEY_COUNT; key++)
		if (bx_config_is_given(config, (enum bx_key)key) != (key == BX_KEY_LAPTOP_BACKUP_ENABLED))
			fail_msg("%s is %sgiven", bx_key_row((enum bx_key)key)->name,
				bx_config_is_given(config, (enum bx_key)key) ? "" : "not ");
	assert_false(bx_config_is_on(config, BX_KEY_LAPTOP_BACKUP_ENABLED));
}

static void what_is_commented_out_in_it_is_the_default(void **state)
{
	(void)state;
	PRINTED;
	BX_TEXT_OWNED struct bx_text all;
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&all, 1 << 20);
	bx_text_init(&problems, 4096);
	bx_print_config(&text);
	for (const char *at = text.data; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		bool is_key = at[0] == '#' && at[1] >= 'A' && at[1] <= 'Z';
		if (is_key && strncmp(at + strcspn(at, "=") - 5, "_FILE", 5) != 0)
			bx_text_print(&all, "%.*s\n", (int)strcspn(at, "\n") - 1, at + 1);
	}

	BX_OWNED(bx_config_free)
	struct bx_config *given = bx_config_parse("all", all.data, all.length, &problems);
	BX_OWNED(bx_config_free) struct bx_config *initial = bx_config_parse("", "", 0, &problems);

	if (!given)
		fail_msg("%s", problems.data);
	for (int key = 0; key < BX_KEY_COUNT; key++) {
		const char *one = bx_config_text(given, (enum bx_key)key);
		const char *other = bx_config_text(initial, (enum bx_key)key);
		if (!bx_config_is_given(given, (enum bx_key)key) || strcmp(one, other) != 0)
			fail_msg("%s is '%s', not '%s'", bx_key_row((enum bx_key)key)->name, one, other);
	}
}

/* --- schemas and the catalogue --- */

static void every_schema_is_json_that_describes_an_object(void **state)
{
	(void)state;
	PRINTED;
	char name[128];
	unsigned count = 0;
	for (; print_schema(count, &text, name); count++) {
		json_auto_t *schema = bx_json_read(text.data, text.length, BX_JSON_OURS, NULL);
		const char *type = json_string_value(json_object_get(schema, "type"));
		if (!type || strcmp(type, "object") != 0 ||
			!json_is_object(json_object_get(schema, "properties")))
			fail_msg("%s", name);
	}
	assert_int_equal(count, 15);
}

static void there_is_no_schema_of_what_has_no_fields(void **state)
{
	(void)state;
	PRINTED;
	assert_false(bx_print_schema(&text, BX_OPAQUE, BX_MINER));
	assert_false(bx_print_schema(&text, BX_AVAILABILITY, BX_MINER));
	assert_string_equal(text.data, "");
}

static void the_printed_catalogue_has_each_row(void **state)
{
	(void)state;
	PRINTED;
	bx_print_catalog(&text);
	json_auto_t *catalog = bx_json_read(text.data, text.length, BX_JSON_OURS, NULL);
	json_t *metrics = json_object_get(catalog, "metrics");

	assert_int_equal(json_array_size(metrics), BX_METRIC_COUNT);
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++) {
		const struct bx_row *row = bx_catalog_row((enum bx_metric)metric);
		json_t *printed = json_array_get(metrics, (size_t)metric);
		if (strcmp(json_string_value(json_object_get(printed, "name")), row->name) != 0 ||
			strcmp(json_string_value(json_object_get(printed, "unit")), row->unit) != 0 ||
			json_number_value(json_object_get(printed, "decimals")) != row->decimals ||
			json_is_true(json_object_get(printed, "recorded")) != (row->store == BX_STORED) ||
			json_array_size(json_object_get(printed, "scopes")) !=
				(size_t)__builtin_popcount(row->scopes))
			fail_msg("'%s'", row->name);
	}
}

static void each_topic_and_each_command_is_described(void **state)
{
	(void)state;
	PRINTED;
	size_t topics = 0, commands = 0;
	bx_print_asyncapi(&text);
	for (const char *at = strstr(text.data, "\n    address: '"); at;
		at = strstr(at + 1, "\n    address: '"))
		topics++;
	for (const char *at = strstr(text.data, "\n    action: send"); at;
		at = strstr(at + 1, "\n    action: send"))
		commands++;
	assert_int_equal(topics, BX_TOPIC_COUNT);
	assert_true(commands > 0);
	assert_null(strchr(text.data, '\t')); /* YAML has none */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_committed_description_is_what_is_printed),
		cmocka_unit_test(the_committed_acl_is_what_is_printed),
		cmocka_unit_test(each_committed_schema_is_what_is_printed),
		cmocka_unit_test(no_committed_schema_is_left_of_another_time),
		cmocka_unit_test(each_role_may_what_it_needs_and_no_more),
		cmocka_unit_test(the_acl_has_each_role_and_no_other),
		cmocka_unit_test(the_printed_configuration_is_read_without_a_problem),
		cmocka_unit_test(what_is_commented_out_in_it_is_the_default),
		cmocka_unit_test(every_schema_is_json_that_describes_an_object),
		cmocka_unit_test(there_is_no_schema_of_what_has_no_fields),
		cmocka_unit_test(the_printed_catalogue_has_each_row),
		cmocka_unit_test(each_topic_and_each_command_is_described),
	};
	return cmocka_run_group_tests_name("contract/print", tests, NULL, NULL);
}
