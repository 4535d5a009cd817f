/* A running average over the last ten minutes, for firmware that has none of its own. Pure. */
#pragma once
#include "libbus/base/clock.h"
#include <stddef.h>

enum { AVERAGE_SLOTS = 60, AVERAGE_SLOT_MS = 10000 };

struct average {
	struct {
		int64_t slot; /* mono / AVERAGE_SLOT_MS */
		double sum;
		unsigned count;
	} slots[AVERAGE_SLOTS];
};

void average_add(struct average *average, struct bx_mono now, double value);
/* The mean of what was added in the last ten minutes, each ten seconds weighing the same. False: nothing was. */
bool average_read(const struct average *average, struct bx_mono now, double *mean);
