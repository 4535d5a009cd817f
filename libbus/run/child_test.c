/* Real processes on a real loop: nothing here can be simulated. */
#include "libbus/run/child.h"

#include "libbus/base/text.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
	struct bx_loop *loop;
	struct bx_text lines; /* joined by '|' */
	int ended, code, number;
};

static void on_line(void *arg, const char *line)
{
	struct seen *seen = arg;
	bx_text_print(&seen->lines, "%s|", line);
}

static void on_end(void *arg, int code, int number)
{
	struct seen *seen = arg;
	seen->ended++;
	seen->code = code;
	seen->number = number;
	bx_loop_stop(seen->loop);
}

static struct bx_child *shell(struct seen *seen, const char *script)
{
	static const char *const environment[] = { "ONLY=this", NULL };
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	struct bx_child_options options = { .argv = argv,
		.environment = environment,
		.folder = "/",
		.arg = seen,
		.said = on_line,
		.ended = on_end };
	struct bx_error error = { 0 };
	struct bx_child *child = bx_child_new(seen->loop, &options, &error);
	if (!child)
		fail_msg("%s", error.message);
	return child;
}

static void seen_init(struct seen *seen)
{
	*seen = (struct seen){ .loop = bx_loop_new() };
	bx_text_init(&seen->lines, 100000);
}

static void seen_done(struct seen *seen)
{
	bx_loop_free(seen->loop);
	bx_text_done(&seen->lines);
}

static void says_lines_and_how_it_ended(void **state)
{
	(void)state;
	static const struct {
		const char *script, *lines;
		int code, number;
	} cases[] = {
		{ "echo one; echo two >&2; printf three", "one|two|three|", 0, 0 }, { "exit 7", "", 7, 0 },
		{ "kill -9 $$", "", 0, SIGKILL },
		{ "echo \"$ONLY ${HOME-unset} $PWD\"", "this unset /|", 0, 0 },
		{ "read x || echo nothing to read", "nothing to read|", 0, 0 },
		{ "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 |", 0, 0 }, /* 3 is ls's own */
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct seen seen;
		seen_init(&seen);
		int leak = dup(STDIN_FILENO); /* without CLOEXEC, as a library may open one */
		struct bx_child *child = shell(&seen, cases[i].script);
		bx_loop_run(seen.loop);
		(void)close(leak);
		assert_string_equal(seen.lines.data, cases[i].lines);
		assert_int_equal(seen.code, cases[i].code);
		assert_int_equal(seen.number, cases[i].number);
		assert_int_equal(bx_child_pid(child), 0);
		bx_child_signal(child, SIGTERM); /* of one that is gone: nothing */
		bx_child_free(child);
		assert_int_equal(seen.ended, 1);
		seen_done(&seen);
	}
}

static void cuts_a_line_without_end(void **state)
{
	(void)state;
	struct seen seen;
	seen_init(&seen);
	struct bx_child *child = shell(&seen, "head -c 9000 /dev/zero | tr '\\0' x; echo; echo after");
	bx_loop_run(seen.loop);
	assert_int_equal(seen.lines.length, BX_CHILD_LINE_MAX + strlen("...|after|"));
	assert_non_null(strstr(seen.lines.data, "x...|after|"));
	bx_child_free(child);
	seen_done(&seen);
}

/* Within two seconds there is no such process, or a zombie that init has not looked at yet. */
static bool goes(pid_t pid)
{
	for (int i = 0; i < 200; i++) {
		char path[64], what = 'Z';
		(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
		FILE *file = fopen(path, "re");
		bool read = file && fscanf(file, "%*d (%*[^)]) %c", &what) == 1;
		if (file)
			(void)fclose(file);
		if (!read || what == 'Z' || what == 'X')
			return true;
		(void)usleep(10000);
	}
	return false;
}

static void kills_what_is_left_of_its_group(void **state)
{
	(void)state;
	struct seen seen;
	seen_init(&seen);
	/* the grandchild holds the pipe; were it not killed, the output would not end */
	struct bx_child *child = shell(&seen, "sleep 1000 & echo $!");
	bx_loop_run(seen.loop);
	int64_t grandchild = 0;
	seen.lines.data[strcspn(seen.lines.data, "|")] = '\0';
	assert_true(bx_parse_integer(seen.lines.data, 2, INT32_MAX, &grandchild));
	assert_true(goes((pid_t)grandchild));
	bx_child_free(child);
	seen_done(&seen);
}

static void free_kills_at_once_and_calls_nobody(void **state)
{
	(void)state;
	struct seen seen;
	seen_init(&seen);
	struct bx_child *child = shell(&seen, "trap '' TERM; sleep 1000");
	pid_t pid = bx_child_pid(child);
	bx_child_free(child);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(seen.ended, 0);
	seen_done(&seen);
}

static void says_why_it_cannot_start(void **state)
{
	(void)state;
	static const struct {
		const char *program, *folder, *words;
		enum bx_code code;
	} cases[] = {
		{ "/no/such/program", NULL, "/no/such/program: executing it: No such file or directory",
			BX_MISSING },
		{ "/etc/passwd", NULL, "/etc/passwd: executing it: Permission denied", BX_FAILED },
		{ "/bin/true", "/no/such/folder", "/bin/true: its folder: No such file or directory",
			BX_MISSING },
	};
	static const char *const environment[] = { NULL };
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		struct seen seen;
		seen_init(&seen);
		const char *const argv[] = { cases[i].program, NULL };
		struct bx_child_options options = { .argv = argv,
			.environment = environment,
			.folder = cases[i].folder,
			.arg = &seen,
			.said = on_line,
			.ended = on_end };
		struct bx_error error = { 0 };
		assert_null(bx_child_new(seen.loop, &options, &error));
		assert_string_equal(error.message, cases[i].words);
		assert_int_equal(error.code, cases[i].code);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
		seen_done(&seen);
	}
}

static void is_signalled_when_its_parent_is_killed(void **state)
{
	(void)state;
	int wire[2];
	assert_int_equal(pipe(wire), 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct seen seen;
		seen_init(&seen);
		(void)close(wire[0]);
		pid_t pid = bx_child_pid(shell(&seen, "sleep 1000"));
		if (write(wire[1], &pid, sizeof pid) != sizeof pid)
			_exit(1);
		bx_loop_run(seen.loop);
		_exit(1);
	}
	pid_t child = 0;
	(void)close(wire[1]);
	assert_int_equal(read(wire[0], &child, sizeof child), sizeof child);
	assert_int_equal(kill(child, 0), 0);
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_true(goes(child));
	(void)close(wire[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_lines_and_how_it_ended),
		cmocka_unit_test(cuts_a_line_without_end),
		cmocka_unit_test(kills_what_is_left_of_its_group),
		cmocka_unit_test(free_kills_at_once_and_calls_nobody),
		cmocka_unit_test(says_why_it_cannot_start),
		cmocka_unit_test(is_signalled_when_its_parent_is_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
