/* Who of the embedded run is started, asked to stop or killed, and when. Pure: states of the children and the time in, one
 * action a child out; who acts, notes it in the struct.
 *
 * Start: the broker first, all others once it has accepted a connection; who ends unasked is started again after a pause that
 * grows while it keeps ending. Stop: publishers, then storage, then the broker, each when those before are gone or have used
 * their time up; who uses up its own time is killed. All is over within SUPERVISE_STOP_MS. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUPERVISE_STOP_MS 3000
#define SUPERVISE_STEADY_MS 60000 /* who lived so long is forgiven its earlier ends */
#define SUPERVISE_TRIES 3 /* a broker that ends so often before it ever accepted will not start */

enum supervise_stage {
	STAGE_PUBLISHER,
	STAGE_STORAGE,
	STAGE_BROKER,
	STAGE_COUNT
}; /* in the order of stopping */

enum supervise_action { SUPERVISE_NOTHING, SUPERVISE_START, SUPERVISE_ASK, SUPERVISE_KILL };

struct supervise_child {
	enum supervise_stage stage;
	bool absent; /* there is no such program here: it is left out */
	bool alive, asked; /* asked: to stop */
	int64_t started_ms, start_at_ms; /* start_at: not before */
	unsigned ends; /* unasked, one after the other */
};

struct supervise {
	struct supervise_child *children;
	size_t count;
	bool accepts; /* the broker has accepted a connection */
	bool stopping;
	int64_t stop_ms; /* when stopping began */
};

enum supervise_action supervise_decide(const struct supervise *all, size_t index, int64_t now_ms);
/* A child has ended unasked: when it may start again. */
void supervise_ended(struct supervise_child *child, int64_t now_ms);
/* How long to wait before all is decided again, INT64_MAX: until something happens. */
int64_t supervise_wait_ms(const struct supervise *all, int64_t now_ms);
bool supervise_is_over(const struct supervise *all); /* stopping, and nobody is alive */
bool supervise_is_hopeless(const struct supervise *all); /* the broker will not start */
