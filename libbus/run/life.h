/* One life of a service, from open to close, on a loop, a configuration and a link that are given: the process around it is
 * service.c, the test around it test/fixture.c. */
#pragma once
#include "libbus/run/service.h"

struct bx_life;

struct bx_life_options {
	const struct bx_spec *spec;
	struct bx_loop *loop; /* borrowed */
	const struct bx_config *config; /* borrowed */
	struct bx_link *link; /* the life's from here on, even where it fails */
	const char *folder; /* the service's state folder; it exists */
	uint64_t session;
	void (*reload)(void *arg); /* wished by a command; NULL: refused */
	void *reload_arg;
};

struct bx_life *bx_life_begin(const struct bx_life_options *options, struct bx_error *error);
/* Ends in order (see service.h), then calls `ended` once; free it from there or later. */
void bx_life_end(struct bx_life *life, void (*ended)(void *arg), void *arg);
/* Asks storage to commit and waits, `wait_ms` at most, until nothing is unrecorded; then calls `handed_over`. */
void bx_life_hand_over(struct bx_life *life, int64_t wait_ms, void (*handed_over)(void *arg), void *arg);
/* Without an end before: as kill -9. */
void bx_life_free(struct bx_life *life);
void *bx_life_state(struct bx_life *life); /* the service's own */
BX_OWNED_BY(struct bx_life, bx_life_free)
