#include "services/collector/miners.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NONE (-1.0) /* absent */

enum { INTERVAL_MS = 15000 };

static int set_up(void **state)
{
	*state = miners_new();
	return 0;
}

static int tear_down(void **state)
{
	miners_free(*state);
	return 0;
}

/* --- answers --- */

static struct axeos_reading reading_of(const char *mac)
{
	struct axeos_reading reading = { .hashing = true };
	bx_values_init(&reading.values, BX_MINER, (struct bx_wall){ 0 });
	reading.facts = (struct bx_miner_facts){
		.model = "Gamma", .asic_count = 1, .pool_port = (double)NAN, .nominal_voltage = (double)NAN
	};
	(void)bx_text_copy(reading.facts.mac, sizeof reading.facts.mac, mac);
	return reading;
}

static void set(struct axeos_reading *reading, enum bx_metric metric, double value)
{
	if (value != NONE)
		bx_values_set(&reading->values, metric, value);
}

/* cmocka's own compares floats. */
static void assert_near(double found, double expected, double most)
{
	if (!(fabs(found - expected) <= most))
		fail_msg("%f is not %f", found, expected);
}

static double value_of(const struct bx_values *values, enum bx_metric metric)
{
	double value;
	return bx_values_get(values, metric, &value) ? value : NONE;
}

static void check(const struct bx_values *values, enum bx_metric metric, double expected)
{
	double value = value_of(values, metric);
	if (fabs(value - expected) > 1e-6)
		fail_msg("%s is %f, not %f (-1: absent)", bx_catalog_row(metric)->name, value, expected);
}

static unsigned answer_at(
	struct miners *miners, struct miner *miner, struct axeos_reading *reading, int64_t ms)
{
	return miners_answered(
		miners, miner, reading, (struct bx_wall){ 1767225600000 + ms }, (struct bx_mono){ ms });
}

static struct miner *admit(struct miners *miners, const char *url, const char *name, const char *mac)
{
	struct bx_error error = { 0 };
	struct miner_wish wish = { .url = url, .name = name };
	struct axeos_reading seen = reading_of(mac);
	struct miner *miner = miners_admit(miners, &wish, &seen, &error);
	if (!miner)
		fail_msg("%s: %s", url, error.message);
	return miner;
}

static void refuse(struct miners *miners, const char *url, const char *mac, enum bx_code code)
{
	struct bx_error error = { 0 };
	struct miner_wish wish = { .url = url };
	struct axeos_reading seen = reading_of(mac);
	size_t before = miners_count(miners);
	assert_null(miners_admit(miners, &wish, &seen, &error));
	assert_int_equal(error.code, code);
	assert_true(error.message[0] != '\0');
	assert_int_equal(miners_count(miners), before);
}

/* --- addresses --- */

static void brings_addresses_to_one_form(void **state)
{
	static const struct {
		const char *address, *url;
	} cases[] = {
		{ "10.0.0.7", "http://10.0.0.7" },
		{ "http://10.0.0.7", "http://10.0.0.7" },
		{ "HTTP://10.0.0.7/", "http://10.0.0.7" },
		{ "http://10.0.0.7///", "http://10.0.0.7" },
		{ "10.0.0.7:80", "http://10.0.0.7" },
		{ "10.0.0.7:080", "http://10.0.0.7" },
		{ "10.0.0.7:8080", "http://10.0.0.7:8080" },
		{ "http://Gamma.local:8080/", "http://gamma.local:8080" },
		{ "bitaxe", "http://bitaxe" },
		{ "bitaxe-2.lan:1", "http://bitaxe-2.lan:1" },
		{ "bitaxe:65535", "http://bitaxe:65535" },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char url[96];
		struct bx_error error = { 0 };
		if (!miners_normalise(cases[i].address, url, sizeof url, &error))
			fail_msg("%s: %s", cases[i].address, error.message);
		assert_string_equal(url, cases[i].url);
		assert_true(miners_normalise(url, url, sizeof url, &error)); /* in place, and stays */
		assert_string_equal(url, cases[i].url);
	}
}

static void refuses_what_is_no_address(void **state)
{
	static const char *const bad[] = { "", "/", "http://", "https://10.0.0.7", "ftp://10.0.0.7",
		"10.0.0.7/api", "10.0.0.7 ", "10.0.0.7?x", "10.0.0.7#x", "user@10.0.0.7",
		"http://user:secret@10.0.0.7", "10.0.0.7:", "10.0.0.7:0", "10.0.0.7:65536", "10.0.0.7:-1",
		"10.0.0.7:8080:1", "10.0.0.7:99999999999999", ":80", "10.0.0.7\n", "b\xc3\xa9taxe",
		"'; rm -rf /", "10.0.0.7%00", "a\\b" };
	(void)state;
	for (size_t i = 0; i < BX_COUNT(bad); i++) {
		char url[96] = "as before";
		struct bx_error error = { 0 };
		if (miners_normalise(bad[i], url, sizeof url, &error))
			fail_msg("'%s' becomes %s", bad[i], url);
		assert_int_equal(error.code, BX_INVALID);
		assert_string_equal(url, "as before");
	}
}

static void refuses_an_address_that_is_too_long(void **state)
{
	(void)state;
	char address[200], url[96];
	struct bx_error error = { 0 };
	for (size_t length = 1; length < sizeof address; length++) {
		memset(address, 'a', length);
		address[length] = '\0';
		bool fits = length + strlen("http://") < sizeof url;
		assert_int_equal(miners_normalise(address, url, sizeof url, &error), fits);
	}
}

/* --- who is who --- */

static void ids_come_from_the_name_else_from_model_and_mac_else_from_the_address(void **state)
{
	static const struct {
		const char *name, *model, *mac, *url, *id;
	} cases[] = {
		{ "Kitchen No. 3", "Gamma", "02:00:5E:10:00:0E", "10.0.0.1", "kitchen-no-3" },
		{ NULL, "Gamma", "02:00:5E:10:AB:0E", "10.0.0.2", "gamma-ab0e" },
		{ "", "Gamma", "02:00:5E:10:AB:0F", "10.0.0.3", "gamma-ab0f" },
		{ "\xc3\xa9", "NerdQAxe++", "02:00:5E:20:00:01", "10.0.0.4",
			"nerdqaxe-0001" }, /* nothing of the name is left */
		{ NULL, "Ultra", "", "192.168.1.51", "ultra-8151" },
		{ NULL, "", "", "192.168.1.52", "miner-8152" },
		{ NULL, "", "", "bitaxe", "miner" },
		{ NULL, "Gamma", "02:00:5E:10:AB:10", "10.0.0.5:8080", "gamma-ab10" },
	};
	struct miners *miners = *state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct miner_wish wish = { .url = cases[i].url, .name = cases[i].name };
		struct axeos_reading seen = reading_of(cases[i].mac);
		(void)bx_text_copy(seen.facts.model, sizeof seen.facts.model, cases[i].model);
		const struct miner *miner = miners_admit(miners, &wish, &seen, NULL);
		assert_non_null(miner);
		assert_string_equal(miner->entry.id, cases[i].id);
		assert_string_equal(
			miner->entry.name, cases[i].name && cases[i].name[0] ? cases[i].name : cases[i].id);
		assert_true(miner->entry.enabled);
		assert_ptr_equal(miners_find(miners, cases[i].id), miner);
	}
}

static void the_same_name_twice_gets_a_number(void **state)
{
	struct miners *miners = *state;
	for (int i = 1; i <= 1200; i++) {
		char url[32], mac[24], id[32];
		(void)snprintf(url, sizeof url, "10.0.%d.%d", i / 200, i % 200 + 1);
		(void)snprintf(mac, sizeof mac, "02:00:5E:10:%02X:%02X", i / 256, i % 256);
		(void)snprintf(id, sizeof id, i == 1 ? "shed" : "shed-%d", i);
		assert_string_equal(admit(miners, url, "Shed", mac)->entry.id, id);
	}
}

static void a_long_name_is_cut_and_stays_unique(void **state)
{
	struct miners *miners = *state;
	char name[200];
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	const struct miner *one = admit(miners, "10.0.0.1", name, "02:00:5E:10:00:01");
	const struct miner *other = admit(miners, "10.0.0.2", name, "02:00:5E:10:00:02");

	assert_true(bx_is_slug(one->entry.id) && bx_is_slug(other->entry.id));
	assert_string_not_equal(one->entry.id, other->entry.id);
	assert_int_equal(strlen(one->entry.name), sizeof one->entry.name - 1);
}

static void a_known_mac_at_a_new_address_keeps_its_id(void **state)
{
	struct miners *miners = *state;
	struct miner *miner = admit(miners, "10.0.0.7", "Kitchen", "02:00:5E:10:00:0E");

	assert_ptr_equal(admit(miners, "10.0.0.8", NULL, "02:00:5E:10:00:0E"), miner);

	assert_int_equal(miners_count(miners), 1);
	assert_string_equal(miner->entry.id, "kitchen");
	assert_string_equal(miner->entry.name, "Kitchen");
	assert_string_equal(miner->entry.url, "http://10.0.0.8");
}

static void adding_again_changes_the_name_and_not_the_id(void **state)
{
	struct miners *miners = *state;
	struct miner *miner = admit(miners, "10.0.0.7", "Kitchen", "02:00:5E:10:00:0E");
	assert_ptr_equal(admit(miners, "http://10.0.0.7:80/", "Shed", "02:00:5E:10:00:0E"), miner);
	assert_string_equal(miner->entry.id, "kitchen");
	assert_string_equal(miner->entry.name, "Shed");
	assert_int_equal(miners_count(miners), 1);
}

static void another_miner_at_a_known_address_is_refused(void **state)
{
	struct miners *miners = *state;
	admit(miners, "10.0.0.7", NULL, "02:00:5E:10:00:0E");
	admit(miners, "10.0.0.8", NULL, "02:00:5E:10:00:0F");

	refuse(miners, "10.0.0.7", "02:00:5E:10:00:10", BX_CONFLICT); /* a new one */
	refuse(miners, "10.0.0.7", "02:00:5E:10:00:0F", BX_CONFLICT); /* one that we know elsewhere */
	assert_string_equal(miners_find(miners, "gamma-000f")->entry.url, "http://10.0.0.8");
}

static void without_a_mac_the_address_is_who_it_is(void **state)
{
	struct miners *miners = *state;
	struct miner *miner = admit(miners, "10.0.0.7", "Old", "");
	assert_ptr_equal(admit(miners, "10.0.0.7", NULL, ""), miner);
	assert_ptr_not_equal(admit(miners, "10.0.0.8", NULL, ""), miner);
	assert_ptr_equal(
		admit(miners, "10.0.0.7", NULL, "02:00:5E:10:00:0E"), miner); /* its firmware is newer now */
	assert_int_equal(miners_count(miners), 2);
}

static void a_mac_seen_later_is_the_identity_from_then_on(void **state)
{
	struct miners *miners = *state;
	struct miner *miner = admit(miners, "10.0.0.7", "Old", "");
	struct axeos_reading nameless = reading_of(""), seen = reading_of("02:00:5E:10:00:0E"),
			     stranger = reading_of("02:00:5E:10:00:0F");

	assert_false(answer_at(miners, miner, &nameless, 0) & MINER_IDENTIFIED);
	assert_true(answer_at(miners, miner, &seen, INTERVAL_MS) & MINER_IDENTIFIED);
	assert_string_equal(miner->entry.mac, "02:00:5E:10:00:0E");
	assert_false(answer_at(miners, miner, &seen, 2 * INTERVAL_MS) & MINER_IDENTIFIED);
	assert_true(answer_at(miners, miner, &stranger, 3 * INTERVAL_MS) & MINER_STRANGER);
	assert_int_equal(answer_at(miners, miner, &nameless, 4 * INTERVAL_MS) & MINER_STRANGER, 0);
}

static void the_mac_of_another_entry_is_a_stranger_to_one_without(void **state)
{
	struct miners *miners = *state;
	struct miner *old = admit(miners, "10.0.0.7", "Old", "");
	admit(miners, "10.0.0.8", NULL, "02:00:5E:10:00:0F");
	struct axeos_reading other = reading_of("02:00:5E:10:00:0F");

	assert_true(answer_at(miners, old, &other, 0) &
		MINER_STRANGER); /* it was given the address of the old one */
	assert_string_equal(old->entry.mac, "");
}

static void a_stranger_changes_nothing_and_counts_as_a_miss(void **state)
{
	struct miners *miners = *state;
	struct miner *miner = admit(miners, "10.0.0.7", NULL, "02:00:5E:10:00:0E");
	struct axeos_reading own = reading_of("02:00:5E:10:00:0E"),
			     stranger = reading_of("02:00:5E:10:00:99");
	set(&own, BX_HASHRATE, 1000);
	set(&stranger, BX_HASHRATE, 7);
	answer_at(miners, miner, &own, 0);

	assert_int_equal(answer_at(miners, miner, &stranger, 1 * INTERVAL_MS), MINER_STRANGER);
	assert_int_equal(answer_at(miners, miner, &stranger, 2 * INTERVAL_MS), MINER_STRANGER);
	assert_int_equal(answer_at(miners, miner, &stranger, 3 * INTERVAL_MS), MINER_STRANGER | MINER_WENT);

	check(&miner->values, BX_HASHRATE, 1000);
	assert_string_equal(miner->facts.mac, "02:00:5E:10:00:0E");
	assert_int_equal(miner->presence, MINER_OFFLINE);
}

static void at_most_so_many_miners(void **state)
{
	struct miners *miners = *state;
	struct bx_miner_entry entry = { .enabled = true };
	for (int i = 0; i < MINERS_MAX; i++) {
		(void)snprintf(entry.id, sizeof entry.id, "m-%d", i);
		(void)snprintf(entry.url, sizeof entry.url, "http://m-%d", i);
		miners_restore(miners, &entry);
	}
	assert_int_equal(miners_count(miners), MINERS_MAX);

	refuse(miners, "10.0.0.7", "02:00:5E:10:00:0E", BX_FULL);
	(void)snprintf(entry.id, sizeof entry.id, "one-more");
	miners_restore(miners, &entry);
	assert_int_equal(miners_count(miners), MINERS_MAX);
}

static void restores_what_an_earlier_run_knew(void **state)
{
	struct miners *miners = *state;
	const struct bx_miner_entry entry = { .id = "kitchen",
		.name = "Kitchen",
		.url = "http://10.0.0.7",
		.mac = "02:00:5E:10:00:0E",
		.group = "flat",
		.enabled = false };
	miners_restore(miners, &entry);
	miners_restore(miners, &entry); /* doubled in the file */
	miners_restore(miners, &(struct bx_miner_entry){ .id = "no slug!" });
	miners_restore(miners, &(struct bx_miner_entry){ .id = "" });

	assert_int_equal(miners_count(miners), 1);
	assert_memory_equal(&miners_at(miners, 0)->entry, &entry, sizeof entry);
	assert_int_equal(miners_at(miners, 0)->presence, MINER_NOT_ASKED);
	assert_ptr_equal(admit(miners, "10.0.0.8", NULL, "02:00:5E:10:00:0E"), miners_at(miners, 0));
}

static void removes_one_and_keeps_the_others(void **state)
{
	struct miners *miners = *state;
	struct bx_error error = { 0 };
	admit(miners, "10.0.0.1", "one", "");
	struct miner *two = admit(miners, "10.0.0.2", "two", "");
	struct miner *three = admit(miners, "10.0.0.3", "three", "");

	assert_true(miners_remove(miners, "one", &error));

	assert_null(miners_find(miners, "one"));
	assert_ptr_equal(miners_find(miners, "two"), two);
	assert_ptr_equal(miners_find(miners, "three"), three);
	assert_false(miners_remove(miners, "one", &error));
	assert_int_equal(error.code, BX_MISSING);
	admit(miners, "10.0.0.1", "one", ""); /* may come again */
}

/* --- changes --- */

static void changes_an_entry_or_refuses_and_changes_nothing(void **state)
{
	static const struct {
		const char *id;
		struct miner_wish wish;
		const char *mac; /* of what answered at the new url */
		enum bx_code code;
	} cases[] = {
		{ "kitchen", { .name = "Cellar" }, NULL, BX_OK },
		{ "kitchen", { .group = "flat" }, NULL, BX_OK },
		{ "kitchen", { .enabled = "false" }, NULL, BX_OK },
		{ "kitchen", { .enabled = "maybe", .name = "No" }, NULL, BX_INVALID },
		{ "kitchen", { .enabled = "" }, NULL, BX_INVALID },
		{ "nobody", { .name = "No" }, NULL, BX_MISSING },
		{ "kitchen", { .url = "10.0.0.9" }, "02:00:5E:10:00:0E", BX_OK },
		{ "kitchen", { .url = "10.0.0.9" }, "", BX_OK }, /* older firmware there */
		{ "kitchen", { .url = "10.0.0.9" }, "02:00:5E:10:00:99",
			BX_CONFLICT }, /* another lives there */
		{ "kitchen", { .url = "10.0.0.8" }, "02:00:5E:10:00:0E",
			BX_CONFLICT }, /* the shed's address */
		{ "old", { .url = "10.0.0.9" }, "02:00:5E:10:00:0F", BX_CONFLICT }, /* the shed's MAC */
		{ "kitchen", { .url = "10.0.0.9/x" }, "02:00:5E:10:00:0E", BX_INVALID },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		BX_OWNED(miners_free) struct miners *miners = miners_new();
		admit(miners, "10.0.0.7", "Kitchen", "02:00:5E:10:00:0E");
		admit(miners, "10.0.0.8", "Shed", "02:00:5E:10:00:0F");
		admit(miners, "10.0.0.6", "Old", "");
		struct bx_miner_entry before = miners_find(miners, "kitchen")->entry;
		struct bx_error error = { 0 };
		struct axeos_reading seen = reading_of(cases[i].mac ? cases[i].mac : "");

		struct miner *miner = miners_change(
			miners, cases[i].id, &cases[i].wish, cases[i].mac ? &seen : NULL, &error);

		if (error.code != cases[i].code)
			fail_msg("case %zu: %s %s", i, bx_code_word(error.code), error.message);
		assert_int_equal(miner != NULL, cases[i].code == BX_OK);
		bool changed = memcmp(&before, &miners_find(miners, "kitchen")->entry, sizeof before) != 0;
		assert_int_equal(changed, cases[i].code == BX_OK);
		assert_string_equal(miners_find(miners, "kitchen")->entry.id, "kitchen");
	}
}

static void an_empty_name_changes_none_and_an_empty_group_ends_it(void **state)
{
	struct miners *miners = *state;
	struct miner *miner = admit(miners, "10.0.0.7", "Kitchen", "02:00:5E:10:00:0E");
	assert_non_null(
		miners_change(miners, "kitchen", &(struct miner_wish){ .group = "flat" }, NULL, NULL));
	assert_string_equal(miner->entry.group, "flat");
	assert_non_null(miners_change(
		miners, "kitchen", &(struct miner_wish){ .name = "", .group = "" }, NULL, NULL));
	assert_string_equal(miner->entry.name, "Kitchen");
	assert_string_equal(miner->entry.group, "");
}

static void one_that_is_disabled_is_neither_online_nor_offline(void **state)
{
	struct miners *miners = *state;
	struct miner *miner = admit(miners, "10.0.0.7", "Kitchen", "02:00:5E:10:00:0E");
	struct axeos_reading reading = reading_of("02:00:5E:10:00:0E");
	answer_at(miners, miner, &reading, 0);
	assert_non_null(
		miners_change(miners, "kitchen", &(struct miner_wish){ .enabled = "false" }, NULL, NULL));
	assert_int_equal(miner->presence, MINER_NOT_ASKED);
	assert_non_null(
		miners_change(miners, "kitchen", &(struct miner_wish){ .enabled = "true" }, NULL, NULL));
	assert_true(answer_at(miners, miner, &reading, INTERVAL_MS) & MINER_CAME);
}

/* --- polls --- */

static void news_of_polls(void **state)
{
	/* 'a' an answer, 'b' one with other facts, 'm' a miss */
	static const struct {
		const char *polls;
		unsigned news;
	} cases[] = {
		{ "a", MINER_CAME | MINER_TELLS },
		{ "aa", MINER_SAME },
		{ "ab", MINER_TELLS },
		{ "abb", MINER_SAME },
		{ "m", MINER_SAME },
		{ "mm", MINER_SAME },
		{ "mmm", MINER_WENT },
		{ "mmmm", MINER_SAME },
		{ "mma", MINER_CAME | MINER_TELLS },
		{ "amm", MINER_SAME },
		{ "ammm", MINER_WENT },
		{ "ammam", MINER_SAME },
		{ "ammamm", MINER_SAME },
		{ "ammammm", MINER_WENT },
		{ "ammmm", MINER_SAME },
		{ "ammma", MINER_CAME | MINER_TELLS },
		{ "ammmb", MINER_CAME | MINER_TELLS },
		{ "ammmamm", MINER_SAME },
		{ "ammmammm", MINER_WENT },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		BX_OWNED(miners_free) struct miners *miners = miners_new();
		struct miner *miner = admit(miners, "10.0.0.7", NULL, "02:00:5E:10:00:0E");
		unsigned news = 0;
		int64_t ms = 0;
		double missed = 0;
		for (const char *poll = cases[i].polls; *poll; poll++, ms += INTERVAL_MS) {
			struct axeos_reading reading = reading_of("02:00:5E:10:00:0E");
			if (*poll == 'b')
				(void)snprintf(reading.facts.firmware, sizeof reading.facts.firmware, "v2");
			news = *poll == 'm' ? miners_missed(miner) : answer_at(miners, miner, &reading, ms);
			missed += *poll == 'm';
		}
		if (news != cases[i].news)
			fail_msg("the last of '%s' is %u, not %u", cases[i].polls, news, cases[i].news);
		assert_near(miner->polls_missed, missed, 0);
	}
}

static void a_fan_without_a_wire_has_no_speed(void **state)
{
	static const double polls[][2] = { /* said, told */
		{ 0, NONE }, { 0, NONE }, { NONE, NONE }, { 4521, 4521 }, { 0, 0 }, { NONE, NONE }, { 0, 0 },
		{ 3000, 3000 }
	};
	struct miners *miners = *state;
	struct miner *miner = admit(miners, "10.0.0.7", NULL, "02:00:5E:10:00:0E");
	for (size_t i = 0; i < BX_COUNT(polls); i++) {
		struct axeos_reading reading = reading_of("02:00:5E:10:00:0E");
		set(&reading, BX_FAN_RPM, polls[i][0]);
		answer_at(miners, miner, &reading, (int64_t)i * INTERVAL_MS);
		check(&miner->values, BX_FAN_RPM, polls[i][1]);
	}
}

static void older_firmware_gets_an_average_of_ours(void **state)
{
	struct miners *miners = *state;
	struct miner *miner = admit(miners, "10.0.0.7", NULL, "02:00:5E:10:00:0E");
	for (int64_t ms = 0; ms <= 1800000; ms += 10000) {
		struct axeos_reading reading = reading_of("02:00:5E:10:00:0E");
		set(&reading, BX_HASHRATE, ms < 900000 ? 1000 : 500);
		answer_at(miners, miner, &reading, ms);
		if (ms == 890000)
			check(&miner->values, BX_HASHRATE_10M, 1000);
		if (ms == 900000 + 290000) /* 30 of 60 places */
			check(&miner->values, BX_HASHRATE_10M, 750);
	}
	check(&miner->values, BX_HASHRATE_10M, 500);

	struct axeos_reading newer = reading_of("02:00:5E:10:00:0E");
	set(&newer, BX_HASHRATE, 500);
	set(&newer, BX_HASHRATE_10M, 512.5);
	answer_at(miners, miner, &newer, 1810000);
	check(&miner->values, BX_HASHRATE_10M, 512.5);

	struct axeos_reading silent = reading_of("02:00:5E:10:00:0E");
	answer_at(miners, miner, &silent, 4000000); /* no hashrate for over ten minutes */
	check(&miner->values, BX_HASHRATE_10M, NONE);
}

static void efficiency_only_while_it_runs(void **state)
{
	static const struct {
		double hashrate, hashrate_10m, expected, power;
		bool hashing;
		double efficiency;
	} cases[] = {
		{ 1000, 1100, 1071, 17.6, true, 16 }, /* by the average */
		{ 1000, NONE, 1071, 18, true, 18 }, /* by ours, which is the same */
		{ NONE, 1100, 1071, 17.6, true, 16 },
		{ 1000, 1100, NONE, 17.6, true, 16 },
		{ 1000, 1000, 1071, NONE, true, NONE },
		{ 1000, 1000, 1071, 17.6, false, NONE }, /* the core is off */
		{ 200, 200, 1071, 17.6, true, NONE }, /* under a fifth: it has just begun */
		{ 0, NONE, 1071, 17.6, true, NONE },
		{ 0, NONE, NONE, 17.6, true, NONE },
		{ NONE, NONE, 1071, 17.6, true, NONE },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		BX_OWNED(miners_free) struct miners *miners = miners_new();
		struct miner *miner = admit(miners, "10.0.0.7", NULL, "02:00:5E:10:00:0E");
		struct axeos_reading reading = reading_of("02:00:5E:10:00:0E");
		set(&reading, BX_HASHRATE, cases[i].hashrate);
		set(&reading, BX_HASHRATE_10M, cases[i].hashrate_10m);
		set(&reading, BX_HASHRATE_EXPECTED, cases[i].expected);
		set(&reading, BX_POWER, cases[i].power);
		reading.hashing = cases[i].hashing;
		answer_at(miners, miner, &reading, 0);
		check(&miner->values, BX_EFFICIENCY, cases[i].efficiency);
	}
}

static void a_reading_has_the_time_it_came(void **state)
{
	struct miners *miners = *state;
	struct miner *miner = admit(miners, "10.0.0.7", NULL, "02:00:5E:10:00:0E");
	struct axeos_reading reading = reading_of("02:00:5E:10:00:0E");
	answer_at(miners, miner, &reading, 5000);
	assert_int_equal(miner->values.time.ms, 1767225605000);
	miners_answered(miners, miner, &reading, (struct bx_wall){ 0 }, (struct bx_mono){ 6000 });
	assert_int_equal(miner->values.time.ms, 0); /* the clock is not to be trusted */
}

/* --- the fleet --- */

struct member {
	enum { ONLINE, OFFLINE, UNASKED, DISABLED } is; /* OFFLINE: after it had answered */
	double hashrate, hashrate_10m, expected, power, chip, accepted, best;
};

static void totals_of(const struct member *members, struct bx_values *fleet, bool *complete)
{
	BX_OWNED(miners_free) struct miners *miners = miners_new();
	for (int i = 0; i < 4 && members[i].hashrate != 0; i++) {
		char url[24], mac[24], id[BX_ID_SIZE];
		(void)snprintf(url, sizeof url, "10.0.0.%d", i + 1);
		(void)snprintf(mac, sizeof mac, "02:00:5E:10:00:%02X", (unsigned)i % 256);
		struct miner *miner = admit(miners, url, NULL, mac);
		(void)snprintf(id, sizeof id, "%s", miner->entry.id);
		struct axeos_reading reading = reading_of(mac);
		set(&reading, BX_HASHRATE, members[i].hashrate);
		set(&reading, BX_HASHRATE_10M, members[i].hashrate_10m);
		set(&reading, BX_HASHRATE_EXPECTED, members[i].expected);
		set(&reading, BX_POWER, members[i].power);
		set(&reading, BX_ASIC_TEMPERATURE, members[i].chip);
		set(&reading, BX_SHARES_ACCEPTED, members[i].accepted);
		set(&reading, BX_BEST_DIFFICULTY, members[i].best);
		if (members[i].is != UNASKED)
			answer_at(miners, miner, &reading, 0);
		for (int j = 0; members[i].is == OFFLINE && j < MISSES_TO_OFFLINE; j++)
			miners_missed(miner);
		if (members[i].is == DISABLED)
			assert_non_null(miners_change(
				miners, id, &(struct miner_wish){ .enabled = "false" }, NULL, NULL));
	}
	*complete = miners_totals(miners, (struct bx_wall){ 1767225600000 }, fleet);
}

static void totals_of_the_fleet(void **state)
{
	static const struct {
		const char *what;
		struct member members[4]; /* up to one without a hashrate */
		double total, enabled, active, hashrate, hashrate_miners, average, average_miners, expected,
			power, power_miners, hottest, accepted, best, earned, efficiency;
	} cases[] = {
		{ "nobody", { { 0 } }, 0, 0, 0, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
			NONE, NONE },
		{ "one", { { ONLINE, 1000, 1010, 1071, 17, 59, 100, 5e9 } }, 1, 1, 1, 1000, NONE, 1010, NONE,
			1071, 17, NONE, 59, 100, 5e9, 94.3, 16.8 },
		{ "two",
			{ { ONLINE, 1000, 1000, 1000, 16, 59, 100, 5e9 },
				{ ONLINE, 2000, 2000, 2000, 34, 61, 7, 6e9 } },
			2, 2, 2, 3000, NONE, 3000, NONE, 3000, 50, NONE, 61, 107, 6e9, 100, 16.7 },
		{ "one of two is gone: its share is not earned",
			{ { ONLINE, 1000, 1000, 1000, 16, 59, 100, 5e9 },
				{ OFFLINE, 1000, 1000, 1000, 16, 70, 7, 6e9 } },
			2, 2, 1, 1000, 1, 1000, 1, 1000, 16, 1, 59, 100, 5e9, 50, 16 },
		{ "all are gone", { { OFFLINE, 1000, 1000, 1000, 16, 59, 100, 5e9 } }, 1, 1, 0, NONE, NONE,
			NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 0, NONE },
		{ "one is disabled: nothing is expected of it",
			{ { ONLINE, 1000, 1000, 1000, 16, 59, 100, 5e9 },
				{ DISABLED, 1000, 1000, 1000, 16, 70, 7, 6e9 } },
			2, 1, 1, 1000, NONE, 1000, NONE, 1000, 16, NONE, 59, 100, 5e9, 100, 16 },
		{ "one does not say its power and temperature",
			{ { ONLINE, 1000, 1000, 1000, 16, 59, 100, 5e9 },
				{ ONLINE, 1000, 1000, 1000, NONE, NONE, 7, NONE } },
			2, 2, 2, 2000, NONE, 2000, NONE, 2000, 16, 1, 59, 107, 5e9, 100, 16 },
		{ "of one nobody knows what to expect",
			{ { ONLINE, 900, 900, 1000, 16, 59, 100, 5e9 },
				{ ONLINE, 500, 500, NONE, 16, 59, 7, 5e9 } },
			2, 2, 2, 1400, NONE, 1400, NONE, 1000, 32, NONE, 59, 107, 5e9, 90, 22.9 },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct bx_values fleet;
		bool complete;
		print_message("           %s\n", cases[i].what);
		totals_of(cases[i].members, &fleet, &complete);
		assert_true(complete);
		check(&fleet, BX_TOTAL_MINERS, cases[i].total);
		check(&fleet, BX_ENABLED_MINERS, cases[i].enabled);
		check(&fleet, BX_ACTIVE_MINERS, cases[i].active);
		check(&fleet, BX_HASHRATE, cases[i].hashrate);
		check(&fleet, BX_HASHRATE_MINERS, cases[i].hashrate_miners);
		check(&fleet, BX_HASHRATE_10M, cases[i].average);
		check(&fleet, BX_HASHRATE_10M_MINERS, cases[i].average_miners);
		check(&fleet, BX_HASHRATE_EXPECTED, cases[i].expected);
		check(&fleet, BX_POWER, cases[i].power);
		check(&fleet, BX_POWER_MINERS, cases[i].power_miners);
		check(&fleet, BX_ASIC_TEMPERATURE_MAX, cases[i].hottest);
		check(&fleet, BX_SHARES_ACCEPTED, cases[i].accepted);
		check(&fleet, BX_BEST_DIFFICULTY, cases[i].best);
		check(&fleet, BX_EARNED_PERCENTAGE, cases[i].earned);
		check(&fleet, BX_EFFICIENCY, cases[i].efficiency);
		assert_int_equal(fleet.time.ms, 1767225600000);
	}
}

static void no_totals_before_each_was_asked(void **state)
{
	static const struct member members[4] = { { ONLINE, 1000, 1000, 1000, 16, 59, 100, 5e9 },
		{ UNASKED, 1000, 1000, 1000, 16, 59, 100, 5e9 } };
	struct bx_values fleet;
	bool complete;
	(void)state;
	totals_of(members, &fleet, &complete);
	assert_false(complete);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(brings_addresses_to_one_form),
		TEST(refuses_what_is_no_address),
		TEST(refuses_an_address_that_is_too_long),
		TEST(ids_come_from_the_name_else_from_model_and_mac_else_from_the_address),
		TEST(the_same_name_twice_gets_a_number),
		TEST(a_long_name_is_cut_and_stays_unique),
		TEST(a_known_mac_at_a_new_address_keeps_its_id),
		TEST(adding_again_changes_the_name_and_not_the_id),
		TEST(another_miner_at_a_known_address_is_refused),
		TEST(without_a_mac_the_address_is_who_it_is),
		TEST(a_mac_seen_later_is_the_identity_from_then_on),
		TEST(the_mac_of_another_entry_is_a_stranger_to_one_without),
		TEST(a_stranger_changes_nothing_and_counts_as_a_miss),
		TEST(at_most_so_many_miners),
		TEST(restores_what_an_earlier_run_knew),
		TEST(removes_one_and_keeps_the_others),
		TEST(changes_an_entry_or_refuses_and_changes_nothing),
		TEST(an_empty_name_changes_none_and_an_empty_group_ends_it),
		TEST(one_that_is_disabled_is_neither_online_nor_offline),
		TEST(news_of_polls),
		TEST(a_fan_without_a_wire_has_no_speed),
		TEST(older_firmware_gets_an_average_of_ours),
		TEST(efficiency_only_while_it_runs),
		TEST(a_reading_has_the_time_it_came),
		TEST(totals_of_the_fleet),
		TEST(no_totals_before_each_was_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
