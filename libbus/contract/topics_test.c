#include "libbus/contract/topics.h"

#include "libbus/base/memory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int levels(enum bx_topic topic)
{
	int count = 0;
	for (const char *at = bx_topic_row(topic)->pattern; *at; at++)
		count += *at == '+';
	return count;
}

static void every_row_leads_back_to_itself_and_its_name(void **state)
{
	(void)state;
	static const char *const names[] = { "", "gamma-3", "miner/gamma-3" };
	for (int i = 0; i < BX_TOPIC_COUNT; i++) {
		enum bx_topic topic = (enum bx_topic)i, found;
		const char *name = names[levels(topic)];
		char text[BX_TOPIC_SIZE], again[BX_NAME_SIZE];
		if (!bx_topic_print(topic, name, text))
			fail_msg("%s takes no '%s'", bx_topic_row(topic)->pattern, name);
		if (strchr(text, '+') || !bx_topic_match(text, &found, again) || found != topic ||
			strcmp(again, name) != 0)
			fail_msg("%s of '%s' is %s", bx_topic_row(topic)->pattern, name, text);
	}
}

static void no_row_is_without_what_every_row_has(void **state)
{
	(void)state;
	for (int i = 0; i < BX_TOPIC_COUNT; i++) {
		const struct bx_topic_row *row = bx_topic_row((enum bx_topic)i);
		if (!row->pattern || !row->publisher || !row->doc || row->qos < 0 || row->qos > 1)
			fail_msg("row %d", i);
		if ((row->scope != 0) != (row->payload == BX_VALUES))
			fail_msg("%s has a scope or values, not both", row->pattern);
		if (levels((enum bx_topic)i) > 2)
			fail_msg("%s has a name of more than two levels", row->pattern);
	}
}

static void refuses_names_that_are_none_of_the_row(void **state)
{
	(void)state;
	static const struct {
		enum bx_topic topic;
		const char *name;
	} cases[] = {
		{ BX_MINER_TELEMETRY, "" },
		{ BX_MINER_TELEMETRY, "/" },
		{ BX_MINER_TELEMETRY, "a/" },
		{ BX_MINER_TELEMETRY, "/a" },
		{ BX_MINER_TELEMETRY, "a/b" },
		{ BX_MINER_TELEMETRY, "+" },
		{ BX_MINER_TELEMETRY, "#" },
		{ BX_MINER_TELEMETRY, "a+b" },
		{ BX_MINER_TELEMETRY, "a#" },
		{ BX_HOST_TELEMETRY, "a" },
		{ BX_HOST_TELEMETRY, "/" },
		{ BX_HEALTH_CHECK, "" },
		{ BX_HEALTH_CHECK, "a" },
		{ BX_HEALTH_CHECK, "a/" },
		{ BX_HEALTH_CHECK, "/b" },
		{ BX_HEALTH_CHECK, "a//b" },
		{ BX_HEALTH_CHECK, "a/b/" },
		{ BX_HEALTH_CHECK, "a/b/c" },
		{ BX_HEALTH_CHECK, "+/b" },
		{ BX_HEALTH_CHECK, "a/#" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char text[BX_TOPIC_SIZE];
		if (bx_topic_print(cases[i].topic, cases[i].name, text))
			fail_msg("'%s' became %s", cases[i].name, text);
	}
}

static void takes_names_as_long_as_their_size_and_no_longer(void **state)
{
	(void)state;
	for (size_t length = BX_NAME_SIZE - 2; length < 3 * BX_NAME_SIZE; length++) {
		char name[3 * BX_NAME_SIZE] = "", text[BX_TOPIC_SIZE], again[BX_NAME_SIZE] = "";
		char whole[4 * BX_NAME_SIZE];
		enum bx_topic topic;
		memset(name, 'a', length);
		(void)snprintf(whole, sizeof whole, "miner/%s/telemetry", name);
		bool fits = length < BX_NAME_SIZE;
		if (bx_topic_print(BX_MINER_TELEMETRY, name, text) != fits)
			fail_msg("%zu bytes are %s", length, fits ? "not printed" : "printed");
		if (bx_topic_match(whole, &topic, again) != fits)
			fail_msg("%zu bytes are %s", length, fits ? "not matched" : "matched");
		if (fits && strcmp(again, name) != 0)
			fail_msg("%zu bytes came back as %zu", length, strlen(again));

		name[5] = '/';
		(void)snprintf(whole, sizeof whole, "health/check/%s", name);
		if (bx_topic_print(BX_HEALTH_CHECK, name, text) != fits ||
			bx_topic_match(whole, &topic, again) != fits || (fits && strcmp(again, name) != 0))
			fail_msg("two levels of %zu bytes", length);
	}
}

static void no_row_has_these(void **state)
{
	(void)state;
	static const char *const topics[] = { "", "/", "miner", "miner/", "miner//telemetry",
		"miner/gamma-3/telemetry/", "miner/gamma-3/telemetry/x", "/miner/gamma-3/telemetry",
		"miner/gamma-3/telemetr", "miner/gamma-3/Telemetry", "host/telemetryx", "health/check/a",
		"health/check/a/b/c", "unknown/x", "\xFF", "#" };
	for (size_t i = 0; i < BX_COUNT(topics); i++) {
		enum bx_topic topic;
		char name[BX_NAME_SIZE];
		if (bx_topic_match(topics[i], &topic, name))
			fail_msg("'%s' is %s", topics[i], bx_topic_row(topic)->pattern);
	}
}

static void filters_as_mqtt_does(void **state)
{
	(void)state;
	/* MQTT 5, 4.7 */
	static const struct {
		const char *filter, *topic;
		bool want;
	} cases[] = {
		{ "a/b", "a/b", true },
		{ "a/b", "a/c", false },
		{ "a/b", "a", false },
		{ "a", "a/b", false },
		{ "a/b", "A/b", false },
		{ "ab", "a", false },
		{ "a", "ab", false },
		{ "#", "a", true },
		{ "#", "a/b/c", true },
		{ "#", "/a", true },
		{ "sport/tennis/player1/#", "sport/tennis/player1", true },
		{ "sport/tennis/player1/#", "sport/tennis/player1/ranking", true },
		{ "sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true },
		{ "sport/tennis/player1/#", "sport/tennis/player12", false },
		{ "sport/#", "sport", true },
		{ "sport/#", "sport/", true },
		{ "sport/#", "sports", false },
		{ "sport/tennis/+", "sport/tennis/player1", true },
		{ "sport/tennis/+", "sport/tennis/player1/ranking", false },
		{ "sport/+", "sport", false },
		{ "sport/+", "sport/", true },
		{ "sport/+/player1", "sport/tennis/player1", true },
		{ "sport/+/player1", "sport//player1", true },
		{ "sport/+/player1", "sport/tennis/player2", false },
		{ "+", "a", true },
		{ "+", "/a", false },
		{ "+/+", "/finance", true },
		{ "/+", "/finance", true },
		{ "/+", "finance", false },
		{ "+/tennis/#", "sport/tennis", true },
		{ "+/tennis/#", "sport/tennis/x/y", true },
		{ "+/b/+/#", "a/b/c", true },
		{ "+/b/+/#", "a/b", false },
		{ "a/", "a", false },
		{ "a", "a/", false },
		{ "a/b/c", "a/b", false },
		/* a topic that begins with $ is for filters that do, too */
		{ "#", "$SYS/broker/uptime", false },
		{ "+/broker/uptime", "$SYS/broker/uptime", false },
		{ "$SYS/#", "$SYS/broker/uptime", true },
		{ "$SYS/+/uptime", "$SYS/broker/uptime", true },
		{ "a/#", "a/$b", true },
		{ "a/+", "a/$b", true },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		if (bx_topic_filter(cases[i].filter, cases[i].topic) != cases[i].want)
			fail_msg("'%s' %s '%s'", cases[i].filter,
				cases[i].want ? "does not match" : "matches", cases[i].topic);
}

static void the_pattern_of_a_row_filters_its_topics_alone(void **state)
{
	(void)state;
	static const char *const names[] = { "", "gamma-3", "miner/gamma-3" };
	for (int i = 0; i < BX_TOPIC_COUNT; i++) {
		char text[BX_TOPIC_SIZE];
		(void)bx_topic_print((enum bx_topic)i, names[levels((enum bx_topic)i)], text);
		for (int other = 0; other < BX_TOPIC_COUNT; other++)
			if (bx_topic_filter(bx_topic_row((enum bx_topic)other)->pattern, text) !=
				(i == other))
				fail_msg("%s and %s", bx_topic_row((enum bx_topic)other)->pattern, text);
	}
}

static void finds_the_row_of_a_series(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum bx_metric metric;
	} cases[] = {
		{ "miner/gamma-3/hashrate", BX_HASHRATE },
		{ "miner/gamma-3/asic_2_hashrate", BX_ASIC_HASHRATE },
		{ "miner/gamma-3/asic_temperature", BX_ASIC_TEMPERATURE },
		{ "miner/gamma-3/asic_1_temperature", BX_ASIC_TEMPERATURE_EACH },
		{ "miner/disk/hashrate", BX_HASHRATE },
		{ "fleet/hashrate", BX_HASHRATE },
		{ "host/cpu_usage", BX_CPU_USAGE },
		{ "host/disk/root/usage", BX_DISK_PART_USAGE },
		{ "service/gateway/rss", BX_RSS },
		{ "miner/gamma-3/cpu_usage", BX_METRIC_COUNT },
		{ "miner/gamma-3/", BX_METRIC_COUNT },
		{ "miner/gamma-3", BX_METRIC_COUNT },
		{ "miner", BX_METRIC_COUNT },
		{ "hashrate", BX_METRIC_COUNT },
		{ "custom/shed/humidity", BX_METRIC_COUNT },
		{ "", BX_METRIC_COUNT },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		if (bx_series_metric(cases[i].name) != cases[i].metric)
			fail_msg("'%s': %d", cases[i].name, (int)bx_series_metric(cases[i].name));
}

static void gives_the_last_level_of_a_name(void **state)
{
	(void)state;
	assert_string_equal(bx_name_last("miner/gamma-3"), "gamma-3");
	assert_string_equal(bx_name_last("gamma-3"), "gamma-3");
	assert_string_equal(bx_name_last(""), "");
	assert_string_equal(bx_name_last("a/"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_leads_back_to_itself_and_its_name),
		cmocka_unit_test(no_row_is_without_what_every_row_has),
		cmocka_unit_test(refuses_names_that_are_none_of_the_row),
		cmocka_unit_test(takes_names_as_long_as_their_size_and_no_longer),
		cmocka_unit_test(no_row_has_these),
		cmocka_unit_test(filters_as_mqtt_does),
		cmocka_unit_test(the_pattern_of_a_row_filters_its_topics_alone),
		cmocka_unit_test(finds_the_row_of_a_series),
		cmocka_unit_test(gives_the_last_level_of_a_name),
	};
	return cmocka_run_group_tests_name("contract/topics", tests, NULL, NULL);
}
