/* What a service does every so often: a row a job, its interval a key of the configuration. */
#pragma once
#include "libbus/base/loop.h"
#include "libbus/run/config.h"

struct bx_job {
	enum bx_key interval; /* in seconds */
	void (*run)(void *state);
};

struct bx_jobs;

/* Runs each job (ended by one without a function) soon, then every interval, without drift: a late run does not move the
 * next, and what was missed while the loop stood still (suspend) is made up once. */
struct bx_jobs *bx_jobs_new(
	struct bx_loop *loop, const struct bx_job *jobs, const struct bx_config *config, void *state);
void bx_jobs_free(struct bx_jobs *jobs);
BX_OWNED_BY(struct bx_jobs, bx_jobs_free)
