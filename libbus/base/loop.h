/* One thread, one list of deadlines, one clock. libuv stays behind this file (and the gateway's libwebsockets).
 *
 * In a test the loop is simulated: no libuv, no threads, and bx_loop_advance runs what falls due, in order, under the
 * test's clock, so that a simulated day takes a second. All functions are called from the loop's thread, callbacks come
 * from there, and a callback may call any of them. */
#pragma once
#include "libbus/base/clock.h"
#include "libbus/base/error.h"
#include "libbus/base/memory.h"
#include <stdint.h>

struct bx_loop;
struct uv_loop_s;

struct bx_loop *bx_loop_new(void);
/* `clock` is borrowed, and its mono moves only by bx_loop_advance's caller. */
struct bx_loop *bx_loop_new_simulated(const struct bx_clock *clock);
void bx_loop_free(struct bx_loop *loop); /* watches are to be gone; deadlines are dropped */
BX_OWNED_BY(struct bx_loop, bx_loop_free)

void bx_loop_run(struct bx_loop *loop); /* until bx_loop_stop */
void bx_loop_stop(struct bx_loop *loop); /* bx_loop_run returns after the callback under way */
/* The moment of the next deadline, INT64_MAX: none. */
struct bx_mono bx_loop_next(const struct bx_loop *loop);
/* Simulated only: runs all that is due at the clock's time; returns bx_loop_next. */
struct bx_mono bx_loop_run_due(struct bx_loop *loop);

struct bx_mono bx_now(const struct bx_loop *loop);
/* Wall time, or 0 while the kernel says that its clock is not synchronised, `clock_wait_ms` after the loop's start at
 * most: what has no time is shown live and never recorded. */
struct bx_wall bx_wall_now(const struct bx_loop *loop);
void bx_loop_trust_clock_after(struct bx_loop *loop, int64_t clock_wait_ms);

/* Calls `due` once, `delay_ms` from now (0: soon, never before this call returns). The id is never 0 and never reused. */
uint64_t bx_after(struct bx_loop *loop, int64_t delay_ms, void (*due)(void *arg), void *arg);
void bx_cancel(struct bx_loop *loop, uint64_t id); /* of one that is gone, or 0: nothing */

/* What of a descriptor is of interest, and what has come. */
enum bx_ready { BX_READABLE = 1, BX_WRITABLE = 2 };
struct bx_watch;
/* `ready` gets a mask of enum bx_ready; an error on the descriptor reads as BX_READABLE. */
struct bx_watch *bx_watch(
	struct bx_loop *loop, int fd, unsigned interest, void (*ready)(void *arg, unsigned ready), void *arg);
void bx_watch_for(struct bx_watch *watch, unsigned interest);
void bx_unwatch(struct bx_watch *watch); /* NULL: nothing. The descriptor may be closed right after */

/* Blocking work in a thread: `work` touches `job` alone, `done` comes on the loop. Jobs of one loop may run side by side.
 * Simulated: `work` runs before this returns, `done` is due at once. */
void bx_offload(struct bx_loop *loop, void (*work)(void *job), void (*done)(void *job), void *job);

/* SIGTERM and the like, on the loop; the handler stays until the loop is freed. */
void bx_on_signal(struct bx_loop *loop, int number, void (*came)(void *arg), void *arg);

/* The pause before retry number `attempt` (0, 1, ...): `first_ms` doubling up to `most_ms`, less up to a quarter by
 * chance, so that many who lost the same thing do not come back as one. */
int64_t bx_pause_ms(unsigned attempt, int64_t first_ms, int64_t most_ms);

/* How late the latest callback came, in ms, since this was last asked: a figure of service/<service>/stats. */
int64_t bx_loop_lag(struct bx_loop *loop);
bool bx_loop_is_simulated(const struct bx_loop *loop);

/* For the gateway's libwebsockets and for nothing else. */
struct uv_loop_s *bx_loop_uv(struct bx_loop *loop);
