/* One commit after the other, in a worker: when, what follows it, and who waits for it. */
#pragma once
#include "libbus/base/loop.h"
#include "services/storage/ingest.h"
#include "services/storage/writer.h"

struct commits;

struct commits_hooks {
	void *arg;
	/* Acknowledgements may be owed now. */
	void (*committed)(void *arg, const struct writer_outcome *outcome);
	/* Publishers are to send again: another database lies there, or there is room again. */
	void (*want_again)(void *arg);
};

/* `ingest` is the commits' from here on, since a worker may read its batch until the very end. */
struct commits *commits_new(
	struct bx_loop *loop, struct ingest *ingest, const char *path, const struct commits_hooks *hooks);
void commits_free(struct commits *commits); /* one under way ends by itself, and is told to nobody */
BX_OWNED_BY(struct commits, commits_free)

/* Commits all in hand of a kind soon. Opens the database where it is not open yet. */
void commits_want(struct commits *commits, enum ingest_kind kind);
/* Commits all in hand now, then calls `done`: NULL, or why not. At most COMMITS_WAITING_MAX wait; more are called at once. */
#define COMMITS_WAITING_MAX 16
void commits_all(struct commits *commits,
	void (*done)(void *arg, uint64_t number, const struct bx_error *error), void *arg, uint64_t number);
