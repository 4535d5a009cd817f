#include "services/collector/axeos.h"

#include "libbus/base/json.h"
#include "libbus/base/memory.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A quantity from the first path that is there and readable; outside its range it is absent. A path's steps are separated
 * by dots, "0" is a list's first. */
static const struct field {
	enum bx_metric metric;
	double min, max; /* inclusive */
	const char *paths[4];
} fields[] = {
	/* NerdQAxe < 1.0.20 has the average alone */
	{ BX_HASHRATE, 0, 1e18, { "hashRate", "miner.hashRate", "hashRate_10m" } },
	/* 0 right after boot */
	{ BX_HASHRATE_10M, 1e-9, 1e9, { "hashRate_10m" } },
	/* ESP-Miner 2.14+ sends 0 when stopped */
	{ BX_HASHRATE_EXPECTED, 1e-9, 1e9, { "expectedHashrate" } },
	/* 0: not read yet */
	{ BX_POWER, 0.001, 1e5, { "power.power", "power" } },
	/* 0: the board has no sensor */
	{ BX_VR_TEMPERATURE, 1, 160, { "vrTemp", "temps.vcore" } },
	{ BX_FAN_RPM, 0, 60000, { "fanrpm", "fanSpeedRpm", "fanSpeed", "fans.0.rpm" } },
	{ BX_SHARES_ACCEPTED, 0, 1e15, { "sharesAccepted", "miner.sAccepted" } },
	{ BX_SHARES_REJECTED, 0, 1e15, { "sharesRejected", "miner.sRejected" } },
	{ BX_BEST_DIFFICULTY, 1, 1e24, { "bestDiff", "miner.bestDiffEver" } },
	{ BX_UPTIME, 0, 1e10, { "uptimeSeconds", "miner.uptimeSeconds" } },
};

/* The hottest of these is the chip's temperature: -1 and 0 mean that nothing was read. */
static const char *const chip_temperatures[] = { "temp", "temp2", "temps.asic" };
enum { CHIP_COLDEST = 1, CHIP_HOTTEST = 125 };

static const struct {
	const char *path;
	size_t offset, size;
} facts[] = {
#define FACT(path, member) \
	{ \
		path, offsetof(struct bx_miner_facts, member), sizeof(((struct bx_miner_facts *)0)->member) \
	}
	FACT("deviceModel", model),
	FACT("identity.hwModel", model),
	FACT("boardVersion", board),
	FACT("ASICModel", asic_model),
	FACT("asic.model", asic_model),
	FACT("version", firmware),
	FACT("identity.fwVersion", firmware),
	FACT("ipv4", ip),
	FACT("hostip", ip),
	FACT("hostname", hostname),
	FACT("identity.hostName", hostname),
	FACT("resetReason", boot_reason),
	FACT("lastResetReason", boot_reason),
#undef FACT
};

/* Boards by the number that ESP-Miner prints (main/device_config.h) and their chips: clones print another's number, so both
 * have to be right (LuckyMiner's: r3mko/ESP-Miner-LV07 main/device_config.h). The first of a number is who most likely it is. */
static const struct {
	const char *board, *model;
	int asics;
} boards[] = {
	{ "2.2", "Max", 1 },
	{ "102", "Max", 1 },
	{ "0.11", "Ultra", 1 },
	{ "201", "Ultra", 1 },
	{ "202", "Ultra", 1 },
	{ "203", "Ultra", 1 },
	{ "204", "Ultra", 1 },
	{ "205", "Ultra", 1 },
	{ "207", "Ultra", 1 },
	{ "302", "Hex", 6 },
	{ "303", "Hex", 6 },
	{ "302", "LV07", 2 },
	{ "303", "LV07", 2 },
	{ "302", "LV08", 9 },
	{ "303", "LV08", 9 },
	{ "400", "Supra", 1 },
	{ "401", "Supra", 1 },
	{ "402", "Supra", 1 },
	{ "403", "Supra", 1 },
	{ "600", "Gamma", 1 },
	{ "601", "Gamma", 1 },
	{ "602", "Gamma", 1 },
	{ "603", "Gamma", 1 },
	{ "650", "GammaDuo", 2 },
	{ "701", "SupraHex", 6 },
	{ "702", "SupraHex", 6 },
	{ "800", "GammaTurbo", 2 },
	{ "801", "GammaTurbo", 2 },
};

/* Small cores a chip, where the firmware does not say (up to 2.1.8) or does not know (0, 65535). */
static const struct {
	const char *asic;
	double cores;
} chips[] = { { "BM1397", 672 }, { "BM1366", 894 }, { "BM1368", 1276 }, { "BM1370", 2040 } };

static json_t *follow(json_t *from, const char *path)
{
	char step[32];
	while (from && *path) {
		size_t length = strcspn(path, ".");
		if (length >= sizeof step)
			return NULL;
		memcpy(step, path, length);
		step[length] = '\0';
		from = json_is_array(from) ? json_array_get(from, (size_t)(step[0] - '0'))
					   : json_object_get(from, step);
		path += length + (path[length] == '.');
	}
	return from;
}

/* Difficulties come as text: "4.29G", "1e+03M", "349.12 M", "0 ". Powers of thousand, as the firmware divides. */
static bool read_text_number(const char *text, double *number)
{
	static const char units[] = "kMGTPE";
	char digits[32];
	size_t length = strspn(text, "0123456789.+-e");
	if (length == 0 || length >= sizeof digits)
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	for (text += length; *text == ' '; text++)
		continue;
	double factor = 1;
	const char *unit = *text ? strchr(units, *text == 'K' ? 'k' : *text) : NULL;
	if (*text && (!unit || text[1] != '\0'))
		return false;
	if (unit)
		factor = pow(1000, (double)(unit - units + 1));
	double value;
	if (!bx_parse_number(digits, &value))
		return false;
	*number = value * factor;
	return true;
}

/* Numbers, and text that is one. null is how the firmware prints NaN. */
static bool read_number(json_t *from, const char *path, double *number)
{
	json_t *found = follow(from, path);
	if (json_is_string(found))
		return read_text_number(json_string_value(found), number);
	if (!json_is_number(found))
		return false;
	*number = json_number_value(found);
	return true;
}

static void read_fields(json_t *answer, struct bx_values *values)
{
	for (size_t i = 0; i < BX_COUNT(fields); i++) {
		for (size_t j = 0; j < BX_COUNT(fields[i].paths) && fields[i].paths[j]; j++) {
			json_t *found = follow(answer, fields[i].paths[j]);
			double number;
			if (!found)
				continue;
			if (!read_number(found, "", &number)) {
				values->left_out += !json_is_null(found);
				break;
			}
			if (number >= fields[i].min && number <= fields[i].max)
				bx_values_set(values, fields[i].metric, number);
			break;
		}
	}
}

static void read_chip_temperature(json_t *answer, struct bx_values *values)
{
	double hottest = 0, degrees;
	for (size_t i = 0; i < BX_COUNT(chip_temperatures); i++)
		if (read_number(answer, chip_temperatures[i], &degrees) && degrees < CHIP_HOTTEST &&
			degrees > hottest)
			hottest = degrees;
	size_t index;
	json_t *one;
	json_array_foreach (json_object_get(answer, "asicTemps"), index, one)
		if (read_number(one, "", &degrees) && degrees < CHIP_HOTTEST && degrees > hottest)
			hottest = degrees;
	if (hottest > CHIP_COLDEST)
		bx_values_set(values, BX_ASIC_TEMPERATURE, hottest);
}

static double count_cores(json_t *answer, const struct bx_miner_facts *about)
{
	double cores = 0;
	if (!read_number(answer, "smallCoreCount", &cores))
		(void)read_number(answer, "asic.smallCoreCnt", &cores);
	for (size_t i = 0; i < BX_COUNT(chips); i++)
		if ((cores <= 0 || cores >= 65535) && strcmp(chips[i].asic, about->asic_model) == 0)
			cores = chips[i].cores;
	return cores > 0 && cores < 65535 ? cores : 0;
}

/* GH/s of one chip: frequency (MHz) x small cores / 1000, as the firmware calculates it (2.8+). 0: not known. */
static double expect_of_chip(json_t *answer, const struct bx_miner_facts *about)
{
	double frequency;
	if (!read_number(answer, "frequency", &frequency) && !read_number(answer, "asic.freqReq", &frequency))
		return 0;
	return frequency >= 1 && frequency < 10000 ? frequency * count_cores(answer, about) / 1000 : 0;
}

/* Said, or seen in the figures of the chips, or what the expected hash rate comes to, or by the board. */
static double count_asics(json_t *answer, const struct bx_miner_facts *about)
{
	double count, expected, of_chip = expect_of_chip(answer, about);
	if ((read_number(answer, "asicCount", &count) || read_number(answer, "asic.count", &count)) &&
		count >= 1 && count <= 1000)
		return count;
	size_t monitored = json_array_size(follow(answer, "hashrateMonitor.asics"));
	if (monitored > 0)
		return (double)monitored;
	if (of_chip > 0 && read_number(answer, "expectedHashrate", &expected)) {
		count = round(expected / of_chip);
		if (count >= 1 && count <= 1000 && fabs(expected - count * of_chip) < 0.01 * of_chip)
			return count;
	}
	for (size_t i = 0; i < BX_COUNT(boards); i++)
		if (strcmp(boards[i].board, about->board) == 0)
			return boards[i].asics;
	return 1;
}

static void compute_expected(json_t *answer, struct axeos_reading *reading)
{
	double expected, of_chip = expect_of_chip(answer, &reading->facts);
	if (of_chip > 0 && !bx_values_get(&reading->values, BX_HASHRATE_EXPECTED, &expected))
		bx_values_set(&reading->values, BX_HASHRATE_EXPECTED, of_chip * reading->facts.asic_count);
}

/* "bc1qexample...": who is paid is nobody's business but the owner's; enough is left to see a change. */
static void shorten_user(const char *user, char *to, size_t size)
{
	char clean[160], shortened[32];
	bx_clean(clean, sizeof clean, user);
	size_t wallet = strcspn(clean, ".");
	if (wallet > 12) {
		(void)snprintf(shortened, sizeof shortened, "%.5s..%.4s%.12s", clean, clean + wallet - 4,
			clean + wallet);
		bx_clean(to, size, shortened); /* a character may have been cut in two */
	} else {
		bx_clean(to, size, clean); /* a name, no wallet */
	}
}

static void read_pool(json_t *answer, struct bx_miner_facts *about)
{
	const char *prefix = "stratum";
	json_t *fallback = json_object_get(answer, "isUsingFallbackStratum");
	json_t *nerd = follow(answer, "stratum.usingFallback");
	if (json_is_true(fallback) || json_number_value(fallback) == 1 || json_is_true(nerd))
		prefix = "fallbackStratum";
	char key[32];
	(void)snprintf(key, sizeof key, "%sURL", prefix);
	const char *url = json_string_value(json_object_get(answer, key));
	if (!url)
		url = json_string_value(follow(answer, "stratum.url"));
	const char *scheme = url ? strstr(url, "://") : NULL;
	if (scheme)
		url = scheme + 3;
	bx_clean(about->pool_host, sizeof about->pool_host, url ? url : "");
	char *port = strrchr(about->pool_host, ':');
	if (port && read_text_number(port + 1, &about->pool_port)) {
		*port = '\0';
		while (port > about->pool_host && port[-1] == ' ') /* "pool.example :3333", as people type */
			*--port = '\0';
	}
	(void)snprintf(key, sizeof key, "%sPort", prefix);
	double number;
	if (read_number(answer, key, &number))
		about->pool_port = number;
	if (!(about->pool_port >= 1 && about->pool_port <= 65535))
		about->pool_port = (double)NAN;
	(void)snprintf(key, sizeof key, "%sUser", prefix);
	const char *user = json_string_value(json_object_get(answer, key));
	if (!user)
		user = json_string_value(follow(answer, "stratum.user"));
	shorten_user(user ? user : "", about->pool_user, sizeof about->pool_user);
}

static void read_mac(json_t *answer, char mac[18])
{
	const char *text = json_string_value(json_object_get(answer, "macAddr"));
	unsigned bytes = 0;
	if (!text || strlen(text) != 17)
		return;
	for (size_t i = 0; i < 17; i++) {
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return;
		bytes |= (unsigned)(i % 3 != 2 && text[i] != '0');
	}
	for (size_t i = 0; bytes && i <= 17; i++)
		mac[i] = (char)toupper((unsigned char)text[i]);
}

static void read_facts(json_t *answer, struct bx_miner_facts *about)
{
	*about = (struct bx_miner_facts){
		.asic_count = (double)NAN, .pool_port = (double)NAN, .nominal_voltage = (double)NAN
	};
	for (size_t i = 0; i < BX_COUNT(facts); i++) {
		const char *text = json_string_value(follow(answer, facts[i].path));
		char *member = (char *)about + facts[i].offset;
		if (text && member[0] == '\0')
			bx_clean(member, facts[i].size, text);
	}
	about->asic_count = count_asics(answer, about);
	for (size_t i = 0; i < BX_COUNT(boards) && about->model[0] == '\0'; i++)
		if (strcmp(boards[i].board, about->board) == 0 && boards[i].asics == about->asic_count)
			(void)bx_text_copy(about->model, sizeof about->model, boards[i].model); /* fits */
	if (about->model[0] == '\0')
		(void)bx_text_copy(about->model, sizeof about->model, about->asic_model);
	read_mac(answer, about->mac);
	read_pool(answer, about);
	double volts;
	if (read_number(answer, "nominalVoltage", &volts) && volts > 0 && volts < 100)
		about->nominal_voltage = volts;
}

static bool is_overheated(json_t *answer)
{
	json_t *mode = json_object_get(answer, "overheat_mode");
	return json_is_true(mode) || json_number_value(mode) == 1;
}

/* ESP-Miner 2.11 to 2.13 reads nothing but the regulator while it cools down: what else it tells is what was before. From
 * 2.14 on it tells a hashrate of 0 instead, and the rest is alive. */
static void forget_frozen(struct bx_values *values)
{
	bx_values_clear(values, BX_POWER);
	bx_values_clear(values, BX_ASIC_TEMPERATURE);
	bx_values_clear(values, BX_FAN_RPM);
}

/* The rules that need more than one field. */
static void settle(json_t *answer, struct axeos_reading *reading)
{
	struct bx_values *values = &reading->values;
	double hashrate, averaged, expected = 0, core_mv, power, uptime, rpm, input_mv = 0;
	bool has_uptime = bx_values_get(values, BX_UPTIME, &uptime);
	bool has_power = bx_values_get(values, BX_POWER, &power);

	/* just booted: zeros mean "not read yet" */
	(void)read_number(answer, "voltage", &input_mv);
	if (has_uptime && uptime < 60 && !has_power && input_mv == 0 && json_object_get(answer, "voltage")) {
		for (int metric = 0; metric < BX_METRIC_COUNT; metric++)
			if (metric != BX_UPTIME && metric != BX_HASHRATE_EXPECTED &&
				metric != BX_BEST_DIFFICULTY)
				bx_values_clear(values, (enum bx_metric)metric);
		reading->hashing = false;
		return;
	}
	/* core off: hashRate and its averages keep their last value (ESP-Miner 2.11 to 2.13, NerdQAxe), so they are not believed */
	bool has_core = read_number(answer, "coreVoltageActual", &core_mv) ||
		read_number(answer, "asic.vcoreReal", &core_mv);
	if (has_core && core_mv < 100) {
		if (bx_values_get(values, BX_HASHRATE, &hashrate) && hashrate > 0 && is_overheated(answer))
			forget_frozen(values);
		bx_values_set(values, BX_HASHRATE, 0);
		bx_values_clear(values, BX_HASHRATE_10M);
		reading->hashing = false;
	}
	(void)bx_values_get(values, BX_HASHRATE_EXPECTED, &expected);
	if (bx_values_get(values, BX_HASHRATE, &hashrate) && expected > 0) {
		if (hashrate / 1e9 > 0.3 * expected && hashrate / 1e9 < 3 * expected)
			bx_values_set(values, BX_HASHRATE, hashrate / 1e9); /* a fork that means H/s */
		else if (hashrate > 3 * expected)
			bx_values_clear(values, BX_HASHRATE); /* counter spikes before ESP-Miner 2.14 */
	}
	if (bx_values_get(values, BX_HASHRATE, &hashrate) && hashrate > 1e9)
		bx_values_clear(values, BX_HASHRATE); /* no miner does that */
	if (bx_values_get(values, BX_HASHRATE_10M, &averaged) && expected > 0 && averaged > 3 * expected)
		bx_values_clear(values, BX_HASHRATE_10M);
	/* the fan chip of GT boards has no zero: 960 is its counter's end */
	bool is_gt = strcmp(reading->facts.board, "800") == 0 || strcmp(reading->facts.board, "801") == 0;
	if (is_gt && bx_values_get(values, BX_FAN_RPM, &rpm) && rpm == 960)
		bx_values_set(values, BX_FAN_RPM, 0);
}

bool axeos_read(const char *body, size_t size, struct axeos_reading *reading, struct bx_error *error)
{
	json_auto_t *answer = bx_json_read(body, size, BX_JSON_FOREIGN, error);
	if (!answer)
		return false;
	json_t *miner = json_object_get(answer, "miner");
	bool is_nerd =
		json_object_get(answer, "hashRateTimestamp") && json_object_get(answer, "overheat_temp");
	is_nerd |= json_object_get(answer, "deviceModel") &&
		(json_object_get(answer, "hostip") || json_object_get(answer, "overheat_temp"));
	bool is_nested = json_is_object(miner) && json_object_get(miner, "hashRate");
	if (!is_nested && !is_nerd &&
		!(json_object_get(answer, "ASICModel") && json_object_get(answer, "hashRate")))
		return bx_fail(
			error, BX_INVALID, "answers, but is no miner: it has no ASICModel and hashRate");

	bx_values_init(&reading->values, BX_MINER, (struct bx_wall){ 0 });
	reading->hashing = true;
	read_facts(answer, &reading->facts);
	(void)bx_text_copy(reading->facts.dialect, sizeof reading->facts.dialect,
		is_nested         ? "nmaxe"
			: is_nerd ? "nerdqaxe"
				  : "axeos"); /* fits */
	read_fields(answer, &reading->values);
	/* up to 1.0.32 NerdQAxe's hashRate is the 10-minute average itself; from 1.0.33 on it counts found blocks */
	double averaged;
	if (is_nerd && !json_object_get(answer, "foundBlocks") && !json_object_get(answer, "hashRate_10m") &&
		bx_values_get(&reading->values, BX_HASHRATE, &averaged))
		bx_values_set(&reading->values, BX_HASHRATE_10M, averaged);
	read_chip_temperature(answer, &reading->values);
	compute_expected(answer, reading);
	settle(answer, reading);
	return true;
}
