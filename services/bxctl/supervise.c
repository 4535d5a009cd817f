#include "services/bxctl/supervise.h"

#include "libbus/base/loop.h"

enum { PAUSE_FIRST_MS = 500, PAUSE_MOST_MS = 30000, STOP_LOOK_MS = 20 };

/* When a stage is asked to stop at the latest, and when killed, from the beginning of the stop on. */
static const struct {
	int64_t ask_ms, kill_ms;
} stops[STAGE_COUNT] = {
	[STAGE_PUBLISHER] = { 0, 1400 }, /* a publisher hands over to the broker within 1 s */
	[STAGE_STORAGE] = { 1500, 2600 },
	[STAGE_BROKER] = { 2700, 2900 },
};

static bool is_gone(const struct supervise *all, enum supervise_stage stage)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->children[i].stage == stage && all->children[i].alive)
			return false;
	return true;
}

static bool are_gone_before(const struct supervise *all, enum supervise_stage stage)
{
	for (int earlier = 0; earlier < (int)stage; earlier++)
		if (!is_gone(all, (enum supervise_stage)earlier))
			return false;
	return true;
}

enum supervise_action supervise_decide(const struct supervise *all, size_t index, int64_t now_ms)
{
	const struct supervise_child *child = &all->children[index];
	if (child->absent)
		return SUPERVISE_NOTHING; /* 1 */
	if (!all->stopping) {
		bool may = child->stage == STAGE_BROKER || all->accepts;
		bool due = !child->alive && child->start_at_ms <= now_ms;
		return may && due ? SUPERVISE_START : SUPERVISE_NOTHING; /* 2, 3 */
	}
	if (!child->alive)
		return SUPERVISE_NOTHING; /* 4 */
	int64_t since_ms = now_ms - all->stop_ms;
	if (since_ms >= stops[child->stage].kill_ms)
		return SUPERVISE_KILL; /* 5 */
	if (!child->asked && (since_ms >= stops[child->stage].ask_ms || are_gone_before(all, child->stage)))
		return SUPERVISE_ASK; /* 6 */
	return SUPERVISE_NOTHING;
}

void supervise_ended(struct supervise_child *child, int64_t now_ms)
{
	if (now_ms - child->started_ms >= SUPERVISE_STEADY_MS)
		child->ends = 0;
	child->start_at_ms = now_ms + bx_pause_ms(child->ends++, PAUSE_FIRST_MS, PAUSE_MOST_MS);
}

int64_t supervise_wait_ms(const struct supervise *all, int64_t now_ms)
{
	int64_t wait_ms = INT64_MAX;
	if (all->stopping)
		return STOP_LOOK_MS;
	for (size_t i = 0; i < all->count; i++) {
		const struct supervise_child *child = &all->children[i];
		if (child->absent || child->alive || (child->stage != STAGE_BROKER && !all->accepts))
			continue;
		int64_t till_ms = child->start_at_ms > now_ms ? child->start_at_ms - now_ms : 0;
		if (till_ms < wait_ms)
			wait_ms = till_ms;
	}
	return wait_ms;
}

bool supervise_is_over(const struct supervise *all)
{
	return all->stopping && are_gone_before(all, STAGE_COUNT);
}

bool supervise_is_hopeless(const struct supervise *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->children[i].stage == STAGE_BROKER && !all->accepts &&
			all->children[i].ends >= SUPERVISE_TRIES)
			return true;
	return false;
}
