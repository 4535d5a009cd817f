/* What each known firmware's answer means, worked out by hand from the sample and from how that firmware fills it. */
#include "services/collector/axeos.h"

#include "libbus/base/file.h"
#include "libbus/base/json.h"
#include "libbus/base/memory.h"
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NONE (-1.0) /* absent */

/* --- the samples --- */

static const struct sample {
	const char *file;
	double hashrate, hashrate_10m, expected, power, chip, regulator, rpm, accepted, rejected, best,
		uptime;
	const char *model, *dialect, *mac;
	bool hashing;
} samples[] = {
	/* clang-format off */
	{ "clone-bitdsk-2024-07", 429.2, NONE, 433.6, 11.8, 56, NONE, 4521, 1204, 3, 88.1e6, 86423, "Ultra", "axeos", "", true },
	{ "clone-luckyminer-lv06-2.1.10", 441.52, NONE, 447, 13, 61, NONE, 4521, 1204, 3, 310e6, 86423, "Ultra", "axeos", "", true },
	{ "clone-lvxx-v2.10-booleans", 859.4, NONE, 867.2, 24.1, 58.2, 55, 3301, 4121, 9, 1.21e9, 191022, "LV07", "axeos", "02:00:5E:10:00:12", true },
	{ "fork-nmaxe-v3.0.21-nested", 1068.5, NONE, 1071, 17.3, 58, 51.5, 4120, 1203, 4, 5.07e9, 86211, "NMAxe-Gamma", "nmaxe", "", true },
	{ "gamma-601-v2.11.0", 1073.22, NONE, 1071, 17.6, 59.3, 53, 4521, 1204, 3, 5073118244, 86423, "Gamma", "axeos", "02:00:5E:10:00:0A", true },
	{ "gamma-601-v2.4.5", 1080.44, NONE, 1071, 17.2, 58.4, 52, 4521, 1204, 3, 5.07e9, 86423, "Gamma", "axeos", "02:00:5E:10:00:05", true },
	{ "gamma-602-v2.13.2", 1074.62, 1071.44, 1071, 17.9, 60.3, 54, 4521, 1204, 3, 1882004119, 86423, "Gamma", "axeos", "02:00:5E:10:00:0C", true },
	{ "gamma-602-v2.15.0", 1072.31, 1071.6, 1071, 17.9, 59.9, 53, 4521, 1204, 3, 1882004119, 86423, "Gamma", "axeos", "02:00:5E:10:00:0E", true },
	{ "gamma-602-v2.8.1", 1069.72, NONE, 1071, 18, 60.1, 55, 4521, 1204, 3, 1.88e9, 86423, "Gamma", "axeos", "02:00:5E:10:00:07", true },
	{ "gammaduo-650-v2.15.0", 1628.8, 1629.1, 1632, 31.2, 61.1, 63, 5210, 1204, 3, 2201004119, 86423, "GammaDuo", "axeos", "02:00:5E:10:00:10", true },
	{ "gt-800-v2.10.1", 2238.12, NONE, 2245, 39.1, 60.3, 60, 3127, 1204, 3, 9.61e9, 86423, "GammaTurbo", "axeos", "02:00:5E:10:00:09", true },
	{ "gt-800-v2.9.0", 2139.9, NONE, 2142, 37.4, 59.5, 58, 2810, 1204, 3, 9.61e9, 86423, "GammaTurbo", "axeos", "02:00:5E:10:00:08", true },
	{ "gt-801-v2.15.0", 2141.8, 2140.9, 2142, 37.9, 60.5, 61, 2903, 1204, 3, 9610045114, 86423, "GammaTurbo", "axeos", "02:00:5E:10:00:0F", true },
	{ "hex-302-v2.12.2", 2588.4, 2587.02, 2601.5, 58.9, 61.5, 64, 2412, 1204, 3, 31120945114, 86423, "Hex", "axeos", "02:00:5E:10:00:0B", true },
	{ "luckyminer-lv07-v2.15.0", 864.2, 865.1, 867.2, 24.6, 59.3, 56, 3312, 1204, 3, 410004119, 86423, "LV07", "axeos", "02:00:5E:10:00:11", true },
	{ "max-2.2-v2.0.3", 281.42, NONE, 285.6, 11.4, 52.8, NONE, 4521, 5121, 41, 61.2e6, 86423, "BM1397", "axeos", "", true },
	{ "nerdoctaxe-gamma-v1.0.37.1", 9768.5, 9779.5, 9792, 158.5, 61.3, 71.5, 1980, 1204, 3, 12044118233, 86420, "NerdOCTAXE-\u03b3", "nerdqaxe", "02:00:5E:20:00:02", true },
	{ "nerdqaxeplus-v1.0.14", 2491.25, 2491.25, 2501, 61.8, 56.5, 55.3, 1980, 1204, 3, 1.2e9, 86420, "BM1368", "nerdqaxe", "", true },
	{ "nerdqaxeplus2-v1.0.30", 4881.25, 4887.75, 4896, 77.5, 58.8, 62.5, 1980, 1204, 3, 12e9, 86420, "NerdQAxe++", "nerdqaxe", "02:00:5E:20:00:01", true },
	{ "nerdqaxeplus2-v1.0.36", 4881.25, 4887.75, 4896, 77.5, 58.8, 62.5, 1980, 1204, 3, 12044118233, 86420, "NerdQAxe++", "nerdqaxe", "02:00:5E:20:00:01", true },
	{ "nerdqaxeplus2-v1.0.38-alpha9-dualpool", 4881.25, 4887.75, 4896, 77.5, 58.8, 62.5, 1980, 1204, 3, 12044118233, 86420, "NerdQAxe++", "nerdqaxe", "02:00:5E:20:00:01", true },
	{ "supra-401-v2.2.2", 617.8, NONE, 625.2, 12.8, 57, NONE, 4521, 1204, 3, 2.31e9, 86423, "Supra", "axeos", "", true },
	{ "supra-402-v2.6.5", 629.12, NONE, 625.2, 14.4, 56.3, 49, 4521, 1204, 3, 14.9e9, 86423, "Supra", "axeos", "02:00:5E:10:00:06", true },
	{ "suprahex-701-v2.14.2", 3742.1, 3740.2, 3751.4, 101.4, 63.3, 71, 2710, 1204, 3, 88120945114, 86423, "SupraHex", "axeos", "02:00:5E:10:00:0D", true },
	{ "ultra-204-v2.1.8", 431.92, NONE, 433.6, 11.7, 55, NONE, 4521, 33102, 3, 4.29e9, 86423, "Ultra", "axeos", "", true },
	{ "ultra-205-v2.3.0", 437.09, NONE, 433.6, 11.9, 54, NONE, 3904, 1204, 3, 912e6, 86423, "Ultra", "axeos", "02:00:5E:10:00:04", true },
	/* no chip was found at boot: uptime stays 0 */
	{ "faults/asic-not-detected-v2.15.0", 0, NONE, 1071, 5.4, NONE, 53, 5433, 0, 0, 1882004119, 0, "Gamma", "axeos", "02:00:5E:10:00:0E", true },
	{ "faults/fallback-pool-v2.13.2", 1074.62, 1071.44, 1071, 17.9, 60.3, 54, 4521, 12, 0, 1882004119, 402211, "Gamma", "axeos", "02:00:5E:10:00:0C", true },
	/* 960 rpm is a stop */
	{ "faults/fan-stopped-gt-801-v2.15.0", 2139.1, 2140.9, 2142, 38.4, 72.8, 83, 0, 1204, 3, 9610045114, 86423, "GammaTurbo", "axeos", "02:00:5E:10:00:28", true },
	{ "faults/fan-stopped-v2.8.1", 1061.33, NONE, 1071, 18.6, 73.9, 86, 0, 1204, 3, 1.88e9, 86423, "Gamma", "axeos", "02:00:5E:10:00:23", true },
	/* one answer cannot tell that it is frozen */
	{ "faults/frozen-hashrate-1-v2.12.2", 1074.62, 1071.44, 1071, 17.9, 60.3, 54, 4521, 2210, 3, 1882004119, 150020, "Gamma", "axeos", "02:00:5E:10:00:21", true },
	{ "faults/frozen-hashrate-2-v2.12.2", 1074.62, 1071.44, 1071, 9.9, 51.1, 54, 4521, 2210, 3, 1882004119, 150620, "Gamma", "axeos", "02:00:5E:10:00:21", true },
	/* expectedHashrate 0: worked out; averages of before: not believed */
	{ "faults/hardware-fault-fan-v2.14.2", 0, NONE, 1071, 5, NONE, 41, 0, 1204, 3, 1882004119, 86423, "Gamma", "axeos", "02:00:5E:10:00:26", false },
	{ "faults/high-error-percentage-v2.15.0", 1188.4, 1190.3, 1326, 17.9, 59.9, 53, 4521, 1204, 3, 1882004119, 86423, "Gamma", "axeos", "02:00:5E:10:00:0E", true },
	{ "faults/high-rejects-v2.13.2", 1074.62, 1071.44, 1071, 17.9, 60.3, 54, 4521, 902, 101, 1882004119, 86423, "Gamma", "axeos", "02:00:5E:10:00:0C", true },
	/* zeros mean "not read yet" */
	{ "faults/just-booted-v2.15.0", NONE, NONE, 1071, NONE, NONE, NONE, NONE, NONE, NONE, 1882004119, 0, "Gamma", "axeos", "02:00:5E:10:00:0E", false },
	{ "faults/mining-paused-v2.15.0", 0, NONE, 1071, 5, NONE, 33, 2551, 1204, 3, 1882004119, 86423, "Gamma", "axeos", "02:00:5E:10:00:0E", false },
	/* core off: hashRate and its averages are frozen */
	{ "faults/nerdqaxe-overheat-trip-v1.0.36", 0, NONE, 4896, 5.5, 38.5, 44, 3120, 1204, 3, 12044118233, 86420, "NerdQAxe++", "nerdqaxe", "02:00:5E:20:00:01", false },
	{ "faults/nerdqaxe-pool-disconnected-v1.0.36", 4881.25, 4887.75, 4896, 77.5, 58.8, 62.5, 1980, 1204, 3, 12044118233, 86420, "NerdQAxe++", "nerdqaxe", "02:00:5E:20:00:01", true },
	{ "faults/nerdqaxe-shutdown-v1.0.36", 0, NONE, 4896, 6.3, 33.5, 35, 1980, 1204, 3, 12044118233, 86420, "NerdQAxe++", "nerdqaxe", "02:00:5E:20:00:01", false },
	{ "faults/no-sensor-supra-v2.4.5", 618.88, NONE, 625.2, 12.7, NONE, NONE, 4521, 1204, 3, 2.31e9, 86423, "Supra", "axeos", "02:00:5E:10:00:25", true },
	{ "faults/null-values-v2.10.1", NONE, NONE, 1071, 17.4, 59.5, 53, 4521, 1204, 3, 1.88e9, 86423, "Gamma", "axeos", "02:00:5E:10:00:27", true },
	{ "faults/one-asic-dead-hex-v2.12.2", 2156.4, 2155.9, 2601.5, 51.3, 58.3, 58, 2402, 1204, 3, 31120945114, 86423, "Hex", "axeos", "02:00:5E:10:00:24", true },
	/* cooling: power, chip and fan are what was before */
	{ "faults/overheated-cooling-v2.12.2", 0, NONE, 1071, NONE, NONE, 71, NONE, 1204, 3, 1882004119, 86423, "Gamma", "axeos", "02:00:5E:10:00:21", false },
	/* latched at 50 MHz */
	{ "faults/overheated-latched-v2.9.0", 98.44, NONE, 102, 6.2, 31.5, 34, 7012, 2, 0, 1.88e9, 1504, "Gamma", "axeos", "02:00:5E:10:00:20", true },
	{ "faults/overheated-recovered-v2.12.2", 866.2, 866.8, 867, 13.2, 48.5, 45, 7011, 1204, 3, 1882004119, 86423, "Gamma", "axeos", "02:00:5E:10:00:21", true },
	{ "faults/pools-unreachable-v2.15.0", 0, NONE, 1071, 5, NONE, 31, 2544, 0, 0, 1882004119, 86423, "Gamma", "axeos", "02:00:5E:10:00:0E", false },
	{ "faults/power-fault-v2.11.0", 0, NONE, 1071, 5, 27.3, 29, 2310, 881, 0, 1882004119, 31102, "Gamma", "axeos", "02:00:5E:10:00:22", false },
	{ "faults/response-time-absurd-v2.9.0", 1071.02, NONE, 1071, 17.4, 59.5, 53, 4521, 1204, 3, 1.88e9, 86423, "Gamma", "axeos", "02:00:5E:10:00:20", true },
	{ "faults/weak-wifi-v2.13.2", 1074.62, 1071.44, 1071, 17.9, 60.3, 54, 4521, 1204, 22, 1882004119, 86423, "Gamma", "axeos", "02:00:5E:10:00:0C", true },
	/* clang-format on */
};

static char *read_sample(const char *file, size_t *size)
{
	char path[512];
	struct bx_error error = { 0 };
	(void)snprintf(path, sizeof path, "%s/%s.json", BODIES, file);
	char *body = bx_file_read(path, AXEOS_BYTES_MAX, size, &error);
	if (!body)
		fail_msg("%s", error.message);
	return body;
}

static bool read_text(const char *body, struct axeos_reading *reading)
{
	struct bx_error error;
	return axeos_read(body, strlen(body), reading, &error);
}

static void must_read(const char *body, struct axeos_reading *reading)
{
	struct bx_error error = { 0 };
	if (!axeos_read(body, strlen(body), reading, &error))
		fail_msg("%s: %s", error.message, body);
}

/* cmocka's own compares floats. */
static void assert_near(double found, double expected, double most)
{
	if (!(fabs(found - expected) <= most))
		fail_msg("%f is not %f", found, expected);
}

static double value_of(const struct axeos_reading *reading, enum bx_metric metric)
{
	double value;
	return bx_values_get(&reading->values, metric, &value) ? value : NONE;
}

static void check_value(
	const char *file, const struct axeos_reading *reading, enum bx_metric metric, double expected)
{
	double value = value_of(reading, metric);
	if (fabs(value - expected) > 1e-6)
		fail_msg("%s: %s is %f, not %f (-1: absent)", file, bx_catalog_row(metric)->name, value,
			expected);
}

static void check_text(const char *file, const char *what, const char *found, const char *expected)
{
	if (strcmp(found, expected) != 0)
		fail_msg("%s: %s is '%s', not '%s'", file, what, found, expected);
}

static void reads_every_known_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(samples); i++) {
		const struct sample *sample = &samples[i];
		size_t size;
		BX_OWNED(free) char *body = read_sample(sample->file, &size);
		struct axeos_reading reading;
		must_read(body, &reading);

		check_value(sample->file, &reading, BX_HASHRATE, sample->hashrate);
		check_value(sample->file, &reading, BX_HASHRATE_10M, sample->hashrate_10m);
		check_value(sample->file, &reading, BX_HASHRATE_EXPECTED, sample->expected);
		check_value(sample->file, &reading, BX_POWER, sample->power);
		check_value(sample->file, &reading, BX_ASIC_TEMPERATURE, sample->chip);
		check_value(sample->file, &reading, BX_VR_TEMPERATURE, sample->regulator);
		check_value(sample->file, &reading, BX_FAN_RPM, sample->rpm);
		check_value(sample->file, &reading, BX_SHARES_ACCEPTED, sample->accepted);
		check_value(sample->file, &reading, BX_SHARES_REJECTED, sample->rejected);
		check_value(sample->file, &reading, BX_BEST_DIFFICULTY, sample->best);
		check_value(sample->file, &reading, BX_UPTIME, sample->uptime);
		check_text(sample->file, "model", reading.facts.model, sample->model);
		check_text(sample->file, "dialect", reading.facts.dialect, sample->dialect);
		check_text(sample->file, "mac", reading.facts.mac, sample->mac);
		if (reading.hashing != sample->hashing)
			fail_msg("%s: hashing is %d", sample->file, reading.hashing);
		if (reading.values.left_out > 0)
			fail_msg("%s: %u fields were not understood", sample->file, reading.values.left_out);
	}
}

static bool is_in_table(const char *name)
{
	for (size_t i = 0; i < BX_COUNT(samples); i++) {
		const char *file = strrchr(samples[i].file, '/');
		file = file ? file + 1 : samples[i].file;
		if (strncmp(file, name, strlen(file)) == 0 && strcmp(name + strlen(file), ".json") == 0)
			return true;
	}
	return false;
}

static void leaves_no_sample_out(void **state)
{
	static const char *const folders[] = { BODIES, BODIES "/faults" };
	size_t count = 0;
	(void)state;
	for (size_t i = 0; i < BX_COUNT(folders); i++) {
		DIR *folder = opendir(folders[i]);
		assert_non_null(folder);
		for (struct dirent *entry; (entry = readdir(folder));) {
			if (!strstr(entry->d_name, ".json"))
				continue;
			count++;
			if (!is_in_table(entry->d_name))
				fail_msg("%s/%s is in no row of the table", folders[i], entry->d_name);
		}
		(void)closedir(folder);
	}
	assert_int_equal(count, BX_COUNT(samples));
}

/* --- secrets --- */

static void must_not_have(const char *where, const struct axeos_reading *reading, const char *secret)
{
	struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX);
	bx_payload_encode(BX_MINER_INFO, &reading->facts, &text);
	bx_values_encode(&reading->values, &text);
	if (strstr(text.data, secret))
		fail_msg("%s: %s is in %s", where, secret, text.data);
	bx_text_done(&text);
}

static void says_no_password_and_no_whole_wallet_of_any_sample(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(samples); i++) {
		size_t size;
		BX_OWNED(free) char *body = read_sample(samples[i].file, &size);
		struct axeos_reading reading;
		must_read(body, &reading);
		assert_non_null(strstr(body, "bc1qexampleexampleexampleexampleexampleexample"));
		must_not_have(samples[i].file, &reading, "not-a-real");
		must_not_have(samples[i].file, &reading, "bc1qexample");
		must_not_have(samples[i].file, &reading, "example-wifi");
	}
}

static void says_no_password_wherever_it_stands(void **state)
{
	struct axeos_reading reading;
	(void)state;
	must_read(
		"{\"ASICModel\":\"BM1370\",\"hashRate\":1,\"wifiPass\":\"S3CRET\",\"stratumPassword\":\"S3CRET\","
		"\"fallbackStratumPassword\":\"S3CRET\",\"pwd\":\"S3CRET\",\"ssid\":\"S3CRET\","
		"\"pools\":[{\"stratumPassword\":\"S3CRET\",\"stratumUser\":\"S3CRET\"}],"
		"\"stratum\":{\"pwd\":\"S3CRET\"}}",
		&reading);
	must_not_have("made", &reading, "S3CRET");
}

static void shortens_the_wallet_and_keeps_the_worker(void **state)
{
	static const struct {
		const char *user, *shown;
	} cases[] = {
		{ "bc1qexampleexampleexampleexampleexampleexample.bitaxe", "bc1qe..mple.bitaxe" },
		{ "bc1qexampleexampleexampleexampleexampleexample", "bc1qe..mple" },
		{ "bc1qexampleexampleexampleexampleexampleexample.a-very-long-worker-name",
			"bc1qe..mple.a-very-long" },
		{ "alice.gamma", "alice.gamma" },
		{ "alice", "alice" },
		{ "", "" },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char body[300];
		struct axeos_reading reading;
		(void)snprintf(body, sizeof body,
			"{\"ASICModel\":\"BM1370\",\"hashRate\":1,\"stratumUser\":\"%s\"}", cases[i].user);
		must_read(body, &reading);
		assert_string_equal(reading.facts.pool_user, cases[i].shown);
	}
}

/* --- single fields --- */

static void reads_difficulties_as_firmware_prints_them(void **state)
{
	static const struct {
		const char *json;
		double difficulty;
	} cases[] = {
		{ "\"4.29G\"", 4.29e9 },
		{ "\"118M\"", 118e6 },
		{ "\"1e+03M\"", 1e9 },
		{ "\"349.12M\"", 349.12e6 },
		{ "\"349.12 M\"", 349.12e6 },
		{ "\"1.5k\"", 1500 },
		{ "\"1.5K\"", 1500 },
		{ "\"1.2T\"", 1.2e12 },
		{ "\"2P\"", 2e15 },
		{ "\"2E\"", 2e18 },
		{ "\"77\"", 77 },
		{ "1882004119", 1882004119 },
		{ "1.882e9", 1.882e9 },
		{ "\"0\"", NONE },
		{ "\"0 \"", NONE },
		{ "0", NONE },
		{ "\"\"", NONE },
		{ "\"G\"", NONE },
		{ "\"4.29GG\"", NONE },
		{ "\"4.29 Gigs\"", NONE },
		{ "\"4.29X\"", NONE },
		{ "\"-5\"", NONE },
		{ "\"inf\"", NONE },
		{ "\"0x10\"", NONE },
		{ "\"1e400\"", NONE },
		{ "\"99999999999999999999999999999999999999999\"", NONE },
		{ "null", NONE },
		{ "true", NONE },
		{ "[1]", NONE },
		{ "{}", NONE },
		{ "1e30", NONE },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char body[200];
		struct axeos_reading reading;
		(void)snprintf(body, sizeof body, "{\"ASICModel\":\"BM1370\",\"hashRate\":1,\"bestDiff\":%s}",
			cases[i].json);
		must_read(body, &reading);
		check_value(cases[i].json, &reading, BX_BEST_DIFFICULTY, cases[i].difficulty);
	}
}

static void believes_no_impossible_hashrate(void **state)
{
	static const struct {
		const char *fields;
		double hashrate, hashrate_10m;
	} cases[] = {
		{ "\"hashRate\":1072.31,\"expectedHashrate\":1071", 1072.31, NONE },
		{ "\"hashRate\":0,\"expectedHashrate\":1071", 0, NONE },
		{ "\"hashRate\":3200,\"expectedHashrate\":1071", 3200, NONE },
		{ "\"hashRate\":3300,\"expectedHashrate\":1071", NONE, NONE }, /* a counter's spike */
		{ "\"hashRate\":200000,\"expectedHashrate\":1071", NONE,
			NONE }, /* a large one is no H/s either */
		{ "\"hashRate\":1072310000000,\"expectedHashrate\":1071", 1072.31, NONE },
		{ "\"hashRate\":1072310000000", NONE, NONE },
		{ "\"hashRate\":-5,\"expectedHashrate\":1071", NONE, NONE },
		{ "\"hashRate\":null,\"expectedHashrate\":1071", NONE, NONE },
		{ "\"hashRate\":null,\"hashRate_10m\":1070,\"expectedHashrate\":1071", NONE, 1070 },
		{ "\"hashRate\":{},\"hashRate_10m\":1070,\"expectedHashrate\":1071", NONE, 1070 },
		{ "\"hashRate\":1072.31,\"hashRate_10m\":9999,\"expectedHashrate\":1071", 1072.31, NONE },
		{ "\"hashRate\":1072.31,\"hashRate_10m\":0", 1072.31, NONE },
		{ "\"hashRate\":\"1072.31\"", 1072.31, NONE },
		{ "\"hashRate\":1072.31,\"hashRate_10m\":1070,\"coreVoltageActual\":99", 0, NONE },
		{ "\"hashRate\":1072.31,\"hashRate_10m\":1070,\"coreVoltageActual\":100", 1072.31, 1070 },
		{ "\"hashRate\":1072.31,\"hashRate_10m\":1070,\"coreVoltageActual\":null", 1072.31, 1070 },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char body[200];
		struct axeos_reading reading;
		(void)snprintf(body, sizeof body, "{\"ASICModel\":\"BM9999\",%s}", cases[i].fields);
		must_read(body, &reading);
		check_value(cases[i].fields, &reading, BX_HASHRATE, cases[i].hashrate);
		check_value(cases[i].fields, &reading, BX_HASHRATE_10M, cases[i].hashrate_10m);
	}
}

static void works_out_what_is_expected_where_firmware_does_not_say(void **state)
{
	static const struct {
		const char *fields;
		double expected, asics;
	} cases[] = {
		{ "\"ASICModel\":\"BM1397\",\"frequency\":425", 285.6, 1 },
		{ "\"ASICModel\":\"BM1366\",\"frequency\":485", 433.6, 1 },
		{ "\"ASICModel\":\"BM1368\",\"frequency\":490", 625.2, 1 },
		{ "\"ASICModel\":\"BM1370\",\"frequency\":525", 1071, 1 },
		{ "\"ASICModel\":\"BM1370\",\"frequency\":525,\"smallCoreCount\":0", 1071, 1 },
		{ "\"ASICModel\":\"BM1370\",\"frequency\":525,\"smallCoreCount\":65535", 1071, 1 },
		{ "\"ASICModel\":\"BM1370\",\"frequency\":525,\"smallCoreCount\":1000", 525, 1 },
		{ "\"ASICModel\":\"BM1370\",\"frequency\":525.5,\"asicCount\":2", 2144, 2 },
		{ "\"ASICModel\":\"BM1370\",\"frequency\":525,\"expectedHashrate\":0,\"boardVersion\":\"801\"",
			2142, 2 },
		{ "\"ASICModel\":\"BM1366\",\"frequency\":485,\"expectedHashrate\":0,\"boardVersion\":\"302\"",
			2601.5, 6 },
		{ "\"ASICModel\":\"BM1366\",\"frequency\":485,\"expectedHashrate\":867.18,\"boardVersion\":\"302\"",
			867.2, 2 },
		{ "\"ASICModel\":\"BM1366\",\"frequency\":485,\"expectedHashrate\":0,\"boardVersion\":\"302\","
		  "\"hashrateMonitor\":{\"asics\":[{},{}]}",
			867.2, 2 },
		{ "\"ASICModel\":\"BM1372\",\"frequency\":525", NONE, 1 }, /* a chip that we do not know */
		{ "\"ASICModel\":\"BM1372\",\"frequency\":525,\"smallCoreCount\":65535", NONE, 1 },
		{ "\"ASICModel\":\"BM1370\"", NONE, 1 },
		{ "\"ASICModel\":\"BM1370\",\"frequency\":null", NONE, 1 },
		{ "\"ASICModel\":\"BM1370\",\"frequency\":0", NONE, 1 },
		{ "\"ASICModel\":\"BM1370\",\"frequency\":525,\"asicCount\":0", 1071, 1 },
		{ "\"ASICModel\":\"BM1370\",\"frequency\":525,\"asicCount\":-1", 1071, 1 },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char body[300];
		struct axeos_reading reading;
		(void)snprintf(body, sizeof body, "{\"hashRate\":1,%s}", cases[i].fields);
		must_read(body, &reading);
		check_value(cases[i].fields, &reading, BX_HASHRATE_EXPECTED, cases[i].expected);
		assert_near(reading.facts.asic_count, cases[i].asics, 0);
	}
}

static void takes_no_temperature_that_cannot_be(void **state)
{
	static const struct {
		const char *fields;
		double chip, regulator;
	} cases[] = {
		{ "\"temp\":59.5,\"vrTemp\":53", 59.5, 53 },
		{ "\"temp\":-1,\"vrTemp\":0", NONE, NONE },
		{ "\"temp\":0", NONE, NONE },
		{ "\"temp\":1", NONE, NONE },
		{ "\"temp\":1.5", 1.5, NONE },
		{ "\"temp\":125", NONE, NONE },
		{ "\"temp\":1186,\"vrTemp\":707", NONE, NONE },
		{ "\"temp\":-1,\"temp2\":48.5", 48.5, NONE },
		{ "\"temp\":60,\"temp2\":-1", 60, NONE },
		{ "\"temp\":60,\"temp2\":1186", 60, NONE },
		{ "\"temp\":60,\"temp2\":61", 61, NONE },
		{ "\"temp\":60,\"asicTemps\":[0,62.5,0,61]", 62.5, NONE },
		{ "\"temp\":60,\"asicTemps\":[0,0]", 60, NONE },
		{ "\"temp\":60,\"asicTemps\":[null,\"x\",{},1e308]", 60, NONE },
		{ "\"temp\":null,\"vrTemp\":null", NONE, NONE },
		{ "\"vrTemp\":160", NONE, 160 },
		{ "\"vrTemp\":161", NONE, NONE },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char body[200];
		struct axeos_reading reading;
		(void)snprintf(
			body, sizeof body, "{\"ASICModel\":\"BM1370\",\"hashRate\":1,%s}", cases[i].fields);
		must_read(body, &reading);
		check_value(cases[i].fields, &reading, BX_ASIC_TEMPERATURE, cases[i].chip);
		check_value(cases[i].fields, &reading, BX_VR_TEMPERATURE, cases[i].regulator);
	}
}

static void measures_nothing_of_the_first_second_after_boot(void **state)
{
	static const struct {
		const char *fields;
		bool is_boot;
	} cases[] = {
		{ "\"uptimeSeconds\":0,\"power\":0,\"voltage\":0", true },
		{ "\"uptimeSeconds\":59,\"power\":0,\"voltage\":0", true },
		{ "\"uptimeSeconds\":60,\"power\":0,\"voltage\":0", false },
		{ "\"uptimeSeconds\":5,\"power\":5,\"voltage\":0", false },
		{ "\"uptimeSeconds\":5,\"power\":0,\"voltage\":5062", false },
		{ "\"uptimeSeconds\":5,\"power\":0", false },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char body[300];
		struct axeos_reading reading;
		(void)snprintf(body, sizeof body,
			"{\"ASICModel\":\"BM1370\",\"hashRate\":7,\"fanrpm\":9,\"sharesAccepted\":8,\"frequency\":525,%s}",
			cases[i].fields);
		must_read(body, &reading);
		check_value(cases[i].fields, &reading, BX_HASHRATE, cases[i].is_boot ? NONE : 7);
		check_value(cases[i].fields, &reading, BX_FAN_RPM, cases[i].is_boot ? NONE : 9);
		check_value(cases[i].fields, &reading, BX_SHARES_ACCEPTED, cases[i].is_boot ? NONE : 8);
		check_value(cases[i].fields, &reading, BX_HASHRATE_EXPECTED, 1071);
		assert_int_equal(reading.hashing, !cases[i].is_boot);
	}
}

static void takes_960_rpm_as_a_stop_on_gt_boards_alone(void **state)
{
	static const struct {
		const char *fields;
		double rpm;
	} cases[] = {
		{ "\"boardVersion\":\"800\",\"fanrpm\":960", 0 },
		{ "\"boardVersion\":\"801\",\"fanrpm\":960", 0 },
		{ "\"boardVersion\":\"801\",\"fanrpm\":961", 961 },
		{ "\"boardVersion\":\"602\",\"fanrpm\":960", 960 },
		{ "\"boardVersion\":\"602\",\"fanSpeedRpm\":4000", 4000 },
		{ "\"fanSpeed\":3000", 3000 },
		{ "\"fanrpm\":-1", NONE },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char body[200];
		struct axeos_reading reading;
		(void)snprintf(
			body, sizeof body, "{\"ASICModel\":\"BM1370\",\"hashRate\":1,%s}", cases[i].fields);
		must_read(body, &reading);
		check_value(cases[i].fields, &reading, BX_FAN_RPM, cases[i].rpm);
	}
}

static void takes_a_mac_as_identity_only_where_it_is_one(void **state)
{
	static const struct {
		const char *json, *mac;
	} cases[] = {
		{ "\"02:00:5E:10:00:0E\"", "02:00:5E:10:00:0E" },
		{ "\"02:00:5e:10:00:0e\"", "02:00:5E:10:00:0E" },
		{ "\"00:00:00:00:00:00\"", "" },
		{ "\"02:00:5E:10:00\"", "" },
		{ "\"02:00:5E:10:00:0E:11\"", "" },
		{ "\"02-00-5E-10-00-0E\"", "" },
		{ "\"02:00:5E:10:00:0G\"", "" },
		{ "\"\"", "" },
		{ "null", "" },
		{ "17", "" },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char body[200];
		struct axeos_reading reading;
		(void)snprintf(body, sizeof body, "{\"ASICModel\":\"BM1370\",\"hashRate\":1,\"macAddr\":%s}",
			cases[i].json);
		must_read(body, &reading);
		check_text(cases[i].json, "mac", reading.facts.mac, cases[i].mac);
	}
}

static void names_the_pool_in_use(void **state)
{
	static const struct {
		const char *fields, *host;
		double port;
	} cases[] = {
		{ "\"stratumURL\":\"public-pool.io\",\"stratumPort\":21496", "public-pool.io", 21496 },
		{ "\"stratumURL\":\"stratum+tcp://public-pool.io:21496\"", "public-pool.io", 21496 },
		{ "\"stratumURL\":\"stratum+ssl://public-pool.io:1\",\"stratumPort\":21496", "public-pool.io",
			21496 },
		{ "\"isUsingFallbackStratum\":1,\"stratumURL\":\"a\",\"fallbackStratumURL\":\"b\",\"fallbackStratumPort\":2",
			"b", 2 },
		{ "\"isUsingFallbackStratum\":true,\"stratumURL\":\"a\",\"fallbackStratumURL\":\"b\"", "b",
			NONE },
		{ "\"isUsingFallbackStratum\":0,\"stratumURL\":\"a\",\"fallbackStratumURL\":\"b\"", "a",
			NONE },
		{ "\"stratum\":{\"usingFallback\":true},\"stratumURL\":\"a\",\"fallbackStratumURL\":\"b\"",
			"b", NONE },
		{ "\"stratumURL\":\"a\",\"stratumPort\":-1", "a", NONE },
		{ "\"stratumURL\":\"a\",\"stratumPort\":1e308", "a", NONE },
		{ "\"stratumURL\":null,\"stratumPort\":null", "", NONE },
	};
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char body[300];
		struct axeos_reading reading;
		(void)snprintf(
			body, sizeof body, "{\"ASICModel\":\"BM1370\",\"hashRate\":1,%s}", cases[i].fields);
		must_read(body, &reading);
		check_text(cases[i].fields, "pool_host", reading.facts.pool_host, cases[i].host);
		double port = isnan(reading.facts.pool_port) ? NONE : reading.facts.pool_port;
		assert_near(port, cases[i].port, 0);
	}
}

static void cleans_the_texts_of_others(void **state)
{
	struct axeos_reading reading;
	(void)state;
	must_read("{\"ASICModel\":\"BM1370\",\"hashRate\":1,\"hostname\":\"a\\u001b[31mb\\n\",\"version\":"
		  "\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
		&reading);
	check_text("made", "hostname", reading.facts.hostname, "a [31mb");
	assert_int_equal(strlen(reading.facts.firmware), sizeof reading.facts.firmware - 1);
}

/* --- what is no answer --- */

static void refuses_what_is_no_miner(void **state)
{
	static const char *const bodies[] = { "", " ", "null", "true", "17", "\"text\"", "[]",
		"[{\"ASICModel\":1,\"hashRate\":1}]", "{}", "{\"hashRate\":1}", "{\"ASICModel\":\"BM1370\"}",
		"<html><body>Redirect to the captive portal</body></html>", "Unauthorized",
		"{\"error\":\"unknown route\"}", "{\"miner\":{}}", "{\"miner\":null}",
		"{\"miner\":\"hashRate\"}", "{\"ASICModel\":\"BM1370\",\"hashRate\":1}}",
		"{\"ASICModel\":\"BM1370\",\"hashRate\":1} x", "\xff\xfe", "{\"a\":\"\xff\"}",
		"{\"ASICModel\":\"BM1370\",\"hashRate\":NaN}",
		"{\"ASICModel\":\"BM1370\",\"hashRate\":1e999}" };
	(void)state;
	for (size_t i = 0; i < BX_COUNT(bodies); i++) {
		struct axeos_reading reading;
		struct bx_error error = { 0 };
		if (axeos_read(bodies[i], strlen(bodies[i]), &reading, &error))
			fail_msg("is taken for a miner: %s", bodies[i]);
		assert_int_equal(error.code, BX_INVALID);
		assert_true(error.message[0] != '\0');
	}
}

static void refuses_what_is_huge_or_deep(void **state)
{
	struct axeos_reading reading;
	struct bx_error error;
	size_t size = 1024 * 1024;
	BX_OWNED(free) char *body = bx_alloc(size + 1, 1);
	(void)state;
	memset(body, ' ', size);
	memcpy(body, "{\"ASICModel\":\"BM1370\",\"hashRate\":1}", 35);
	assert_false(axeos_read(body, size, &reading, &error));
	memset(body, '[', size);
	assert_false(axeos_read(body, 200000, &reading, &error));
	assert_int_equal(error.code, BX_INVALID);
}

static const char *const by_dialect[] = { "gamma-602-v2.15.0", "nerdqaxeplus2-v1.0.36",
	"fork-nmaxe-v3.0.21-nested", "clone-lvxx-v2.10-booleans" };

static void refuses_an_answer_cut_at_any_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(by_dialect); i++) {
		size_t size;
		BX_OWNED(free) char *body = read_sample(by_dialect[i], &size);
		while (size > 0 && body[size - 1] != '}')
			size--;
		for (size_t cut = 0; cut < size; cut++) {
			struct axeos_reading reading;
			BX_OWNED(free) char *part = bx_copy_bytes(body, cut); /* so that ASan sees its end */
			if (axeos_read(part, cut, &reading, NULL))
				fail_msg("%s cut to %zu bytes is taken for whole", by_dialect[i], cut);
		}
	}
}

/* --- one odd field --- */

/* Which quantities may follow a field; any other field changes nothing. */
static const struct {
	const char *path;
	enum bx_metric metrics[3];
	size_t count;
} follows[] = {
	{ "hashRate", { BX_HASHRATE }, 1 },
	{ "miner.hashRate", { BX_HASHRATE }, 1 },
	{ "hashRate_10m", { BX_HASHRATE_10M }, 1 },
	{ "expectedHashrate", { BX_HASHRATE_EXPECTED }, 1 },
	{ "frequency", { BX_HASHRATE_EXPECTED }, 1 },
	{ "smallCoreCount", { BX_HASHRATE_EXPECTED }, 1 },
	/* by it the others are judged: one chip of four is expected to do a quarter */
	{ "asicCount", { BX_HASHRATE_EXPECTED, BX_HASHRATE, BX_HASHRATE_10M }, 3 },
	{ "asic.freqReq", { BX_HASHRATE_EXPECTED }, 1 },
	{ "asic.smallCoreCnt", { BX_HASHRATE_EXPECTED }, 1 },
	{ "asic.count", { BX_HASHRATE_EXPECTED }, 1 },
	{ "asic", { BX_HASHRATE_EXPECTED }, 1 },
	{ "power", { BX_POWER }, 1 },
	{ "power.power", { BX_POWER }, 1 },
	{ "temp", { BX_ASIC_TEMPERATURE }, 1 },
	{ "temp2", { BX_ASIC_TEMPERATURE }, 1 },
	{ "temps.asic", { BX_ASIC_TEMPERATURE }, 1 },
	{ "temps.vcore", { BX_VR_TEMPERATURE }, 1 },
	{ "temps", { BX_ASIC_TEMPERATURE, BX_VR_TEMPERATURE }, 2 },
	{ "vrTemp", { BX_VR_TEMPERATURE }, 1 },
	{ "fanrpm", { BX_FAN_RPM }, 1 },
	{ "fans", { BX_FAN_RPM }, 1 },
	{ "sharesAccepted", { BX_SHARES_ACCEPTED }, 1 },
	{ "sharesRejected", { BX_SHARES_REJECTED }, 1 },
	{ "miner.sAccepted", { BX_SHARES_ACCEPTED }, 1 },
	{ "miner.sRejected", { BX_SHARES_REJECTED }, 1 },
	{ "bestDiff", { BX_BEST_DIFFICULTY }, 1 },
	{ "miner.bestDiffEver", { BX_BEST_DIFFICULTY }, 1 },
	{ "uptimeSeconds", { BX_UPTIME }, 1 },
	{ "miner.uptimeSeconds", { BX_UPTIME }, 1 },
	{ "coreVoltageActual", { BX_HASHRATE, BX_HASHRATE_10M }, 2 }, /* -1 mV is a core that is off */
	{ "asic.vcoreReal", { BX_HASHRATE, BX_HASHRATE_10M }, 2 },
};

static bool may_follow(const char *path, enum bx_metric metric)
{
	for (size_t i = 0; i < BX_COUNT(follows); i++)
		for (size_t j = 0; strcmp(follows[i].path, path) == 0 && j < follows[i].count; j++)
			if (follows[i].metrics[j] == metric)
				return true;
	return false;
}

static void check_others(const char *path, const char *odd, const struct axeos_reading *before,
	const struct axeos_reading *after)
{
	for (int metric = 0; metric < BX_METRIC_COUNT; metric++) {
		double was = value_of(before, (enum bx_metric)metric),
		       is = value_of(after, (enum bx_metric)metric);
		if (was != is && !may_follow(path, (enum bx_metric)metric))
			fail_msg("%s as %s changes %s from %f to %f", path, odd,
				bx_catalog_row((enum bx_metric)metric)->name, was, is);
		if (is != NONE && (is < 0 || is > 1e24))
			fail_msg("%s as %s makes %s %f", path, odd,
				bx_catalog_row((enum bx_metric)metric)->name, is);
	}
	if (strcmp(path, "macAddr") != 0)
		assert_string_equal(before->facts.mac, after->facts.mac);
	assert_string_equal(before->facts.dialect, after->facts.dialect);
}

static void make_odd(
	json_t *answer, json_t *holder, const char *path, const char *key, const struct axeos_reading *before)
{
	static const char *const odds[] = { "null", "\"text\"", "\"\"", "{}", "[]", "[[1]]", "{\"a\":{}}",
		"true", "false", "1e308", "-1e308", "-1", "5e-324", "\"1e308G\"",
		"\"9999999999999999999999\"" };
	for (size_t i = 0; i < BX_COUNT(odds); i++) {
		json_t *kept = json_incref(json_object_get(holder, key));
		struct bx_error error = { 0 };
		struct axeos_reading after;
		assert_int_equal(
			json_object_set_new(holder, key, json_loads(odds[i], JSON_DECODE_ANY, NULL)), 0);
		BX_OWNED(free) char *body = json_dumps(answer, JSON_COMPACT);
		json_object_set_new(holder, key, kept);
		if (axeos_read(body, strlen(body), &after, &error))
			check_others(path, odds[i], before, &after);
		else if (strcmp(path, "miner") != 0)
			fail_msg("%s as %s costs the whole answer: %s", path, odds[i], error.message);
	}
}

static void an_odd_field_costs_that_field_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(by_dialect); i++) {
		size_t size;
		BX_OWNED(free) char *body = read_sample(by_dialect[i], &size);
		struct axeos_reading before;
		must_read(body, &before);
		json_auto_t *answer = json_loads(body, JSON_DECODE_INT_AS_REAL, NULL);
		const char *key, *inner;
		json_t *value, *unused;
		json_object_foreach (answer, key, value) {
			json_object_foreach (value, inner, unused) {
				char path[120];
				(void)snprintf(path, sizeof path, "%s.%s", key, inner);
				make_odd(answer, value, path, inner, &before);
			}
			make_odd(answer, answer, key, key, &before);
		}
	}
}

static void an_odd_field_is_counted(void **state)
{
	struct axeos_reading reading;
	(void)state;
	must_read("{\"ASICModel\":\"BM1370\",\"hashRate\":{},\"power\":true,\"vrTemp\":[],\"fanrpm\":null}",
		&reading);
	assert_int_equal(reading.values.left_out, 3); /* null is the firmware's NaN */
}

static void reads_a_firmware_of_the_future(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(by_dialect); i++) {
		size_t size;
		BX_OWNED(free) char *body = read_sample(by_dialect[i], &size);
		struct axeos_reading before, after;
		must_read(body, &before);
		json_auto_t *answer = json_loads(body, 0, NULL);
		json_t *news = json_loads(
			"{\"hashRateV3\":{\"total\":[1,2]},\"hashRate_1y\":7,\"newFlag\":true,\"nothing\":null,"
			"\"text\":\"\xc3\xa9\",\"big\":123456789012345678,\"version\":\"v9.0.0\"}",
			0, NULL);
		assert_int_equal(json_object_update(answer, news), 0);
		json_decref(news);
		BX_OWNED(free) char *future = json_dumps(answer, JSON_COMPACT);
		must_read(future, &after);
		check_others("unknown keys", "there", &before, &after);
		assert_int_equal(after.values.left_out, before.values.left_out);
	}
}

static void reads_numbers_beyond_64_bits(void **state)
{
	struct axeos_reading reading;
	(void)state;
	must_read("{\"ASICModel\":\"BM1370\",\"hashRate\":1,\"totalHashes\":123456789012345678901234567890,"
		  "\"bestDiff\":18446744073709551616}",
		&reading);
	check_value("made", &reading, BX_BEST_DIFFICULTY, 18446744073709551616.0);
	assert_true(read_text(
		"{\"ASICModel\":\"BM1370\",\"hashRate\":1,\"hashRate\":2}", &reading)); /* doubled keys */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_known_answer),
		cmocka_unit_test(leaves_no_sample_out),
		cmocka_unit_test(says_no_password_and_no_whole_wallet_of_any_sample),
		cmocka_unit_test(says_no_password_wherever_it_stands),
		cmocka_unit_test(shortens_the_wallet_and_keeps_the_worker),
		cmocka_unit_test(reads_difficulties_as_firmware_prints_them),
		cmocka_unit_test(believes_no_impossible_hashrate),
		cmocka_unit_test(works_out_what_is_expected_where_firmware_does_not_say),
		cmocka_unit_test(takes_no_temperature_that_cannot_be),
		cmocka_unit_test(measures_nothing_of_the_first_second_after_boot),
		cmocka_unit_test(takes_960_rpm_as_a_stop_on_gt_boards_alone),
		cmocka_unit_test(takes_a_mac_as_identity_only_where_it_is_one),
		cmocka_unit_test(names_the_pool_in_use),
		cmocka_unit_test(cleans_the_texts_of_others),
		cmocka_unit_test(refuses_what_is_no_miner),
		cmocka_unit_test(refuses_what_is_huge_or_deep),
		cmocka_unit_test(refuses_an_answer_cut_at_any_byte),
		cmocka_unit_test(an_odd_field_costs_that_field_alone),
		cmocka_unit_test(an_odd_field_is_counted),
		cmocka_unit_test(reads_a_firmware_of_the_future),
		cmocka_unit_test(reads_numbers_beyond_64_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
