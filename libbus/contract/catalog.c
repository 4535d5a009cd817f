#include "libbus/contract/catalog.h"

#include "libbus/base/memory.h"
#include "libbus/base/text.h"
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define PROMETHEUS(...) .prometheus = { __VA_ARGS__ }
#define ROW(id, name_, scopes_, unit_, decimals_, kind_, store_, label_, ...) \
	[BX_##id] = { .name = name_, .scopes = scopes_, .unit = unit_, .decimals = decimals_, .kind = kind_, \
		.store = store_, .label = label_, __VA_ARGS__ },
static const struct bx_row rows[] = {
#include "libbus/contract/catalog.rows"
};
#undef ROW
/* clang-format on */

static const char *const scopes[] = { "miner", "fleet", "host", "database", "endpoint", "unit", "service",
	"custom" };

static const struct {
	const char *key, *series;
} parts[BX_PART_COUNT] = {
	[BX_NO_PART] = { "", "" },
	[BX_ASICS] = { "asics", "asic" },
	[BX_DISKS] = { "disks", "disk" },
	[BX_INTERFACES] = { "interfaces", "interface" },
	[BX_PUBLISHERS] = { "publishers", "publisher" },
	[BX_APP_TABLES] = { "app_tables", "app" },
};

const struct bx_row *bx_catalog_row(enum bx_metric metric)
{
	return &rows[metric];
}

enum bx_metric bx_catalog_find(enum bx_scope scope, enum bx_part part, const char *name)
{
	for (size_t i = 0; i < BX_COUNT(rows); i++)
		if ((rows[i].scopes & scope) && rows[i].part == part && strcmp(rows[i].name, name) == 0)
			return (enum bx_metric)i;
	return BX_METRIC_COUNT;
}

enum bx_metric bx_catalog_find_series(enum bx_scope scope, const char *series)
{
	char pattern[128];
	for (size_t i = 0; i < BX_COUNT(rows); i++) {
		const struct bx_row *row = &rows[i];
		if (!(row->scopes & scope) || row->part == BX_NO_PART)
			continue;
		(void)snprintf(pattern, sizeof pattern, row->part == BX_ASICS ? "%s_*_%s" : "%s/*/%s",
			parts[row->part].series, row->name); /* ours, short */
		if (bx_glob(pattern, series))
			return (enum bx_metric)i;
	}
	return bx_catalog_find(scope, BX_NO_PART, series);
}

const char *bx_scope_word(enum bx_scope scope)
{
	return scopes[__builtin_ctz(scope)];
}

enum bx_scope bx_scope_of(const char *word)
{
	for (size_t i = 0; i < BX_COUNT(scopes); i++)
		if (strcmp(scopes[i], word) == 0)
			return (enum bx_scope)(1U << i);
	return 0;
}

const char *bx_part_key(enum bx_part part)
{
	return parts[part].key;
}

const char *bx_part_series(enum bx_part part)
{
	return parts[part].series;
}

bool bx_catalog_word(enum bx_metric metric, int place, char word[BX_WORD_SIZE])
{
	const char *at = rows[metric].words;
	for (; at && place > 0; place--) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	if (!at || place < 0)
		return false;
	size_t length = strcspn(at, " ");
	memcpy(word, at, length);
	word[length] = '\0';
	return true;
}

int bx_catalog_place(enum bx_metric metric, const char *word)
{
	char known[BX_WORD_SIZE];
	for (int place = 0; bx_catalog_word(metric, place, known); place++)
		if (strcmp(known, word) == 0)
			return place;
	return -1;
}
