#include "services/bxctl/place.h"

#include "libbus/base/file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void changes_one_line_and_no_other(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after;
	} cases[] = {
		{ "", "BUS_PORT=1884\n" },
		{ "A=1\n", "A=1\nBUS_PORT=1884\n" },
		{ "A=1", "A=1\nBUS_PORT=1884\n" },
		{ "# x\nBUS_PORT=1883 # y\nA=1\n", "# x\nBUS_PORT=1884\nA=1\n" },
		{ "BUS_PORT=1883", "BUS_PORT=1884\n" },
		{ "BUS_PORT=1\nA=1\nBUS_PORT=2\n", "BUS_PORT=1884\nA=1\n" },
		{ "#BUS_PORT=1883\nBUS_PORTS=2\n", "#BUS_PORT=1883\nBUS_PORTS=2\nBUS_PORT=1884\n" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		BX_TEXT_OWNED struct bx_text after;
		bx_text_init(&after, 1000);
		place_change_text(cases[i].before, "BUS_PORT", "1884", &after);
		assert_string_equal(after.data, cases[i].after);
	}
}

/* A folder of its own, and a configuration with that STATE_DIR. */
struct scene {
	char folder[64], config[100];
};

static void scene_make(struct scene *scene)
{
	struct bx_error error;
	(void)snprintf(scene->folder, sizeof scene->folder, "/tmp/bxctl-place-XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	(void)snprintf(scene->config, sizeof scene->config, "%s/own.conf", scene->folder);
	char text[200];
	(void)snprintf(text, sizeof text, "STATE_DIR=%s/state\n", scene->folder);
	assert_true(bx_file_replace(scene->config, text, strlen(text), 0600, &error));
}

static void scene_remove(struct scene *scene)
{
	static const char *const names[] = { "state/up.lock", "state/monitoring.conf", "state-demo/up.lock",
		"state-demo/monitoring.conf", "state", "state-demo", "own.conf", "" };
	for (size_t i = 0; i < BX_COUNT(names); i++) {
		char path[200];
		(void)snprintf(path, sizeof path, "%s/%s", scene->folder, names[i]);
		(void)remove(path); /* what is there of it */
	}
}

static void is_where_the_configuration_says(void **state)
{
	(void)state;
	struct scene scene;
	struct place place;
	char wanted[200];
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 1000);
	scene_make(&scene);

	assert_true(place_find(&place, scene.config, false, &problems));
	(void)snprintf(wanted, sizeof wanted, "%s/state", scene.folder);
	assert_string_equal(place.folder, wanted);
	assert_string_equal(place.config, scene.config);
	assert_false(place.own_config); /* the owner's: we change nothing in it */

	assert_true(place_find(&place, scene.config, true, &problems));
	(void)snprintf(wanted, sizeof wanted, "%s/state-demo", scene.folder);
	assert_string_equal(place.folder, wanted);
	(void)snprintf(wanted, sizeof wanted, "%s/state-demo/monitoring.conf", scene.folder);
	assert_string_equal(place.config, wanted);
	assert_true(place.own_config);
	scene_remove(&scene);
}

static void says_what_is_wrong_with_that_configuration(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "NONSENSE=1\n", "there is no key NONSENSE" },
		{ "STATE_DIR=/a-very-long-name-that-goes-on/and-on/and-on/and-on/and-on/and-on/and-on/and-on/and-on/and-on/and-on/and-on/x\n",
			"at most 107 bytes" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct scene scene;
		struct place place;
		struct bx_error error;
		BX_TEXT_OWNED struct bx_text problems;
		bx_text_init(&problems, 1000);
		scene_make(&scene);
		assert_true(
			bx_file_replace(scene.config, cases[i].text, strlen(cases[i].text), 0600, &error));
		assert_false(place_find(&place, scene.config, false, &problems));
		assert_non_null(strstr(problems.data, cases[i].words));
		scene_remove(&scene);
	}
}

/* As a user; root's way (another user's folder) is tested by tests/integration. */
static void makes_a_configuration_that_reads_back(void **state)
{
	(void)state;
	for (int demo = 0; demo < 2; demo++) {
		struct scene scene;
		struct place place;
		struct bx_error error;
		struct stat seen;
		BX_TEXT_OWNED struct bx_text problems;
		bx_text_init(&problems, 4000);
		scene_make(&scene);
		assert_true(place_find(&place, scene.config, demo, &problems));
		place.own_config = true;
		(void)snprintf(place.config, sizeof place.config, "%s/monitoring.conf", place.folder);
		assert_true(bx_folder_make(place.folder, 0700, &error));
		assert_true(place_make_config(&place, &error));
		assert_int_equal(stat(place.config, &seen), 0);
		assert_int_equal(seen.st_mode & 0777, 0600);

		assert_true(place_change(&place, BX_KEY_WEB_LISTEN, "127.0.0.1:5007", &error));
		assert_true(place_make_config(&place, &error)); /* there already: left as it is */
		BX_OWNED(bx_config_free) struct bx_config *config = bx_config_read(place.config, &problems);
		if (!config)
			fail_msg("%s", problems.data);
		assert_string_equal(bx_config_text(config, BX_KEY_STATE_DIR), place.folder);
		assert_string_equal(bx_config_text(config, BX_KEY_WEB_LISTEN), "127.0.0.1:5007");
		assert_int_equal(bx_config_number(config, BX_KEY_MINER_POLL_INTERVAL), demo ? 2 : 15);
		assert_int_equal(bx_config_number(config, BX_KEY_CLOCK_WAIT), demo ? 0 : 600);
		scene_remove(&scene);
	}
}

static void knows_who_runs_in_a_folder(void **state)
{
	(void)state;
	struct scene scene;
	struct place place;
	struct bx_error error = { 0 };
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 1000);
	scene_make(&scene);
	assert_true(place_find(&place, scene.config, false, &problems));
	assert_int_equal(place_runner(place.folder), 0); /* no folder */
	assert_true(bx_folder_make(place.folder, 0700, &error));
	int lock = place_lock(&place, &error);
	assert_true(lock >= 0);
	assert_int_equal(place_runner(place.folder), getpid());
	assert_int_equal(place_lock(&place, &error), -1);
	assert_int_equal(error.code, BX_CONFLICT);
	assert_int_equal(close(lock), 0);
	assert_int_equal(place_runner(place.folder), 0); /* the number in the file is an old one */
	scene_remove(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_one_line_and_no_other),
		cmocka_unit_test(is_where_the_configuration_says),
		cmocka_unit_test(says_what_is_wrong_with_that_configuration),
		cmocka_unit_test(makes_a_configuration_that_reads_back),
		cmocka_unit_test(knows_who_runs_in_a_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
