/* HTTP requests on the loop, by libcurl: bounded in time and size, without redirects, proxies or the environment's say.
 *
 * In a simulated loop nothing is sent: bx_fetch_play's function answers, after a delay in the test's time. */
#pragma once
#include "libbus/base/loop.h"

struct bx_fetch;

struct bx_request {
	const char *url; /* http or https */
	const char *method; /* NULL: GET */
	const char *body; /* NULL: none */
	int64_t connect_ms, total_ms;
	size_t bytes_max; /* a larger answer is a failure */
	bool close; /* Connection: close, as miners want it */
};

/* What came of it. Borrowed for the callback. */
struct bx_response {
	bool answered; /* an HTTP answer came, whole; else `error` says why not */
	int status;
	const char *body; /* NUL-terminated */
	size_t size;
	int64_t took_ms;
	struct bx_error error; /* BX_UNREACHABLE, BX_TIMED_OUT, BX_INVALID (too large, no HTTP) */
};
typedef void bx_responded(void *arg, const struct bx_response *response);

/* `connections_max`: kept open and in use together. */
struct bx_fetch *bx_fetch_new(struct bx_loop *loop, unsigned connections_max);
void bx_fetch_free(struct bx_fetch *fetch); /* those under way call back no more */
BX_OWNED_BY(struct bx_fetch, bx_fetch_free)

/* Calls `responded` once, from the loop. The number is for bx_fetch_cancel. */
uint64_t bx_fetch_start(
	struct bx_fetch *fetch, const struct bx_request *request, bx_responded *responded, void *arg);
void bx_fetch_cancel(struct bx_fetch *fetch, uint64_t number); /* calls back no more */

/* For tests: answers all requests of simulated loops. Fills *response (its body is copied) and returns the delay in ms. */
typedef int64_t bx_fetch_player(void *arg, const char *method, const char *url, struct bx_response *response);
void bx_fetch_play(bx_fetch_player *player, void *arg);
