#include "libbus/contract/keys.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct check {
	struct bx_text plain, why;
	bool good;
};

static struct check check(enum bx_key key, const char *value)
{
	struct check check;
	bx_text_init(&check.plain, 4096);
	bx_text_init(&check.why, 256);
	check.good = bx_key_check(key, value, &check.plain, &check.why);
	return check;
}

static void check_done(struct check *check)
{
	bx_text_done(&check->plain);
	bx_text_done(&check->why);
}
#define CHECKED __attribute__((cleanup(check_done))) struct check

/* --- the table --- */

static void each_default_passes_its_own_check(void **state)
{
	(void)state;
	for (int key = 0; key < BX_KEY_COUNT; key++) {
		const struct bx_key_row *row = bx_key_row((enum bx_key)key);
		CHECKED initial = check((enum bx_key)key, row->initial);
		if (!initial.good)
			fail_msg("%s=%s: %s", row->name, row->initial, initial.why.data);
		CHECKED again = check((enum bx_key)key, initial.plain.data);
		if (!again.good || strcmp(again.plain.data, initial.plain.data) != 0)
			fail_msg("%s=%s: the plain form is not plain", row->name, initial.plain.data);
		if (row->shipped) {
			CHECKED shipped = check((enum bx_key)key, row->shipped);
			if (!shipped.good || !row->shipped_why)
				fail_msg("%s=%s is shipped", row->name, row->shipped);
		}
	}
}

static void has_every_key_of_the_original_with_its_default(void **state)
{
	(void)state;
	/* DESIGN.md, section 9 */
	static const char *const original[][2] = { { "BACKUP_ENABLED", "true" },
		{ "BACKUP_LOCAL_DIR", "/opt/bitaxe-web/backups" }, { "BACKUP_RETENTION_DAYS", "30" },
		{ "BACKUP_COMPRESS", "true" }, { "LAPTOP_BACKUP_ENABLED", "true" },
		{ "LAPTOP_USER", "your-username" }, { "LAPTOP_HOST", "192.168.1.100" },
		{ "LAPTOP_BACKUP_DIR", "~/bitaxe_backups" }, { "LAPTOP_RETENTION_DAYS", "90" },
		{ "HEALTH_CHECK_ENABLED", "true" }, { "HEALTH_CHECK_INTERVAL", "300" },
		{ "AUTO_RESTART_ENABLED", "true" }, { "MAX_RESTART_ATTEMPTS", "3" },
		{ "RESTART_COOLDOWN", "60" }, { "SYSTEM_MONITORING_ENABLED", "true" },
		{ "METRICS_COLLECTION_INTERVAL", "60" }, { "CPU_WARNING_THRESHOLD", "80" },
		{ "CPU_CRITICAL_THRESHOLD", "95" }, { "MEMORY_WARNING_THRESHOLD", "80" },
		{ "MEMORY_CRITICAL_THRESHOLD", "90" }, { "DISK_WARNING_THRESHOLD", "80" },
		{ "DISK_CRITICAL_THRESHOLD", "90" }, { "TEMP_WARNING_THRESHOLD", "70" },
		{ "TEMP_CRITICAL_THRESHOLD", "80" },
		{ "MONITORED_SERVICES", "bitaxe-web bitaxe-autopilot bitaxe-logger" },
		{ "LOG_DIR", "/var/log/bitaxe" }, { "LOG_RETENTION_DAYS", "14" }, { "LOG_MAX_SIZE", "100M" },
		{ "MAINTENANCE_ENABLED", "true" }, { "AUTO_UPDATE_ENABLED", "false" },
		{ "CLEANUP_TEMP_FILES", "true" }, { "DATABASE_VACUUM_ENABLED", "true" } };
	for (size_t i = 0; i < BX_COUNT(original); i++) {
		enum bx_key key = bx_key_find(original[i][0]);
		if (key == BX_KEY_COUNT)
			fail_msg("%s is gone", original[i][0]);
		else if (strcmp(bx_key_row(key)->initial, original[i][1]) != 0)
			fail_msg("%s is '%s'", original[i][0], bx_key_row(key)->initial);
	}
}

static void no_row_is_without_what_every_row_has(void **state)
{
	(void)state;
	for (int key = 0; key < BX_KEY_COUNT; key++) {
		const struct bx_key_row *row = bx_key_row((enum bx_key)key);
		if (!row->name || !row->section || !row->initial || !row->doc || !row->doc[0])
			fail_msg("row %d", key);
		if (bx_key_find(row->name) != (enum bx_key)key)
			fail_msg("%s comes twice", row->name);
		if ((row->type == BX_NUMBER || row->type == BX_BYTES) && row->min >= row->max)
			fail_msg("%s has no range", row->name);
		if ((row->words != NULL) != (row->type == BX_CHOICE))
			fail_msg("%s is a choice or has words, not both", row->name);
		if (strpbrk(row->doc, "\n\"") || strpbrk(row->initial, "\n\"'\\$`"))
			fail_msg("%s cannot be printed as it is", row->name);
	}
}

/* --- values --- */

static void numbers_are_good_to_the_edge_of_their_range(void **state)
{
	(void)state;
	for (int key = 0; key < BX_KEY_COUNT; key++) {
		const struct bx_key_row *row = bx_key_row((enum bx_key)key);
		if (row->type != BX_NUMBER && row->type != BX_BYTES)
			continue;
		const struct {
			int64_t number;
			bool want;
		} cases[] = { { row->min, true }, { row->max, true }, { row->min - 1, false },
			{ row->max + 1, false } };
		for (size_t i = 0; i < BX_COUNT(cases); i++) {
			char value[32];
			(void)snprintf(value, sizeof value, "%" PRId64, cases[i].number);
			CHECKED it = check((enum bx_key)key, value);
			if (it.good != cases[i].want)
				fail_msg("%s=%s is %s", row->name, value, it.good ? "good" : it.why.data);
			if (it.good && strcmp(it.plain.data, value) != 0)
				fail_msg("%s=%s became %s", row->name, value, it.plain.data);
		}
	}
}

static void checks_values_by_their_type(void **state)
{
	(void)state;
	static const struct {
		enum bx_key key;
		const char *value, *plain; /* plain NULL: refused */
	} cases[] = {
		{ BX_KEY_MINER_POLL_INTERVAL, "015", "15" },
		{ BX_KEY_MINER_POLL_INTERVAL, "", NULL },
		{ BX_KEY_MINER_POLL_INTERVAL, "15s", NULL },
		{ BX_KEY_MINER_POLL_INTERVAL, "1e2", NULL },
		{ BX_KEY_MINER_POLL_INTERVAL, "1.5", NULL },
		{ BX_KEY_MINER_POLL_INTERVAL, "-1", NULL },
		{ BX_KEY_MINER_POLL_INTERVAL, "NaN", NULL },
		{ BX_KEY_MINER_POLL_INTERVAL, "99999999999999999999999", NULL },
		{ BX_KEY_LOG_MAX_SIZE, "100M", "104857600" },
		{ BX_KEY_LOG_MAX_SIZE, "64K", "65536" },
		{ BX_KEY_LOG_MAX_SIZE, "65536", "65536" },
		{ BX_KEY_LOG_MAX_SIZE, "1024G", "1099511627776" },
		{ BX_KEY_LOG_MAX_SIZE, "1025G", NULL },
		{ BX_KEY_LOG_MAX_SIZE, "63K", NULL },
		{ BX_KEY_LOG_MAX_SIZE, "100m", NULL },
		{ BX_KEY_LOG_MAX_SIZE, "100MB", NULL },
		{ BX_KEY_LOG_MAX_SIZE, "100T", NULL },
		{ BX_KEY_LOG_MAX_SIZE, "1.5G", NULL },
		{ BX_KEY_LOG_MAX_SIZE, "M", NULL },
		{ BX_KEY_LOG_MAX_SIZE, "", NULL },
		{ BX_KEY_LOG_MAX_SIZE, "-1G", NULL },
		{ BX_KEY_LOG_MAX_SIZE, "100 M", NULL },
		{ BX_KEY_LOG_MAX_SIZE, "9223372036854775807G", NULL },
		{ BX_KEY_LOG_MAX_SIZE, "00000000000000000000000000000000100M", NULL },
		{ BX_KEY_BACKUP_ENABLED, "true", "true" },
		{ BX_KEY_BACKUP_ENABLED, "yes", "true" },
		{ BX_KEY_BACKUP_ENABLED, "on", "true" },
		{ BX_KEY_BACKUP_ENABLED, "1", "true" },
		{ BX_KEY_BACKUP_ENABLED, "false", "false" },
		{ BX_KEY_BACKUP_ENABLED, "no", "false" },
		{ BX_KEY_BACKUP_ENABLED, "off", "false" },
		{ BX_KEY_BACKUP_ENABLED, "0", "false" },
		{ BX_KEY_BACKUP_ENABLED, "", NULL },
		{ BX_KEY_BACKUP_ENABLED, "TRUE", NULL },
		{ BX_KEY_BACKUP_ENABLED, "2", NULL },
		{ BX_KEY_BACKUP_ENABLED, "true ", NULL },
		{ BX_KEY_LOG_LEVEL, "debug", "debug" },
		{ BX_KEY_LOG_LEVEL, "error", "error" },
		{ BX_KEY_LOG_LEVEL, "", NULL },
		{ BX_KEY_LOG_LEVEL, "err", NULL },
		{ BX_KEY_LOG_LEVEL, "errors", NULL },
		{ BX_KEY_LOG_LEVEL, "info warning", NULL },
		{ BX_KEY_LOG_LEVEL, " ", NULL },
		{ BX_KEY_SITE, "home-2", "home-2" },
		{ BX_KEY_SITE, "", NULL },
		{ BX_KEY_SITE, "Home", NULL },
		{ BX_KEY_SITE, "home/+", NULL },
		{ BX_KEY_SITE, "#", NULL },
		{ BX_KEY_LOG_DIR, "/var/log", "/var/log" },
		{ BX_KEY_LOG_DIR, "", NULL },
		{ BX_KEY_CUSTOM_CHECKS_DIR, "", "" },
		{ BX_KEY_DATABASE, "", NULL },
		{ BX_KEY_DATABASE, "elsewhere.db", "elsewhere.db" },
		{ BX_KEY_LOG_DIR, "log", NULL },
		{ BX_KEY_LOG_DIR, "~/log", NULL },
		{ BX_KEY_WEB_LISTEN, "127.0.0.1:5000", "127.0.0.1:5000" },
		{ BX_KEY_WEB_LISTEN, "[::1]:5000", "[::1]:5000" },
		{ BX_KEY_WEB_LISTEN, "localhost:65535", "localhost:65535" },
		{ BX_KEY_WEB_LISTEN, "localhost:65536", NULL },
		{ BX_KEY_WEB_LISTEN, "localhost:-1", NULL },
		{ BX_KEY_WEB_LISTEN, "localhost:", NULL },
		{ BX_KEY_WEB_LISTEN, "localhost", NULL },
		{ BX_KEY_WEB_LISTEN, ":5000", NULL },
		{ BX_KEY_WEB_LISTEN, "http://localhost:5000", NULL },
		{ BX_KEY_WEB_LISTEN, "local host:5000", NULL },
		{ BX_KEY_WEB_LISTEN, "", NULL },
		{ BX_KEY_LAPTOP_HOST, "any thing", "any thing" },
		{ BX_KEY_MONITORED_SERVICES, "", "" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		const char *name = bx_key_row(cases[i].key)->name;
		CHECKED it = check(cases[i].key, cases[i].value);
		if (it.good != (cases[i].plain != NULL))
			fail_msg("%s='%s' is %s", name, cases[i].value, it.good ? "good" : it.why.data);
		if (it.good && strcmp(it.plain.data, cases[i].plain) != 0)
			fail_msg("%s='%s' became '%s'", name, cases[i].value, it.plain.data);
		if (!it.good && (it.why.length == 0 || it.plain.length != 0))
			fail_msg("%s='%s' says '%s', plain '%s'", name, cases[i].value, it.why.data,
				it.plain.data);
	}
}

static void says_what_is_allowed(void **state)
{
	(void)state;
	static const struct {
		enum bx_key key;
		const char *why;
	} cases[] = {
		{ BX_KEY_MINER_POLL_INTERVAL, "a whole number from 1 to 3600" },
		{ BX_KEY_OUTBOX_MAX, "a number of bytes from 64K to 1024M, such as 8M" },
		{ BX_KEY_BACKUP_ENABLED, "true or false" },
		{ BX_KEY_LOG_LEVEL, "one of: debug info warning error" },
		{ BX_KEY_WEB_LISTEN, "HOST:PORT, such as 127.0.0.1:5000" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		CHECKED it = check(cases[i].key, "?");
		if (strcmp(it.why.data, cases[i].why) != 0)
			fail_msg("%s: %s", bx_key_row(cases[i].key)->name, it.why.data);
	}
}

/* --- names --- */

static void finds_keys_by_their_whole_name(void **state)
{
	(void)state;
	assert_int_equal(bx_key_find("SITE"), BX_KEY_SITE);
	assert_int_equal(bx_key_find("site"), BX_KEY_COUNT);
	assert_int_equal(bx_key_find("SITE "), BX_KEY_COUNT);
	assert_int_equal(bx_key_find("SIT"), BX_KEY_COUNT);
	assert_int_equal(bx_key_find(""), BX_KEY_COUNT);
}

static void names_the_nearest_key_where_one_is_near(void **state)
{
	(void)state;
	static const struct {
		const char *name, *want;
	} cases[] = {
		{ "SITE", "SITE" },
		{ "site", "SITE" },
		{ "LOG_LEVLE", "LOG_LEVEL" },
		{ "LOGLEVEL", "LOG_LEVEL" },
		{ "MINER_POLL_INTERVALL", "MINER_POLL_INTERVAL" },
		{ "CPU_WARN_THRESHOLD", "CPU_WARNING_THRESHOLD" },
		{ "BACKUP_RETENTION_DAY", "BACKUP_RETENTION_DAYS" },
		{ "WEB_PASSWRD", "WEB_PASSWORD" },
		{ "HOME_ASSISTANT_TOKEN", NULL },
		{ "XYZ", NULL },
		{ "Q", NULL },
		{ "", NULL },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		const char *nearest = bx_key_nearest(cases[i].name);
		if ((nearest == NULL) != (cases[i].want == NULL) ||
			(nearest && strcmp(nearest, cases[i].want) != 0))
			fail_msg("'%s': %s", cases[i].name, nearest ? nearest : "none");
	}
}

static void no_key_is_near_a_name_without_end(void **state)
{
	(void)state;
	for (size_t length = 60; length < 600; length++) {
		char name[600] = "";
		memset(name, 'X', length);
		if (bx_key_nearest(name))
			fail_msg("%zu letters: %s", length, bx_key_nearest(name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_default_passes_its_own_check),
		cmocka_unit_test(has_every_key_of_the_original_with_its_default),
		cmocka_unit_test(no_row_is_without_what_every_row_has),
		cmocka_unit_test(numbers_are_good_to_the_edge_of_their_range),
		cmocka_unit_test(checks_values_by_their_type),
		cmocka_unit_test(says_what_is_allowed),
		cmocka_unit_test(finds_keys_by_their_whole_name),
		cmocka_unit_test(names_the_nearest_key_where_one_is_near),
		cmocka_unit_test(no_key_is_near_a_name_without_end),
	};
	return cmocka_run_group_tests_name("contract/keys", tests, NULL, NULL);
}
