/* What the collector says on the bus, of a miner, of the fleet and of the box. */
#pragma once
#include "services/collector/collector.h"

/* A poll ended: takes its answer into the registry and says what is new. */
void tell_answer(struct collector *collector, struct miner *miner, const struct poll_answer *answer);
/* The registry's entry of a miner, and an event of that type. */
void tell_entry(struct collector *collector, const struct miner *miner, const char *event);
/* A miner is not asked any more: what it last did is not known to be true. */
void tell_unwatched(struct collector *collector, const char *id);
/* A miner is no more: all its topics end. */
void tell_removed(struct collector *collector, const char *id);
void tell_box_and_fleet(struct collector *collector, enum bx_keep keep);
