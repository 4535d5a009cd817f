/* What is said once, waiting for its turn at the broker: bounded, and dropped when the connection ends. Pure. */
#pragma once
#include "libbus/base/memory.h"
#include "libbus/bus/packet.h"
#include "libbus/contract/topics.h"

#define BX_PASSING_MAX 1000
#define BX_PASSING_BYTES_MAX (8 * 1024 * 1024)

struct bx_passing;

struct bx_passing *bx_passing_new(void);
void bx_passing_free(struct bx_passing *passing);
BX_OWNED_BY(struct bx_passing, bx_passing_free)

/* Copies. False: a bound is reached. */
bool bx_passing_put(struct bx_passing *passing, enum bx_topic row, const struct bx_packet *packet);
/* The oldest, the caller's (free); NULL: none. */
struct bx_packet *bx_passing_take(struct bx_passing *passing, enum bx_topic *row);
bool bx_passing_is_empty(const struct bx_passing *passing);
