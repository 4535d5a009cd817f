#include "libbus/contract/topics.h"

#include "libbus/base/memory.h"
#include "libbus/base/text.h"
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define ROW(id, pattern_, retention_, qos_, publisher_, payload_, doc_, ...) \
	[BX_##id] = { .pattern = pattern_, .retention = retention_, .qos = qos_, .publisher = publisher_, \
		.payload = payload_, .doc = doc_, __VA_ARGS__ },
static const struct bx_topic_row rows[] = {
#include "libbus/contract/topics.rows"
};
#undef ROW
/* clang-format on */

const struct bx_topic_row *bx_topic_row(enum bx_topic topic)
{
	return &rows[topic];
}

bool bx_topic_print(enum bx_topic topic, const char *name, char text[BX_TOPIC_SIZE])
{
	size_t used = 0;
	if (strlen(name) >= BX_NAME_SIZE)
		return false;
	for (const char *at = rows[topic].pattern; *at; at++) {
		if (*at != '+') {
			text[used++] = *at; /* patterns are short */
			continue;
		}
		size_t length = strcspn(name, "/");
		if (length == 0 || used + length + 32 > BX_TOPIC_SIZE || memchr(name, '+', length) ||
			memchr(name, '#', length))
			return false;
		memcpy(text + used, name, length);
		used += length;
		name += length;
		if (name[0] == '/' && name[1] != '\0')
			name++;
	}
	text[used] = '\0';
	return *name == '\0';
}

static bool match_row(const char *pattern, const char *text, char name[BX_NAME_SIZE])
{
	size_t used = 0;
	for (;; pattern++) {
		if (*pattern != '+') {
			if (*pattern != *text)
				return false;
			if (*text++ == '\0')
				break;
			continue;
		}
		size_t length = strcspn(text, "/");
		if (length == 0 || used + (used > 0) + length >= BX_NAME_SIZE)
			return false;
		if (used > 0)
			name[used++] = '/';
		memcpy(name + used, text, length);
		used += length;
		text += length;
	}
	name[used] = '\0';
	return true;
}

bool bx_topic_match(const char *text, enum bx_topic *topic, char name[BX_NAME_SIZE])
{
	if (strpbrk(text, "+#"))
		return false; /* a filter is no topic */
	for (size_t i = 0; i < BX_COUNT(rows); i++) {
		if (match_row(rows[i].pattern, text, name)) {
			*topic = (enum bx_topic)i;
			return true;
		}
	}
	return false;
}

bool bx_topic_filter(const char *filter, const char *text)
{
	if (text[0] == '$' && (filter[0] == '+' || filter[0] == '#')) /* MQTT 5, 4.7.2 */
		return false;
	for (;;) {
		if (strcmp(filter, "#") == 0)
			return true;
		size_t want = strcspn(filter, "/"), have = strcspn(text, "/");
		bool any = want == 1 && filter[0] == '+';
		if (!any && (want != have || memcmp(filter, text, want) != 0))
			return false;
		filter += want;
		text += have;
		if (*text == '\0')
			return *filter == '\0' || strcmp(filter, "/#") == 0;
		if (*filter == '\0')
			return false;
		filter++;
		text++;
	}
}

const char *bx_name_last(const char *name)
{
	const char *slash = strrchr(name, '/');
	return slash ? slash + 1 : name;
}

bool bx_topic_source(const char *text, char source[BX_NAME_SIZE])
{
	enum bx_topic topic;
	char name[BX_NAME_SIZE];
	if (!bx_topic_match(text, &topic, name) || rows[topic].payload != BX_VALUES)
		return false;
	size_t length = (size_t)(strrchr(text, '/') - text);
	if (length >= BX_NAME_SIZE)
		return false;
	memcpy(source, text, length);
	source[length] = '\0';
	return true;
}

/* What stands behind the source ("miner/+/") of a pattern; NULL: it is not of such a source. */
static const char *behind_source(const char *pattern, const char *name)
{
	for (const char *end = strrchr(pattern, '/'); pattern < end;) {
		size_t level = strcspn(pattern, "/"), length = strcspn(name, "/");
		bool fits = *pattern == '+' || (length == level && strncmp(pattern, name, level) == 0);
		if (!fits || name[length] == '\0')
			return NULL;
		pattern += level + 1;
		name += length + 1;
	}
	return name[0] ? name : NULL;
}

enum bx_metric bx_series_metric(const char *name)
{
	for (size_t i = 0; i < BX_COUNT(rows); i++) {
		const char *series =
			rows[i].payload == BX_VALUES ? behind_source(rows[i].pattern, name) : NULL;
		if (series)
			return bx_catalog_find_series(rows[i].scope, series);
	}
	return BX_METRIC_COUNT;
}

void bx_target(enum bx_scope kind, const char *name, char target[BX_NAME_SIZE])
{
	(void)snprintf(target, BX_NAME_SIZE, "%s/%s", bx_scope_word(kind),
		name); /* cut: no row's topic has it then */
}
