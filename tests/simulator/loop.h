/* The loop's epoll, clocks and timers. */
#ifndef SIMULATOR_LOOP_H
#define SIMULATOR_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* What an event is about; its number is a device's, or a client's descriptor. */
enum source { SOURCE_LISTENER, SOURCE_CLIENT, SOURCE_HTTP, SOURCE_STDIN, SOURCE_SIGNAL };

/* Embedded in what waits. `on_due` comes from loop_fire, after the timer was cleared: it may set it again. */
struct timer {
	TAILQ_ENTRY(timer) link;
	int64_t due_ms;
	bool is_set;
	void *context;
	void (*on_due)(void *context);
};

TAILQ_HEAD(timers, timer);

struct loop {
	int epoll;
	struct timers timers; /* the next first */
};

bool loop_init(struct loop *loop);
void loop_done(struct loop *loop);

/* False with errno: a file that cannot be watched, or no memory. */
bool loop_watch(struct loop *loop, int fd, enum source source, size_t number, uint32_t events);
void loop_unwatch(struct loop *loop, int fd);

void timer_set(struct loop *loop, struct timer *timer, int64_t wait_ms);
void timer_clear(struct loop *loop, struct timer *timer);

/* How long the loop may sleep for the timers' sake, at most `most_ms`. */
int loop_wait_ms(const struct loop *loop, int64_t most_ms);
void loop_fire(struct loop *loop);

/* Monotonic, and since 1970. */
int64_t now_ms(void);
int64_t wall_ms(void);

#endif
