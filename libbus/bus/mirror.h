/* The newest of what was heard, by topic. Gateway, health, bxctl and others each need this; the list of miners is one
 * question to it, not a module of its own. */
#pragma once
#include "libbus/bus/bus.h"

struct bx_mirror;

/* Hears `count` rows from now on. Over `entries_max` further names are not kept, which is logged once. */
struct bx_mirror *bx_mirror_new(
	struct bx_bus *bus, const enum bx_topic *topics, size_t count, size_t entries_max);
void bx_mirror_free(struct bx_mirror *mirror);
BX_OWNED_BY(struct bx_mirror, bx_mirror_free)

/* One entry, as it came; borrowed until the loop runs on. */
struct bx_entry {
	enum bx_topic topic;
	const char *name;
	const char *bytes;
	size_t size;
	int64_t age_ms; /* since it was heard; of values that the broker had kept, since their own time */
};
/* False: not heard, or ended. */
bool bx_mirror_get(
	const struct bx_mirror *mirror, enum bx_topic topic, const char *name, struct bx_entry *entry);
/* The same, decoded. */
bool bx_mirror_read(
	const struct bx_mirror *mirror, enum bx_topic topic, const char *name, union bx_any *payload);
/* All entries of a row, by name. */
void bx_mirror_each(const struct bx_mirror *mirror, enum bx_topic topic,
	void (*each)(void *arg, const struct bx_entry *entry), void *arg);
size_t bx_mirror_count(const struct bx_mirror *mirror, enum bx_topic topic);
/* Called behind each change, the mirror being the newer already. One listener. */
void bx_mirror_on_change(struct bx_mirror *mirror, bx_heard *changed, void *arg);
/* Does this service run? Its availability counts only with stats younger than three minutes: after a broker's crash no
 * will is said for those who died with it. */
bool bx_mirror_runs(const struct bx_mirror *mirror, const char *service);
