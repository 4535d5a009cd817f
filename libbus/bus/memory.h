/* A broker in memory, for tests: loses, doubles and reorders what passes, and dies on order. Its links deliver on the loops
 * of their clients, which are simulated. State (retained messages) is never lost while connected, as with a real broker. */
#pragma once
#include "libbus/base/loop.h"
#include "libbus/bus/link.h"

struct bx_memory;

struct bx_memory *bx_memory_new(uint64_t seed);
void bx_memory_free(struct bx_memory *broker); /* its links are gone */

/* A client's link; freed without a close it leaves its will, as after kill -9. */
struct bx_link *bx_memory_join(struct bx_memory *broker, struct bx_loop *loop);

/* Of each hundred messages that pass (not retained), so many are lost, come twice, come late. */
void bx_memory_fault(struct bx_memory *broker, unsigned lost, unsigned doubled, unsigned late);
/* All connections end, what was retained is forgotten; then it lives again, and clients come back by themselves. */
void bx_memory_die(struct bx_memory *broker);
void bx_memory_live(struct bx_memory *broker);

/* Says something, as a client would. */
void bx_memory_say(struct bx_memory *broker, const struct bx_packet *packet);
/* The newest payload on a topic, retained or not; NULL: nothing, or ended. `count`: how many there were, may be NULL. */
const char *bx_memory_newest(const struct bx_memory *broker, const char *topic, size_t *count);
/* How many retained topics match a filter. */
size_t bx_memory_retained(const struct bx_memory *broker, const char *filter);
