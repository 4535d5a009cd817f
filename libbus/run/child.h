/* A program by argv, without a shell: in a process group of its own (a Ctrl-C at the terminal is ours alone), its output line
 * by line, and gone when we are gone.
 *
 * It gets nothing of ours but what is named: /dev/null for input, one pipe for output and errors, no other descriptor, this
 * environment. When the process ends, what is left of its group is killed. */
#pragma once
#include "libbus/base/loop.h"
#include <sys/types.h>

#define BX_CHILD_LINE_MAX 4096 /* bytes of a line; the rest of a longer one is dropped, "..." says so */

struct bx_child;

struct bx_child_options {
	const char *const *argv; /* argv[0] is the program's path: nothing is searched */
	const char *const *environment; /* "NAME=value", the whole of it; ended by NULL */
	const char *folder; /* to start in; NULL: ours */
	int orphan_signal; /* what the process gets when we die; 0: SIGKILL */
	void *arg;
	/* A line of output, without its end; bytes as they came. Borrowed. */
	void (*said)(void *arg, const char *line);
	/* Once, behind the last line, from the loop: exit code, or the signal's number (the other is 0). The child is to be freed
	 * from here on, but not in here. */
	void (*ended)(void *arg, int code, int number);
};

/* All is copied or used before this returns. NULL: it cannot be executed, and *error says why. */
struct bx_child *bx_child_new(
	struct bx_loop *loop, const struct bx_child_options *options, struct bx_error *error);
/* Kills the group of one that runs; calls back no more. */
void bx_child_free(struct bx_child *child);
BX_OWNED_BY(struct bx_child, bx_child_free)

pid_t bx_child_pid(const struct bx_child *child); /* 0: it has ended */
void bx_child_signal(struct bx_child *child, int number); /* to the process alone; ended: nothing */
void bx_child_kill(struct bx_child *child); /* SIGKILL to the whole group */
