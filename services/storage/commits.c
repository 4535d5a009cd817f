#include "services/storage/commits.h"

#include "libbus/base/log.h"
#include <stdio.h>

struct waiting {
	void (*done)(void *arg, uint64_t number, const struct bx_error *error);
	void *arg;
	uint64_t number;
};

struct commits {
	struct bx_loop *loop;
	struct ingest *ingest;
	struct writer *writer;
	struct commits_hooks hooks;
	bool wanted[2], running, failing, orphaned;
	enum ingest_kind kind; /* of the one running */
	const struct ingest_batch *batch;
	struct writer_outcome outcome;
	struct waiting waiting[COMMITS_WAITING_MAX];
	size_t waiting_count;
};

static void pump(struct commits *commits);

/* In the worker: the batch is ours alone until on_written. */
static void write_batch(void *job)
{
	struct commits *commits = job;
	writer_commit(commits->writer, commits->batch, &commits->outcome);
}

static void tell_waiting(struct commits *commits, const struct bx_error *error)
{
	struct waiting waiting[COMMITS_WAITING_MAX];
	size_t count = commits->waiting_count;
	for (size_t i = 0; i < count; i++)
		waiting[i] = commits->waiting[i];
	commits->waiting_count = 0;
	for (size_t i = 0; i < count; i++)
		waiting[i].done(waiting[i].arg, waiting[i].number, error);
}

static void on_failed(struct commits *commits)
{
	if (!commits->failing)
		bx_log(BX_ERROR,
			"nothing can be recorded now; it is tried again and nothing is lost meanwhile",
			BX_F("why", (const char *)commits->outcome.error.message));
	commits->failing = true;
	commits->wanted[INGEST_SAMPLES] = commits->wanted[INGEST_EVENTS] = false;
	tell_waiting(commits, &commits->outcome.error);
}

static void on_opened(struct commits *commits)
{
	bx_log(BX_INFO, "the database is open", BX_F("records", commits->outcome.key_count));
	ingest_hold_only(commits->ingest, commits->outcome.keys, commits->outcome.key_count);
	writer_free_keys(&commits->outcome);
	commits->wanted[commits->kind] = true; /* now for real */
	commits->hooks.want_again(commits->hooks.arg);
}

static void on_written(void *job)
{
	struct commits *commits = job;
	bool committed = commits->outcome.result == WRITER_COMMITTED;
	commits->running = false;
	if (commits->orphaned) {
		writer_free_keys(&commits->outcome);
		commits_free(commits);
		return;
	}
	if (commits->batch && committed)
		ingest_committed(commits->ingest, commits->kind);
	else if (commits->batch)
		ingest_failed(commits->ingest, commits->kind);
	switch (commits->outcome.result) {
	case WRITER_FAILED:
		on_failed(commits);
		return;
	case WRITER_OPENED:
		on_opened(commits);
		break;
	case WRITER_COMMITTED:
		if (commits->outcome.refused > 0)
			bx_log(BX_WARNING,
				"more names than the database takes; their values are not recorded",
				BX_F("values", commits->outcome.refused));
		commits->hooks.committed(commits->hooks.arg, &commits->outcome);
		if (ingest_was_full(commits->ingest))
			commits->hooks.want_again(commits->hooks.arg);
		if (commits->batch && commits->failing) { /* without a batch nothing was tried */
			bx_log(BX_INFO, "recording goes on");
			commits->failing = false;
		}
		break;
	}
	pump(commits);
}

static void pump(struct commits *commits)
{
	if (commits->running)
		return;
	if (!commits->wanted[INGEST_EVENTS] && !commits->wanted[INGEST_SAMPLES]) {
		tell_waiting(commits, NULL);
		return;
	}
	commits->kind = commits->wanted[INGEST_EVENTS] ? INGEST_EVENTS : INGEST_SAMPLES;
	commits->wanted[commits->kind] = false;
	commits->batch = ingest_begin(commits->ingest, commits->kind);
	commits->running = true;
	bx_offload(commits->loop, write_batch, on_written, commits);
}

struct commits *commits_new(
	struct bx_loop *loop, struct ingest *ingest, const char *path, const struct commits_hooks *hooks)
{
	struct commits *commits = bx_alloc(1, sizeof *commits);
	commits->loop = loop;
	commits->ingest = ingest;
	commits->hooks = *hooks;
	commits->writer = writer_new(path);
	return commits;
}

void commits_free(struct commits *commits)
{
	if (!commits)
		return;
	commits->orphaned = commits->running;
	if (commits->orphaned)
		return; /* on_written frees */
	writer_free(commits->writer);
	ingest_free(commits->ingest);
	free(commits);
}

void commits_want(struct commits *commits, enum ingest_kind kind)
{
	commits->wanted[kind] = true;
	pump(commits);
}

void commits_all(struct commits *commits,
	void (*done)(void *arg, uint64_t number, const struct bx_error *error), void *arg, uint64_t number)
{
	if (commits->waiting_count == COMMITS_WAITING_MAX) {
		struct bx_error error;
		bx_fail(&error, BX_BUSY, "too many wait for a commit");
		done(arg, number, &error);
		return;
	}
	commits->waiting[commits->waiting_count++] = (struct waiting){ done, arg, number };
	commits->wanted[INGEST_SAMPLES] = commits->wanted[INGEST_EVENTS] = true;
	pump(commits);
}
