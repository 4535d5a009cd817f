/* All state of health. */
#pragma once
#include "libbus/bus/mirror.h"
#include "libbus/run/service.h"
#include "services/health/checks.h"
#include "services/health/source.h"
#include "services/health/summary.h"

struct health {
	struct bx_service *service; /* borrowed, outlives us */
	struct bx_mirror *mirror; /* what others said; NULL: HEALTH_CHECK_ENABLED is off */
	struct source source; /* the collector, from whom all of it is */
	struct judge_terms terms[RULE_COUNT];
	struct checks *checks;
	struct figures figures; /* as the sentence shows them */
	struct bx_mono figures_at;
	int64_t interval_ms; /* of the collector's words */
	bool was_summed, is_full; /* an earlier run's summary is there; more targets than are judged */
	uint64_t wake,
		sum; /* deadlines: something may change by time alone; the summary is to be made anew */
	struct bx_mono wake_at;
};

struct moment health_now(const struct health *health);
