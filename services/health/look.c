#include "services/health/look.h"

#include "libbus/base/log.h"
#include "services/health/tell.h"
#include <math.h>
#include <string.h>

enum { WAKE_MOST_MS = 60000 }; /* a service whose stats grow old says nothing */

/* When an entry was said, as far as its age is known. */
static struct bx_mono said_at(const struct bx_entry *entry, struct moment now)
{
	return (struct bx_mono){ now.mono.ms - entry->age_ms };
}

/* `any` is room for the values that facts point to. */
static void read_values(const struct health *health, enum bx_topic topic, const char *name, union bx_any *any,
	struct facts *facts)
{
	struct bx_entry entry;
	if (!bx_mirror_get(health->mirror, topic, name, &entry) ||
		!bx_mirror_read(health->mirror, topic, name, any))
		return;
	facts->values = &any->values;
	facts->values_at = said_at(&entry, health_now(health));
}

static void read_presence(const struct health *health, const char *id, struct facts *facts)
{
	struct bx_entry entry;
	union bx_any any;
	if (!bx_mirror_get(health->mirror, BX_MINER_AVAILABILITY, id, &entry) ||
		!bx_mirror_read(health->mirror, BX_MINER_AVAILABILITY, id, &any))
		return;
	facts->presence = any.online ? PRESENCE_ONLINE : PRESENCE_OFFLINE;
	facts->presence_at = said_at(&entry, health_now(health));
}

static void on_wake(void *arg);

/* Sees to it that we look again by then. */
static void wake_at(struct health *health, struct bx_mono at)
{
	int64_t wait_ms = at.ms - bx_now(health->service->loop).ms;
	if (at.ms == NEVER.ms || (health->wake && health->wake_at.ms <= at.ms))
		return;
	bx_cancel(health->service->loop, health->wake);
	health->wake = bx_after(health->service->loop, wait_ms > 0 ? wait_ms : 0, on_wake, health);
	health->wake_at = at;
}

static void judge(struct health *health, const char *target, enum bx_scope scope, const char *name,
	const struct facts *facts)
{
	struct check *check = checks_admit(health->checks, target, scope, name);
	if (!check) {
		if (!health->is_full)
			bx_log(BX_ERROR, "more miners than are judged", BX_F("judged", CHECKS_MAX));
		health->is_full = true;
		return;
	}
	check_judge(check, health->terms, facts, health_now(health));
	tell_check(health, check);
	wake_at(health, check->due);
}

void look_miner(struct health *health, const char *id)
{
	union bx_any entry, any;
	char target[BX_NAME_SIZE];
	struct moment now = health_now(health);
	struct facts facts = { .is_believed = source_is_believed(&health->source), .now = now.mono };
	if (!source_is_judged(&health->source) || !bx_is_slug(id) || strlen(id) >= BX_ID_SIZE)
		return;
	bx_target(BX_MINER, id, target);
	if (!bx_mirror_read(health->mirror, BX_MINER_CONFIG, id, &entry) || !entry.miner_entry.enabled) {
		tell_ended(health, target);
		return;
	}
	read_values(health, BX_MINER_TELEMETRY, id, &any, &facts);
	read_presence(health, id, &facts);
	judge(health, target, BX_MINER, entry.miner_entry.name, &facts);
}

void look_box(struct health *health, const char *name)
{
	(void)name; /* there is one */
	union bx_any any;
	char target[BX_NAME_SIZE];
	struct moment now = health_now(health);
	struct facts facts = { .is_believed = source_is_believed(&health->source), .now = now.mono };
	bx_target(BX_HOST, bx_bus_site(health->service->bus), target);
	if (!source_is_judged(&health->source) ||
		!bx_config_is_on(health->service->config, BX_KEY_SYSTEM_MONITORING_ENABLED))
		return;
	read_values(health, BX_HOST_TELEMETRY, "", &any, &facts);
	judge(health, target, BX_HOST, "the box", &facts);
}

void look_fleet(struct health *health, const char *name)
{
	(void)name; /* there is one */
	union bx_any any;
	struct facts facts = { 0 };
	struct figures figures = { (double)NAN, (double)NAN };
	struct bx_mono now = bx_now(health->service->loop);
	read_values(health, BX_FLEET_TELEMETRY, "", &any, &facts);
	if (facts.values && now.ms - facts.values_at.ms <= health->terms[RULE_EARNS].expires_ms)
		figures = summary_figures(facts.values);
	if (summary_follow(&health->figures, &figures, now.ms - health->figures_at.ms)) {
		health->figures_at = now;
		tell_summary_soon(health);
	}
}

static void look_entry(void *arg, const struct bx_entry *entry)
{
	look_miner(arg, entry->name);
}

static bool is_box(const struct health *health, const struct check *check)
{
	return check->scope == BX_HOST &&
		strcmp(bx_name_last(check->target), bx_bus_site(health->service->bus)) == 0 &&
		bx_config_is_on(health->service->config, BX_KEY_SYSTEM_MONITORING_ENABLED);
}

/* Judges it, or ends it if it is no more. */
static void look_check(struct health *health, const struct check *check)
{
	char target[BX_NAME_SIZE];
	(void)bx_text_copy(target, sizeof target, check->target); /* the check may go */
	if (check->scope == BX_MINER)
		look_miner(health, bx_name_last(target));
	else if (is_box(health, check))
		look_box(health, "");
	else
		tell_ended(health, target);
}

void look_all(struct health *health)
{
	if (!source_is_judged(&health->source))
		return;
	for (size_t i = checks_count(health->checks); i-- > 0;) /* backwards: one may go */
		look_check(health, checks_at(health->checks, i));
	bx_mirror_each(health->mirror, BX_MINER_CONFIG, look_entry, health);
	look_box(health, "");
	look_fleet(health, "");
}

/* The collector runs, or does not, or has for long enough: then all that is from it counts differently. */
void look_source(struct health *health, const char *service)
{
	if (strcmp(service, "collector") != 0)
		return;
	bool was_judged = source_is_judged(&health->source),
	     was_believed = source_is_believed(&health->source);
	bool runs = bx_mirror_runs(health->mirror, "collector");
	if (!source_step(&health->source, runs, health->interval_ms, bx_now(health->service->loop)))
		return;
	wake_at(health, source_next(&health->source, health->interval_ms));
	if (source_is_judged(&health->source) == was_judged &&
		source_is_believed(&health->source) == was_believed)
		return;
	look_all(health);
	tell_summary_soon(health);
}

/* Judges what is due by time alone. */
static void look_due(struct health *health)
{
	struct bx_mono now = bx_now(health->service->loop), next = { now.ms + WAKE_MOST_MS };
	wake_at(health, source_next(&health->source, health->interval_ms));
	for (size_t i = checks_count(health->checks); i-- > 0;) /* backwards: one may go */
		if (checks_at(health->checks, i)->due.ms <= now.ms)
			look_check(health, checks_at(health->checks, i));
	for (size_t i = 0; i < checks_count(health->checks); i++)
		if (checks_at(health->checks, i)->due.ms < next.ms)
			next = checks_at(health->checks, i)->due;
	wake_at(health, next);
}

static void on_wake(void *arg)
{
	struct health *health = arg;
	health->wake = 0;
	health->wake_at = NEVER;
	look_source(health, "collector");
	look_due(health);
	tell_summary_soon(health); /* its times may read differently today */
}

void look_begin(struct health *health)
{
	on_wake(health);
}
