#include "loop.h"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;
	(void)clock_gettime(clock, &now); /* cannot fail with these clocks */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

bool loop_init(struct loop *loop)
{
	TAILQ_INIT(&loop->timers);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll >= 0;
}

void loop_done(struct loop *loop)
{
	if (loop->epoll >= 0)
		(void)close(loop->epoll);
}

bool loop_watch(struct loop *loop, int fd, enum source source, size_t number, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u64 = (uint64_t)source << 32 | number };
	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

void loop_unwatch(struct loop *loop, int fd)
{
	(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* Mostly in order already, so the place is looked for from the end. */
void timer_set(struct loop *loop, struct timer *timer, int64_t wait_ms)
{
	timer->due_ms = now_ms() + wait_ms;
	timer->is_set = true;
	struct timer *before = TAILQ_LAST(&loop->timers, timers);
	while (before && before->due_ms > timer->due_ms)
		before = TAILQ_PREV(before, timers, link);
	if (before)
		TAILQ_INSERT_AFTER(&loop->timers, before, timer, link);
	else
		TAILQ_INSERT_HEAD(&loop->timers, timer, link);
}

void timer_clear(struct loop *loop, struct timer *timer)
{
	if (timer->is_set)
		TAILQ_REMOVE(&loop->timers, timer, link);
	timer->is_set = false;
}

int loop_wait_ms(const struct loop *loop, int64_t most_ms)
{
	const struct timer *timer = TAILQ_FIRST(&loop->timers);
	int64_t wait_ms = timer ? timer->due_ms - now_ms() : most_ms;
	wait_ms = wait_ms < most_ms ? wait_ms : most_ms;
	return wait_ms > 0 ? (int)wait_ms : 0;
}

void loop_fire(struct loop *loop)
{
	int64_t now = now_ms();
	struct timer *timer;
	while ((timer = TAILQ_FIRST(&loop->timers)) && timer->due_ms <= now) {
		timer_clear(loop, timer);
		timer->on_due(timer->context);
	}
}
