#include "services/health/tell.h"

#include "libbus/base/log.h"
#include <string.h>

enum { SUM_MS = 200 };

struct moment health_now(const struct health *health)
{
	return (struct moment){ bx_now(health->service->loop), bx_wall_now(health->service->loop) };
}

static bool reads_as_said(
	const struct health *health, enum bx_topic topic, const char *name, const void *payload)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX);
	bx_payload_encode(topic, payload, &text);
	const char *said = bx_state_said(health->service->bus, topic, name);
	return said && strcmp(said, text.data) == 0;
}

/* What is not known because the collector is gone, or not yet, is no event of the target. */
static void tell_change(struct health *health, struct check *check, const struct bx_check *payload)
{
	if (check->status == check->told ||
		(check->status == BX_STATUS_UNKNOWN && (check->is_lost || !check->was_heard)))
		return;
	bx_log(BX_INFO, "a check changed", BX_F("target", (const char *)check->target),
		BX_F("from", bx_status_word(check->told)), BX_F("to", bx_status_word(check->status)),
		BX_F("sentence", (const char *)payload->sentence));
	bx_event(health->service->bus, "check.changed", check->target,
		BX_FIELDS(BX_F("from", bx_status_word(check->told)),
			BX_F("to", bx_status_word(check->status)),
			BX_F("sentence", (const char *)payload->sentence)));
	check->told = check->status;
}

void tell_check(struct health *health, struct check *check)
{
	struct bx_check payload;
	struct moment now = health_now(health);
	uint64_t pattern = check_pattern(check);
	check_print(check, health->terms, now, &payload);
	if (!reads_as_said(health, BX_HEALTH_CHECK, check->target, &payload)) {
		struct bx_mono may = { check->said.ms + CHECK_REFRESH_MS };
		if (pattern != check->said_pattern || now.mono.ms >= may.ms) {
			bx_state(health->service->bus, BX_HEALTH_CHECK, check->target, &payload);
			check->said = now.mono;
			check->said_pattern = pattern;
			tell_change(health, check, &payload);
			tell_summary_soon(health);
		} else if (may.ms < check->due.ms) {
			check->due = may;
		}
	}
}

void tell_ended(struct health *health, const char *target)
{
	if (!checks_find(health->checks, target))
		return;
	checks_remove(health->checks, target);
	bx_state_end(health->service->bus, BX_HEALTH_CHECK, target);
	tell_summary_soon(health);
}

void tell_sum_up(const struct health *health, struct bx_summary *summary)
{
	if (!health->mirror) {
		summary_say(summary, "Health checks are switched off (HEALTH_CHECK_ENABLED=false).");
		return;
	}
	struct summary_input input = { .checks = health->checks,
		.miner_count = bx_mirror_count(health->mirror, BX_MINER_CONFIG),
		.is_judged = source_is_judged(&health->source),
		.is_lost = !source_is_believed(&health->source),
		.figures = health->figures,
		.now = health_now(health) };
	summary_make(&input, summary);
}

void tell_summary(struct health *health)
{
	struct bx_summary summary;
	tell_sum_up(health, &summary);
	if (!reads_as_said(health, BX_HEALTH_SUMMARY, "", &summary))
		bx_state(health->service->bus, BX_HEALTH_SUMMARY, "", &summary);
}

static void on_sum(void *arg)
{
	struct health *health = arg;
	health->sum = 0;
	tell_summary(health);
}

void tell_summary_soon(struct health *health)
{
	if (!health->sum && source_is_judged(&health->source))
		health->sum = bx_after(health->service->loop, SUM_MS, on_sum, health);
}
