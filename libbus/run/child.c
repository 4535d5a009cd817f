/* fork and execve by hand, since uv_spawn knows no signal for orphans. Between the two only calls that are safe there; a step
 * that fails is told through a pipe that a good execve closes.
 *
 * The end is seen by a pidfd. The group is killed while the process is not reaped yet: until then its number, which is the
 * group's, cannot be another's. What is in the pipe by then is read; what a dying grandchild might add is not waited for. */
#define _GNU_SOURCE
#include "libbus/run/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct bx_child {
	pid_t pid; /* 0: reaped */
	int output, handle; /* our end of the pipe, the pidfd; -1: closed */
	struct bx_watch *output_watch, *handle_watch;
	char line[BX_CHILD_LINE_MAX + 4];
	size_t length;
	bool too_long;
	void *arg;
	void (*said)(void *arg, const char *line);
	void (*ended)(void *arg, int code, int number);
};

/* --- the other side of fork --- */

enum step { STEP_GROUP, STEP_INPUT, STEP_FOLDER, STEP_EXECUTE };
static const char *const step_words[] = { "its process group", "its input and output", "its folder",
	"executing it" };

struct failure {
	enum step step;
	int number; /* errno */
};

static bool be_alone(const struct bx_child_options *options, pid_t parent)
{
	sigset_t none;
	sigemptyset(&none);
	if (setpgid(0, 0) != 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		return false;
	(void)signal(SIGPIPE, SIG_DFL); /* ignored dispositions survive execve */
	if (prctl(PR_SET_PDEATHSIG, options->orphan_signal ? options->orphan_signal : SIGKILL) != 0)
		return false;
	if (getppid() != parent)
		_exit(1); /* orphaned already */
	return true;
}

static bool take_pipe(int output)
{
	int nothing = open("/dev/null", O_RDONLY);
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
		dup2(output, STDERR_FILENO) < 0)
		return false;
	(void)close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC); /* ours are so anyway; libraries' may not be */
	return true;
}

__attribute__((noreturn)) static void become(
	const struct bx_child_options *options, pid_t parent, int output, int failures)
{
	struct failure failure = { .step = STEP_GROUP };
	if (be_alone(options, parent)) {
		failure.step = STEP_INPUT;
		if (take_pipe(output)) {
			failure.step = STEP_FOLDER;
			if (!options->folder || chdir(options->folder) == 0) {
				failure.step = STEP_EXECUTE;
				/* POSIX's prototype has no const, though nothing is written */
				execve(options->argv[0], (char *const *)(uintptr_t)options->argv, /* NOLINT */
					(char *const *)(uintptr_t)options->environment); /* NOLINT */
			}
		}
	}
	failure.number = errno;
	_exit(write(failures, &failure, sizeof failure) < 0 ? 127 : 126);
}

/* --- this side --- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* pipes and a pidfd: nothing to lose */
	*fd = -1;
}

static void say_line(struct bx_child *child)
{
	if (child->too_long)
		memcpy(child->line + child->length, "...", 4);
	else
		child->line[child->length] = '\0';
	child->length = 0;
	child->too_long = false;
	child->said(child->arg, child->line);
}

static void take_bytes(struct bx_child *child, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n')
			say_line(child);
		else if (child->length == BX_CHILD_LINE_MAX)
			child->too_long = true;
		else if (bytes[i] != '\0')
			child->line[child->length++] = bytes[i];
	}
}

static void close_output(struct bx_child *child)
{
	bx_unwatch(child->output_watch);
	child->output_watch = NULL;
	close_fd(&child->output);
}

/* A bounded piece at a time: who floods us does not keep the loop. False: there is no more for now. */
static bool read_output(struct bx_child *child)
{
	char bytes[16384];
	ssize_t got = child->output < 0 ? 0 : read(child->output, bytes, sizeof bytes);
	if (got > 0)
		take_bytes(child, bytes, (size_t)got);
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		close_output(child);
	return got > 0;
}

static void on_output(void *arg, unsigned ready)
{
	(void)ready;
	(void)read_output(arg); /* the loop calls again while there is more */
}

/* What a dead group left in the pipe: at most what a pipe holds. */
enum { PIECES_MAX = 64 };

static void on_dead(void *arg, unsigned ready)
{
	(void)ready;
	struct bx_child *child = arg;
	int status = 0;
	bx_child_kill(child);
	if (waitpid(child->pid, &status, 0) != child->pid)
		status = 0; /* somebody reaped our child: nothing more can be known */
	child->pid = 0;
	bx_unwatch(child->handle_watch);
	child->handle_watch = NULL;
	close_fd(&child->handle);
	for (int i = 0; i < PIECES_MAX && read_output(child); i++)
		continue;
	close_output(child);
	if (child->length > 0)
		say_line(child);
	child->ended(child->arg, WIFEXITED(status) ? WEXITSTATUS(status) : 0,
		WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static bool start(struct bx_child *child, const struct bx_child_options *options, struct bx_error *error)
{
	int output[2] = { -1, -1 }, failures[2] = { -1, -1 };
	struct failure failure = { 0 };
	if (pipe2(output, O_CLOEXEC) != 0 || pipe2(failures, O_CLOEXEC) != 0) {
		close_fd(&output[0]);
		close_fd(&output[1]);
		return bx_fail(error, BX_FAILED, "%s: no pipe: %s", options->argv[0], strerror(errno));
	}
	pid_t parent = getpid();
	child->pid = fork();
	if (child->pid == 0)
		become(options, parent, output[1], failures[1]);
	failure.number = errno;
	close_fd(&output[1]);
	close_fd(&failures[1]);
	child->output = output[0];
	ssize_t got = 0;
	if (child->pid > 0) /* until execve, or until it has failed: no longer than a fork takes */
		do
			got = read(failures[0], &failure, sizeof failure);
		while (got < 0 && errno == EINTR);
	close_fd(&failures[0]);
	if (child->pid > 0 && got == 0) {
		child->handle = pidfd_open(child->pid, 0);
		return child->handle >= 0 ||
			bx_fail(error, BX_FAILED, "%s: its end could not be seen: %s", options->argv[0],
				strerror(errno));
	}
	if (child->pid < 0) {
		child->pid = 0;
		return bx_fail(error, BX_FAILED, "%s: no new process: %s", options->argv[0],
			strerror(failure.number));
	}
	return bx_fail(error, failure.number == ENOENT ? BX_MISSING : BX_FAILED, "%s: %s: %s",
		options->argv[0], step_words[failure.step], strerror(failure.number));
}

struct bx_child *bx_child_new(
	struct bx_loop *loop, const struct bx_child_options *options, struct bx_error *error)
{
	BX_OWNED(bx_child_free) struct bx_child *child = bx_alloc(1, sizeof *child);
	child->output = child->handle = -1;
	child->arg = options->arg;
	child->said = options->said;
	child->ended = options->ended;
	if (!start(child, options, error))
		return NULL;
	(void)fcntl(child->output, F_SETFL, O_NONBLOCK); /* a pipe of our own: cannot fail */
	child->output_watch = bx_watch(loop, child->output, BX_READABLE, on_output, child);
	child->handle_watch = bx_watch(loop, child->handle, BX_READABLE, on_dead, child);
	struct bx_child *made = child;
	child = NULL; /* the caller's */
	return made;
}

void bx_child_free(struct bx_child *child)
{
	if (!child)
		return;
	bx_child_kill(child);
	if (child->pid)
		(void)waitpid(child->pid, NULL, 0); /* killed: at once */
	bx_unwatch(child->handle_watch);
	close_fd(&child->handle);
	close_output(child);
	free(child);
}

pid_t bx_child_pid(const struct bx_child *child)
{
	return child->pid;
}

void bx_child_signal(struct bx_child *child, int number)
{
	if (child->pid)
		(void)kill(child->pid, number); /* not reaped, so the number is still its own */
}

void bx_child_kill(struct bx_child *child)
{
	if (child->pid)
		(void)kill(-child->pid, SIGKILL); /* a group without members is no failure */
}
