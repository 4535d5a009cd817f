#include "libbus/contract/payloads.h"

#include "libbus/base/json.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A payload of each kind that has a table, with all there is, and the keys that it may not be without. */
static const struct sample {
	enum bx_topic topic;
	const char *json;
	const char *required[6];
} samples[] = {
	{ BX_SERVICE_INFO,
		"{\"version\":\"0.1.0\",\"pid\":4711,\"started\":\"2026-01-31T12:00:00.123Z\","
		"\"config\":\"/etc/bitaxe/monitoring.conf\"}",
		{ "version", "pid" } },
	{ BX_SERVICE_LOG,
		"{\"time\":\"2026-01-31T12:00:00.123Z\",\"level\":\"warning\",\"message\":\"miner does not answer\","
		"\"fields\":\"miner=gamma-3 waited_ms=5000\"}",
		{ "level", "message" } },
	{ BX_MINER_CONFIG,
		"{\"id\":\"gamma-3\",\"name\":\"Gamma \xC3\xA9 3\",\"url\":\"http://10.0.0.3\",\"mac\":\"AA:BB:CC:DD:EE:FF\","
		"\"group\":\"attic\",\"enabled\":true}",
		{ "id", "name", "url", "enabled" } },
	{ BX_MINER_INFO,
		"{\"model\":\"Gamma\",\"board\":\"601\",\"asic_model\":\"BM1370\",\"asic_count\":1,\"firmware\":\"v2.9.0\","
		"\"dialect\":\"axeos\",\"mac\":\"AA:BB:CC:DD:EE:FF\",\"ip\":\"10.0.0.3\",\"hostname\":\"bitaxe\","
		"\"pool_host\":\"public-pool.io\",\"pool_port\":21496,\"pool_user\":\"bc1q...x\","
		"\"nominal_voltage\":5,\"boot_reason\":\"power on\"}",
		{ NULL } },
	{ BX_HEALTH_SUMMARY,
		"{\"overall_status\":\"WARNING\",\"sentence\":\"1 of 9 miners is hot\",\"ok\":8,\"warning\":1,"
		"\"critical\":0,\"unknown\":0,\"worst\":[{\"target\":\"miner/gamma-3\",\"status\":\"WARNING\","
		"\"sentence\":\"72 C\"},{\"target\":\"host\",\"status\":\"OK\"}]}",
		{ "overall_status", "sentence" } },
	{ BX_HEALTH_CHECK,
		"{\"status\":\"CRITICAL\",\"since\":\"2026-01-31T12:00:00.000Z\",\"sentence\":\"too hot\","
		"\"rules\":[{\"rule\":\"asic_temperature\",\"status\":\"CRITICAL\",\"value\":75.5,\"warning\":65,"
		"\"critical\":70,\"evidence\":\"5 minutes\"},{\"rule\":\"power\",\"status\":\"UNKNOWN\"}]}",
		{ "status", "sentence" } },
	{ BX_RECORDED, "{\"session\":\"00000000deadbeef\",\"ranges\":[[1,5],[7,7],[9,9000000000000000]]}",
		{ "session", "ranges" } },
	{ BX_EVENT,
		"{\"id\":\"1769860800123-home-health-1\",\"type\":\"miner.added\",\"time\":\"2026-01-31T12:00:00.123Z\","
		"\"who\":\"bxctl\"}",
		{ "id", "type" } },
};

static bool decode(enum bx_topic topic, const char *json, union bx_any *payload, struct bx_error *error)
{
	memset(payload, 0x5A, sizeof *payload); /* what a decoder forgets to set shows */
	return bx_payload_decode(topic, json, strlen(json), payload, error);
}

static const char *pattern(enum bx_topic topic)
{
	return bx_topic_row(topic)->pattern;
}

/* --- there and back --- */

static void there_is_a_sample_of_each_payload_with_a_table(void **state)
{
	(void)state;
	for (int payload = 0; payload < BX_PAYLOAD_COUNT; payload++) {
		bool sampled = false;
		for (size_t i = 0; i < BX_COUNT(samples); i++)
			sampled |= bx_topic_row(samples[i].topic)->payload == (enum bx_payload)payload;
		if (sampled != (bx_payload_fields((enum bx_payload)payload) != NULL))
			fail_msg("%s", bx_payload_title((enum bx_payload)payload));
	}
}

static void the_samples_have_each_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(samples); i++) {
		json_auto_t *object =
			bx_json_read(samples[i].json, strlen(samples[i].json), BX_JSON_OURS, NULL);
		const struct bx_payload_field *field =
			bx_payload_fields(bx_topic_row(samples[i].topic)->payload);
		for (; field->name; field++)
			if (!json_object_get(object, field->name))
				fail_msg("%s has no '%s'", pattern(samples[i].topic), field->name);
	}
}

static void every_payload_comes_back_as_it_was(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(samples); i++) {
		union bx_any payload;
		struct bx_error error = { BX_OK, "" };
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, 1 << 16);
		if (!decode(samples[i].topic, samples[i].json, &payload, &error))
			fail_msg("%s: %s", pattern(samples[i].topic), error.message);
		bx_payload_encode(samples[i].topic, &payload, &text);
		if (strcmp(text.data, samples[i].json) != 0)
			fail_msg("%s became\n%s", samples[i].json, text.data);
	}
}

static void decodes_into_the_members_that_the_header_names(void **state)
{
	(void)state;
	union bx_any any;

	assert_true(decode(BX_MINER_CONFIG, samples[2].json, &any, NULL));
	assert_string_equal(any.miner_entry.id, "gamma-3");
	assert_string_equal(any.miner_entry.group, "attic");
	assert_true(any.miner_entry.enabled);

	assert_true(decode(BX_HEALTH_CHECK, samples[5].json, &any, NULL));
	assert_int_equal(any.check.status, BX_STATUS_CRITICAL);
	assert_int_equal(any.check.since.ms, 1769860800000);
	assert_int_equal(any.check.rule_count, 2);
	assert_true(any.check.rules[0].critical == 70);

	assert_true(decode(BX_RECORDED, samples[6].json, &any, NULL));
	assert_true(any.acknowledged.session == 0xdeadbeef);
	assert_int_equal(any.acknowledged.range_count, 3);
	assert_true(any.acknowledged.ranges[2].last == 9000000000000000);

	assert_true(decode(BX_MINER_TELEMETRY, "{\"power\":15.1}", &any, NULL));
	double power;
	assert_int_equal(any.values.scope, BX_MINER);
	assert_true(bx_values_get(&any.values, BX_POWER, &power) && power == 15.1);
}

static void what_is_absent_is_absent_by_its_type(void **state)
{
	(void)state;
	union bx_any any;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 4096);

	assert_true(decode(BX_MINER_INFO, "{}", &any, NULL));
	bx_payload_encode(BX_MINER_INFO, &any, &text);
	assert_string_equal(any.miner_facts.model, "");
	assert_true(isnan(any.miner_facts.asic_count));
	assert_string_equal(text.data, "{}");

	assert_true(decode(BX_HEALTH_CHECK,
		"{\"status\":\"OK\",\"sentence\":\"x\",\"rules\":[{\"rule\":\"r\",\"status\":\"OK\"}]}", &any,
		NULL));
	assert_int_equal(any.check.since.ms, 0);
	assert_true(isnan(any.check.rules[0].value));
	assert_string_equal(any.check.rules[0].evidence, "");

	assert_true(decode(BX_RECORDED, "{\"session\":\"0000000000000000\",\"ranges\":[]}", &any, NULL));
	assert_int_equal(any.acknowledged.range_count, 0);
}

static void says_of_each_miner_whether_it_is_online(void **state)
{
	(void)state;
	union bx_any any;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 64);
	bool yes = true, no = false;

	bx_payload_encode(BX_MINER_AVAILABILITY, &yes, &text);
	assert_string_equal(text.data, "online");
	assert_true(decode(BX_MINER_AVAILABILITY, text.data, &any, NULL) && any.online);
	bx_text_clear(&text);
	bx_payload_encode(BX_MINER_AVAILABILITY, &no, &text);
	assert_string_equal(text.data, "offline");
	assert_true(decode(BX_MINER_AVAILABILITY, text.data, &any, NULL) && !any.online);
}

static void availability_is_one_of_two_words(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "Online", "online ", "onlin", "offline\n", "\"online\"", "1",
		"true", "\xFF" };
	for (size_t i = 0; i < BX_COUNT(bad); i++) {
		union bx_any any;
		struct bx_error error = { BX_OK, "" };
		if (decode(BX_SERVICE_AVAILABILITY, bad[i], &any, &error) || error.code != BX_INVALID)
			fail_msg("'%s'", bad[i]);
	}
}

static void hands_on_an_object_that_it_does_not_know(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		bool want;
	} cases[] = { { "", true }, { "{}", true }, { "{\"a\":[1,{\"b\":null}]}", true }, { "[]", false },
		{ "5", false }, { "null", false }, { "{", false }, { "{}{}", false }, { "\xFF", false },
		{ "{\"a\":1,\"a\":2}", false } };
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		union bx_any any;
		if (decode(BX_ALERT, cases[i].json, &any, NULL) != cases[i].want)
			fail_msg("'%s'", cases[i].json);
	}
}

/* --- what others send --- */

static void a_payload_without_what_it_needs_is_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(samples); i++) {
		const struct bx_payload_field *field =
			bx_payload_fields(bx_topic_row(samples[i].topic)->payload);
		for (; field->name; field++) {
			bool needed = false;
			for (size_t n = 0; n < BX_COUNT(samples[i].required) && samples[i].required[n]; n++)
				needed |= strcmp(samples[i].required[n], field->name) == 0;
			static const char *const instead[] = { NULL, "null", "{\"x\":1}", "\"\"" };
			for (size_t n = 0; n < BX_COUNT(instead); n++) {
				json_auto_t *object = json_loads(samples[i].json, 0, NULL);
				if (instead[n])
					json_object_set_new(object, field->name,
						json_loads(instead[n], JSON_DECODE_ANY, NULL));
				else
					json_object_del(object, field->name);
				BX_OWNED(free) char *json = json_dumps(object, JSON_COMPACT);
				union bx_any any;
				struct bx_error error = { BX_OK, "" };
				bool good = decode(samples[i].topic, json, &any, &error);
				if (good == needed)
					fail_msg("%s is %s", json, good ? "good" : error.message);
				if (!good &&
					(error.code != BX_INVALID || !strstr(error.message, field->name)))
					fail_msg("%s: %s", json, error.message);
			}
		}
	}
}

static void an_unknown_key_changes_nothing(void **state)
{
	(void)state;
	static const char *const unknown[] = { "null", "5", "\"x\"", "[1,[2]]",
		"{\"id\":\"other\",\"status\":\"OK\"}", "true" };
	for (size_t i = 0; i < BX_COUNT(samples); i++) {
		for (size_t n = 0; n < BX_COUNT(unknown); n++) {
			BX_TEXT_OWNED struct bx_text more;
			BX_TEXT_OWNED struct bx_text text;
			bx_text_init(&more, 1 << 16);
			bx_text_init(&text, 1 << 16);
			bx_text_print(&more, "{\"of_tomorrow\":%s,\"\":%s,%.*s,\"Id\":%s}", unknown[n],
				unknown[n], (int)strlen(samples[i].json) - 2, samples[i].json + 1,
				unknown[n]);
			union bx_any any;
			struct bx_error error = { BX_OK, "" };
			if (!decode(samples[i].topic, more.data, &any, &error))
				fail_msg("%s: %s", more.data, error.message);
			bx_payload_encode(samples[i].topic, &any, &text);
			if (strcmp(text.data, samples[i].json) != 0)
				fail_msg("%s became\n%s", more.data, text.data);
		}
	}
}

static void an_optional_one_of_a_wrong_type_is_absent(void **state)
{
	(void)state;
	static const struct {
		enum bx_topic topic;
		const char *json, *want;
	} cases[] = {
		{ BX_MINER_INFO, "{\"model\":5,\"asic_count\":\"1\",\"ip\":null}", "{}" },
		{ BX_MINER_INFO, "{\"asic_count\":true,\"model\":\"Gamma\"}", "{\"model\":\"Gamma\"}" },
		{ BX_SERVICE_INFO, "{\"version\":\"1\",\"pid\":1,\"started\":\"yesterday\"}",
			"{\"version\":\"1\",\"pid\":1}" },
		{ BX_SERVICE_INFO, "{\"version\":\"1\",\"pid\":1,\"started\":1769860800}",
			"{\"version\":\"1\",\"pid\":1}" },
		{ BX_HEALTH_SUMMARY, "{\"overall_status\":\"OK\",\"sentence\":\"x\",\"worst\":{}}",
			"{\"overall_status\":\"OK\",\"sentence\":\"x\"}" },
		{ BX_HEALTH_SUMMARY,
			"{\"overall_status\":\"OK\",\"sentence\":\"x\",\"worst\":[5,null,[],{},{\"target\":\"host\"},"
			"{\"target\":\"host\",\"status\":\"FINE\"},{\"target\":\"host\",\"status\":\"OK\"}]}",
			"{\"overall_status\":\"OK\",\"sentence\":\"x\",\"worst\":[{\"target\":\"host\",\"status\":\"OK\"}]}" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		union bx_any any;
		struct bx_error error = { BX_OK, "" };
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, 4096);
		if (!decode(cases[i].topic, cases[i].json, &any, &error))
			fail_msg("%s: %s", cases[i].json, error.message);
		bx_payload_encode(cases[i].topic, &any, &text);
		if (strcmp(text.data, cases[i].want) != 0)
			fail_msg("%s became %s", cases[i].json, text.data);
	}
}

static void a_required_one_of_a_wrong_value_is_malformed(void **state)
{
	(void)state;
	static const struct {
		enum bx_topic topic;
		const char *json;
	} cases[] = {
		{ BX_SERVICE_INFO, "{\"version\":\"1\",\"pid\":1e300}" },
		{ BX_SERVICE_INFO, "{\"version\":\"1\",\"pid\":\"1\"}" },
		{ BX_SERVICE_INFO, "{\"version\":\"\\u0001\\n\",\"pid\":1}" },
		{ BX_MINER_CONFIG, "{\"id\":\"a\",\"name\":\"b\",\"url\":\"c\",\"enabled\":1}" },
		{ BX_MINER_CONFIG, "{\"id\":\"a\",\"name\":\"b\",\"url\":\"c\",\"enabled\":\"true\"}" },
		{ BX_HEALTH_SUMMARY, "{\"overall_status\":\"ok\",\"sentence\":\"x\"}" },
		{ BX_HEALTH_SUMMARY, "{\"overall_status\":0,\"sentence\":\"x\"}" },
		{ BX_RECORDED, "{\"session\":\"DEADBEEFDEADBEEF\",\"ranges\":[]}" },
		{ BX_RECORDED, "{\"session\":\"deadbeef\",\"ranges\":[]}" },
		{ BX_RECORDED, "{\"session\":5,\"ranges\":[]}" },
		{ BX_RECORDED, "{\"session\":\"00000000deadbeef\",\"ranges\":5}" },
		{ BX_RECORDED, "[]" },
		{ BX_RECORDED, "" },
		{ BX_RECORDED, "null" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		union bx_any any;
		struct bx_error error = { BX_OK, "" };
		if (decode(cases[i].topic, cases[i].json, &any, &error) || error.code != BX_INVALID)
			fail_msg("%s", cases[i].json);
	}
}

static void ranges_that_are_none_are_left_out(void **state)
{
	(void)state;
	static const char *const bad[] = { "[]", "[1]", "[1,2,3]", "[2,1]", "[0,1]", "[-1,1]",
		"[\"1\",\"2\"]", "{}", "null", "5", "[1,1e16]", "[null,1]", "[1,true]" };
	for (size_t i = 0; i < BX_COUNT(bad); i++) {
		char json[128];
		union bx_any any;
		(void)snprintf(json, sizeof json, "{\"session\":\"00000000deadbeef\",\"ranges\":[%s,[3,4]]}",
			bad[i]);
		if (!decode(BX_RECORDED, json, &any, NULL) || any.acknowledged.range_count != 1 ||
			any.acknowledged.ranges[0].first != 3 || any.acknowledged.ranges[0].last != 4)
			fail_msg("%s", bad[i]);
	}
}

static void a_list_over_its_bound_is_cut(void **state)
{
	(void)state;
	static const struct {
		enum bx_topic topic;
		const char *head, *entry;
		size_t offset, max;
	} cases[] = {
		{ BX_RECORDED, "{\"session\":\"00000000deadbeef\",\"ranges\":[", "[1,2]",
			offsetof(struct bx_acknowledged, range_count), BX_RANGES_MAX },
		{ BX_HEALTH_SUMMARY, "{\"overall_status\":\"OK\",\"sentence\":\"x\",\"worst\":[",
			"{\"target\":\"host\",\"status\":\"OK\"}", offsetof(struct bx_summary, worst_count),
			5 },
		{ BX_HEALTH_CHECK, "{\"status\":\"OK\",\"sentence\":\"x\",\"rules\":[",
			"{\"rule\":\"r\",\"status\":\"OK\"}", offsetof(struct bx_check, rule_count), 8 },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		for (size_t count = cases[i].max - 1; count <= 20 * cases[i].max;
			count += count < cases[i].max + 1 ? 1 : 100) {
			BX_TEXT_OWNED struct bx_text text;
			bx_text_init(&text, 1 << 18);
			bx_text_say(&text, cases[i].head);
			for (size_t n = 0; n < count; n++)
				bx_text_print(&text, "%s%s", n ? "," : "", cases[i].entry);
			bx_text_say(&text, "]}");
			union bx_any any;
			size_t want = count < cases[i].max ? count : cases[i].max;
			bool good = decode(cases[i].topic, text.data, &any, NULL);
			size_t got = *(const size_t *)(const void *)((const char *)&any + cases[i].offset);
			if (!good || got != want)
				fail_msg("%s: %zu of %zu", pattern(cases[i].topic), got, count);
		}
	}
}

static void a_long_or_dirty_text_is_cut_and_cleaned(void **state)
{
	(void)state;
	union bx_any any;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 4096);
	bx_text_say(&text, "{\"id\":\"a\\u001b[31m\\nb\",\"url\":\"http://x\",\"enabled\":false,\"name\":\"");
	for (int i = 0; i < 100; i++)
		bx_text_say(&text, "\xE2\x82\xAC");
	bx_text_say(&text, "\"}");

	assert_true(decode(BX_MINER_CONFIG, text.data, &any, NULL));

	assert_string_equal(any.miner_entry.id, "a [31m b");
	assert_int_equal(strlen(any.miner_entry.name), 63);
	assert_true(bx_is_utf8(any.miner_entry.name, 63));
}

static void survives_every_cut_of_every_payload(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(samples); i++) {
		for (size_t size = 0; size < strlen(samples[i].json); size++) {
			BX_OWNED(free) char *cut = bx_alloc(size + 1, 1);
			memcpy(cut, samples[i].json, size);
			union bx_any any;
			if (bx_payload_decode(samples[i].topic, cut, size, &any, NULL))
				fail_msg("'%s' was read", cut);
		}
	}
}

static void every_status_has_a_word(void **state)
{
	(void)state;
	assert_string_equal(bx_status_word(BX_STATUS_OK), "OK");
	assert_string_equal(bx_status_word(BX_STATUS_WARNING), "WARNING");
	assert_string_equal(bx_status_word(BX_STATUS_CRITICAL), "CRITICAL");
	assert_string_equal(bx_status_word(BX_STATUS_UNKNOWN), "UNKNOWN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_a_sample_of_each_payload_with_a_table),
		cmocka_unit_test(the_samples_have_each_field),
		cmocka_unit_test(every_payload_comes_back_as_it_was),
		cmocka_unit_test(decodes_into_the_members_that_the_header_names),
		cmocka_unit_test(what_is_absent_is_absent_by_its_type),
		cmocka_unit_test(says_of_each_miner_whether_it_is_online),
		cmocka_unit_test(availability_is_one_of_two_words),
		cmocka_unit_test(hands_on_an_object_that_it_does_not_know),
		cmocka_unit_test(a_payload_without_what_it_needs_is_malformed),
		cmocka_unit_test(an_unknown_key_changes_nothing),
		cmocka_unit_test(an_optional_one_of_a_wrong_type_is_absent),
		cmocka_unit_test(a_required_one_of_a_wrong_value_is_malformed),
		cmocka_unit_test(ranges_that_are_none_are_left_out),
		cmocka_unit_test(a_list_over_its_bound_is_cut),
		cmocka_unit_test(a_long_or_dirty_text_is_cut_and_cleaned),
		cmocka_unit_test(survives_every_cut_of_every_payload),
		cmocka_unit_test(every_status_has_a_word),
	};
	return cmocka_run_group_tests_name("contract/payloads", tests, NULL, NULL);
}
