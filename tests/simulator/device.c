#include "device.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define HUGE_BYTES ((size_t)1 << 20)

/* Routes whose answer is a file. A device takes the first row that fits; boards without a row do not know the
 * route. The 2.9 to 2.10 boards answer in the form of 2.11+ (hashDomains is too much there). */
static const struct fixture {
	const char *path;
	enum family family;
	unsigned from, until; /* [from, until) */
	const char *board; /* boardVersion begins so; NULL: any */
	const char *asic; /* only with this many ASICs: a path that must be there; NULL: any */
	const char *file;
} fixtures[] = {
	{ "/api/system/asic", FAMILY_ESP_MINER, VERSION(2, 7, 0), VERSION(2, 9, 0), "60", NULL,
		"asic-gamma-v2.8.1" },
	{ "/api/system/asic", FAMILY_ESP_MINER, VERSION(2, 9, 0), ~0u, "60", NULL, "asic-gamma-602-v2.15.0" },
	{ "/api/system/asic", FAMILY_ESP_MINER, VERSION(2, 9, 0), ~0u, "80", NULL, "asic-gt-801-v2.15.0" },
	{ "/api/system/asic", FAMILY_ESP_MINER, VERSION(2, 9, 0), ~0u, "302", "hashrateMonitor.asics[5]",
		"asic-hex-302-v2.12.2" },
	{ "/api/system/asic", FAMILY_ESP_MINER, VERSION(2, 11, 0), ~0u, "302", "hashrateMonitor.asics[1]",
		"asic-luckyminer-lv07-v2.15.0" },
	{ "/api/system/asic", FAMILY_ESP_MINER, VERSION(2, 13, 0), ~0u, "650", NULL,
		"asic-gammaduo-650-v2.15.0" },
	{ "/api/system/asic", FAMILY_ESP_MINER, VERSION(2, 9, 0), ~0u, "70", NULL,
		"asic-suprahex-701-v2.14.2" },
	{ "/api/system/asic", FAMILY_NERDQAXE, VERSION(1, 0, 32), ~0u, NULL, NULL,
		"asic-nerdqaxeplus2-v1.0.36" },
	{ "/api/system/statistics", FAMILY_ESP_MINER, VERSION(2, 8, 0), VERSION(2, 11, 0), NULL, NULL,
		"statistics-v2.9.0" },
	{ "/api/system/statistics", FAMILY_ESP_MINER, VERSION(2, 11, 0), ~0u, NULL, NULL,
		"statistics-columns-v2.15.0" },
	{ "/api/system/statistics/dashboard", FAMILY_ESP_MINER, VERSION(2, 8, 0), VERSION(2, 11, 0), NULL,
		NULL, "statistics-dashboard-v2.9.0" },
	{ "/api/system/scoreboard", FAMILY_ESP_MINER, VERSION(2, 14, 0), ~0u, NULL, NULL,
		"scoreboard-v2.15.0" },
};

enum { FIXTURE_COUNT = sizeof(fixtures) / sizeof(fixtures[0]) };

static char *fixture_texts[FIXTURE_COUNT]; /* read at start, then constant */

bool device_routes_load(const char *directory, struct complaint *complaint)
{
	for (size_t i = 0; i < FIXTURE_COUNT; i++) {
		char path[512];
		(void)snprintf(path, sizeof(path), "%s/routes/%s.json", directory, fixtures[i].file);
		fixture_texts[i] = body_read_file(path, complaint);
		if (!fixture_texts[i])
			return false;
	}
	return true;
}

void device_routes_free(void)
{
	for (size_t i = 0; i < FIXTURE_COUNT; i++) {
		free(fixture_texts[i]);
		fixture_texts[i] = NULL;
	}
}

bool mac_is_valid(const char *mac)
{
	for (size_t i = 0; i < 17; i++) {
		bool is_right = i % 3 == 2 ? mac[i] == ':' : isxdigit((unsigned char)mac[i]);
		if (!is_right)
			return false;
	}
	return mac[17] == '\0';
}

void device_init(struct device *device, uint32_t address, const struct body *body, const char *mac,
	uint64_t seed, int64_t uptime_s, int64_t now_ms)
{
	*device = (struct device){ .address = address, .body = body };
	(void)snprintf(device->name, sizeof(device->name), "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
		address >> 8 & 255, address & 255);
	(void)snprintf(device->mac, sizeof(device->mac), "%s", mac);
	body_copy_text(body, "hostname", device->hostname, sizeof(device->hostname));
	device->version = manners_version(body);
	device->manners = manners_find(manners_family(body), device->version);
	life_init(&device->life, body, device->manners, seed ^ ((uint64_t)address << 32), uptime_s, now_ms);
}

void device_done(struct device *device)
{
	for (size_t i = 0; i < device->override_count; i++)
		free(device->overrides[i].json);
	device->override_count = 0;
}

static struct override *override_find(struct device *device, const char *key)
{
	for (size_t i = 0; i < device->override_count; i++) {
		if (strcmp(device->overrides[i].key, key) == 0)
			return &device->overrides[i];
	}
	return NULL;
}

/* hashrateMonitor, shares and hashes follow an ordered hash rate. */
static void follow_hashrate(struct device *device)
{
	const struct override *override = override_find(device, "hashRate");
	double ordered = override ? strtod(override->json, NULL) : 0;
	device->life.hash_factor = 1;
	if (override && ordered >= 0 && device->life.hashrate > 0)
		device->life.hash_factor = ordered / device->life.hashrate;
}

bool device_set(struct device *device, const char *key, const char *json, struct complaint *complaint)
{
	json_error_t error;
	json_auto_t *parsed = json_loads(json, JSON_DECODE_ANY, &error);
	if (!parsed)
		return complain(complaint, "not JSON: %s; a text needs quotes", error.text);
	if (strlen(json) > OVERRIDE_BYTES_MAX || strlen(key) >= BODY_PATH_MAX)
		return complain(complaint, "key or value too long");
	if (!body_find(device->body, key) && strpbrk(key, ".[]\"\\"))
		return complain(complaint, "no key %s in %s; only top-level keys can be added", key,
			device->body->name);

	struct override *override = override_find(device, key);
	if (!override && device->override_count == OVERRIDES_MAX)
		return complain(complaint, "%d values are set already; unset one", OVERRIDES_MAX);
	char *copy = strdup(json);
	if (!copy)
		abort();
	if (!override) {
		override = &device->overrides[device->override_count++];
		(void)snprintf(override->key, sizeof(override->key), "%s", key);
	} else {
		free(override->json);
	}
	override->json = copy;
	follow_hashrate(device);
	return true;
}

bool device_unset(struct device *device, const char *key, struct complaint *complaint)
{
	struct override *override = override_find(device, key);
	if (!override)
		return complain(complaint, "%s is not set", key);
	free(override->json);
	*override = device->overrides[--device->override_count];
	follow_hashrate(device);
	return true;
}

/* Writes what stands for this value now. False: what the sample says. */
static bool write_value(struct device *device, const struct value *value, int64_t now_ms, FILE *out)
{
	const struct override *override = override_find(device, value->path);
	if (override)
		return fputs(override->json, out) >= 0;
	if (device->fault == FAULT_NULL && value->type == VALUE_NUMBER)
		return fputs("null", out) >= 0;
	const char *mac = device->fault == FAULT_MOVED ? device->moved_mac : device->mac;
	if (*mac && strcmp(value->path, "macAddr") == 0)
		return fprintf(out, "\"%s\"", mac) > 0;
	return value->life && life_write(&device->life, value, now_ms, out);
}

static void write_added(struct device *device, FILE *out)
{
	for (size_t i = 0; i < device->override_count; i++) {
		const struct override *override = &device->overrides[i];
		if (!body_find(device->body, override->key))
			(void)fprintf(out, device->body->is_tabbed ? ",\n\t\"%s\":\t%s" : ",\"%s\":%s",
				override->key, override->json);
	}
}

/* The sample's text with what lives, was ordered or is broken in its places. */
static char *info(struct device *device, int64_t now_ms, size_t *length)
{
	const struct body *body = device->body;
	char *text = NULL;
	FILE *out = open_memstream(&text, length);
	if (!out)
		abort();

	size_t at = 0;
	life_advance(&device->life, now_ms, device->fault == FAULT_FROZEN);
	if (device->fault == FAULT_HUGE) {
		(void)fprintf(out, "{\"padding\":\"%0*d\",", (int)HUGE_BYTES, 0);
		at = 1;
	}
	for (size_t i = 0; i < body->value_count; i++) {
		const struct value *value = &body->values[i];
		if (value->start < at) /* inside of one that was exchanged */
			continue;
		(void)fwrite(body->text + at, 1, value->start - at, out);
		at = value->start;
		if (write_value(device, value, now_ms, out))
			at += value->length;
	}
	(void)fwrite(body->text + at, 1, body->end_of_values - at, out);
	write_added(device, out);
	(void)fputs(body->text + body->end_of_values, out);
	if (fclose(out) != 0)
		abort();
	return text;
}

static struct answer say(unsigned status, const char *type, const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		abort();
	return (struct answer){
		.status = status, .type = type, .text = copy, .length = strlen(copy), .has_cors = true
	};
}

static struct answer say_unknown(const struct device *device, const char *path)
{
	if (device->manners->redirects || strncmp(path, "/api/", 5) != 0)
		return say(302, "text/html", "Redirect to the captive portal");
	return say(404, "application/json", "{\"error\":\"unknown route\"}");
}

static struct answer say_unauthorized(void)
{
	struct answer answer = say(401, "text/html", "Unauthorized");
	answer.has_cors = false;
	return answer;
}

static struct answer say_restart(const struct device *device)
{
	struct answer answer;
	switch (device->manners->restart) {
	case RESTART_BREAKS:
		answer = (struct answer){ .delivery = DELIVERY_NONE };
		break;
	case RESTART_TEXT:
		answer = say(200, "text/html", "System will restart shortly.");
		break;
	case RESTART_JSON:
		answer = say(200, "application/json", "{\"message\":\"System will restart shortly.\"}");
		break;
	}
	answer.reboots = true;
	return answer;
}

static const char *fixture_find(const struct device *device, const char *path)
{
	char board[16];
	body_copy_text(device->body, "boardVersion", board, sizeof(board));
	for (size_t i = 0; i < FIXTURE_COUNT; i++) {
		const struct fixture *row = &fixtures[i];
		if (row->family == device->manners->family && row->from <= device->version &&
			device->version < row->until && strcmp(row->path, path) == 0 &&
			(!row->board || strncmp(board, row->board, strlen(row->board)) == 0) &&
			(!row->asic || body_find(device->body, row->asic)))
			return fixture_texts[i];
	}
	return NULL;
}

static struct answer say_get(struct device *device, const char *path, int64_t now_ms)
{
	const char *fixture = fixture_find(device, path);
	struct answer answer;

	if (strcmp(path, "/") == 0)
		return say(200, "text/html", "<!DOCTYPE html><title>AxeOS</title>");
	if (strcmp(path, "/api/system/info") == 0) {
		answer = (struct answer){ .status = 200, .type = "application/json", .has_cors = true };
		answer.text = info(device, now_ms, &answer.length);
	} else if (fixture) {
		answer = say(200, "application/json", fixture);
	} else {
		return say_unknown(device, path);
	}
	if (device->manners->is_chunked)
		answer.delivery = DELIVERY_CHUNKED;
	if (device->fault == FAULT_CUT)
		answer.delivery = DELIVERY_CUT;
	if (device->fault == FAULT_DRIP)
		answer.delivery = DELIVERY_DRIP;
	if (device->fault == FAULT_EMPTY)
		answer.length = 0;
	if (device->fault == FAULT_GARBAGE) {
		free(answer.text);
		answer = say(200, "application/json",
			"\x01\xff{\"power\":]] Guru Meditation Error: Core 1 panic'ed");
	}
	return answer;
}

struct answer device_answer(struct device *device, const struct request *request, int64_t now_ms)
{
	const char *method = request->method, *path = request->path;
	bool is_api = strncmp(path, "/api/", 5) == 0;

	if (request->header_bytes > device->manners->header_bytes)
		return say(431, "text/html", "Header fields are too long");
	if (device->fault == FAULT_HTTP500)
		return say(500, "text/html", "Server has encountered an unexpected error");
	if (device->fault == FAULT_HTTP401)
		return say_unauthorized();
	if (device->fault == FAULT_REDIRECT)
		return say(302, "text/html", "Redirect to the captive portal");
	if (is_api && !manners_allow_origin(device->manners, request->origin, device->hostname))
		return say_unauthorized();

	if (strcmp(method, "GET") == 0)
		return say_get(device, path, now_ms);
	if (strcmp(method, "OPTIONS") == 0)
		return say(200, "text/html", "");
	if (strcmp(method, "HEAD") == 0)
		return say(405, "text/html", "Request method for this URI is not handled by server");
	if (strcmp(method, "POST") == 0 && strcmp(path, "/api/system/restart") == 0)
		return say_restart(device);
	if (strcmp(method, "PATCH") == 0 && strcmp(path, "/api/system") == 0)
		return say(400, "text/html", "Wrong API input");
	return say(404, "application/json", "{\"error\":\"unknown route\"}");
}
