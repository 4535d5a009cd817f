/* History over HTTP, as JSON or CSV, and on the bus: from the database and, where it is not there yet, the tail. */
#pragma once
#include "libbus/base/error.h"
#include "libbus/run/service.h"
#include "libbus/store/history.h"
#include "services/gateway/routes.h"
#include "services/gateway/tail.h"

#define METRICS_BYTES_MAX \
	((size_t)8 * 1024 * 1024) /* of an answer; a larger one is refused, with what to do */
/* On the bus the bound is BX_RESULT_BYTES_MAX. */
#define METRICS_QUERIES_MAX 16 /* at once; further ones are told to come again */

struct metrics;

struct metrics *metrics_new(struct bx_service *service, struct tail *tail);
void metrics_free(struct metrics *metrics); /* queries under way end by themselves and are not heard of */
BX_OWNED_BY(struct metrics, metrics_free)

/* Answers later: the database is read in a thread. */
void metrics_answer(struct metrics *metrics, const struct request *request, const struct reply *reply);
/* The same for a call of the verb `history`, with its arguments; always JSON. BX_INVALID, BX_BUSY, or BX_FULL: over the
 * bound. */
void metrics_call(struct metrics *metrics, bx_call call);

enum metrics_format { METRICS_JSON, METRICS_CSV };
struct metrics_wish {
	struct bx_history_range range;
	enum metrics_format format;
};
/* Reads a request's arguments; `now` in unix seconds is where hours are counted back from. False: BX_INVALID says which
 * argument, and what it may be. */
bool metrics_read_wish(
	const struct request *request, int64_t now, struct metrics_wish *wish, struct bx_error *error);
/* Appends; text->cut: it was too much. */
void metrics_print(struct bx_history *history, enum metrics_format format, struct bx_text *text);
