#include "manners.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define E FAMILY_ESP_MINER
#define N FAMILY_NERDQAXE
#define X FAMILY_NMAXE

static const struct manners table[] = {
	/* from, sockets, purges, headers, origin, redirects, restart, best, widens, 16 bit, closes, chunked */
	{ E, VERSION(2, 0, 0), 7, 0, 512, ORIGIN_ANY, 1, RESTART_BREAKS, DIFFICULTY_SHORT, 1, 1, 0, 0 },
	{ E, VERSION(2, 1, 6), 7, 0, 512, ORIGIN_ANY, 1, RESTART_TEXT, DIFFICULTY_SHORT, 1, 1, 0, 0 },
	{ E, VERSION(2, 1, 9), 7, 0, 512, ORIGIN_ANY, 1, RESTART_TEXT, DIFFICULTY_SHORT, 1, 0, 0, 0 },
	{ E, VERSION(2, 4, 2), 10, 0, 512, ORIGIN_ANY, 1, RESTART_TEXT, DIFFICULTY_SHORT, 1, 0, 0, 0 },
	{ E, VERSION(2, 5, 1), 10, 0, 512, ORIGIN_ADDRESS, 1, RESTART_TEXT, DIFFICULTY_SHORT, 1, 0, 0, 0 },
	{ E, VERSION(2, 8, 0), 10, 0, 512, ORIGIN_ADDRESS, 1, RESTART_TEXT, DIFFICULTY_DECIMALS, 1, 0, 0, 0 },
	{ E, VERSION(2, 9, 0), 10, 0, 512, ORIGIN_ADDRESS, 0, RESTART_TEXT, DIFFICULTY_DECIMALS, 1, 0, 0, 0 },
	{ E, VERSION(2, 10, 0), 20, 1, 1024, ORIGIN_ADDRESS, 0, RESTART_TEXT, DIFFICULTY_BLANK, 1, 0, 0, 0 },
	{ E, VERSION(2, 11, 0), 20, 1, 1024, ORIGIN_ADDRESS, 0, RESTART_TEXT, DIFFICULTY_NUMBER, 1, 0, 0, 0 },
	{ E, VERSION(2, 12, 0), 20, 1, 1024, ORIGIN_ADDRESS, 0, RESTART_TEXT, DIFFICULTY_NUMBER, 0, 0, 0, 0 },
	{ E, VERSION(2, 13, 0), 20, 1, 1024, ORIGIN_ADDRESS, 0, RESTART_JSON, DIFFICULTY_NUMBER, 0, 0, 0, 0 },
	{ E, VERSION(2, 15, 0), 20, 1, 1024, ORIGIN_LOCAL, 0, RESTART_JSON, DIFFICULTY_NUMBER, 0, 0, 0, 0 },
	{ N, VERSION(1, 0, 0), 7, 0, 512, ORIGIN_ANY, 1, RESTART_TEXT, DIFFICULTY_PADDED, 1, 0, 0, 0 },
	{ N, VERSION(1, 0, 24), 7, 0, 512, ORIGIN_NERDQAXE, 1, RESTART_TEXT, DIFFICULTY_PADDED, 1, 0, 0, 0 },
	{ N, VERSION(1, 0, 26), 10, 1, 512, ORIGIN_NERDQAXE, 1, RESTART_TEXT, DIFFICULTY_PADDED, 0, 0, 0, 0 },
	{ N, VERSION(1, 0, 35), 10, 1, 512, ORIGIN_NERDQAXE, 1, RESTART_TEXT, DIFFICULTY_NUMBER, 0, 0, 1, 0 },
	{ N, VERSION(1, 0, 36), 10, 1, 512, ORIGIN_NERDQAXE, 1, RESTART_TEXT, DIFFICULTY_NUMBER, 0, 0, 1, 1 },
	{ X, VERSION(0, 0, 0), 7, 0, 512, ORIGIN_ANY, 1, RESTART_TEXT, DIFFICULTY_PADDED, 0, 0, 0, 0 },
};

enum family manners_family(const struct body *body)
{
	const struct value *miner = body_find(body, "miner");
	if (miner && miner->type == VALUE_OBJECT)
		return FAMILY_NMAXE;
	bool has_timestamp = body_find(body, "hashRateTimestamp") != NULL;
	bool has_limit = body_find(body, "overheat_temp") != NULL;
	if (has_timestamp && has_limit) /* older ones have no deviceModel */
		return FAMILY_NERDQAXE;
	if (body_find(body, "deviceModel") && (has_timestamp || has_limit || body_find(body, "hostip")))
		return FAMILY_NERDQAXE;
	return FAMILY_ESP_MINER;
}

unsigned manners_version(const struct body *body)
{
	char text[48];
	body_copy_text(body, "version", text, sizeof(text));
	if (!*text)
		body_copy_text(body, "identity.fwVersion", text, sizeof(text));

	unsigned parts[3] = { 0 };
	const char *at = *text == 'v' ? text + 1 : text;
	for (size_t i = 0; i < 3 && *at >= '0' && *at <= '9'; i++) {
		char *end;
		unsigned long part = strtoul(at, &end, 10);
		parts[i] = part < 256 ? (unsigned)part : 255;
		at = *end == '.' ? end + 1 : end;
	}
	return VERSION(parts[0], parts[1], parts[2]);
}

const struct manners *manners_find(enum family family, unsigned version)
{
	const struct manners *found = NULL;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct manners *row = &table[i];
		if (row->family == family && (!found || row->from <= version))
			found = row;
	}
	return found;
}

static bool is_private_address(const char *host)
{
	struct in_addr parsed;
	if (inet_pton(AF_INET, host, &parsed) != 1)
		return false;
	uint32_t address = ntohl(parsed.s_addr);
	return address >> 24 == 10 || address >> 20 == 0xac1 || address >> 16 == 0xc0a8;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);
	return length > end_length && strcmp(text + length - end_length, end) == 0;
}

bool manners_allow_origin(const struct manners *manners, const char *origin, const char *hostname)
{
	char host[128];
	if (!origin || manners->origin == ORIGIN_ANY)
		return true;
	if (strncmp(origin, "http://", 7) != 0 || strlen(origin + 7) >= sizeof(host))
		return false;
	(void)snprintf(host, sizeof(host), "%s", origin + 7);

	/* Up to 2.14 nothing but the bare address of the device's own page; a port makes it foreign. */
	if (manners->origin == ORIGIN_ADDRESS)
		return is_private_address(host);
	if (manners->origin == ORIGIN_LOCAL && is_private_address(host))
		return true;
	host[strcspn(host, ":")] = '\0';
	if (ends_with(host, ".local") || (*hostname && strcmp(host, hostname) == 0))
		return true;
	if (manners->origin == ORIGIN_NERDQAXE)
		return is_private_address(host) || strcmp(host, "localhost") == 0;
	return *host && !strchr(host, '.');
}
