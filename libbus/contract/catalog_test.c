#include "libbus/contract/catalog.h"

#include "libbus/base/memory.h"
#include "libbus/base/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* CATALOGUE.md, word by word: what shipped is never renamed, and its unit, decimals, kind and store never change. */
static const struct shipped {
	enum bx_scope scope;
	enum bx_part part;
	const char *name, *unit;
	int decimals;
	enum bx_kind kind;
	enum bx_store store;
} shipped[] = {
	{ BX_MINER, BX_NO_PART, "hashrate", "GH/s", 2, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "hashrate_1m", "GH/s", 2, BX_GAUGE, BX_LIVE },
	{ BX_MINER, BX_NO_PART, "hashrate_10m", "GH/s", 2, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "hashrate_1h", "GH/s", 2, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "hashrate_1d", "GH/s", 2, BX_GAUGE, BX_LIVE },
	{ BX_MINER, BX_NO_PART, "hashrate_expected", "GH/s", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "hashrate_shares", "GH/s", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "power", "W", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "power_estimated", "", 0, BX_YES_NO, BX_STORED },
	{ BX_MINER, BX_NO_PART, "energy", "kWh", 4, BX_COUNTER, BX_STORED },
	{ BX_MINER, BX_NO_PART, "efficiency", "J/TH", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "input_voltage", "V", 2, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "input_current", "A", 2, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "core_current", "A", 2, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "core_voltage", "mV", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "core_voltage_set", "mV", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "frequency", "MHz", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "frequency_set", "MHz", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "asic_temperature", "°C", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "asic_temperature_2", "°C", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "vr_temperature", "°C", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "fan_speed", "%", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "fan_2_speed", "%", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "fan_rpm", "rpm", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "fan_2_rpm", "rpm", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "shares_accepted", "", 0, BX_COUNTER, BX_STORED },
	{ BX_MINER, BX_NO_PART, "shares_rejected", "", 0, BX_COUNTER, BX_STORED },
	{ BX_MINER, BX_NO_PART, "rejected_percentage", "%", 2, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "error_percentage", "%", 2, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "best_difficulty", "", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "best_session_difficulty", "", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "pool_difficulty", "", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "network_difficulty", "", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "payout_percentage", "%", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "work_received", "", 0, BX_COUNTER, BX_STORED },
	{ BX_MINER, BX_NO_PART, "duplicate_nonces", "", 0, BX_COUNTER, BX_STORED },
	{ BX_MINER, BX_NO_PART, "pool_response_time", "ms", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "pool_ping", "ms", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "pool_packet_loss", "%", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "blocks_found", "", 0, BX_COUNTER, BX_STORED },
	{ BX_MINER, BX_NO_PART, "block_height", "", 0, BX_GAUGE, BX_LIVE },
	{ BX_MINER, BX_NO_PART, "wifi_signal", "dBm", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "uptime", "s", 0, BX_GAUGE, BX_LIVE },
	{ BX_MINER, BX_NO_PART, "started", "", 0, BX_MOMENT, BX_LIVE },
	{ BX_MINER, BX_NO_PART, "boots", "", 0, BX_COUNTER, BX_STORED },
	{ BX_MINER, BX_NO_PART, "free_heap", "bytes", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "answer_time", "ms", 0, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_NO_PART, "polls_missed", "", 0, BX_COUNTER, BX_STORED },
	{ BX_MINER, BX_ASICS, "hashrate", "GH/s", 2, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_ASICS, "temperature", "°C", 1, BX_GAUGE, BX_STORED },
	{ BX_MINER, BX_ASICS, "errors", "", 0, BX_COUNTER, BX_STORED },
	{ BX_MINER, BX_NO_PART, "state", "", 0, BX_WORD, BX_STORED },
	{ BX_MINER, BX_NO_PART, "pool_connected", "", 0, BX_YES_NO, BX_STORED },
	{ BX_MINER, BX_NO_PART, "fallback_pool", "", 0, BX_YES_NO, BX_STORED },
	{ BX_MINER, BX_NO_PART, "overheat", "", 0, BX_YES_NO, BX_STORED },
	{ BX_MINER, BX_NO_PART, "setup_access_point", "", 0, BX_YES_NO, BX_STORED },
	{ BX_MINER, BX_NO_PART, "power_fault", "", 0, BX_YES_NO, BX_STORED },
	{ BX_MINER, BX_NO_PART, "hardware_fault", "", 0, BX_YES_NO, BX_STORED },

	{ BX_FLEET, BX_NO_PART, "hashrate", "GH/s", 2, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "hashrate_10m", "GH/s", 2, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "hashrate_expected", "GH/s", 1, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "hashrate_shares", "GH/s", 1, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "earned_percentage", "%", 1, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "power", "W", 1, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "energy", "kWh", 4, BX_COUNTER, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "efficiency", "J/TH", 1, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "active_miners", "", 0, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "enabled_miners", "", 0, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "total_miners", "", 0, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "asic_temperature_max", "°C", 1, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "vr_temperature_max", "°C", 1, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "shares_accepted", "", 0, BX_COUNTER, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "shares_rejected", "", 0, BX_COUNTER, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "rejected_percentage", "%", 2, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "best_difficulty", "", 0, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "best_session_difficulty", "", 0, BX_GAUGE, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "blocks_found", "", 0, BX_COUNTER, BX_STORED },
	{ BX_FLEET, BX_NO_PART, "hashrate_miners", "", 0, BX_GAUGE, BX_LIVE },

	{ BX_HOST, BX_NO_PART, "cpu_usage", "%", 1, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_NO_PART, "memory_usage", "%", 1, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_NO_PART, "swap_usage", "%", 1, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_NO_PART, "disk_usage", "%", 1, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_NO_PART, "temperature", "°C", 1, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_NO_PART, "load_average", "", 2, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_NO_PART, "load_average_5m", "", 2, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_NO_PART, "load_average_15m", "", 2, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_NO_PART, "memory_total", "bytes", 0, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_NO_PART, "memory_available", "bytes", 0, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_NO_PART, "uptime", "s", 0, BX_GAUGE, BX_LIVE },
	{ BX_HOST, BX_NO_PART, "processes", "", 0, BX_GAUGE, BX_LIVE },
	{ BX_HOST, BX_DISKS, "usage", "%", 1, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_DISKS, "free", "bytes", 0, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_DISKS, "inodes", "%", 1, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_DISKS, "read_only", "", 0, BX_YES_NO, BX_STORED },
	{ BX_HOST, BX_DISKS, "read", "bytes", 0, BX_COUNTER, BX_STORED },
	{ BX_HOST, BX_DISKS, "written", "bytes", 0, BX_COUNTER, BX_STORED },
	{ BX_HOST, BX_INTERFACES, "receive_rate", "bytes/s", 0, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_INTERFACES, "transmit_rate", "bytes/s", 0, BX_GAUGE, BX_STORED },
	{ BX_HOST, BX_INTERFACES, "errors", "", 0, BX_COUNTER, BX_STORED },
	{ BX_HOST, BX_INTERFACES, "up", "", 0, BX_YES_NO, BX_STORED },
	{ BX_HOST, BX_NO_PART, "throttled", "", 0, BX_YES_NO, BX_STORED },
	{ BX_HOST, BX_NO_PART, "undervoltage", "", 0, BX_YES_NO, BX_STORED },
	{ BX_HOST, BX_NO_PART, "frequency_capped", "", 0, BX_YES_NO, BX_STORED },
	{ BX_HOST, BX_NO_PART, "clock_synchronised", "", 0, BX_YES_NO, BX_STORED },

	{ BX_DATABASE, BX_NO_PART, "size", "bytes", 0, BX_GAUGE, BX_STORED },
	{ BX_DATABASE, BX_NO_PART, "wal_size", "bytes", 0, BX_GAUGE, BX_STORED },
	{ BX_DATABASE, BX_NO_PART, "free_size", "bytes", 0, BX_GAUGE, BX_STORED },
	{ BX_DATABASE, BX_NO_PART, "samples", "", 0, BX_GAUGE, BX_STORED },
	{ BX_DATABASE, BX_NO_PART, "events", "", 0, BX_GAUGE, BX_STORED },
	{ BX_DATABASE, BX_NO_PART, "ingest_rate", "samples/s", 1, BX_GAUGE, BX_STORED },
	{ BX_DATABASE, BX_NO_PART, "commit_time", "ms", 1, BX_GAUGE, BX_STORED },
	{ BX_DATABASE, BX_NO_PART, "query_time", "ms", 1, BX_GAUGE, BX_STORED },
	{ BX_DATABASE, BX_NO_PART, "written", "bytes", 0, BX_COUNTER, BX_STORED },
	{ BX_DATABASE, BX_PUBLISHERS, "backlog", "", 0, BX_GAUGE, BX_STORED },
	{ BX_DATABASE, BX_NO_PART, "app_size", "bytes", 0, BX_GAUGE, BX_STORED },
	{ BX_DATABASE, BX_NO_PART, "app_query_time", "ms", 1, BX_GAUGE, BX_STORED },
	{ BX_DATABASE, BX_APP_TABLES, "rows", "", 0, BX_GAUGE, BX_STORED },

	{ BX_ENDPOINT, BX_NO_PART, "up", "", 0, BX_YES_NO, BX_STORED },
	{ BX_ENDPOINT, BX_NO_PART, "response_time", "ms", 1, BX_GAUGE, BX_STORED },
	{ BX_ENDPOINT, BX_NO_PART, "status", "", 0, BX_GAUGE, BX_STORED },
	{ BX_ENDPOINT, BX_NO_PART, "certificate_days", "d", 0, BX_GAUGE, BX_STORED },

	{ BX_UNIT, BX_NO_PART, "state", "", 0, BX_WORD, BX_STORED },
	{ BX_UNIT, BX_NO_PART, "since", "", 0, BX_MOMENT, BX_LIVE },
	{ BX_UNIT, BX_NO_PART, "restarts", "", 0, BX_COUNTER, BX_STORED },

	{ BX_SERVICE, BX_NO_PART, "rss", "bytes", 0, BX_GAUGE, BX_STORED },
	{ BX_SERVICE, BX_NO_PART, "pss", "bytes", 0, BX_GAUGE, BX_STORED },
	{ BX_SERVICE, BX_NO_PART, "cpu", "%", 2, BX_GAUGE, BX_STORED },
	{ BX_SERVICE, BX_NO_PART, "loop_lag", "ms", 0, BX_GAUGE, BX_STORED },
	{ BX_SERVICE, BX_NO_PART, "messages_in", "", 0, BX_COUNTER, BX_STORED },
	{ BX_SERVICE, BX_NO_PART, "messages_out", "", 0, BX_COUNTER, BX_STORED },
	{ BX_SERVICE, BX_NO_PART, "queue", "", 0, BX_GAUGE, BX_STORED },
	{ BX_SERVICE, BX_NO_PART, "errors", "", 0, BX_COUNTER, BX_STORED },
};

static void has_every_quantity_that_shipped_under_its_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(shipped); i++)
		if (bx_catalog_find(shipped[i].scope, shipped[i].part, shipped[i].name) == BX_METRIC_COUNT)
			fail_msg("%s %s '%s' is gone", bx_scope_word(shipped[i].scope),
				bx_part_key(shipped[i].part), shipped[i].name);
}

static void keeps_unit_decimals_kind_and_store_of_what_shipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(shipped); i++) {
		enum bx_metric metric = bx_catalog_find(shipped[i].scope, shipped[i].part, shipped[i].name);
		if (metric == BX_METRIC_COUNT)
			continue; /* the test above says so */
		const struct bx_row *row = bx_catalog_row(metric);
		if (strcmp(row->unit, shipped[i].unit) != 0 || row->decimals != shipped[i].decimals ||
			row->kind != shipped[i].kind || row->store != shipped[i].store)
			fail_msg("%s '%s': unit '%s', %d decimals, kind %d, store %d",
				bx_scope_word(shipped[i].scope), shipped[i].name, row->unit, row->decimals,
				row->kind, row->store);
	}
}

static void keeps_the_places_of_words_that_shipped(void **state)
{
	(void)state;
	/* a word is recorded as its place: one in between would rewrite the past */
	static const struct {
		enum bx_metric metric;
		const char *words[10];
	} cases[] = {
		{ BX_MINER_STATE,
			{ "mining", "starting", "paused", "stopped", "overheated", "fault", "no_asic" } },
		{ BX_UNIT_STATE,
			{ "running", "stopped", "starting", "stopping", "failed", "restarting", "missing" } },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		for (int place = 0; cases[i].words[place]; place++)
			if (bx_catalog_place(cases[i].metric, cases[i].words[place]) != place)
				fail_msg("'%s' is at %d", cases[i].words[place],
					bx_catalog_place(cases[i].metric, cases[i].words[place]));
}

/* --- the table itself --- */

static void finds_each_row_by_its_name_in_each_of_its_scopes(void **state)
{
	(void)state;
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++) {
		const struct bx_row *row = bx_catalog_row((enum bx_metric)metric);
		for (unsigned scope = BX_MINER; scope <= BX_CUSTOM; scope <<= 1) {
			enum bx_metric found = bx_catalog_find((enum bx_scope)scope, row->part, row->name);
			if ((row->scopes & scope) && found != (enum bx_metric)metric)
				fail_msg("%s '%s' comes twice", bx_scope_word((enum bx_scope)scope),
					row->name);
		}
	}
}

static void no_row_is_without_what_every_row_has(void **state)
{
	(void)state;
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++) {
		const struct bx_row *row = bx_catalog_row((enum bx_metric)metric);
		if (!row->name || !row->unit || !row->label || !row->label[0] || row->scopes == 0)
			fail_msg("row %d '%s'", metric, row->name ? row->name : "");
		if (row->name[strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
			fail_msg("'%s' is no name", row->name);
		if (row->decimals < 0 || row->decimals > 6) /* what bx_round has */
			fail_msg("'%s' has %d decimals", row->name, row->decimals);
		if ((row->words != NULL) != (row->kind == BX_WORD))
			fail_msg("'%s' is a word or has words, not both", row->name);
		if (!bx_is_utf8(row->label, strlen(row->label)) || !bx_is_utf8(row->unit, strlen(row->unit)))
			fail_msg("'%s' is not UTF-8", row->name);
	}
}

static void no_row_is_called_as_a_part_or_the_time(void **state)
{
	(void)state;
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++) {
		const char *name = bx_catalog_row((enum bx_metric)metric)->name;
		if (strcmp(name, "time") == 0)
			fail_msg("row %d is called 'time'", metric);
		for (int part = BX_NO_PART + 1; part < BX_PART_COUNT; part++)
			if (strcmp(name, bx_part_key((enum bx_part)part)) == 0)
				fail_msg("row %d is called as a part, '%s'", metric, name);
	}
}

static void no_two_rows_of_a_scope_share_a_prometheus_series(void **state)
{
	(void)state;
	for (int one = 0; one < BX_METRIC_COUNT; one++) {
		const struct bx_row *row = bx_catalog_row((enum bx_metric)one);
		for (int two = 0; two < one && row->prometheus.name; two++) {
			const struct bx_row *other = bx_catalog_row((enum bx_metric)two);
			bool same = other->prometheus.name && (row->scopes & other->scopes) &&
				strcmp(row->prometheus.name, other->prometheus.name) == 0;
			bool apart = row->prometheus.label_value && other->prometheus.label_value &&
				strcmp(row->prometheus.label_value, other->prometheus.label_value) != 0;
			if (same && !apart)
				fail_msg("%s of '%s' and '%s'", row->prometheus.name, row->name, other->name);
		}
	}
}

static void exports_counters_as_totals_and_nothing_else(void **state)
{
	(void)state;
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++) {
		const struct bx_row *row = bx_catalog_row((enum bx_metric)metric);
		const char *name = row->prometheus.name;
		if (!name)
			continue;
		bool total = strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
		if (total != (row->kind == BX_COUNTER))
			fail_msg("'%s' is exported as %s", row->name, name);
		if (!(row->prometheus.factor > 0))
			fail_msg("'%s' has the factor %g", row->name, row->prometheus.factor);
	}
}

/* --- looking up --- */

static void finds_nothing_by_a_wrong_name_scope_or_part(void **state)
{
	(void)state;
	static const struct {
		enum bx_scope scope;
		enum bx_part part;
		const char *name;
	} cases[] = {
		{ BX_MINER, BX_NO_PART, "" },
		{ BX_MINER, BX_NO_PART, "Hashrate" },
		{ BX_MINER, BX_NO_PART, "hashrate " },
		{ BX_MINER, BX_NO_PART, "hash" },
		{ BX_MINER, BX_NO_PART, "\xFF" },
		{ BX_MINER, BX_NO_PART, "cpu_usage" },
		{ BX_HOST, BX_NO_PART, "hashrate" },
		{ BX_HOST, BX_NO_PART, "usage" },
		{ BX_HOST, BX_ASICS, "hashrate" },
		{ BX_CUSTOM, BX_NO_PART, "hashrate" },
	};
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		if (bx_catalog_find(cases[i].scope, cases[i].part, cases[i].name) != BX_METRIC_COUNT)
			fail_msg("row %zu: '%s'", i, cases[i].name);
}

static void every_scope_has_a_word_that_leads_back(void **state)
{
	(void)state;
	static const struct {
		enum bx_scope scope;
		const char *word;
	} cases[] = { { BX_MINER, "miner" }, { BX_FLEET, "fleet" }, { BX_HOST, "host" },
		{ BX_DATABASE, "database" }, { BX_ENDPOINT, "endpoint" }, { BX_UNIT, "unit" },
		{ BX_SERVICE, "service" }, { BX_CUSTOM, "custom" } };
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		if (strcmp(bx_scope_word(cases[i].scope), cases[i].word) != 0 ||
			bx_scope_of(cases[i].word) != cases[i].scope)
			fail_msg("%s", cases[i].word);
}

static void knows_no_other_scope(void **state)
{
	(void)state;
	static const char *const unknown[] = { "", "Miner", "miners", "mine", "\xFF" };
	for (size_t i = 0; i < BX_COUNT(unknown); i++)
		if (bx_scope_of(unknown[i]) != 0)
			fail_msg("'%s'", unknown[i]);
}

static void calls_parts_as_the_catalogue_does(void **state)
{
	(void)state;
	static const struct {
		enum bx_part part;
		const char *key, *series;
	} cases[] = { { BX_ASICS, "asics", "asic" }, { BX_DISKS, "disks", "disk" },
		{ BX_INTERFACES, "interfaces", "interface" } };
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		if (strcmp(bx_part_key(cases[i].part), cases[i].key) != 0 ||
			strcmp(bx_part_series(cases[i].part), cases[i].series) != 0)
			fail_msg("%s", cases[i].key);
}

static void every_word_fits_and_leads_back_to_its_place(void **state)
{
	(void)state;
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++) {
		const char *words = bx_catalog_row((enum bx_metric)metric)->words;
		int place = 0;
		for (const char *at = words; at && *at; at += strcspn(at, " "), at += *at == ' ', place++) {
			size_t length = strcspn(at, " ");
			char word[BX_WORD_SIZE];
			if (length == 0 || length >= BX_WORD_SIZE)
				fail_msg("word %d of '%s' has %zu bytes", place, words, length);
			if (!bx_catalog_word((enum bx_metric)metric, place, word) || strlen(word) != length ||
				strncmp(word, at, length) != 0 ||
				bx_catalog_place((enum bx_metric)metric, word) != place)
				fail_msg("word %d of '%s'", place, words);
		}
	}
}

static void has_no_word_beside_its_list(void **state)
{
	(void)state;
	char word[BX_WORD_SIZE];
	assert_false(bx_catalog_word(BX_MINER_STATE, -1, word));
	assert_false(bx_catalog_word(BX_MINER_STATE, 7, word));
	assert_false(bx_catalog_word(BX_MINER_STATE, 1000000, word));
	assert_false(bx_catalog_word(BX_HASHRATE, 0, word));
	assert_int_equal(bx_catalog_place(BX_MINER_STATE, ""), -1);
	assert_int_equal(bx_catalog_place(BX_MINER_STATE, "mining starting"), -1);
	assert_int_equal(bx_catalog_place(BX_MINER_STATE, "minin"), -1);
	assert_int_equal(bx_catalog_place(BX_HASHRATE, "mining"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_every_quantity_that_shipped_under_its_name),
		cmocka_unit_test(keeps_unit_decimals_kind_and_store_of_what_shipped),
		cmocka_unit_test(keeps_the_places_of_words_that_shipped),
		cmocka_unit_test(finds_each_row_by_its_name_in_each_of_its_scopes),
		cmocka_unit_test(no_row_is_without_what_every_row_has),
		cmocka_unit_test(no_row_is_called_as_a_part_or_the_time),
		cmocka_unit_test(no_two_rows_of_a_scope_share_a_prometheus_series),
		cmocka_unit_test(exports_counters_as_totals_and_nothing_else),
		cmocka_unit_test(finds_nothing_by_a_wrong_name_scope_or_part),
		cmocka_unit_test(every_scope_has_a_word_that_leads_back),
		cmocka_unit_test(knows_no_other_scope),
		cmocka_unit_test(calls_parts_as_the_catalogue_does),
		cmocka_unit_test(every_word_fits_and_leads_back_to_its_place),
		cmocka_unit_test(has_no_word_beside_its_list),
	};
	return cmocka_run_group_tests_name("contract/catalog", tests, NULL, NULL);
}
