#define _GNU_SOURCE
#include "libbus/run/config.h"

#include "libbus/base/file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char original[] = BX_SOURCE_DIR "/libbus/run/testdata/original-monitoring.conf";

/* What a text is read as. */
struct reading {
	struct bx_config *config;
	struct bx_text problems;
};

static struct reading read_bytes(const char *text, size_t size)
{
	struct reading reading;
	bx_text_init(&reading.problems, 64 * 1024);
	/* on the heap and without a NUL, so that ASan sees a byte read too far */
	BX_OWNED(free) char *bytes = malloc(size ? size : 1);
	memcpy(bytes, text, size);
	reading.config = bx_config_parse("test.conf", bytes, size, &reading.problems);
	return reading;
}

static struct reading read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static void reading_done(struct reading *reading)
{
	bx_config_free(reading->config);
	bx_text_done(&reading->problems);
}
#define READING __attribute__((cleanup(reading_done))) struct reading

static void assert_read(const struct reading *reading)
{
	if (!reading->config)
		fail_msg("%s", reading->problems.data);
	assert_string_equal(reading->problems.data, "");
}

static size_t count_lines(const char *text)
{
	size_t count = 0;
	for (; *text; text++)
		count += *text == '\n';
	return count;
}

/* --- what is good --- */

static void reads_the_originals_file_as_it_stands(void **state)
{
	(void)state;
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 4096);

	BX_OWNED(bx_config_free) struct bx_config *config = bx_config_read(original, &problems);

	if (!config)
		fail_msg("%s", problems.data);
	assert_string_equal(problems.data, "");
	static const struct {
		enum bx_key key;
		const char *want;
	} cases[] = {
		{ BX_KEY_BACKUP_ENABLED, "true" },
		{ BX_KEY_BACKUP_LOCAL_DIR, "/opt/bitaxe-web/backups" },
		{ BX_KEY_BACKUP_RETENTION_DAYS, "30" },
		{ BX_KEY_BACKUP_COMPRESS, "true" },
		{ BX_KEY_LAPTOP_BACKUP_ENABLED, "true" },
		{ BX_KEY_LAPTOP_USER, "your-username" },
		{ BX_KEY_LAPTOP_HOST, "192.168.1.100" },
		{ BX_KEY_LAPTOP_BACKUP_DIR, "~/bitaxe_backups" },
		{ BX_KEY_LAPTOP_RETENTION_DAYS, "90" },
		{ BX_KEY_HEALTH_CHECK_ENABLED, "true" },
		{ BX_KEY_HEALTH_CHECK_INTERVAL, "300" },
		{ BX_KEY_AUTO_RESTART_ENABLED, "true" },
		{ BX_KEY_MAX_RESTART_ATTEMPTS, "3" },
		{ BX_KEY_RESTART_COOLDOWN, "60" },
		{ BX_KEY_SYSTEM_MONITORING_ENABLED, "true" },
		{ BX_KEY_METRICS_COLLECTION_INTERVAL, "60" },
		{ BX_KEY_CPU_WARNING_THRESHOLD, "80" },
		{ BX_KEY_CPU_CRITICAL_THRESHOLD, "95" },
		{ BX_KEY_MEMORY_WARNING_THRESHOLD, "80" },
		{ BX_KEY_MEMORY_CRITICAL_THRESHOLD, "90" },
		{ BX_KEY_DISK_WARNING_THRESHOLD, "80" },
		{ BX_KEY_DISK_CRITICAL_THRESHOLD, "90" },
		{ BX_KEY_TEMP_WARNING_THRESHOLD, "70" },
		{ BX_KEY_TEMP_CRITICAL_THRESHOLD, "80" },
		{ BX_KEY_MONITORED_SERVICES, "bitaxe-web bitaxe-autopilot bitaxe-logger" },
		{ BX_KEY_LOG_DIR, "/var/log/bitaxe" },
		{ BX_KEY_LOG_RETENTION_DAYS, "14" },
		{ BX_KEY_LOG_MAX_SIZE, "104857600" },
		{ BX_KEY_MAINTENANCE_ENABLED, "true" },
		{ BX_KEY_AUTO_UPDATE_ENABLED, "false" },
		{ BX_KEY_CLEANUP_TEMP_FILES, "true" },
		{ BX_KEY_DATABASE_VACUUM_ENABLED, "true" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		if (!bx_config_is_given(config, cases[i].key) ||
			strcmp(bx_config_text(config, cases[i].key), cases[i].want) != 0)
			fail_msg("%s is '%s'", bx_key_row(cases[i].key)->name,
				bx_config_text(config, cases[i].key));
	assert_string_equal(bx_config_path(config), original);
}

static void has_the_defaults_of_what_is_not_given(void **state)
{
	(void)state;
	READING it = read_text("");
	assert_read(&it);
	for (int key = 0; key < BX_KEY_COUNT; key++)
		if (bx_config_is_given(it.config, (enum bx_key)key))
			fail_msg("%s is given", bx_key_row((enum bx_key)key)->name);
	assert_int_equal(bx_config_number(it.config, BX_KEY_MINER_POLL_INTERVAL), 15);
	assert_int_equal(bx_config_number(it.config, BX_KEY_OUTBOX_MAX), 8 * 1024 * 1024);
	assert_true(bx_config_is_on(it.config, BX_KEY_BACKUP_ENABLED));
	assert_false(bx_config_is_on(it.config, BX_KEY_AUTO_UPDATE_ENABLED));
	assert_string_equal(bx_config_text(it.config, BX_KEY_SITE), "home");
}

static void reads_a_value_as_a_shell_does(void **state)
{
	(void)state;
	/* `want` is what bash 5 says by: printf %s "$LAPTOP_USER"; of ~ alone a shell makes more (LAPTOP_BACKUP_DIR is the
	 * folder on the other machine) */
	static const struct {
		const char *name, *line, *want;
	} cases[] = {
		{ "plain", "LAPTOP_USER=me", "me" },
		{ "empty", "LAPTOP_USER=", "" },
		{ "empty in quotes", "LAPTOP_USER=\"\"", "" },
		{ "double quotes", "LAPTOP_USER=\"a b\"", "a b" },
		{ "single quotes", "LAPTOP_USER='a b'", "a b" },
		{ "pieces side by side", "LAPTOP_USER=a\"b c\"'d e'f", "ab cd ef" },
		{ "a quote within others", "LAPTOP_USER=\"it's\"", "it's" },
		{ "others within a quote", "LAPTOP_USER='say \"x\"'", "say \"x\"" },
		{ "a comment behind", "LAPTOP_USER=me # not you", "me" },
		{ "a comment behind blanks and tabs", "LAPTOP_USER=me \t \t# not you", "me" },
		{ "a comment behind nothing", "LAPTOP_USER= # nobody", "" },
		{ "a comment behind quotes", "LAPTOP_USER=\"a b\" # 'x' $y", "a b" },
		{ "a hash within", "LAPTOP_USER=a#b", "a#b" },
		{ "a hash at its begin", "LAPTOP_USER=#b", "#b" },
		{ "a hash in quotes", "LAPTOP_USER=\"a # b\"", "a # b" },
		{ "blanks at the end", "LAPTOP_USER=me  \t ", "me" },
		{ "blanks before", " \t LAPTOP_USER=me", "me" },
		{ "exported", "export LAPTOP_USER=me", "me" },
		{ "an equals sign", "LAPTOP_USER=a=b", "a=b" },
		{ "an escaped blank", "LAPTOP_USER=a\\ b", "a b" },
		{ "an escaped backslash", "LAPTOP_USER=a\\\\b", "a\\b" },
		{ "an escaped dollar", "LAPTOP_USER=a\\$b", "a$b" },
		{ "any letter escaped", "LAPTOP_USER=\\a\\b", "ab" },
		{ "an escaped quote in double quotes", "LAPTOP_USER=\"a\\\"b\"", "a\"b" },
		{ "an escaped dollar in double quotes", "LAPTOP_USER=\"a\\$b\\`c\"", "a$b`c" },
		{ "an escaped backslash in double quotes", "LAPTOP_USER=\"a\\\\b\"", "a\\b" },
		{ "any other backslash in double quotes", "LAPTOP_USER=\"a\\nb\\ c\"", "a\\nb\\ c" },
		{ "a backslash in single quotes", "LAPTOP_USER='a\\b\\'", "a\\b\\" },
		{ "a dollar in single quotes", "LAPTOP_USER='$HOME `id`'", "$HOME `id`" },
		{ "a shell's signs in quotes", "LAPTOP_USER=\"a;b|c&d<e>f(g)*?[h\"", "a;b|c&d<e>f(g)*?[h" },
		{ "other scripts", "LAPTOP_USER=J\xC3\xBCrgen", "J\xC3\xBCrgen" },
		{ "CRLF", "LAPTOP_USER=me\r", "me" },
		{ "CRLF behind quotes", "LAPTOP_USER=\"a b\"\r", "a b" },
		{ "the last of two", "LAPTOP_USER=you\nLAPTOP_USER=me", "me" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		for (int newline = 0; newline < 2; newline++) {
			char text[256];
			(void)snprintf(text, sizeof text, "%s%s", cases[i].line, newline ? "\n" : "");
			READING it = read_text(text);
			if (!it.config)
				fail_msg("%s: %s", cases[i].name, it.problems.data);
			else if (strcmp(bx_config_text(it.config, BX_KEY_LAPTOP_USER), cases[i].want) != 0)
				fail_msg("%s: '%s'", cases[i].name,
					bx_config_text(it.config, BX_KEY_LAPTOP_USER));
		}
	}
}

static void reads_a_file_from_windows(void **state)
{
	(void)state;
	READING it = read_text("#!/bin/bash\r\n\r\n# comment\r\nSITE=attic\r\nRESTART_COOLDOWN=61 # s\r\n");
	assert_read(&it);
	assert_string_equal(bx_config_text(it.config, BX_KEY_SITE), "attic");
	assert_int_equal(bx_config_number(it.config, BX_KEY_RESTART_COOLDOWN), 61);
}

static void skips_blank_lines_and_comments(void **state)
{
	(void)state;
	READING it = read_text("\n\n   \n\t\n#\n# SITE=no\n  # $x `y` \"\n#SITE=no");
	assert_read(&it);
	assert_string_equal(bx_config_text(it.config, BX_KEY_SITE), "home");
}

static void completes_paths_under_the_state_folder(void **state)
{
	(void)state;
	READING initial = read_text("");
	READING moved = read_text("STATE_DIR=/srv/state\n");
	READING own = read_text("STATE_DIR=/srv/state\nDATABASE=/data/b.db\n");
	assert_read(&initial);
	assert_read(&moved);
	assert_read(&own);
	assert_string_equal(
		bx_config_text(initial.config, BX_KEY_DATABASE), "/var/lib/bitaxe/storage/bitaxe.db");
	assert_string_equal(bx_config_text(moved.config, BX_KEY_DATABASE), "/srv/state/storage/bitaxe.db");
	assert_string_equal(bx_config_text(moved.config, BX_KEY_BUS_SECRETS), "/srv/state/broker/secrets");
	assert_string_equal(bx_config_text(own.config, BX_KEY_DATABASE), "/data/b.db");
	assert_false(bx_config_is_given(moved.config, BX_KEY_DATABASE));
}

/* --- what is wrong --- */

static void tells_all_errors_at_once_with_file_line_and_what_to_do(void **state)
{
	(void)state;
	READING it = read_text("#!/bin/bash\n"
			       "MINER_POLL_INTERVAL=0\n"
			       "LOG_LEVLE=debug\n"
			       "LOG_LEVEL=loud\n"
			       "SITE=home\n"
			       "\n"
			       "RESTART_COOLDOWN=soon # s\n"
			       "ZZZZ=1\n"
			       "this is no assignment\n"
			       "LOG_MAX_SIZE=1K\n"
			       "WEB_LISTEN=5000\n"
			       "CPU_WARNING_THRESHOLD=99\n");

	assert_null(it.config);
	assert_string_equal(it.problems.data,
		"test.conf:2: MINER_POLL_INTERVAL=0: allowed is a whole number from 1 to 3600 s\n"
		"test.conf:3: there is no key LOG_LEVLE; did you mean LOG_LEVEL?\n"
		"test.conf:4: LOG_LEVEL=loud: allowed is one of: debug info warning error\n"
		"test.conf:7: RESTART_COOLDOWN=soon: allowed is a whole number from 0 to 86400 s\n"
		"test.conf:8: there is no key ZZZZ\n"
		"test.conf:9: this is no assignment; write KEY=value\n"
		"test.conf:10: LOG_MAX_SIZE=1K: allowed is a number of bytes from 64K to 1048576M, such as 8M\n"
		"test.conf:11: WEB_LISTEN=5000: allowed is HOST:PORT, such as 127.0.0.1:5000\n"
		"test.conf: CPU_WARNING_THRESHOLD is over CPU_CRITICAL_THRESHOLD; the warning has to come first\n");
}

static void refuses_lines_that_a_shell_would_read_otherwise(void **state)
{
	(void)state;
	static const struct {
		const char *name, *line, *says;
	} cases[] = {
		{ "a variable", "LAPTOP_USER=$USER", "substitution" },
		{ "a variable in double quotes", "LAPTOP_USER=\"$USER\"", "substitution" },
		{ "a variable in braces", "LAPTOP_USER=a${USER}b", "substitution" },
		{ "a command", "LAPTOP_USER=$(id -un)", "substitution" },
		{ "a command in backticks", "LAPTOP_USER=`id`", "substitution" },
		{ "a command in double quotes", "LAPTOP_USER=\"a `id`\"", "substitution" },
		{ "a second command", "LAPTOP_USER=me;reboot", "means something to a shell" },
		{ "a pipe", "LAPTOP_USER=me|x", "means something to a shell" },
		{ "in the background", "LAPTOP_USER=me&", "means something to a shell" },
		{ "a redirection", "LAPTOP_USER=me>x", "means something to a shell" },
		{ "a glob", "LAPTOP_USER=*", "means something to a shell" },
		{ "a list", "MONITORED_SERVICES=(a b)", "means something to a shell" },
		{ "a second word", "LAPTOP_USER=me reboot", "needs quotes" },
		{ "a second word behind quotes", "LAPTOP_USER=\"me\" reboot", "needs quotes" },
		{ "blanks behind the sign", "LAPTOP_USER= me", "needs quotes" },
		{ "a second quoted word", "LAPTOP_USER=\"a\" \"b\"", "needs quotes" },
		{ "a cron without quotes", "BACKUP_SCHEDULE=0 2 * * *", "needs quotes" },
		{ "an open double quote", "LAPTOP_USER=\"me", "not closed" },
		{ "an open single quote", "LAPTOP_USER='me", "not closed" },
		{ "an open quote behind an escaped one", "LAPTOP_USER=\"me\\\"", "not closed" },
		{ "a line that goes on", "LAPTOP_USER=me\\", "goes on" },
		{ "a quoted line that goes on", "LAPTOP_USER=\"me\\", "not closed" },
		{ "blanks before the sign", "LAPTOP_USER =me", "no assignment" },
		{ "no sign", "LAPTOP_USER", "no assignment" },
		{ "no key", "=me", "no assignment" },
		{ "YAML", "LAPTOP_USER: me", "no assignment" },
		{ "a section", "[backup]", "no assignment" },
		{ "appending", "LAPTOP_USER+=me", "no assignment" },
		{ "a command alone", "source /etc/default/bitaxe", "no assignment" },
		{ "a key in quotes", "\"LAPTOP_USER\"=me", "no assignment" },
		{ "a byte order mark", "\xEF\xBB\xBFLAPTOP_USER=me", "no assignment" },
		{ "small letters", "laptop_user=me", "did you mean LAPTOP_USER?" },
		{ "a carriage return within", "LAPTOP_USER=me\rLAPTOP_HOST=x", "carriage return" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char text[256];
		(void)snprintf(text, sizeof text, "\n%s\nSITE=attic\n", cases[i].line);
		READING it = read_text(text);
		if (it.config)
			fail_msg("%s: '%s' was read", cases[i].name,
				bx_config_text(it.config, BX_KEY_LAPTOP_USER));
		if (!strstr(it.problems.data, cases[i].says) ||
			strncmp(it.problems.data, "test.conf:2: ", 13) != 0 ||
			count_lines(it.problems.data) != 1)
			fail_msg("%s: %s", cases[i].name, it.problems.data);
	}
}

static void never_tells_a_secret(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"WEB_PASSWORD=hunter2 hunter2",
		"WEB_PASSWORD= hunter2",
		"WEB_PASSWORD =hunter2",
		"WEB_PASSWORD: hunter2",
		"WEB_PASSWORD hunter2",
		"WEB_PASSWORD+=hunter2",
		"WEB_PASSWORD=hunter2$x",
		"WEB_PASSWORD=hunter2;x",
		"WEB_PASSWORD=\"hunter2",
		"WEB_PASSWORD=\"a\nhunter2\"",
		"WEB_PASSWORD=\"a\" \"hunter2\"",
		"WEB_PASSWORD=hunter2\\",
		"WEB_PASSWORD=a\rhunter2",
		"WEB_PASSWRD=hunter2",
		"WEB_PASSWORD_FILE=/nowhere/file hunter2",
		"export WEB_PASSWORD hunter2",
		"\xEF\xBB\xBFWEB_PASSWORD=hunter2",
		"WEB_PASSWORD=\xFFhunter2",
	};
	for (size_t i = 0; i < BX_COUNT(texts); i++) {
		READING it = read_text(texts[i]);
		if (it.config)
			fail_msg("'%s' was read", texts[i]);
		if (strstr(it.problems.data, "hunter2"))
			fail_msg("'%s' tells: %s", texts[i], it.problems.data);
	}
}

static void refuses_what_is_no_text(void **state)
{
	(void)state;
	static const struct {
		const char *name, *bytes;
		size_t size;
	} cases[] = {
		{ "NUL at its end", "SITE=attic\n\0", 12 },
		{ "NUL in a value", "SITE=at\0tic\n", 12 },
		{ "NUL first", "\0SITE=attic\n", 12 },
		{ "Latin-1", "LAPTOP_USER=J\xFCrgen\n", 19 },
		{ "UTF-16", "\xFF\xFES\0I\0T\0E\0=\0a\0\n\0", 16 },
		{ "a cut character", "LAPTOP_USER=\xE2\x82", 14 },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		READING it = read_bytes(cases[i].bytes, cases[i].size);
		if (it.config || !strstr(it.problems.data, "test.conf: is not UTF-8 text\n"))
			fail_msg("%s: %s", cases[i].name, it.config ? "was read" : it.problems.data);
	}
}

static void counts_lines_though_there_is_a_nul(void **state)
{
	(void)state;
	READING it = read_bytes("\0\0\0\nZZZZ=1\n", 11);
	assert_null(it.config);
	assert_non_null(strstr(it.problems.data, "test.conf:2: there is no key ZZZZ\n"));
}

static void tells_a_line_of_a_megabyte_in_one_line(void **state)
{
	(void)state;
	static const char *const heads[] = { "LAPTOP_USER=", "SITE=", "ZZZZ=", "", "LAPTOP_USER=\"",
		"LAPTOP_USER=a ", "[" };
	enum { SIZE = 1 << 20 };
	for (size_t i = 0; i < BX_COUNT(heads); i++) {
		BX_OWNED(free) char *text = bx_alloc(SIZE + 1, 1);
		memset(text, 'A', SIZE);
		memcpy(text, heads[i], strlen(heads[i]));
		READING it = read_text(text);
		if (it.config)
			fail_msg("'%s...' was read", heads[i]);
		if (count_lines(it.problems.data) != 1 || it.problems.length > 1000)
			fail_msg("'%s...': %s", heads[i], it.problems.data);
	}
}

static void takes_a_value_as_long_as_its_bound(void **state)
{
	(void)state;
	for (size_t length = 4095; length <= 4097; length++) {
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, 8192);
		bx_text_say(&text, "LAPTOP_USER=");
		for (size_t i = 0; i < length; i++)
			bx_text_say(&text, "x");
		READING it = read_text(text.data);
		if ((it.config != NULL) != (length <= 4096))
			fail_msg("%zu bytes: %s", length, it.problems.data);
	}
}

static void refuses_what_no_single_line_can_say(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "CPU_CRITICAL_THRESHOLD=70\n", "CPU_WARNING_THRESHOLD is over CPU_CRITICAL_THRESHOLD" },
		{ "MEMORY_WARNING_THRESHOLD=91\n",
			"MEMORY_WARNING_THRESHOLD is over MEMORY_CRITICAL_THRESHOLD" },
		{ "DISK_WARNING_THRESHOLD=91\n", "DISK_WARNING_THRESHOLD is over DISK_CRITICAL_THRESHOLD" },
		{ "TEMP_WARNING_THRESHOLD=81\n", "TEMP_WARNING_THRESHOLD is over TEMP_CRITICAL_THRESHOLD" },
		{ "BUS=/12345678901234567890123456789012345678901234567890123456789012345678901234567890"
		  "123456789012345678901234567\n",
			"at most 107 bytes" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		READING it = read_text(cases[i].text);
		if (it.config || !strstr(it.problems.data, cases[i].says))
			fail_msg("%s: %s", cases[i].text, it.config ? "was read" : it.problems.data);
	}
}

static void takes_a_warning_at_the_critical_limit(void **state)
{
	(void)state;
	READING it = read_text("CPU_WARNING_THRESHOLD=95\n");
	assert_read(&it);
}

/* --- files --- */

static char folder[64], path[96];

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/bx-config-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof path, "%s/file", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unsetenv("BITAXE_CONFIG");
	(void)unlink(path);
	return rmdir(folder);
}

static void put(const char *bytes, size_t size)
{
	assert_true(bx_file_replace(path, bytes, size, 0600, NULL));
}

static void reads_the_file_that_the_environment_names(void **state)
{
	(void)state;
	put("SITE=attic", 10);
	setenv("BITAXE_CONFIG", path, 1);
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 4096);

	BX_OWNED(bx_config_free) struct bx_config *config = bx_config_read(NULL, &problems);
	BX_OWNED(bx_config_free) struct bx_config *named = bx_config_read(original, &problems);

	assert_string_equal(problems.data, "");
	assert_string_equal(bx_config_text(config, BX_KEY_SITE), "attic");
	assert_string_equal(bx_config_path(config), path);
	assert_string_equal(bx_config_path(named), original); /* the one that is named comes first */
}

static void says_which_file_is_not_there(void **state)
{
	(void)state;
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 4096);
	assert_null(bx_config_read(path, &problems));
	assert_non_null(strstr(problems.data, path));
	assert_int_equal(count_lines(problems.data), 1);
}

static void refuses_a_file_over_its_bound(void **state)
{
	(void)state;
	for (size_t size = BX_CONFIG_BYTES_MAX; size <= BX_CONFIG_BYTES_MAX + 1; size++) {
		BX_OWNED(free) char *bytes = bx_alloc(size, 1);
		memset(bytes, '\n', size);
		put(bytes, size);
		BX_TEXT_OWNED struct bx_text problems;
		bx_text_init(&problems, 4096);
		BX_OWNED(bx_config_free) struct bx_config *config = bx_config_read(path, &problems);
		if ((config != NULL) != (size <= BX_CONFIG_BYTES_MAX))
			fail_msg("%zu bytes: %s", size, problems.data);
	}
}

static void takes_a_secret_from_the_first_line_of_its_file(void **state)
{
	(void)state;
	static const struct {
		const char *name, *content, *want;
	} cases[] = {
		{ "a line", "hunter2\n", "hunter2" },
		{ "no newline", "hunter2", "hunter2" },
		{ "CRLF", "hunter2\r\n", "hunter2" },
		{ "more lines", "hunter2\nnot this\n", "hunter2" },
		{ "signs of a shell", "a $b \"c' #d\n", "a $b \"c' #d" },
		{ "blanks", "  a \n", "  a " },
		{ "empty", "", "" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char text[256];
		put(cases[i].content, strlen(cases[i].content));
		(void)snprintf(text, sizeof text, "WEB_PASSWORD_FILE=%s # out of the way\n", path);
		READING it = read_text(text);
		if (!it.config)
			fail_msg("%s: %s", cases[i].name, it.problems.data);
		else if (strcmp(bx_config_text(it.config, BX_KEY_WEB_PASSWORD), cases[i].want) != 0)
			fail_msg("%s: '%s'", cases[i].name, bx_config_text(it.config, BX_KEY_WEB_PASSWORD));
	}
}

static void says_which_secrets_file_is_not_there(void **state)
{
	(void)state;
	char text[256];
	(void)snprintf(text, sizeof text, "\nWEB_PASSWORD_FILE=%s\n", path);
	READING it = read_text(text);
	assert_null(it.config);
	assert_non_null(strstr(it.problems.data, "test.conf:2: WEB_PASSWORD_FILE: "));
	assert_non_null(strstr(it.problems.data, path));
}

static void tells_nothing_of_a_secrets_file_that_is_too_large(void **state)
{
	(void)state;
	char much[5000], text[256];
	for (size_t i = 0; i + 7 <= sizeof much; i += 7)
		memcpy(much + i, "hunter2", 7);
	put(much, sizeof much);
	(void)snprintf(text, sizeof text, "WEB_PASSWORD_FILE=%s\n", path);
	READING it = read_text(text);
	assert_null(it.config);
	assert_null(strstr(it.problems.data, "hunter2"));
}

static void takes_no_other_key_from_a_file(void **state)
{
	(void)state;
	put("x\n", 2);
	char text[256];
	(void)snprintf(text, sizeof text, "LAPTOP_HOST_FILE=%s\n", path);
	READING it = read_text(text);
	assert_null(it.config);
	assert_non_null(strstr(it.problems.data, "there is no key LAPTOP_HOST_FILE"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_originals_file_as_it_stands),
		cmocka_unit_test(has_the_defaults_of_what_is_not_given),
		cmocka_unit_test(reads_a_value_as_a_shell_does),
		cmocka_unit_test(reads_a_file_from_windows),
		cmocka_unit_test(skips_blank_lines_and_comments),
		cmocka_unit_test(completes_paths_under_the_state_folder),
		cmocka_unit_test(tells_all_errors_at_once_with_file_line_and_what_to_do),
		cmocka_unit_test(refuses_lines_that_a_shell_would_read_otherwise),
		cmocka_unit_test(never_tells_a_secret),
		cmocka_unit_test(refuses_what_is_no_text),
		cmocka_unit_test(counts_lines_though_there_is_a_nul),
		cmocka_unit_test(tells_a_line_of_a_megabyte_in_one_line),
		cmocka_unit_test(takes_a_value_as_long_as_its_bound),
		cmocka_unit_test(refuses_what_no_single_line_can_say),
		cmocka_unit_test(takes_a_warning_at_the_critical_limit),
		TEST(reads_the_file_that_the_environment_names),
		TEST(says_which_file_is_not_there),
		TEST(refuses_a_file_over_its_bound),
		TEST(takes_a_secret_from_the_first_line_of_its_file),
		TEST(says_which_secrets_file_is_not_there),
		TEST(tells_nothing_of_a_secrets_file_that_is_too_large),
		TEST(takes_no_other_key_from_a_file),
	};
	return cmocka_run_group_tests_name("run/config", tests, NULL, NULL);
}
