/* The catalogue: a row a quantity, by name, unit, decimals and kind (catalog.rows). What is measured is told, stored,
 * judged and shown by row; adding a quantity is adding a row. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whose quantity it is; a row may belong to several. */
enum bx_scope {
	BX_MINER = 1,
	BX_FLEET = 2,
	BX_HOST = 4,
	BX_DATABASE = 8,
	BX_ENDPOINT = 16,
	BX_UNIT = 32,
	BX_SERVICE = 64,
	BX_CUSTOM = 128,
};

enum bx_kind {
	BX_GAUGE,
	BX_COUNTER, /* rises; a fall is a reset of its source */
	BX_WORD, /* one of a closed list; its value is the place in it */
	BX_YES_NO, /* 0 or 1 */
	BX_MOMENT, /* seconds since 1970 in a double; ISO 8601 on the bus */
};

enum bx_store { BX_LIVE, BX_STORED }; /* BX_STORED: recorded each METRICS_COLLECTION_INTERVAL */
enum bx_better { BX_NEITHER, BX_HIGHER, BX_LOWER };

/* Rows of which a source has several, by a name that is no row: disks by mount, ASICs by number. On the bus an object by
 * that name ("disks": {"root": {"usage": 61.2}}), ASICs a list; as a series "disk/root/usage", "asic_1_hashrate". */
enum bx_part { BX_NO_PART, BX_ASICS, BX_DISKS, BX_INTERFACES, BX_PUBLISHERS, BX_APP_TABLES, BX_PART_COUNT };

enum bx_metric {
#define ROW(id, ...) BX_##id,
#include "libbus/contract/catalog.rows"
#undef ROW
	BX_METRIC_COUNT
};

struct bx_prometheus {
	const char *name; /* behind bitaxe_<scope>_; NULL: not exported */
	double factor; /* to the base unit */
	const char *label, *label_value;
};

struct bx_row {
	const char *name;
	unsigned scopes; /* mask of enum bx_scope */
	const char *unit;
	int decimals; /* what is published and shown */
	enum bx_kind kind;
	enum bx_store store;
	const char *label;
	struct bx_prometheus prometheus;
	enum bx_better better;
	enum bx_part part;
	const char *words; /* BX_WORD: the closed list, separated by blanks */
};

const struct bx_row *bx_catalog_row(enum bx_metric metric);
/* The row of that name in a scope (and part); BX_METRIC_COUNT: there is none. */
enum bx_metric bx_catalog_find(enum bx_scope scope, enum bx_part part, const char *name);
/* The same by the name of a series within its source: "hashrate", "disk/root/usage", "asic_1_hashrate". */
enum bx_metric bx_catalog_find_series(enum bx_scope scope, const char *series);
/* "miner", "fleet", ... and back; 0: no such scope. */
const char *bx_scope_word(enum bx_scope scope);
enum bx_scope bx_scope_of(const char *word);
/* The key on the bus ("disks") and in a series' name ("disk"). */
const char *bx_part_key(enum bx_part part);
const char *bx_part_series(enum bx_part part);
/* Word number `place` of a row's closed list into `word`; false: there is none. And back: -1. */
#define BX_WORD_SIZE 24
bool bx_catalog_word(enum bx_metric metric, int place, char word[BX_WORD_SIZE]);
int bx_catalog_place(enum bx_metric metric, const char *word);
