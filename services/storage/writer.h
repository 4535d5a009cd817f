/* The only connection that writes the database. Blocking: its functions are called one after the other, from bx_offload. */
#pragma once
#include "libbus/base/error.h"
#include "services/storage/ingest.h"

struct writer;
struct writer *writer_new(const char *path);
void writer_free(struct writer *writer); /* closes; from any thread, nothing under way */

enum writer_result {
	WRITER_COMMITTED,
	WRITER_OPENED, /* nothing was written: the database was opened (at the start, or another lies at its path) */
	WRITER_FAILED, /* nothing was written; the next call opens anew */
};
struct writer_outcome {
	enum writer_result result;
	struct bx_error error; /* of WRITER_FAILED */
	struct ingest_key *keys; /* of WRITER_OPENED: what it holds; the caller's, writer_free_keys */
	size_t key_count;
	size_t refused; /* values over a bound of the schema, left out */
	int64_t took_ms;
	int64_t size, wal_size, free_size; /* bytes, after it */
};
/* Opens the database where it is not open, or not the one at its path any more; else writes the batch (NULL: nothing) in one
 * transaction. */
void writer_commit(struct writer *writer, const struct ingest_batch *batch, struct writer_outcome *outcome);
void writer_free_keys(struct writer_outcome *outcome);
