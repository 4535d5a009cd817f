#include "services/collector/average.h"

void average_add(struct average *average, struct bx_mono now, double value)
{
	int64_t slot = now.ms / AVERAGE_SLOT_MS;
	size_t place = (size_t)slot % AVERAGE_SLOTS;
	if (average->slots[place].slot != slot || average->slots[place].count == 0) {
		average->slots[place].slot = slot;
		average->slots[place].sum = 0;
		average->slots[place].count = 0;
	}
	average->slots[place].sum += value;
	average->slots[place].count++;
}

bool average_read(const struct average *average, struct bx_mono now, double *mean)
{
	int64_t oldest = now.ms / AVERAGE_SLOT_MS - AVERAGE_SLOTS + 1;
	double sum = 0;
	unsigned count = 0;
	for (size_t i = 0; i < AVERAGE_SLOTS; i++) {
		if (average->slots[i].count == 0 || average->slots[i].slot < oldest)
			continue;
		sum += average->slots[i].sum / average->slots[i].count;
		count++;
	}
	if (count == 0)
		return false;
	*mean = sum / count;
	return true;
}
