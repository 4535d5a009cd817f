#include "life.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct life_row rows[] = {
	{ "hashRate", LIFE_HASHRATE, 0.012, 0 },
	{ "hashrateMonitor.asics[].total", LIFE_HASHRATE, 0.012, 0 },
	{ "hashrateMonitor.asics[].domains[]", LIFE_HASHRATE, 0.012, 0 },
	{ "miner.hashRate", LIFE_MINUTE, 0.006, 0 }, /* NMAxe: average of three minutes */
	{ "hashRate_1m", LIFE_MINUTE, 0.006, 0 },
	{ "hashRate_10m", LIFE_TEN_MINUTES, 0.002, 0 },
	{ "hashRate_1h", LIFE_HOUR, 0.0008, 0 },
	{ "hashRate_1d", LIFE_HOUR, 0.0002, 0 },

	{ "temp", LIFE_TEMPERATURE, 0.012, 0.125 },
	{ "temp2", LIFE_TEMPERATURE, 0.012, 0.125 },
	{ "vrTemp", LIFE_TEMPERATURE, 0.015, 0.25 },
	{ "vrTempInt", LIFE_TEMPERATURE, 0.015, 0.25 },
	{ "asicTemps[]", LIFE_TEMPERATURE, 0.012, 0.125 },
	{ "temps.asic", LIFE_TEMPERATURE, 0.012, 0.125 },
	{ "temps.vcore", LIFE_TEMPERATURE, 0.015, 0.5 },
	{ "power", LIFE_LOAD, 0.008, 0.01 },
	{ "power.power", LIFE_LOAD, 0.008, 0.01 },
	{ "current", LIFE_LOAD, 0.008, 0.625 },
	{ "currentA", LIFE_LOAD, 0.008, 0.000625 },
	{ "power.ibus", LIFE_LOAD, 0.008, 1 },
	{ "voltage", LIFE_SUPPLY, 0.002, 0.625 },
	{ "power.vbus", LIFE_SUPPLY, 0.002, 1 },
	{ "coreVoltageActual", LIFE_SUPPLY, 0.001, 1 },
	{ "asic.vcoreReal", LIFE_SUPPLY, 0.001, 1 },
	{ "fanSpeed", LIFE_FAN, 0.01, 1 },
	{ "fanSpeedRpm", LIFE_FAN, 0.01, 1 },
	{ "fanrpm", LIFE_FAN, 0.01, 1 },
	{ "fan2rpm", LIFE_FAN, 0.01, 1 },
	{ "fanrpm2", LIFE_FAN, 0.01, 1 },
	{ "fans[].rpm", LIFE_FAN, 0.01, 1 },
	{ "wifiRSSI", LIFE_RADIO, 0.025, 1 },
	{ "identity.rssi", LIFE_RADIO, 0.025, 1 },
	{ "responseTime", LIFE_LATENCY, 0.1, 0.001 },
	{ "lastpingrtt", LIFE_LATENCY, 0.1, 0.25 },
	{ "stratum.pools[].pingRtt", LIFE_LATENCY, 0.1, 0.25 },
	{ "errorPercentage", LIFE_LATENCY, 0.1, 0.001 },
	{ "cpuUsage", LIFE_LATENCY, 0.1, 0.1 },
	{ "freeHeap", LIFE_MEMORY, 0.002, 4 },
	{ "freeHeapInternal", LIFE_MEMORY, 0.002, 4 },
	{ "freeHeapInt", LIFE_MEMORY, 0.002, 4 },
	{ "miner.freeHeap", LIFE_MEMORY, 0.002, 4 },

	{ "sharesAccepted", LIFE_ACCEPTED, 0, 1 },
	{ "stratum.pools[0].accepted", LIFE_ACCEPTED, 0, 1 },
	{ "miner.sAccepted", LIFE_ACCEPTED, 0, 1 },
	{ "sharesRejected", LIFE_REJECTED, 0, 1 },
	{ "stratum.pools[0].rejected", LIFE_REJECTED, 0, 1 },
	{ "miner.sRejected", LIFE_REJECTED, 0, 1 },
	{ "sharesRejectedReasons", LIFE_REASONS, 0, 0 },
	{ "sharesRejectedReasons[0].count", LIFE_REJECTED, 0, 1 },
	{ "workReceived", LIFE_JOBS, 0, 1 },
	{ "hashrateMonitor.asics[].errorCount", LIFE_ERRORS, 0, 1 },
	{ "blockHeight", LIFE_BLOCKS, 0, 1 },
	{ "blockHeaders[].blockHeight", LIFE_BLOCKS, 0, 1 },
	{ "bestDiff", LIFE_BEST, 0, 1 },
	{ "stratum.totalBestDiff", LIFE_BEST, 0, 1 },
	{ "miner.bestDiffEver", LIFE_BEST, 0, 1 },
	{ "bestSessionDiff", LIFE_SESSION, 0, 1 },
	{ "stratum.pools[0].bestDiff", LIFE_SESSION, 0, 1 },
	{ "miner.bestDiffSession", LIFE_SESSION, 0, 1 },

	{ "uptimeSeconds", LIFE_UPTIME, 0, 1 },
	{ "miner.uptimeSeconds", LIFE_UPTIME, 0, 1 },
	{ "hashRateTimestamp", LIFE_UPTIME_MS, 0, 1 },
	{ "totalUptimeSeconds", LIFE_AGE, 0, 1 },
	{ "miner.uptimeEver", LIFE_AGE, 0, 1 },
	{ "totalHashes", LIFE_HASHES, 0, 1 },
	{ "resetReason", LIFE_BOOT_REASON, 0, 0 },
	{ "lastResetReason", LIFE_BOOT_REASON, 0, 0 },
};

/* Over how many seconds a noise forgets; 0: fresh at each answer. */
static const double noise_memory_s[LIFE_NOISES] = {
	[LIFE_MINUTE] = 60,
	[LIFE_TEN_MINUTES] = 600,
	[LIFE_HOUR] = 3600,
	[LIFE_TEMPERATURE] = 120,
	[LIFE_LOAD] = 30,
	[LIFE_SUPPLY] = 60,
	[LIFE_FAN] = 20,
	[LIFE_RADIO] = 60,
};

/* Events a second while hashing as in the sample. Shares are worked out. */
static const double counter_rate[LIFE_COUNTERS] = {
	[LIFE_JOBS] = 1.0 / 20,
	[LIFE_ERRORS] = 1.0 / 300,
	[LIFE_BLOCKS] = 1.0 / 600,
};

static const double rejected_part = 0.003;

static bool matches(const char *pattern, const char *path)
{
	while (*pattern) {
		if (strncmp(pattern, "[]", 2) == 0 && *path == '[') {
			path += strcspn(path, "]");
			pattern++;
		} else if (*pattern != *path) {
			return false;
		}
		pattern++;
		path++;
	}
	return !*path;
}

const struct life_row *life_row_find(const char *path)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (matches(rows[i].path, path))
			return &rows[i];
	}
	return NULL;
}

/* splitmix64; above 0 and up to 1, so that log() is safe. */
static double draw(struct life *life)
{
	uint64_t z = (life->random += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return ((double)(z >> 11) + 1) * 0x1p-53;
}

/* Cut at three deviations: a simulated miner shows no outlier unless ordered. */
static double draw_normal(struct life *life)
{
	double normal = sqrt(-2 * log(draw(life))) * cos(2 * M_PI * draw(life));
	return fmax(-3, fmin(3, normal));
}

static double draw_poisson(struct life *life, double mean)
{
	if (mean > 30)
		return fmax(0, round(mean + sqrt(mean) * draw_normal(life)));
	double count = -1;
	for (double product = 1, limit = exp(-mean); product > limit; count++)
		product *= draw(life);
	return fmax(0, count);
}

/* "349.12 M", "1e+03M", 1204 */
static double read_difficulty(const struct body *body, const char *path)
{
	static const char suffixes[] = "kMGTPE";
	const struct value *value = body_find(body, path);
	if (!value || value->type == VALUE_NUMBER)
		return value ? value->number : 0;
	if (value->type != VALUE_TEXT)
		return 0;
	char *end;
	double number = strtod(body->text + value->start + 1, &end);
	end += *end == ' ';
	const char *suffix = strchr(suffixes, *end == 'K' ? 'k' : *end);
	return suffix ? number * pow(1000, (double)(suffix - suffixes + 1)) : number;
}

static double first_of(const struct body *body, const char *const *paths)
{
	double found = 0;
	for (; *paths && !(found > 0); paths++)
		found = read_difficulty(body, *paths);
	return found;
}

void life_init(struct life *life, const struct body *body, const struct manners *manners, uint64_t seed,
	int64_t uptime_s, int64_t now_ms)
{
	static const char *const hashrates[] = { "hashRate", "hashRate_10m", "miner.hashRate", NULL };
	static const char *const difficulties[] = { "poolDifficulty", "stratumDiff", "stratum_difficulty",
		"miner.poolDiff", NULL };
	static const char *const bests[] = { "bestDiff", "miner.bestDiffEver", NULL };
	static const char *const sessions[] = { "bestSessionDiff", "miner.bestDiffSession", NULL };
	static const char *const uptimes[] = { "uptimeSeconds", "miner.uptimeSeconds", NULL };

	*life = (struct life){ .body = body, .manners = manners, .hash_factor = 1, .random = seed };
	life->hashrate = first_of(body, hashrates);
	life->difficulty = first_of(body, difficulties);
	if (!(life->difficulty > 0))
		life->difficulty = 1000; /* what public pools begin with */
	life->best = first_of(body, bests);
	life->session = first_of(body, sessions);
	life->is_stopped = body->is_fault;
	life->booted_ms = now_ms - 1000 * (uptime_s < 0 ? (int64_t)first_of(body, uptimes) : uptime_s);
	life->last_ms = now_ms;
	for (size_t i = 0; i < LIFE_NOISES; i++)
		life->noise[i] = draw_normal(life);
}

static void find_shares(struct life *life, double seconds)
{
	double rate = life->hashrate * 1e9 * life->hash_factor / (life->difficulty * 0x1p32);
	double found = draw_poisson(life, rate * seconds);
	if (!(found > 0))
		return;
	double rejected = fmin(found, draw_poisson(life, found * rejected_part));
	life->counted[LIFE_ACCEPTED] += found - rejected;
	life->counted[LIFE_REJECTED] += rejected;
	/* A share above the pool's difficulty d is above D with chance d / D: this is the best of `found`
	 * ones. */
	double best = life->difficulty / -expm1(log(draw(life)) / found);
	if (best > life->session && isfinite(best))
		life->session = floor(best);
	if (life->session > life->best)
		life->best = life->session;
}

void life_advance(struct life *life, int64_t now_ms, bool is_frozen)
{
	double seconds = (double)(now_ms - life->last_ms) / 1000;
	life->last_ms = now_ms;
	if (is_frozen || life->is_stopped)
		return;
	life->reading_ms = now_ms;
	life->age_s += seconds;
	for (size_t i = 0; i < LIFE_NOISES; i++) {
		double kept = noise_memory_s[i] > 0 ? exp(-seconds / noise_memory_s[i]) : 0;
		life->noise[i] = kept * life->noise[i] + sqrt(1 - kept * kept) * draw_normal(life);
	}
	for (size_t i = LIFE_JOBS; i < LIFE_COUNTERS; i++)
		life->counted[i] += draw_poisson(life, counter_rate[i] * seconds);
	find_shares(life, seconds);
	life->hashes += life->hashrate * 1e9 * life->hash_factor * seconds;
}

void life_reboot(struct life *life, int64_t now_ms)
{
	for (size_t i = LIFE_ACCEPTED; i < LIFE_BLOCKS; i++)
		life->counted[i] = 0;
	life->session = 0;
	life->has_rebooted = true;
	life->booted_ms = life->last_ms = life->reading_ms = now_ms;
}

/* As cJSON does: what reads back as the same number in 15 digits, else 17. */
static void write_double(FILE *out, double number)
{
	char text[40];
	(void)snprintf(text, sizeof(text), "%.15g", number);
	if (fabs(strtod(text, NULL) - number) > fabs(number) * 2.22e-16)
		(void)snprintf(text, sizeof(text), "%.17g", number);
	(void)fputs(text, out);
}

static void write_float(FILE *out, double number, bool is_widened)
{
	double widened = (double)(float)number;
	write_double(out, is_widened ? widened : round(widened * 1e7) / 1e7);
}

static void write_difficulty(FILE *out, double number, enum difficulty_form form)
{
	static const char suffixes[] = "\0kMGTPE";
	size_t power = 0;
	double scaled = number;
	for (; scaled >= 1000 && power < 6; power++)
		scaled /= 1000;
	char suffix[] = { suffixes[power], '\0' };

	switch (form) {
	case DIFFICULTY_NUMBER:
		(void)fprintf(out, "%.0f", number);
		return;
	case DIFFICULTY_SHORT:
		(void)fprintf(out, power ? "\"%.3g%s\"" : "\"%.0f%s\"", scaled, suffix);
		return;
	case DIFFICULTY_PADDED:
		(void)fprintf(out, "\"%.*f%s\"",
			scaled >= 100 || !power ? 0
				: scaled >= 10  ? 1
						: 2,
			scaled, suffix);
		return;
	case DIFFICULTY_DECIMALS:
		(void)fprintf(out, "\"%.*f%s\"", power ? 2 : 0, scaled, suffix);
		return;
	case DIFFICULTY_BLANK:
		(void)fprintf(out, "\"%.*f %s\"", power ? 2 : 0, scaled, suffix);
		return;
	}
}

static bool write_noise(const struct life *life, const struct value *value, FILE *out)
{
	const struct life_row *row = value->life;
	double base = value->number;
	if (value->type != VALUE_NUMBER || base == 0 || base == -1) /* not there, not read */
		return false;
	if (life->is_stopped)
		return false;
	double number = base * (1 + row->amount * life->noise[row->kind]);
	if (row->kind == LIFE_HASHRATE)
		number *= life->hash_factor;
	if (row->step > 0) {
		double step = value->is_whole ? fmax(1, row->step) : row->step;
		number = round(number / step) * step;
	}
	/* 2.14+ widens in hashrateMonitor what it rounds elsewhere: seen by the sample's number of digits. */
	write_float(out, number, life->manners->widens_floats || value->length > 13);
	return true;
}

static bool write_counter(const struct life *life, const struct value *value, FILE *out)
{
	enum life_kind kind = value->life->kind;
	bool from_zero = life->has_rebooted && kind != LIFE_BLOCKS;
	double number = (from_zero ? 0 : value->number) + life->counted[kind];
	if (value->type != VALUE_NUMBER)
		return false;
	if (life->manners->is_16_bit && (kind == LIFE_ACCEPTED || kind == LIFE_REJECTED))
		number = fmod(number, 65536);
	(void)fprintf(out, "%.0f", number);
	return true;
}

static bool write_uptime(const struct life *life, const struct value *value, int64_t now_ms, FILE *out)
{
	int64_t uptime_ms = (value->life->kind == LIFE_UPTIME ? now_ms : life->reading_ms) - life->booted_ms;
	if (life->is_stopped && value->number == 0) /* v2.15 counts only while there is an ASIC */
		return false;
	if (value->life->kind == LIFE_UPTIME_MS && life->reading_ms == 0)
		return false;
	(void)fprintf(
		out, "%lld", (long long)(value->life->kind == LIFE_UPTIME ? uptime_ms / 1000 : uptime_ms));
	return true;
}

static bool write_difficulty_of(const struct life *life, const struct value *value, FILE *out)
{
	double number = value->life->kind == LIFE_BEST ? life->best : life->session;
	bool is_number = value->type == VALUE_NUMBER;
	if (read_difficulty(life->body, value->path) == number || (!is_number && value->type != VALUE_TEXT))
		return false;
	write_difficulty(out, number, is_number ? DIFFICULTY_NUMBER : life->manners->difficulty);
	return true;
}

static bool write_boot_reason(const struct life *life, const struct value *value, FILE *out)
{
	if (!life->has_rebooted)
		return false;
	if (life->manners->family == FAMILY_ESP_MINER)
		(void)fputs("\"Software reset via esp_restart\"", out);
	else if (strncmp(life->body->text + value->start, "\"SYSTEM.", 8) == 0)
		(void)fputs("\"SYSTEM.RESET_SOFTWARE\"", out);
	else
		(void)fputs("\"Software reset\"", out);
	return true;
}

bool life_write(const struct life *life, const struct value *value, int64_t now_ms, FILE *out)
{
	switch (value->life->kind) {
	case LIFE_HASHRATE:
	case LIFE_MINUTE:
	case LIFE_TEN_MINUTES:
	case LIFE_HOUR:
	case LIFE_TEMPERATURE:
	case LIFE_LOAD:
	case LIFE_SUPPLY:
	case LIFE_FAN:
	case LIFE_RADIO:
	case LIFE_LATENCY:
	case LIFE_MEMORY:
		return write_noise(life, value, out);
	case LIFE_ACCEPTED:
	case LIFE_REJECTED:
	case LIFE_JOBS:
	case LIFE_ERRORS:
	case LIFE_BLOCKS:
		return write_counter(life, value, out);
	case LIFE_REASONS:
		return life->has_rebooted && fputs("[]", out) >= 0;
	case LIFE_BEST:
	case LIFE_SESSION:
		return write_difficulty_of(life, value, out);
	case LIFE_UPTIME:
	case LIFE_UPTIME_MS:
		return write_uptime(life, value, now_ms, out);
	case LIFE_AGE:
		(void)fprintf(out, "%.0f", value->number + life->age_s);
		return true;
	case LIFE_HASHES:
		write_double(out, value->number + life->hashes);
		return true;
	case LIFE_BOOT_REASON:
		return write_boot_reason(life, value, out);
	}
	return false;
}
