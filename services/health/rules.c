#include "services/health/rules.h"

#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND };

/* Miners: limits and spans of rules 1 and 4 that owners' issues of bitaxeorg/ESP-Miner led to. "answers" has no hold: the
 * collector says offline after three missed polls, which is patience enough, and the owner is told within a minute.
 * "earns" is of the 10-minute mean, and only from 15 minutes after a start on: a cold start comes up slowly.
 *
 * The box: CPU for 5 minutes, since a backup or an update may use all of it for a while and should; temperature for a
 * minute, since throttling begins soon after; memory for a minute, since a program's start may peak; disk at once, since it
 * does not move by chance. */
static const struct rule rules[RULE_COUNT] = {
	[RULE_ANSWERS] = { .name = "answers",
		.scope = BX_MINER,
		.reads = RULE_PRESENCE,
		.wrong = RULE_BELOW,
		.levels = { { .fixed = 1 }, { .fixed = 1, .hold_ms = 10 * MINUTE } },
		.clause = "{name} does not answer[ since {since}]",
		.clause_many = "{count} of {all} miners do not answer[, the first since {since}]",
		.remedy = "check plug and Wi-Fi" },
	[RULE_EARNS] = { .name = "earns",
		.scope = BX_MINER,
		.reads = RULE_SHARE,
		.metric = BX_HASHRATE_10M,
		.share_of = BX_HASHRATE_EXPECTED,
		.wrong = RULE_BELOW,
		.levels = { { .fixed = 90, .hold_ms = 15 * MINUTE },
			{ .fixed = 70, .hold_ms = 15 * MINUTE } },
		.hysteresis = 3,
		.calm_ms = MINUTE,
		.warmup_ms = 15 * MINUTE,
		.clause = "{name} earns {value} % of what it should[ since {since}]",
		.clause_many = "{count} of {all} miners earn too little[, the first since {since}]",
		.remedy = "check supply and cooling, then restart it",
		.evidence = "10-minute hashrate at {value} % of expected" },
	[RULE_CPU] = { .name = "cpu",
		.scope = BX_HOST,
		.reads = RULE_METRIC,
		.metric = BX_CPU_USAGE,
		.wrong = RULE_ABOVE,
		.levels = { { .key = BX_KEY_CPU_WARNING_THRESHOLD, .hold_ms = 5 * MINUTE },
			{ .key = BX_KEY_CPU_CRITICAL_THRESHOLD, .hold_ms = 5 * MINUTE } },
		.hysteresis = 5,
		.calm_ms = MINUTE,
		.clause = "CPU at {value} % for {span}",
		.remedy = "see what uses it: top",
		.evidence = "{value} % used" },
	[RULE_MEMORY] = { .name = "memory",
		.scope = BX_HOST,
		.reads = RULE_METRIC,
		.metric = BX_MEMORY_USAGE,
		.wrong = RULE_ABOVE,
		.levels = { { .key = BX_KEY_MEMORY_WARNING_THRESHOLD, .hold_ms = MINUTE },
			{ .key = BX_KEY_MEMORY_CRITICAL_THRESHOLD, .hold_ms = MINUTE } },
		.hysteresis = 3,
		.calm_ms = MINUTE,
		.clause = "memory at {value} % for {span}",
		.remedy = "see what uses it: top",
		.evidence = "{value} % used" },
	[RULE_DISK] = { .name = "disk",
		.scope = BX_HOST,
		.reads = RULE_METRIC,
		.metric = BX_DISK_USAGE,
		.wrong = RULE_ABOVE,
		.levels = { { .key = BX_KEY_DISK_WARNING_THRESHOLD },
			{ .key = BX_KEY_DISK_CRITICAL_THRESHOLD } },
		.hysteresis = 1,
		.clause = "the disk is {value} % full",
		.remedy = "make room, old backups and logs first",
		.evidence = "{value} % full" },
	[RULE_TEMPERATURE] = { .name = "temperature",
		.scope = BX_HOST,
		.reads = RULE_METRIC,
		.metric = BX_TEMPERATURE,
		.wrong = RULE_ABOVE,
		.levels = { { .key = BX_KEY_TEMP_WARNING_THRESHOLD, .hold_ms = MINUTE },
			{ .key = BX_KEY_TEMP_CRITICAL_THRESHOLD, .hold_ms = MINUTE } },
		.hysteresis = 3,
		.calm_ms = MINUTE,
		.clause = "CPU at {value} °C for {span}",
		.remedy = "give the box air",
		.evidence = "{value} °C" },
};

const struct rule *rules_row(enum rule_id id)
{
	return &rules[id];
}

void rules_limits(const struct bx_config *config, struct rule_limits limits[RULE_COUNT])
{
	for (size_t id = 0; id < RULE_COUNT; id++) {
		for (size_t level = 0; level < LEVELS; level++) {
			const struct rule_limit *limit = &rules[id].levels[level];
			limits[id].at[level] =
				limit->key ? (double)bx_config_number(config, limit->key) : limit->fixed;
		}
	}
}

/* A miner that answers is as fresh as its telemetry: one whose collector has nothing new of it may be gone. */
static struct rule_reading read_presence(const struct facts *facts)
{
	switch (facts->presence) {
	case PRESENCE_UNHEARD:
		break;
	case PRESENCE_OFFLINE:
		return (struct rule_reading){ NEWS_VALUE, 0, facts->now };
	case PRESENCE_ONLINE:
		return (struct rule_reading){ NEWS_VALUE, 1,
			facts->values ? facts->values_at : facts->presence_at };
	}
	return (struct rule_reading){ NEWS_NONE, 0, facts->now };
}

/* Firmware that tells no state, or no uptime, is judged by its hashrate alone. */
static enum rule_news read_miner_state(const struct rule *rule, const struct bx_values *values)
{
	double state, uptime_s;
	char word[BX_WORD_SIZE];
	if (bx_values_get(values, BX_MINER_STATE, &state) &&
		bx_catalog_word(BX_MINER_STATE, (int)state, word)) {
		if (strcmp(word, "paused") == 0 || strcmp(word, "stopped") == 0)
			return NEWS_RESTS;
		if (strcmp(word, "starting") == 0)
			return NEWS_STARTS;
	}
	if (bx_values_get(values, BX_UPTIME, &uptime_s) && uptime_s * SECOND <= (double)rule->warmup_ms)
		return NEWS_STARTS;
	return NEWS_VALUE;
}

struct rule_reading rules_read(const struct rule *rule, const struct facts *facts)
{
	struct rule_reading reading = { NEWS_NONE, 0, facts->values ? facts->values_at : facts->now };
	double value, whole = 100;
	if (rule->reads == RULE_PRESENCE)
		return read_presence(facts);
	if (!facts->values)
		return reading;
	if (rule->scope == BX_MINER && rule->warmup_ms > 0) {
		reading.news = read_miner_state(rule, facts->values);
		if (reading.news != NEWS_VALUE)
			return reading;
		reading.news = NEWS_NONE;
	}
	if (!bx_values_get(facts->values, rule->metric, &value))
		return reading;
	if (rule->reads == RULE_SHARE &&
		(!bx_values_get(facts->values, rule->share_of, &whole) || whole <= 0))
		return reading;
	reading.news = NEWS_VALUE;
	reading.value = rule->reads == RULE_SHARE ? 100 * value / whole : value;
	return reading;
}
