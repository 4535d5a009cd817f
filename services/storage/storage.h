/* All state of storage. */
#pragma once
#include "libbus/run/service.h"
#include "services/storage/commits.h"
#include "services/storage/ingest.h"

struct storage {
	struct bx_service *service; /* borrowed, outlives us */
	struct ingest *ingest; /* what came; pure, the commits' */
	struct commits *commits; /* one after the other, in a worker */
	struct writer_outcome last; /* figures of the last commit */
	uint64_t event_timer;
	uint64_t values_told; /* taken, when the rate was told last */
	struct bx_mono told_at;
	void (*finished)(void *arg);
	void *finished_arg;
};
