/* What a version of the firmware does on the wire, as far as a client can see it.
 *
 * Source: the handlers of bitaxeorg/ESP-Miner v2.0.0 to v2.15.0 and shufps/ESP-Miner-NerdQAxePlus v1.0.7 to
 * v1.0.38. NMAxe's are guesses, but for its missing origin check. */
#ifndef SIMULATOR_MANNERS_H
#define SIMULATOR_MANNERS_H

#include <stdbool.h>
#include <stddef.h>

#include "body.h"

enum family { FAMILY_ESP_MINER, FAMILY_NERDQAXE, FAMILY_NMAXE };

enum restart_answer { RESTART_BREAKS, RESTART_TEXT, RESTART_JSON };

/* How bestDiff is written: "4.29G" and "1e+03M"; "12.0G"; "349.12M"; "349.12 M"; 349118220. */
enum difficulty_form {
	DIFFICULTY_SHORT,
	DIFFICULTY_PADDED,
	DIFFICULTY_DECIMALS,
	DIFFICULTY_BLANK,
	DIFFICULTY_NUMBER,
};

enum origin_check { ORIGIN_ANY, ORIGIN_ADDRESS, ORIGIN_LOCAL, ORIGIN_NERDQAXE };

/* From this version on, until the next row of the family. */
struct manners {
	enum family family;
	unsigned from; /* VERSION(2, 15, 0) */
	size_t sockets; /* connections at once */
	bool purges; /* when full the least recently used one is closed; else the new one waits */
	size_t header_bytes; /* all headers together, else 431 */
	enum origin_check origin;
	bool redirects; /* an unknown route under /api/: 302, else 404 */
	enum restart_answer restart;
	enum difficulty_form difficulty;
	bool widens_floats; /* C floats printed as doubles, else rounded to 7 decimals */
	bool is_16_bit; /* share counters wrap at 65536 */
	bool closes; /* the connection after each answer */
	bool is_chunked;
};

#define VERSION(major, minor, patch) (((major) << 16) + ((minor) << 8) + (patch))

enum family manners_family(const struct body *body);

/* 0 when the body says none. Free text: "v2.13.2-116-g705b6c8-dirty", "2.1.10_LM", "v1.0.37.1". */
unsigned manners_version(const struct body *body);

const struct manners *manners_find(enum family family, unsigned version);

/* Whether the firmware answers a request with this Origin header, NULL for none. */
bool manners_allow_origin(const struct manners *manners, const char *origin, const char *hostname);

#endif
