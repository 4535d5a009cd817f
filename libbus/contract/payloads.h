/* The control payloads: a struct each, with one field table each (payloads.c) for encoder, decoder and schema.
 *
 * Absent is: of a text "", of a number NaN, of a moment 0, of a list no entry. Required ones are marked in the table: a
 * payload without them is malformed. Unknown keys and optional ones of a wrong type are skipped. */
#pragma once
#include "libbus/base/clock.h"
#include "libbus/base/error.h"
#include "libbus/base/text.h"
#include "libbus/contract/topics.h"
#include "libbus/contract/values.h"

#define BX_ID_SIZE 48 /* slugs of miners, units, endpoints */

struct bx_info {
	char version[24], config[160];
	int64_t pid;
	struct bx_wall started;
};

struct bx_log_line {
	struct bx_wall time;
	char level[12], message[200], fields[400]; /* fields: "miner=gamma-3 waited_ms=5000" */
};

/* A miner of the registry. */
struct bx_miner_entry {
	char id[BX_ID_SIZE]; /* slug, stable for its life */
	char name[64]; /* as its owner calls it */
	char url[96]; /* http://HOST[:PORT] */
	char mac[18]; /* "AA:BB:CC:DD:EE:FF"; "": not seen yet, then its identity is the address */
	char group[32];
	bool enabled;
};

/* What a miner says that it is. Never a password, never a whole wallet. */
struct bx_miner_facts {
	char model[32], board[16], asic_model[16], firmware[40], dialect[12], mac[18], ip[46], hostname[40];
	char pool_host[72], pool_user[24], boot_reason[32];
	double asic_count, pool_port, nominal_voltage;
};

enum bx_status { BX_STATUS_OK, BX_STATUS_WARNING, BX_STATUS_CRITICAL, BX_STATUS_UNKNOWN };
const char *bx_status_word(enum bx_status status); /* "OK", ... */

struct bx_summary {
	enum bx_status overall_status;
	char sentence[240];
	double ok, warning, critical, unknown; /* checks by status */
	size_t worst_count;
	struct bx_worst {
		char target[BX_NAME_SIZE];
		enum bx_status status;
		char sentence[160];
	} worst[5];
};

struct bx_check {
	enum bx_status status;
	struct bx_wall since;
	char sentence[160];
	size_t rule_count;
	struct bx_check_rule {
		char rule[32];
		enum bx_status status;
		double value, warning, critical; /* the two are the limits */
		char evidence[120];
	} rules[8];
};

#define BX_RANGES_MAX 64
struct bx_acknowledged {
	uint64_t session;
	size_t range_count;
	struct bx_range {
		uint64_t first, last;
	} ranges[BX_RANGES_MAX];
};

/* What every event has; its facts are further members of the object, free by type. */
struct bx_event_facts {
	char id[96]; /* <ms>-<site>-<service>-<count> */
	char type[40]; /* "miner.added" */
	struct bx_wall time;
	char who[32];
};

/* Room for any payload, for who decodes without knowing which. */
union bx_any {
	struct bx_values values;
	bool online;
	struct bx_info info;
	struct bx_log_line log_line;
	struct bx_miner_entry miner_entry;
	struct bx_miner_facts miner_facts;
	struct bx_summary summary;
	struct bx_check check;
	struct bx_acknowledged acknowledged;
	struct bx_event_facts event_facts;
};

/* Appends the payload of a topic's row; `payload` is what enum bx_payload says (BX_OPAQUE: a JSON text, NUL-terminated). */
void bx_payload_encode(enum bx_topic topic, const void *payload, struct bx_text *text);
/* False: malformed, and *payload is not to be used. Of BX_OPAQUE that it is an object (or empty) is all that is looked at, of
 * BX_RECORDS nothing. */
bool bx_payload_decode(
	enum bx_topic topic, const char *bytes, size_t size, union bx_any *payload, struct bx_error *error);

/* The field tables, for the printed schemas. */
enum bx_payload_field_type {
	BX_TYPE_TEXT,
	BX_TYPE_INTEGER,
	BX_TYPE_NUMBER,
	BX_TYPE_YES_NO,
	BX_TYPE_MOMENT,
	BX_TYPE_STATUS,
	BX_TYPE_HEX, /* uint64_t as 16 hex digits */
	BX_TYPE_RANGES, /* struct bx_range[] as [[first, last], ...] */
	BX_TYPE_LIST, /* of objects */
};
struct bx_payload_field {
	const char *name;
	enum bx_payload_field_type type;
	size_t offset, size; /* in the struct; size of the member, of a list's entry */
	bool required;
	size_t count_offset, count_max; /* lists */
	const struct bx_payload_field *fields; /* of a list's entries */
};
/* Ended by a field without a name; NULL for payloads without a table. */
const struct bx_payload_field *bx_payload_fields(enum bx_payload payload);
const char *bx_payload_title(enum bx_payload payload);
