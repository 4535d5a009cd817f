#include "libbus/bus/passing.h"

#include <sys/queue.h>

struct waiting {
	STAILQ_ENTRY(waiting) link;
	struct bx_packet *packet;
	enum bx_topic row;
	size_t cost;
};

struct bx_passing {
	STAILQ_HEAD(, waiting) queue;
	size_t count, bytes;
};

struct bx_passing *bx_passing_new(void)
{
	struct bx_passing *passing = bx_alloc(1, sizeof *passing);
	STAILQ_INIT(&passing->queue);
	return passing;
}

void bx_passing_free(struct bx_passing *passing)
{
	enum bx_topic row;
	for (struct bx_packet *packet; passing && (packet = bx_passing_take(passing, &row));)
		free(packet);
	free(passing);
}

bool bx_passing_put(struct bx_passing *passing, enum bx_topic row, const struct bx_packet *packet)
{
	size_t cost = bx_packet_cost(packet);
	if (passing->count == BX_PASSING_MAX || passing->bytes + cost > BX_PASSING_BYTES_MAX)
		return false;
	struct waiting *waiting = bx_alloc(1, sizeof *waiting);
	waiting->packet = bx_packet_copy(packet);
	waiting->row = row;
	waiting->cost = cost;
	STAILQ_INSERT_TAIL(&passing->queue, waiting, link);
	passing->count++;
	passing->bytes += cost;
	return true;
}

struct bx_packet *bx_passing_take(struct bx_passing *passing, enum bx_topic *row)
{
	struct waiting *waiting = STAILQ_FIRST(&passing->queue);
	if (!waiting)
		return NULL;
	STAILQ_REMOVE_HEAD(&passing->queue, link);
	passing->count--;
	passing->bytes -= waiting->cost;
	struct bx_packet *packet = waiting->packet;
	*row = waiting->row;
	free(waiting);
	return packet;
}

bool bx_passing_is_empty(const struct bx_passing *passing)
{
	return STAILQ_EMPTY(&passing->queue);
}
