/* health: what is wrong. It never asks for a value, it listens: to the miners, the box and the fleet by the collector's words,
 * and judges at every message and whenever time alone changes something. Nothing is judged before it is settled what there
 * is, and nothing is known of what is not heard.
 *
 * Its place here, in later issues: probes (units, endpoints, custom checks), payout, alerts, healing. */
#include "libbus/base/log.h"
#include "services/health/health.h"
#include "services/health/look.h"
#include "services/health/tell.h"
#include <math.h>
#include <string.h>

enum {
	MIRROR_MAX = 3 * CHECKS_MAX + 100, /* entry, presence and telemetry a miner; services */
	EXPIRES_INTERVALS = 3,
	EXPIRES_SLACK_MS =
		10000, /* a poll that gets no answer takes its time: three misses, then offline, not unknown */
};

static const struct {
	enum bx_topic topic;
	void (*look)(struct health *health, const char *name);
} mirrored[] = {
	{ BX_SERVICE_AVAILABILITY, look_source },
	{ BX_SERVICE_STATS, look_source },
	{ BX_MINER_CONFIG, look_miner },
	{ BX_MINER_AVAILABILITY, look_miner },
	{ BX_MINER_TELEMETRY, look_miner },
	{ BX_HOST_TELEMETRY, look_box },
	{ BX_FLEET_TELEMETRY, look_fleet },
};

static void on_change(void *arg, const struct bx_message *message)
{
	struct health *health = arg;
	for (size_t i = 0; i < BX_COUNT(mirrored) && bx_is_settled(health->service->bus); i++)
		if (mirrored[i].topic == message->topic)
			mirrored[i].look(health, message->name);
	if (message->topic == BX_MINER_CONFIG)
		tell_summary_soon(health); /* how many there are */
}

static void on_settled(void *arg)
{
	struct health *health = arg;
	if (!health->was_summed)
		tell_summary(health); /* nothing is known yet */
	look_begin(health);
}

/* What an earlier run had found: trouble goes on since when it began, and is no news. */
static void on_own_check(void *state, const struct bx_message *message)
{
	struct health *health = state;
	enum bx_scope scope = strncmp(message->name, "miner/", 6) == 0 ? BX_MINER : BX_HOST;
	if (!health->mirror || !message->replay || message->ended || bx_is_settled(health->service->bus))
		return;
	struct check *check = checks_admit(health->checks, message->name, scope, bx_name_last(message->name));
	if (check)
		check_restore(check, &message->payload->check, health_now(health));
}

static void on_own_summary(void *state, const struct bx_message *message)
{
	struct health *health = state;
	health->was_summed |= message->replay && !message->ended;
}

static void cmd_check(void *state, bx_call call)
{
	struct health *health = state;
	struct bx_commands *commands = health->service->commands;
	const char *target = bx_argument(commands, call, "target");
	struct bx_summary summary;
	struct bx_check said;
	struct bx_error error;

	if (health->mirror)
		look_all(health);
	const struct check *check = target ? checks_find(health->checks, target) : NULL;
	if (target && !check) {
		bx_fail(&error, BX_MISSING, "nothing is judged of '%.60s'; see: bxctl health", target);
		bx_refuse(commands, call, &error);
	} else if (check) {
		check_print(check, health->terms, health_now(health), &said);
		bx_ok(commands, call,
			BX_FIELDS(BX_F("target", target), BX_F("status", bx_status_word(said.status)),
				BX_F("sentence", (const char *)said.sentence)));
	} else {
		tell_sum_up(health, &summary);
		bx_ok(commands, call,
			BX_FIELDS(BX_F("overall_status", bx_status_word(summary.overall_status)),
				BX_F("sentence", (const char *)summary.sentence)));
	}
}

static bool health_open(void *state, struct bx_service *service, struct bx_error *error)
{
	(void)error; /* nothing here can fail for a reason a person could mend */
	struct health *health = state;
	enum bx_topic topics[BX_COUNT(mirrored)];
	struct rule_limits limits[RULE_COUNT];
	health->service = service;
	health->checks = checks_new();
	health->figures = (struct figures){ (double)NAN, (double)NAN };
	health->interval_ms = bx_config_number(service->config, BX_KEY_MINER_POLL_INTERVAL) * 1000;
	if (!bx_config_is_on(service->config, BX_KEY_HEALTH_CHECK_ENABLED)) {
		tell_summary(health);
		return true;
	}
	rules_limits(service->config, limits);
	for (size_t id = 0; id < RULE_COUNT; id++)
		health->terms[id] = (struct judge_terms){ rules_row((enum rule_id)id), limits[id],
			EXPIRES_INTERVALS * health->interval_ms + EXPIRES_SLACK_MS };
	for (size_t i = 0; i < BX_COUNT(mirrored); i++)
		topics[i] = mirrored[i].topic;
	health->mirror = bx_mirror_new(service->bus, topics, BX_COUNT(topics), MIRROR_MAX);
	bx_mirror_on_change(health->mirror, on_change, health);
	bx_when_settled(service->bus, on_settled, health);
	return true;
}

static void health_close(void *state)
{
	struct health *health = state;
	bx_cancel(health->service->loop, health->wake);
	bx_cancel(health->service->loop, health->sum);
	bx_mirror_free(health->mirror);
	checks_free(health->checks);
}

static const struct bx_listen listen[] = { { BX_HEALTH_CHECK, on_own_check },
	{ BX_HEALTH_SUMMARY, on_own_summary }, { 0 } };
static const struct bx_command commands[] = { { BX_VERB_CHECK_NOW, cmd_check }, { 0 } };
const struct bx_spec bx_service_spec = {
	.name = "health",
	.state_size = sizeof(struct health),
	.listen = listen,
	.commands = commands,
	.open = health_open,
	.close = health_close,
};

int main(int argc, char **argv)
{
	return bx_service_main(argc, argv, &bx_service_spec);
}
