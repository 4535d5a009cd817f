#include "services/health/source.h"

/* What each state becomes: at once when the source runs or does not, later when it stays so. */
static const struct {
	enum source_state running, stopped, later;
	bool is_judged, is_believed;
} states[] = {
	[SOURCE_WAITED_FOR] = { SOURCE_FIRST, SOURCE_WAITED_FOR, SOURCE_GONE, false, false },
	[SOURCE_FIRST] = { SOURCE_FIRST, SOURCE_WAITED_FOR, SOURCE_RUNS, false, false },
	[SOURCE_RUNS] = { SOURCE_RUNS, SOURCE_FALTERS, SOURCE_RUNS, true, true },
	[SOURCE_FALTERS] = { SOURCE_RUNS, SOURCE_FALTERS, SOURCE_GONE, true, true },
	[SOURCE_GONE] = { SOURCE_RETURNS, SOURCE_GONE, SOURCE_GONE, true, false },
	[SOURCE_RETURNS] = { SOURCE_RETURNS, SOURCE_GONE, SOURCE_RUNS, true, false },
};

static bool change_state(struct source *source, enum source_state state, struct bx_mono now)
{
	if (state == source->state)
		return false;
	source->state = state;
	source->since = now;
	return true;
}

bool source_step(struct source *source, bool runs, int64_t interval_ms, struct bx_mono now)
{
	if (!source->has_begun)
		source->since = now;
	source->has_begun = true;
	bool changed = change_state(
		source, runs ? states[source->state].running : states[source->state].stopped, now);
	if (now.ms >= source_next(source, interval_ms).ms)
		changed |= change_state(source, states[source->state].later, now);
	return changed;
}

bool source_is_judged(const struct source *source)
{
	return states[source->state].is_judged;
}

bool source_is_believed(const struct source *source)
{
	return states[source->state].is_believed;
}

struct bx_mono source_next(const struct source *source, int64_t interval_ms)
{
	enum source_state state = source->state;
	if (states[state].later == state)
		return (struct bx_mono){ INT64_MAX };
	bool starts = state == SOURCE_FIRST || state == SOURCE_RETURNS;
	return (struct bx_mono){ source->since.ms + (starts ? interval_ms : SOURCE_PATIENCE_MS) };
}
