#include "libbus/base/text.h"
#include "services/bxctl/client.h"
#include "services/bxctl/place.h"
#include "services/bxctl/up.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { WAIT_MS = 10000 }; /* it stops within 3 s */

/* A pidfd names the process, whatever becomes of its number: asked to stop by it, and waited for by it. */
static bool end(const char *folder, pid_t pid, struct bx_error *error)
{
	int handle = pidfd_open(pid, 0);
	/* between the lock's reading and here it may have ended, and its number be another's */
	bool ours = handle >= 0 && place_runner(folder) == pid;
	struct pollfd ended = { .fd = handle, .events = POLLIN };
	bool done = ours && pidfd_send_signal(handle, SIGTERM, NULL, 0) == 0;
	if (ours && !done)
		bx_fail(error, BX_DENIED, "process %d, which runs %s, may not be stopped by us: %s", (int)pid,
			folder, strerror(errno));
	else if (done && poll(&ended, 1, WAIT_MS) != 1)
		done = bx_fail(error, BX_TIMED_OUT, "process %d has not ended within %d s", (int)pid,
			WAIT_MS / 1000);
	if (handle >= 0)
		(void)close(handle); /* nothing was written */
	return done || !ours;
}

int down_run(const struct request *request)
{
	struct bx_error error;
	struct place place;
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 64 * 1024);
	const char *given = request->config ? request->config : getenv("BITAXE_CONFIG");
	bool demo = request_value(request, "demo") != NULL;
	bool found = place_find(&place, given, demo, &problems);
	/* without a word about which, the one that runs is meant */
	if (found && !demo && !given && place_runner(place.folder) == 0)
		found = place_find(&place, NULL, true, &problems) && place_runner(place.folder) != 0
			? true
			: place_find(&place, NULL, false, &problems);
	if (!found) {
		(void)fputs(problems.data, stderr);
		return EXIT_FAILED;
	}
	pid_t pid = place_runner(place.folder);
	if (pid != 0 && !end(place.folder, pid, &error))
		return client_fail(request, &error);
	if (request->json)
		(void)printf("{\"stopped\":%s}\n", pid ? "true" : "false");
	else if (pid)
		(void)printf("stopped: %s\n", place.folder);
	else
		(void)printf("nothing runs in %s\n", place.folder);
	return EXIT_DONE;
}
