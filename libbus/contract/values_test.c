#include "libbus/contract/values.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct bx_wall noon = { 1769860800123 };

static void decode(struct bx_values *values, enum bx_scope scope, const char *json)
{
	struct bx_error error;
	if (!bx_values_decode(values, scope, json, strlen(json), &error))
		fail_msg("%s: %s", json, error.message);
}

/* What was encoded, decoded again. */
static void send(const struct bx_values *values, struct bx_values *again)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX);
	bx_values_encode(values, &text);
	assert_false(text.cut);
	decode(again, values->scope, text.data);
	if (again->left_out != 0)
		fail_msg("%u left out of %s", again->left_out, text.data);
}

static size_t known_count(const struct bx_values *values)
{
	size_t count = 0;
	double value;
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++)
		count += bx_values_get(values, (enum bx_metric)metric, &value);
	return count;
}

/* --- setting --- */

static void has_nothing_at_first(void **state)
{
	(void)state;
	struct bx_values values;
	bx_values_init(&values, BX_MINER, noon);
	assert_int_equal(known_count(&values), 0);
	assert_int_equal(values.part_count, 0);
}

static void a_cleared_value_is_absent(void **state)
{
	(void)state;
	struct bx_values values;
	double value = 77;
	bx_values_init(&values, BX_MINER, noon);
	bx_values_set(&values, BX_POWER, 15.1);
	bx_values_set(&values, BX_HASHRATE, 500);

	bx_values_clear(&values, BX_POWER);

	assert_false(bx_values_get(&values, BX_POWER, &value));
	assert_true(value == 77);
	assert_true(bx_values_get(&values, BX_HASHRATE, &value));
}

static void nan_and_infinity_change_nothing(void **state)
{
	(void)state;
	struct bx_values values;
	double value;
	bx_values_init(&values, BX_MINER, noon);
	bx_values_set(&values, BX_POWER, 15.1);

	bx_values_set(&values, BX_POWER, (double)NAN);
	bx_values_set(&values, BX_HASHRATE, (double)INFINITY);
	assert_true(bx_values_set_part(&values, BX_ASIC_HASHRATE, "1", (double)NAN));

	assert_true(bx_values_get(&values, BX_POWER, &value) && value == 15.1);
	assert_int_equal(known_count(&values), 1);
	assert_int_equal(values.part_count, 0);
}

static void an_unknown_word_stays_absent(void **state)
{
	(void)state;
	struct bx_values values;
	double value;
	bx_values_init(&values, BX_MINER, noon);

	bx_values_set_word(&values, BX_MINER_STATE, "dreaming");
	assert_false(bx_values_get(&values, BX_MINER_STATE, &value));
	bx_values_set_word(&values, BX_MINER_STATE, "paused");
	assert_true(bx_values_get(&values, BX_MINER_STATE, &value) && value == 2);
}

static void a_part_set_again_has_the_latest_value(void **state)
{
	(void)state;
	struct bx_values values, again;
	double value;
	bx_values_init(&values, BX_HOST, noon);
	bx_values_set_part(&values, BX_DISK_PART_USAGE, "root", 50);
	bx_values_set_part(&values, BX_DISK_PART_USAGE, "root", 51);

	send(&values, &again);

	assert_true(bx_values_get_part(&again, BX_DISK_PART_USAGE, "root", &value) && value == 51);
	assert_int_equal(values.part_count, 1);
}

static void refuses_part_names_that_are_no_piece_of_a_path(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "a b", "a/b", "a\\b", "a\"b", "a'b", "a*", "a?", "\x01",
		"a\x7F", "caf\xC3\xA9", "\xFF", "12345678901234567890123456789012" };
	static const char *const good[] = { "root", "boot-firmware", "eth0.10", "br-1_x", "wlan0@x", "#1",
		"+", "1234567890123456789012345678901" };
	for (size_t i = 0; i < BX_COUNT(bad); i++) {
		struct bx_values values;
		bx_values_init(&values, BX_HOST, noon);
		if (bx_values_set_part(&values, BX_DISK_FREE, bad[i], 1) || values.left_out != 1)
			fail_msg("'%s' was taken", bad[i]);
	}
	for (size_t i = 0; i < BX_COUNT(good); i++) {
		struct bx_values values;
		bx_values_init(&values, BX_HOST, noon);
		if (!bx_values_set_part(&values, BX_DISK_FREE, good[i], 1))
			fail_msg("'%s' was refused", good[i]);
	}
}

static void takes_part_names_up_to_the_bound_and_counts_the_rest(void **state)
{
	(void)state;
	struct bx_values values;
	bx_values_init(&values, BX_HOST, noon);
	for (int i = 0; i < BX_PARTS_MAX + 3; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "disk%d", i);
		bool taken = bx_values_set_part(&values, BX_DISK_FREE, name, i);
		if (taken != (i < BX_PARTS_MAX))
			fail_msg("name %d", i);
	}
	assert_int_equal(values.left_out, 3);
	/* a name that is known is still good */
	assert_true(bx_values_set_part(&values, BX_DISK_PART_USAGE, "disk0", 1));
}

static void takes_part_values_up_to_the_bound_and_counts_the_rest(void **state)
{
	(void)state;
	static const enum bx_metric metrics[] = { BX_DISK_PART_USAGE, BX_DISK_FREE, BX_DISK_INODES,
		BX_DISK_READ_ONLY, BX_DISK_READ, BX_DISK_WRITTEN, BX_RECEIVE_RATE };
	struct bx_values values;
	bx_values_init(&values, BX_HOST, noon);
	unsigned refused = 0;
	for (int name = 0; name < BX_PARTS_MAX; name++) {
		for (size_t i = 0; i < BX_COUNT(metrics); i++) {
			char text[16];
			(void)snprintf(text, sizeof text, "p%d", name);
			refused += !bx_values_set_part(&values, metrics[i], text, 1);
		}
	}
	assert_int_equal(values.part_count, BX_PART_VALUES_MAX);
	assert_int_equal(refused, BX_PARTS_MAX * BX_COUNT(metrics) - BX_PART_VALUES_MAX);
	assert_int_equal(values.left_out, refused);
}

/* --- there and back --- */

/* The decimal nearest to `value`, by the C library's printing. */
static double nearest(double value, int decimals)
{
	char text[400];
	(void)snprintf(text, sizeof text, "%.*f", decimals, value);
	return strtod(text, NULL);
}

static void send_and_compare(enum bx_scope scope, enum bx_metric metric, double value)
{
	const struct bx_row *row = bx_catalog_row(metric);
	struct bx_values values, again;
	double got = 77, want = nearest(value, row->decimals);
	bx_values_init(&values, scope, noon);
	if (row->part == BX_NO_PART)
		bx_values_set(&values, metric, value);
	else
		bx_values_set_part(&values, metric, "1", value);

	send(&values, &again);

	bool has = row->part == BX_NO_PART ? bx_values_get(&again, metric, &got)
					   : bx_values_get_part(&again, metric, "1", &got);
	if (!has || got != want || known_count(&again) + again.part_count != 1 || again.time.ms != noon.ms)
		fail_msg("%s '%s' %.17g: %d, %.17g, not %.17g", bx_scope_word(scope), row->name, value, has,
			got, want);
}

static void every_row_comes_back_at_its_decimals_in_every_scope(void **state)
{
	(void)state;
	static const double numbers[] = { 0, 1, 12.3456789, -5.4321, 1e6 / 3, 1234567890.987654, 1.8e19, 1e-9,
		-61 };
	static const double moments[] = { 0, 1, 1769860800, 253402300799 };
	for (int i = 0; i < BX_METRIC_COUNT; i++) {
		enum bx_metric metric = (enum bx_metric)i;
		const struct bx_row *row = bx_catalog_row(metric);
		char word[BX_WORD_SIZE];
		for (unsigned bit = BX_MINER; bit <= BX_CUSTOM; bit <<= 1) {
			enum bx_scope scope = (enum bx_scope)bit;
			if (!(row->scopes & bit))
				continue;
			switch (row->kind) {
			case BX_GAUGE:
			case BX_COUNTER:
				for (size_t n = 0; n < BX_COUNT(numbers); n++)
					send_and_compare(scope, metric, numbers[n]);
				break;
			case BX_YES_NO:
				send_and_compare(scope, metric, 0);
				send_and_compare(scope, metric, 1);
				break;
			case BX_WORD:
				for (int place = 0; bx_catalog_word(metric, place, word); place++)
					send_and_compare(scope, metric, place);
				break;
			case BX_MOMENT:
				for (size_t n = 0; n < BX_COUNT(moments); n++)
					send_and_compare(scope, metric, moments[n]);
				break;
			}
		}
	}
}

static void all_rows_of_a_scope_come_back_at_once(void **state)
{
	(void)state;
	for (unsigned bit = BX_MINER; bit < BX_CUSTOM; bit <<= 1) {
		struct bx_values values, again;
		bx_values_init(&values, (enum bx_scope)bit, noon);
		for (int metric = 0; metric < BX_METRIC_COUNT; metric++) {
			const struct bx_row *row = bx_catalog_row((enum bx_metric)metric);
			if (!(row->scopes & bit))
				continue;
			if (row->part == BX_NO_PART)
				bx_values_set(&values, (enum bx_metric)metric, 1);
			for (int part = 1; row->part != BX_NO_PART && part <= 16; part++) {
				char name[8];
				(void)snprintf(name, sizeof name, "%d", part);
				bx_values_set_part(&values, (enum bx_metric)metric, name, part % 2);
			}
		}
		send(&values, &again);
		if (known_count(&again) != known_count(&values) || again.part_count != values.part_count)
			fail_msg("%s: %zu and %zu of %zu and %zu", bx_scope_word((enum bx_scope)bit),
				known_count(&again), again.part_count, known_count(&values),
				values.part_count);
		for (size_t i = 0; i < values.part_count; i++) {
			double value;
			const char *name = values.part_name[values.part[i].name];
			if (!bx_values_get_part(&again, values.part[i].metric, name, &value) ||
				value != values.part[i].value)
				fail_msg("%s: part %s", bx_scope_word((enum bx_scope)bit), name);
		}
	}
}

static void an_asic_without_a_value_moves_no_other(void **state)
{
	(void)state;
	struct bx_values values, again;
	double value;
	bx_values_init(&values, BX_MINER, noon);
	bx_values_set_part(&values, BX_ASIC_HASHRATE, "4", 400);
	bx_values_set_part(&values, BX_ASIC_HASHRATE, "2", 200);

	send(&values, &again);

	assert_true(bx_values_get_part(&again, BX_ASIC_HASHRATE, "2", &value) && value == 200);
	assert_true(bx_values_get_part(&again, BX_ASIC_HASHRATE, "4", &value) && value == 400);
	assert_false(bx_values_get_part(&again, BX_ASIC_HASHRATE, "1", &value));
	assert_int_equal(again.part_count, 2);
}

static void refuses_an_asic_that_is_no_number(void **state)
{
	(void)state;
	static const char *const bad[] = { "0", "33", "-1", "x", "1.5", "99999999999999999999" };
	for (size_t i = 0; i < BX_COUNT(bad); i++) {
		struct bx_values values;
		bx_values_init(&values, BX_MINER, noon);
		if (bx_values_set_part(&values, BX_ASIC_HASHRATE, bad[i], 1) || values.left_out != 1)
			fail_msg("'%s'", bad[i]);
	}
}

static void writes_what_the_catalogue_says(void **state)
{
	(void)state;
	struct bx_values values;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX);
	bx_values_init(&values, BX_MINER, noon);
	bx_values_set(&values, BX_HASHRATE, 504.128);
	bx_values_set(&values, BX_POWER_ESTIMATED, 0);
	bx_values_set(&values, BX_STARTED, 1769860800);
	bx_values_set_word(&values, BX_MINER_STATE, "mining");
	bx_values_set_part(&values, BX_ASIC_HASHRATE, "1", 250.5);
	bx_values_set_part(&values, BX_ASIC_ERRORS, "1", 3);
	bx_values_set_part(&values, BX_ASIC_HASHRATE, "2", 253.6);

	bx_values_encode(&values, &text);

	assert_string_equal(text.data,
		"{\"time\":\"2026-01-31T12:00:00.123Z\",\"hashrate\":504.13,\"power_estimated\":false,"
		"\"started\":\"2026-01-31T12:00:00.000Z\",\"state\":\"mining\","
		"\"asics\":[{\"hashrate\":250.5,\"errors\":3},{\"hashrate\":253.6}]}");
}

static void has_no_time_where_the_clock_is_not_known(void **state)
{
	(void)state;
	struct bx_values values, again;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX);
	bx_values_init(&values, BX_FLEET, (struct bx_wall){ 0 });

	bx_values_encode(&values, &text);
	decode(&again, BX_FLEET, text.data);

	assert_string_equal(text.data, "{}");
	assert_int_equal(again.time.ms, 0);
}

static void a_moment_beyond_all_years_is_the_last(void **state)
{
	(void)state;
	struct bx_values values;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX);
	bx_values_init(&values, BX_MINER, (struct bx_wall){ 0 });
	bx_values_set(&values, BX_STARTED, 1e300);

	bx_values_encode(&values, &text);

	assert_string_equal(text.data, "{\"started\":\"9999-12-31T23:59:59.000Z\"}");
}

/* --- what others send --- */

static void unknown_keys_change_nothing_and_are_counted(void **state)
{
	(void)state;
	struct bx_values plain, more;
	decode(&plain, BX_HOST,
		"{\"time\":\"2026-01-31T12:00:00.123Z\",\"cpu_usage\":5.5,"
		"\"disks\":{\"root\":{\"usage\":61.2}}}");
	decode(&more, BX_HOST,
		"{\"new\":1,\"time\":\"2026-01-31T12:00:00.123Z\",\"\":{},\"cpu_usage\":5.5,\"newer\":{\"a\":[1,{}]},"
		"\"disks\":{\"root\":{\"usage\":61.2,\"spin\":7200}},\"hashrate\":5,\"new_parts\":{\"a\":{\"usage\":1}},"
		"\"caf\xC3\xA9\":null}");

	assert_int_equal(more.left_out, 7);
	assert_int_equal(plain.left_out, 0);
	more.left_out = 0;
	assert_memory_equal(&plain.known, &more.known, sizeof plain.known);
	assert_memory_equal(&plain.value, &more.value, sizeof plain.value);
	assert_int_equal(plain.time.ms, more.time.ms);
	assert_int_equal(more.part_name_count, 1);
	assert_int_equal(more.part_count, 1);
	assert_true(plain.part[0].value == more.part[0].value && plain.part[0].metric == more.part[0].metric);
}

static void a_wrong_type_makes_that_one_value_absent(void **state)
{
	(void)state;
	static const struct {
		const char *name, *json;
	} cases[] = {
		{ "a text for a number", "{\"hashrate\":\"500\",\"power\":15.1}" },
		{ "a list for a number", "{\"hashrate\":[500],\"power\":15.1}" },
		{ "an object for a number", "{\"hashrate\":{},\"power\":15.1}" },
		{ "null for a number", "{\"hashrate\":null,\"power\":15.1}" },
		{ "true for a number", "{\"hashrate\":true,\"power\":15.1}" },
		{ "a number for yes or no", "{\"overheat\":1,\"power\":15.1}" },
		{ "a text for yes or no", "{\"overheat\":\"true\",\"power\":15.1}" },
		{ "a number for a word", "{\"state\":0,\"power\":15.1}" },
		{ "a word of no list", "{\"state\":\"dreaming\",\"power\":15.1}" },
		{ "an empty word", "{\"state\":\"\",\"power\":15.1}" },
		{ "a number for a moment", "{\"started\":1769860800,\"power\":15.1}" },
		{ "no moment", "{\"started\":\"2026-02-30T00:00:00Z\",\"power\":15.1}" },
		{ "a number for parts", "{\"asics\":5,\"power\":15.1}" },
		{ "a number for a part", "{\"asics\":[5],\"power\":15.1}" },
		{ "a text for a part's value", "{\"asics\":[{\"hashrate\":\"x\"}],\"power\":15.1}" },
		{ "a part's object within it", "{\"asics\":[{\"asics\":[]}],\"power\":15.1}" },
		{ "a part's row without its part", "{\"temperature\":50,\"power\":15.1}" },
		{ "another scope's part", "{\"disks\":{\"root\":{\"usage\":5}},\"power\":15.1}" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct bx_values values;
		double value;
		decode(&values, BX_MINER, cases[i].json);
		if (!bx_values_get(&values, BX_POWER, &value) || value != 15.1)
			fail_msg("%s: the other value is gone", cases[i].name);
		if (known_count(&values) != 1 || values.part_count != 0)
			fail_msg("%s: it was taken", cases[i].name);
		if (values.left_out != 1)
			fail_msg("%s: %u left out", cases[i].name, values.left_out);
	}
}

static void refuses_what_is_no_object_with_a_time(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "null", "5", "\"x\"", "[]", "[{}]", "{", "{}x", "{\"time\":5}",
		"{\"time\":null}", "{\"time\":\"\"}", "{\"time\":\"now\"}", "{\"time\":{}}",
		"{\"power\":1,\"power\":2}", "{\"power\":1e999}", "{\"power\":NaN}", "{\"power\":\"\xFF\"}",
		"\xFF\xFE{" };
	for (size_t i = 0; i < BX_COUNT(bad); i++) {
		struct bx_values values = { .part_count = 77 };
		struct bx_error error = { BX_OK, "" };
		if (bx_values_decode(&values, BX_MINER, bad[i], strlen(bad[i]), &error))
			fail_msg("'%s' was read", bad[i]);
		if (error.code != BX_INVALID || values.part_count != 77)
			fail_msg("'%s': code %d, values touched %d", bad[i], error.code,
				values.part_count != 77);
	}
}

static void refuses_deep_nesting(void **state)
{
	(void)state;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 100000);
	for (int i = 0; i < 10000; i++)
		bx_text_say(&text, "{\"disks\":");
	struct bx_values values;
	assert_false(bx_values_decode(&values, BX_HOST, text.data, text.length, NULL));
}

static void survives_every_cut_of_a_message(void **state)
{
	(void)state;
	static const char whole[] =
		"{\"time\":\"2026-01-31T12:00:00.123Z\",\"hashrate\":504.13,\"state\":\"mining\","
		"\"asics\":[{\"hashrate\":250.5},{\"hashrate\":253.6}]}";
	for (size_t size = 0; size < strlen(whole); size++) {
		struct bx_values values;
		BX_OWNED(free) char *cut = bx_alloc(size + 1, 1);
		memcpy(cut, whole, size);
		if (bx_values_decode(&values, BX_MINER, cut, size, NULL))
			fail_msg("'%s' was read", cut);
	}
}

static void leaves_out_parts_over_the_bound_and_counts_them(void **state)
{
	(void)state;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX);
	bx_text_say(&text, "{\"cpu_usage\":5.5,\"disks\":{");
	for (int i = 0; i < 40; i++)
		bx_text_print(&text,
			"%s\"d%d\":{\"usage\":1,\"free\":2,\"inodes\":3,\"read\":4,\"written\":5,\"read_only\":true}",
			i ? "," : "", i);
	bx_text_say(&text, "},\"interfaces\":{\"d0\":{\"up\":true}}}");
	struct bx_values values;

	decode(&values, BX_HOST, text.data);

	assert_int_equal(values.part_name_count, BX_PARTS_MAX);
	assert_int_equal(values.part_count, BX_PART_VALUES_MAX);
	assert_int_equal(values.left_out, 40 * 6 + 1 - BX_PART_VALUES_MAX);
	assert_int_equal(known_count(&values), 1);
}

static void leaves_out_part_names_that_are_none(void **state)
{
	(void)state;
	struct bx_values values;
	double value;
	decode(&values, BX_HOST,
		"{\"disks\":{\"\":{\"usage\":1},\"a/b\":{\"usage\":2},\"root\":{\"usage\":3},"
		"\"1234567890123456789012345678901234567890\":{\"usage\":4},\"\\u001b[31m\":{\"usage\":5}}}");
	assert_int_equal(values.part_count, 1);
	assert_int_equal(values.left_out, 4);
	assert_true(bx_values_get_part(&values, BX_DISK_PART_USAGE, "root", &value) && value == 3);
}

static void numbers_asics_by_their_place_in_the_list(void **state)
{
	(void)state;
	struct bx_values values;
	double value;
	decode(&values, BX_MINER, "{\"asics\":[{\"hashrate\":1},{},{\"hashrate\":3,\"temperature\":61.26}]}");
	assert_true(bx_values_get_part(&values, BX_ASIC_HASHRATE, "1", &value) && value == 1);
	assert_true(bx_values_get_part(&values, BX_ASIC_HASHRATE, "3", &value) && value == 3);
	assert_true(bx_values_get_part(&values, BX_ASIC_TEMPERATURE_EACH, "3", &value) && value == 61.3);
	assert_int_equal(values.part_count, 3);
	assert_int_equal(values.left_out, 0);
}

/* --- series --- */

static void on_each(void *arg, enum bx_metric metric, const char *series, double value)
{
	const struct bx_row *row = bx_catalog_row(metric);
	bx_text_print(arg, "%s=%g ", series, value);
	assert_int_equal(bx_catalog_find_series((enum bx_scope)row->scopes, series), metric);
}

static void names_series_as_the_catalogue_does(void **state)
{
	(void)state;
	struct bx_values miner, host;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 4096);
	decode(&miner, BX_MINER,
		"{\"hashrate\":5,\"state\":\"paused\",\"asics\":[{\"hashrate\":1},{\"hashrate\":2}]}");
	decode(&host, BX_HOST,
		"{\"disks\":{\"boot-firmware\":{\"usage\":1}},\"interfaces\":{\"eth0\":{\"receive_rate\":2}}}");

	bx_values_each(&miner, on_each, &text);
	bx_values_each(&host, on_each, &text);

	assert_string_equal(text.data,
		"hashrate=5 state=2 asic_1_hashrate=1 asic_2_hashrate=2 "
		"disk/boot-firmware/usage=1 interface/eth0/receive_rate=2 ");
}

static void every_series_fits_its_size(void **state)
{
	(void)state;
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++) {
		const struct bx_row *row = bx_catalog_row((enum bx_metric)metric);
		size_t size = strlen(row->name) + 1;
		if (row->part != BX_NO_PART)
			size += strlen(bx_part_series(row->part)) + BX_PART_NAME_SIZE + 1;
		if (size > BX_SERIES_SIZE)
			fail_msg("'%s' may have %zu bytes", row->name, size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_nothing_at_first),
		cmocka_unit_test(a_cleared_value_is_absent),
		cmocka_unit_test(nan_and_infinity_change_nothing),
		cmocka_unit_test(an_unknown_word_stays_absent),
		cmocka_unit_test(a_part_set_again_has_the_latest_value),
		cmocka_unit_test(refuses_part_names_that_are_no_piece_of_a_path),
		cmocka_unit_test(takes_part_names_up_to_the_bound_and_counts_the_rest),
		cmocka_unit_test(takes_part_values_up_to_the_bound_and_counts_the_rest),
		cmocka_unit_test(every_row_comes_back_at_its_decimals_in_every_scope),
		cmocka_unit_test(all_rows_of_a_scope_come_back_at_once),
		cmocka_unit_test(an_asic_without_a_value_moves_no_other),
		cmocka_unit_test(refuses_an_asic_that_is_no_number),
		cmocka_unit_test(writes_what_the_catalogue_says),
		cmocka_unit_test(has_no_time_where_the_clock_is_not_known),
		cmocka_unit_test(a_moment_beyond_all_years_is_the_last),
		cmocka_unit_test(unknown_keys_change_nothing_and_are_counted),
		cmocka_unit_test(a_wrong_type_makes_that_one_value_absent),
		cmocka_unit_test(refuses_what_is_no_object_with_a_time),
		cmocka_unit_test(refuses_deep_nesting),
		cmocka_unit_test(survives_every_cut_of_a_message),
		cmocka_unit_test(leaves_out_parts_over_the_bound_and_counts_them),
		cmocka_unit_test(leaves_out_part_names_that_are_none),
		cmocka_unit_test(numbers_asics_by_their_place_in_the_list),
		cmocka_unit_test(names_series_as_the_catalogue_does),
		cmocka_unit_test(every_series_fits_its_size),
	};
	return cmocka_run_group_tests_name("contract/values", tests, NULL, NULL);
}
