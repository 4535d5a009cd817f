#include "services/collector/tell.h"

#include "libbus/base/log.h"

enum { BOX_FRESH_MS = 500 };

static void say_presence(struct collector *collector, const struct miner *miner)
{
	bool online = miner->presence == MINER_ONLINE;
	bx_state(collector->service->bus, BX_MINER_AVAILABILITY, miner->entry.id, &online);
}

void tell_entry(struct collector *collector, const struct miner *miner, const char *event)
{
	char target[BX_NAME_SIZE];
	bx_target(BX_MINER, miner->entry.id, target);
	bx_state(collector->service->bus, BX_MINER_CONFIG, miner->entry.id, &miner->entry);
	bx_event(collector->service->bus, event, target,
		BX_FIELDS(BX_F("name", (const char *)miner->entry.name),
			BX_F("url", (const char *)miner->entry.url), BX_F("enabled", miner->entry.enabled)));
}

void tell_unwatched(struct collector *collector, const char *id)
{
	bx_state_end(collector->service->bus, BX_MINER_AVAILABILITY, id);
	bx_state_end(collector->service->bus, BX_MINER_TELEMETRY, id);
}

void tell_removed(struct collector *collector, const char *id)
{
	static const enum bx_topic owned[] = { BX_MINER_CONFIG, BX_MINER_AVAILABILITY, BX_MINER_INFO,
		BX_MINER_TELEMETRY };
	char target[BX_NAME_SIZE];
	bx_target(BX_MINER, id, target);
	for (size_t i = 0; i < BX_COUNT(owned); i++)
		bx_state_end(collector->service->bus, owned[i], id);
	bx_event(collector->service->bus, "miner.removed", target, BX_FIELDS());
}

static void tell_stranger(
	struct collector *collector, struct miner *miner, const struct axeos_reading *reading)
{
	char target[BX_NAME_SIZE];
	if (miner->stranger_told)
		return;
	miner->stranger_told = true;
	bx_target(BX_MINER, miner->entry.id, target);
	bx_log(BX_WARNING,
		"another miner answers at this address and is not believed; give the miner its new address",
		BX_F("miner", (const char *)miner->entry.id), BX_F("url", (const char *)miner->entry.url),
		BX_F("found", (const char *)reading->facts.mac));
	bx_event(collector->service->bus, "miner.stranger", target,
		BX_FIELDS(BX_F("url", (const char *)miner->entry.url),
			BX_F("expected", (const char *)miner->entry.mac),
			BX_F("found", (const char *)reading->facts.mac)));
}

void tell_answer(struct collector *collector, struct miner *miner, const struct poll_answer *answer)
{
	struct bx_service *service = collector->service;
	unsigned news = MINER_SAME;
	if (answer->reading) {
		bx_values_set(&answer->reading->values, BX_ANSWER_TIME, (double)answer->took_ms);
		news = miners_answered(collector->miners, miner, answer->reading, bx_wall_now(service->loop),
			bx_now(service->loop));
	} else {
		news = miners_missed(miner);
	}
	if (news & MINER_STRANGER)
		tell_stranger(collector, miner, answer->reading);
	if (news & MINER_IDENTIFIED)
		tell_entry(collector, miner, "miner.identified");
	if (news & (MINER_CAME | MINER_WENT)) {
		bx_log(BX_INFO, news & MINER_CAME ? "miner answers" : "miner does not answer",
			BX_F("miner", (const char *)miner->entry.id),
			BX_F("why", answer->error ? (const char *)answer->error->message : NULL));
		say_presence(collector, miner);
	}
	if (news & MINER_TELLS)
		bx_state(service->bus, BX_MINER_INFO, miner->entry.id, &miner->facts);
	if (answer->reading && !(news & MINER_STRANGER)) {
		bx_sample(service->bus, BX_MINER_TELEMETRY, miner->entry.id, &miner->values,
			miner->record ? BX_RECORD : BX_SHOW);
		miner->record = false;
	}
}

/* Shares and rates are of the time since the last reading. Where two jobs fall due together the second has what the first
 * read: of no time at all a share is noise. */
static void read_box(struct collector *collector)
{
	struct bx_service *service = collector->service;
	struct bx_mono now = bx_now(service->loop);
	if (collector->box_read.ms != 0 && now.ms - collector->box_read.ms < BOX_FRESH_MS)
		return;
	bx_values_init(&collector->box, BX_HOST, bx_wall_now(service->loop));
	host_read(collector->host, now, &collector->box);
	bx_values_set(&collector->box, BX_CLOCK_SYNCHRONISED, bx_clock_kernel.synchronised(&bx_clock_kernel));
	collector->box_read = now;
}

void tell_box_and_fleet(struct collector *collector, enum bx_keep keep)
{
	struct bx_service *service = collector->service;
	struct bx_values fleet;
	if (bx_config_is_on(service->config, BX_KEY_SYSTEM_MONITORING_ENABLED)) {
		read_box(collector);
		bx_sample(service->bus, BX_HOST_TELEMETRY, "", &collector->box, keep);
	}
	if (miners_totals(collector->miners, bx_wall_now(service->loop), &fleet))
		bx_sample(service->bus, BX_FLEET_TELEMETRY, "", &fleet, keep);
}
