#include "libbus/base/loop.h"

#include <assert.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

/* Deadlines lie in a binary heap ordered by moment, then by id: what was asked first runs first. libuv has one timer,
 * for the nearest, and an idle handle where that is due already: libuv runs a timer of 0 that a timer starts before it
 * looks at the sockets again, an idle handle once between two looks. Offloaded jobs that are done in a simulated loop are
 * deadlines, too. */
struct deadline {
	int64_t at_ms;
	uint64_t id;
	void (*due)(void *arg);
	void *arg;
};

struct signal {
	uv_signal_t handle; /* first: libuv's pointer is ours */
	void (*came)(void *arg);
	void *arg;
	struct signal *next;
};

struct bx_watch {
	uv_poll_t handle;
	struct bx_loop *loop;
	unsigned interest;
	void (*ready)(void *arg, unsigned ready);
	void *arg;
};

struct bx_loop {
	const struct bx_clock *clock;
	bool simulated, stopping, trusted;
	int64_t lag_ms;
	int64_t trust_at_ms; /* mono: from here on the wall clock counts, synchronised or not */
	struct deadline *heap;
	size_t count, size;
	uint64_t last_id;
	uv_loop_t uv;
	uv_timer_t timer;
	uv_idle_t soon;
	struct signal *signals;
};

static bool is_before(const struct deadline *one, const struct deadline *other)
{
	return one->at_ms != other->at_ms ? one->at_ms < other->at_ms : one->id < other->id;
}

static void heap_up(struct bx_loop *loop, size_t at)
{
	while (at > 0 && is_before(&loop->heap[at], &loop->heap[(at - 1) / 2])) {
		struct deadline kept = loop->heap[at];
		loop->heap[at] = loop->heap[(at - 1) / 2];
		loop->heap[(at - 1) / 2] = kept;
		at = (at - 1) / 2;
	}
}

static void heap_down(struct bx_loop *loop, size_t at)
{
	for (;;) {
		size_t least = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < loop->count; child++)
			if (is_before(&loop->heap[child], &loop->heap[least]))
				least = child;
		if (least == at)
			return;
		struct deadline kept = loop->heap[at];
		loop->heap[at] = loop->heap[least];
		loop->heap[least] = kept;
		at = least;
	}
}

static struct deadline heap_remove(struct bx_loop *loop, size_t at)
{
	struct deadline removed = loop->heap[at];
	loop->heap[at] = loop->heap[--loop->count];
	if (at < loop->count) {
		heap_up(loop, at);
		heap_down(loop, at);
	}
	return removed;
}

static void run_due(struct bx_loop *loop)
{
	/* Only what was asked for before now: a callback that asks for "soon" again does not keep us from the sockets. */
	uint64_t last = loop->last_id;
	int64_t now_ms = bx_now(loop).ms;
	while (loop->count > 0 && loop->heap[0].at_ms <= now_ms && loop->heap[0].id <= last &&
		!loop->stopping) {
		struct deadline next = heap_remove(loop, 0);
		if (now_ms - next.at_ms > loop->lag_ms)
			loop->lag_ms = now_ms - next.at_ms;
		next.due(next.arg);
	}
}

static void arm(struct bx_loop *loop);

static void on_timer(uv_timer_t *timer)
{
	struct bx_loop *loop = timer->data;
	run_due(loop);
	arm(loop);
}

static void on_soon(uv_idle_t *soon)
{
	struct bx_loop *loop = soon->data;
	run_due(loop);
	arm(loop);
}

static void arm(struct bx_loop *loop)
{
	if (loop->simulated)
		return;
	uv_timer_stop(&loop->timer);
	uv_idle_stop(&loop->soon);
	if (loop->count == 0 || loop->stopping)
		return;
	int64_t wait_ms = loop->heap[0].at_ms - bx_now(loop).ms;
	uv_update_time(&loop->uv);
	if (wait_ms > 0)
		uv_timer_start(&loop->timer, on_timer, (uint64_t)wait_ms, 0);
	else
		uv_idle_start(&loop->soon, on_soon);
}

struct bx_loop *bx_loop_new(void)
{
	struct bx_loop *loop = bx_alloc(1, sizeof *loop);
	loop->clock = &bx_clock_kernel;
	uv_loop_init(&loop->uv);
	uv_timer_init(&loop->uv, &loop->timer);
	uv_idle_init(&loop->uv, &loop->soon);
	loop->timer.data = loop->soon.data = loop;
	return loop;
}

struct bx_loop *bx_loop_new_simulated(const struct bx_clock *clock)
{
	struct bx_loop *loop = bx_alloc(1, sizeof *loop);
	loop->clock = clock;
	loop->simulated = true;
	return loop;
}

void bx_loop_free(struct bx_loop *loop)
{
	if (!loop)
		return;
	if (!loop->simulated) {
		uv_close((uv_handle_t *)&loop->timer, NULL);
		uv_close((uv_handle_t *)&loop->soon, NULL);
		for (struct signal *signal = loop->signals; signal; signal = signal->next)
			uv_close((uv_handle_t *)&signal->handle, NULL);
		while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
			; /* runs the close callbacks and waits for offloaded jobs; again where a bx_loop_stop cut it short */
		uv_loop_close(&loop->uv);
		while (loop->signals) {
			struct signal *signal = loop->signals;
			loop->signals = signal->next;
			free(signal);
		}
	}
	free(loop->heap);
	free(loop);
}

void bx_loop_run(struct bx_loop *loop)
{
	assert(!loop->simulated);
	loop->stopping = false;
	arm(loop);
	while (!loop->stopping)
		uv_run(&loop->uv, UV_RUN_ONCE);
}

void bx_loop_stop(struct bx_loop *loop)
{
	loop->stopping = true;
	if (!loop->simulated)
		uv_stop(&loop->uv);
}

struct bx_mono bx_loop_run_due(struct bx_loop *loop)
{
	assert(loop->simulated);
	loop->stopping = false;
	while (loop->count > 0 && loop->heap[0].at_ms <= bx_now(loop).ms && !loop->stopping)
		run_due(loop);
	return bx_loop_next(loop);
}

struct bx_mono bx_loop_next(const struct bx_loop *loop)
{
	return (struct bx_mono){ loop->count > 0 ? loop->heap[0].at_ms : INT64_MAX };
}

struct bx_mono bx_now(const struct bx_loop *loop)
{
	return loop->clock->mono(loop->clock);
}

void bx_loop_trust_clock_after(struct bx_loop *loop, int64_t clock_wait_ms)
{
	loop->trust_at_ms = bx_now(loop).ms + clock_wait_ms;
}

struct bx_wall bx_wall_now(const struct bx_loop *loop)
{
	if (bx_now(loop).ms < loop->trust_at_ms && !loop->clock->synchronised(loop->clock))
		return (struct bx_wall){ 0 };
	return loop->clock->wall(loop->clock);
}

uint64_t bx_after(struct bx_loop *loop, int64_t delay_ms, void (*due)(void *arg), void *arg)
{
	if (loop->count == loop->size) {
		loop->size = loop->size ? loop->size * 2 : 16;
		loop->heap = bx_grow(loop->heap, loop->size, sizeof *loop->heap);
	}
	uint64_t id = ++loop->last_id;
	loop->heap[loop->count] =
		(struct deadline){ bx_now(loop).ms + (delay_ms > 0 ? delay_ms : 0), id, due, arg };
	heap_up(loop, loop->count++);
	if (loop->heap[0].id == id)
		arm(loop);
	return id;
}

void bx_cancel(struct bx_loop *loop, uint64_t id)
{
	for (size_t i = 0; i < loop->count; i++) {
		if (loop->heap[i].id == id) {
			heap_remove(loop, i);
			return;
		}
	}
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct bx_watch *watch = poll->data;
	unsigned ready = status < 0 ? BX_READABLE : 0U;
	if (status >= 0 && (events & UV_READABLE))
		ready |= BX_READABLE;
	if (status >= 0 && (events & UV_WRITABLE))
		ready |= BX_WRITABLE;
	watch->ready(watch->arg, ready);
}

struct bx_watch *bx_watch(
	struct bx_loop *loop, int fd, unsigned interest, void (*ready)(void *arg, unsigned ready), void *arg)
{
	assert(!loop->simulated);
	struct bx_watch *watch = bx_alloc(1, sizeof *watch);
	watch->loop = loop;
	watch->ready = ready;
	watch->arg = arg;
	uv_poll_init(&loop->uv, &watch->handle, fd);
	watch->handle.data = watch;
	bx_watch_for(watch, interest);
	return watch;
}

void bx_watch_for(struct bx_watch *watch, unsigned interest)
{
	if (watch->interest == interest)
		return;
	watch->interest = interest;
	int events = 0;
	if (interest & BX_READABLE)
		events |= UV_READABLE;
	if (interest & BX_WRITABLE)
		events |= UV_WRITABLE;
	if (events == 0)
		uv_poll_stop(&watch->handle);
	else
		uv_poll_start(&watch->handle, events, on_poll);
}

static void free_handle(uv_handle_t *handle)
{
	free(handle->data);
}

void bx_unwatch(struct bx_watch *watch)
{
	if (!watch)
		return;
	uv_poll_stop(&watch->handle);
	uv_close((uv_handle_t *)&watch->handle, free_handle);
}

struct offloaded {
	uv_work_t request;
	void (*work)(void *job);
	void (*done)(void *job);
	void *job;
};

static void run_offloaded(uv_work_t *request)
{
	struct offloaded *offloaded = request->data;
	offloaded->work(offloaded->job);
}

static void end_offloaded(uv_work_t *request, int status)
{
	(void)status; /* never cancelled */
	struct offloaded *offloaded = request->data;
	offloaded->done(offloaded->job);
	free(offloaded);
}

void bx_offload(struct bx_loop *loop, void (*work)(void *job), void (*done)(void *job), void *job)
{
	if (loop->simulated) {
		work(job);
		bx_after(loop, 0, done, job);
		return;
	}
	struct offloaded *offloaded = bx_alloc(1, sizeof *offloaded);
	*offloaded = (struct offloaded){ .work = work, .done = done, .job = job };
	offloaded->request.data = offloaded;
	uv_queue_work(&loop->uv, &offloaded->request, run_offloaded, end_offloaded);
}

static void on_signal(uv_signal_t *handle, int number)
{
	(void)number;
	struct signal *signal = handle->data;
	signal->came(signal->arg);
}

void bx_on_signal(struct bx_loop *loop, int number, void (*came)(void *arg), void *arg)
{
	assert(!loop->simulated);
	struct signal *signal = bx_alloc(1, sizeof *signal);
	*signal = (struct signal){ .came = came, .arg = arg, .next = loop->signals };
	loop->signals = signal;
	uv_signal_init(&loop->uv, &signal->handle);
	signal->handle.data = signal;
	uv_signal_start(&signal->handle, on_signal, number);
}

int64_t bx_pause_ms(unsigned attempt, int64_t first_ms, int64_t most_ms)
{
	int64_t pause_ms = first_ms;
	while (attempt-- > 0 && pause_ms < most_ms)
		pause_ms *= 2;
	if (pause_ms > most_ms)
		pause_ms = most_ms;
	uint32_t chance = 0;
	if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) < 0)
		chance = 0; /* early boot: all at once, then */
	return pause_ms - (int64_t)(chance % 1000) * pause_ms / 4000;
}

int64_t bx_loop_lag(struct bx_loop *loop)
{
	int64_t lag_ms = loop->lag_ms;
	loop->lag_ms = 0;
	return lag_ms;
}

bool bx_loop_is_simulated(const struct bx_loop *loop)
{
	return loop->simulated;
}

struct uv_loop_s *bx_loop_uv(struct bx_loop *loop)
{
	return loop->simulated ? NULL : &loop->uv;
}
