#include "libbus/run/jobs.h"

struct running {
	struct bx_jobs *all;
	const struct bx_job *job;
	int64_t interval_ms;
	struct bx_mono next;
	uint64_t timer;
};

struct bx_jobs {
	struct bx_loop *loop;
	void *state;
	size_t count;
	struct running running[];
};

static void on_due(void *arg)
{
	struct running *running = arg;
	struct bx_loop *loop = running->all->loop;
	int64_t now_ms = bx_now(loop).ms;
	do
		running->next.ms += running->interval_ms;
	while (running->next.ms <= now_ms);
	running->timer = bx_after(loop, running->next.ms - now_ms, on_due, running);
	running->job->run(running->all->state);
}

struct bx_jobs *bx_jobs_new(
	struct bx_loop *loop, const struct bx_job *jobs, const struct bx_config *config, void *state)
{
	size_t count = 0;
	while (jobs && jobs[count].run)
		count++;
	struct bx_jobs *all = bx_alloc(1, sizeof *all + count * sizeof *all->running);
	all->loop = loop;
	all->state = state;
	all->count = count;
	for (size_t i = 0; i < count; i++) {
		struct running *running = &all->running[i];
		*running = (struct running){ .all = all,
			.job = &jobs[i],
			.next = bx_now(loop),
			.interval_ms = bx_config_number(config, jobs[i].interval) * 1000 };
		running->timer = bx_after(loop, 0, on_due, running);
	}
	return all;
}

void bx_jobs_free(struct bx_jobs *jobs)
{
	if (!jobs)
		return;
	for (size_t i = 0; i < jobs->count; i++)
		bx_cancel(jobs->loop, jobs->running[i].timer);
	free(jobs);
}
