/* The topics: a row each, built and matched here and nowhere else.
 *
 * A topic is a row and a name: the `+` levels of the row's pattern, joined by '/' ("gamma-3"; "miner/gamma-3" where there
 * are two; "" where there is none). The root bitaxe/<site>/ is the bus's business. */
#pragma once
#include "libbus/contract/catalog.h"
#include <stdbool.h>
#include <stddef.h>

#define BX_NAME_SIZE 100 /* of a name, NUL included */
#define BX_TOPIC_SIZE 200 /* of a whole topic, root included */

enum bx_topic {
#define ROW(id, ...) BX_##id,
#include "libbus/contract/topics.rows"
#undef ROW
	BX_TOPIC_COUNT
};

enum bx_retention {
	BX_PASSING, /* said once, to those who listen */
	BX_RETAINED, /* the broker keeps the newest, its owner says it again after every connect */
	BX_DURABLE, /* retained, and kept in the owner's state folder, too: it outlives a power cut */
};

/* What a topic's payload is: see values.h and payloads.h. */
enum bx_payload {
	BX_OPAQUE, /* a JSON object (or nothing), handed on as it is */
	BX_VALUES, /* struct bx_values of the row's scope */
	BX_AVAILABILITY, /* the plain word: bool, online or not */
	BX_SERVICE_FACTS,
	BX_LOG_LINE,
	BX_MINER_ENTRY,
	BX_MINER_FACTS,
	BX_SUMMARY,
	BX_CHECK,
	BX_ACKNOWLEDGED,
	BX_EVENT_FACTS,
	BX_PAYLOAD_COUNT
};

struct bx_topic_row {
	const char *pattern;
	enum bx_retention retention;
	int qos;
	const char *publisher;
	enum bx_payload payload;
	const char *doc;
	enum bx_scope scope; /* of BX_VALUES */
};

const struct bx_topic_row *bx_topic_row(enum bx_topic topic);
/* The topic under the root. False: the name has not the row's levels, or a wildcard, or is too long. */
bool bx_topic_print(enum bx_topic topic, const char *name, char text[BX_TOPIC_SIZE]);
/* Row and name of a topic under the root. False: no row has it. */
bool bx_topic_match(const char *text, enum bx_topic *topic, char name[BX_NAME_SIZE]);
/* MQTT's filter match: may a client that asked for `filter` see `text`? */
bool bx_topic_filter(const char *filter, const char *text);
/* The last level of a name of two: "miner/gamma-3" is "gamma-3". */
const char *bx_name_last(const char *name);
/* The source of a recorded topic: all but its last level ("miner/gamma-3/telemetry" is of "miner/gamma-3", "host/telemetry" of
 * "host"). False: the topic is no BX_VALUES row's. */
bool bx_topic_source(const char *text, char source[BX_NAME_SIZE]);
/* The row of a series by its whole name: "miner/gamma-3/asic_1_hashrate", "host/cpu_usage". BX_METRIC_COUNT: there is none. */
enum bx_metric bx_series_metric(const char *name);
/* A target, as alerts, checks, restarts and events name it: "miner/gamma-3", "service/collector". `name` is bounded as names
 * are. */
void bx_target(enum bx_scope kind, const char *name, char target[BX_NAME_SIZE]);
