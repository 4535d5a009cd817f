#include "services/bxctl/fleet.h"

#include <stdio.h>
#include <string.h>

enum { OLD_LEAST_MS = 30000, NAME_WIDTH = 20 };

const char *fleet_word(enum fleet_state state)
{
	static const char *const words[] = { [FLEET_OFFLINE] = "offline",
		[FLEET_UNKNOWN] = "unknown",
		[FLEET_ONLINE] = "online",
		[FLEET_OFF] = "off" };
	return words[state];
}

int64_t fleet_age(struct bx_wall time)
{
	struct bx_wall now = bx_clock_kernel.wall(&bx_clock_kernel);
	return time.ms == 0 ? -1 : now.ms > time.ms ? now.ms - time.ms : 0;
}

struct reading {
	struct fleet *fleet;
	const struct client *client;
};

static void read_miner(void *arg, const struct bx_entry *config)
{
	const struct reading *reading = arg;
	const struct client *client = reading->client;
	struct fleet *fleet = reading->fleet;
	union bx_any payload;
	if (!bx_mirror_read(client->mirror, BX_MINER_CONFIG, config->name, &payload))
		return;
	fleet->miners = bx_grow(fleet->miners, fleet->count + 1, sizeof *fleet->miners);
	struct fleet_miner *miner = &fleet->miners[fleet->count++];
	*miner = (struct fleet_miner){ .entry = payload.miner_entry, .state = FLEET_UNKNOWN, .age_ms = -1 };
	if (!miner->entry.enabled)
		miner->state = FLEET_OFF;
	else if (bx_mirror_runs(client->mirror, "collector") &&
		bx_mirror_read(client->mirror, BX_MINER_AVAILABILITY, config->name, &payload))
		miner->state = payload.online ? FLEET_ONLINE : FLEET_OFFLINE;
	if (!bx_mirror_read(client->mirror, BX_MINER_TELEMETRY, config->name, &payload))
		return;
	int64_t old_ms = 3 * 1000 * bx_config_number(client->config, BX_KEY_MINER_POLL_INTERVAL);
	miner->values = payload.values;
	miner->has_values = true;
	miner->age_ms = fleet_age(payload.values.time);
	miner->old = miner->age_ms > (old_ms > OLD_LEAST_MS ? old_ms : OLD_LEAST_MS);
}

static int by_state_and_id(const void *one, const void *other)
{
	const struct fleet_miner *a = one, *b = other;
	return a->state != b->state ? (a->state > b->state) - (a->state < b->state)
				    : strcmp(a->entry.id, b->entry.id);
}

void fleet_read(struct fleet *fleet, const struct client *client)
{
	struct reading reading = { fleet, client };
	*fleet = (struct fleet){ 0 };
	bx_mirror_each(client->mirror, BX_MINER_CONFIG, read_miner, &reading);
	if (fleet->count > 0)
		qsort(fleet->miners, fleet->count, sizeof *fleet->miners, by_state_and_id);
}

void fleet_done(struct fleet *fleet)
{
	free(fleet->miners);
}

/* --- as a table --- */

static const struct column {
	enum bx_metric of_miner, of_fleet;
} columns[] = { { BX_HASHRATE, BX_HASHRATE }, { BX_EFFICIENCY, BX_EFFICIENCY },
	{ BX_ASIC_TEMPERATURE, BX_ASIC_TEMPERATURE_MAX } };

static void add_miner(struct show_table *table, const struct fleet_miner *miner)
{
	static const enum show_colour colours[] = { [FLEET_OFFLINE] = SHOW_BAD,
		[FLEET_UNKNOWN] = SHOW_WARNING,
		[FLEET_ONLINE] = SHOW_GOOD,
		[FLEET_OFF] = SHOW_FAINT };
	bool stale = miner->old || miner->state != FLEET_ONLINE;
	char name[NAME_WIDTH + 1];
	(void)bx_text_copy(name, sizeof name, miner->entry.id); /* cut: a line is to fit 80 columns */
	show_cell(table, SHOW_PLAIN, name);
	show_cell(table, colours[miner->state], fleet_word(miner->state));
	for (size_t i = 0; i < BX_COUNT(columns); i++) {
		char text[SHOW_CELL_SIZE] = SHOW_ABSENT;
		double value;
		if (miner->has_values && bx_values_get(&miner->values, columns[i].of_miner, &value))
			show_value(columns[i].of_miner, value, text);
		show_cell(table, stale ? SHOW_FAINT : SHOW_PLAIN, text);
	}
	char age[SHOW_CELL_SIZE], words[SHOW_CELL_SIZE + 8];
	show_span(miner->age_ms, age);
	(void)snprintf(words, sizeof words, "%s%s", age, miner->old ? " old" : "");
	show_cell(table, miner->old ? SHOW_WARNING : SHOW_FAINT, words);
}

static void add_sum(struct show_table *table, const struct fleet *fleet, const struct client *client)
{
	union bx_any payload;
	char words[SHOW_CELL_SIZE];
	size_t online = 0;
	for (size_t i = 0; i < fleet->count; i++)
		online += fleet->miners[i].state == FLEET_ONLINE;
	bool told = bx_mirror_read(client->mirror, BX_FLEET_TELEMETRY, "", &payload);
	(void)snprintf(words, sizeof words, "all %zu", fleet->count);
	show_cell(table, SHOW_STRONG, words);
	(void)snprintf(words, sizeof words, "%zu online", online);
	show_cell(table, SHOW_STRONG, words);
	for (size_t i = 0; i < BX_COUNT(columns); i++) {
		char text[SHOW_CELL_SIZE] = SHOW_ABSENT;
		double value;
		if (told && bx_values_get(&payload.values, columns[i].of_fleet, &value))
			show_value(columns[i].of_fleet, value, text);
		show_cell(table, SHOW_STRONG, text);
	}
	show_span(told ? fleet_age(payload.values.time) : -1, words);
	show_cell(table, SHOW_FAINT, words);
}

void fleet_print(const struct fleet *fleet, const struct client *client, size_t rows_max)
{
	size_t shown = fleet->count <= rows_max ? fleet->count : rows_max > 1 ? rows_max - 1 : 0;
	BX_OWNED(show_table_free)
	struct show_table *table = show_table_new(6, 1U << 2 | 1U << 3 | 1U << 4 | 1U << 5);
	show_cell(table, SHOW_STRONG, "Miner");
	show_cell(table, SHOW_STRONG, "State");
	for (size_t i = 0; i < BX_COUNT(columns); i++)
		show_cell(table, SHOW_STRONG, bx_catalog_row(columns[i].of_miner)->label);
	show_cell(table, SHOW_STRONG, "Age");
	for (size_t i = 0; i < shown; i++)
		add_miner(table, &fleet->miners[i]);
	add_sum(table, fleet, client);
	show_table_print(table, stdout);
	if (shown < fleet->count)
		(void)printf("%zu more: bxctl miners\n", fleet->count - shown);
}
