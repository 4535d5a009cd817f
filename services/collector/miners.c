#include "services/collector/miners.h"

#include "libbus/base/text.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct miners {
	struct miner **miners;
	size_t count;
};

struct miners *miners_new(void)
{
	return bx_alloc(1, sizeof(struct miners));
}

void miners_free(struct miners *miners)
{
	if (!miners)
		return;
	for (size_t i = 0; i < miners->count; i++)
		free(miners->miners[i]);
	free(miners->miners);
	free(miners);
}

size_t miners_count(const struct miners *miners)
{
	return miners->count;
}

struct miner *miners_at(struct miners *miners, size_t index)
{
	return miners->miners[index];
}

struct miner *miners_find(struct miners *miners, const char *id)
{
	for (size_t i = 0; i < miners->count; i++)
		if (strcmp(miners->miners[i]->entry.id, id) == 0)
			return miners->miners[i];
	return NULL;
}

static struct miner *find_mac(struct miners *miners, const char *mac)
{
	for (size_t i = 0; mac[0] && i < miners->count; i++)
		if (strcmp(miners->miners[i]->entry.mac, mac) == 0)
			return miners->miners[i];
	return NULL;
}

/* Does this MAC belong to another than `miner`? */
static bool is_other(struct miners *miners, const struct miner *miner, const char *mac)
{
	if (miner->entry.mac[0])
		return mac[0] && strcmp(mac, miner->entry.mac) != 0;
	return find_mac(miners, mac) != NULL;
}

static struct miner *find_url(struct miners *miners, const char *url)
{
	for (size_t i = 0; i < miners->count; i++)
		if (strcmp(miners->miners[i]->entry.url, url) == 0)
			return miners->miners[i];
	return NULL;
}

bool miners_normalise(const char *address, char *url, size_t size, struct bx_error *error)
{
	const char *host = strncasecmp(address, "http://", 7) == 0 ? address + 7 : address;
	size_t length = strlen(host);
	while (length > 0 && host[length - 1] == '/')
		length--;
	if (length == 0 ||
		strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") < length)
		return bx_fail(error, BX_INVALID,
			"'%.60s' is no miner's address; write http://HOST[:PORT], or the host alone",
			address);
	const char *colon = memchr(host, ':', length);
	int64_t port;
	char digits[8] = "80";
	if (colon && host[0] != '[' && (size_t)(host + length - colon) <= sizeof digits)
		(void)snprintf(digits, sizeof digits, "%.*s", (int)(host + length - colon - 1), colon + 1);
	else if (colon && host[0] != '[')
		digits[0] = '\0';
	if (!bx_parse_integer(digits, 1, 65535, &port) || colon == host)
		return bx_fail(error, BX_INVALID, "'%.60s': a port is a number from 1 to 65535", address);
	if (length + 8 > size)
		return bx_fail(error, BX_INVALID, "the address is longer than %zu bytes", size - 8);
	if (colon && host[0] != '[')
		length = (size_t)(colon - host);
	(void)snprintf(
		url, size, port == 80 ? "http://%.*s" : "http://%.*s:%d", (int)length, host, (int)port);
	for (char *at = url; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return true;
}

/* The last four digits (hexadecimal ones of a MAC) of a text. */
static void last_four(const char *from, bool hexadecimal, char to[5])
{
	size_t used = 4;
	to[4] = '\0';
	for (size_t at = strlen(from); at > 0 && used > 0; at--) {
		unsigned char letter = (unsigned char)from[at - 1];
		if (hexadecimal ? isxdigit(letter) : isdigit(letter))
			to[--used] = (char)letter;
	}
	memmove(to, to + used, 5 - used);
}

static void make_id(struct miners *miners, const struct miner_wish *wish, const struct axeos_reading *seen,
	const char *url, char id[BX_ID_SIZE])
{
	char text[96], digits[5];
	last_four(seen->facts.mac[0] ? seen->facts.mac : url, seen->facts.mac[0] != '\0', digits);
	(void)snprintf(
		text, sizeof text, "%s-%s", seen->facts.model[0] ? seen->facts.model : "miner", digits);
	char base[BX_ID_SIZE - 5];
	if (!wish->name || !bx_slug(base, sizeof base, wish->name))
		(void)bx_slug(base, sizeof base, text); /* "miner" at least */
	(void)bx_text_copy(id, BX_ID_SIZE, base);
	for (unsigned number = 2; miners_find(miners, id); number++)
		(void)snprintf(id, BX_ID_SIZE, "%s-%u", base, number);
}

static bool read_switch(const char *word, bool *on, struct bx_error *error)
{
	*on = strcmp(word, "true") == 0;
	return *on || strcmp(word, "false") == 0 ||
		bx_fail(error, BX_INVALID, "enabled is true or false, not '%.20s'", word);
}

static void set_names(struct bx_miner_entry *entry, const struct miner_wish *wish)
{
	if (wish->name && wish->name[0])
		(void)bx_text_copy(
			entry->name, sizeof entry->name, wish->name); /* cut is fine, it is a name */
	if (wish->group)
		(void)bx_text_copy(entry->group, sizeof entry->group, wish->group);
}

static struct miner *append(struct miners *miners)
{
	miners->miners = bx_grow(miners->miners, miners->count + 1, sizeof *miners->miners);
	miners->miners[miners->count] = bx_alloc(1, sizeof(struct miner));
	return miners->miners[miners->count++];
}

struct miner *miners_admit(struct miners *miners, const struct miner_wish *wish,
	const struct axeos_reading *seen, struct bx_error *error)
{
	struct bx_miner_entry entry = { .enabled = true };
	if (!miners_normalise(wish->url, entry.url, sizeof entry.url, error))
		return NULL;
	struct miner *known = find_mac(miners, seen->facts.mac), *there = find_url(miners, entry.url);
	if (!known && there && (!there->entry.mac[0] || !seen->facts.mac[0]))
		known = there; /* without a MAC the address is who it is */
	if (there && there != known) {
		bx_fail(error, BX_CONFLICT, "%s is registered as %s, another miner; remove that one first",
			entry.url, there->entry.id);
		return NULL;
	}
	if (known) {
		(void)bx_text_copy(known->entry.url, sizeof known->entry.url, entry.url); /* same size */
		set_names(&known->entry, wish);
		known->entry.enabled = true;
		return known;
	}
	if (miners->count == MINERS_MAX) {
		bx_fail(error, BX_FULL, "there are %d miners already, more are not watched by one collector",
			MINERS_MAX);
		return NULL;
	}
	make_id(miners, wish, seen, entry.url, entry.id);
	(void)bx_text_copy(entry.name, sizeof entry.name, entry.id);
	(void)bx_text_copy(entry.mac, sizeof entry.mac, seen->facts.mac);
	set_names(&entry, wish);
	struct miner *miner = append(miners);
	miner->entry = entry;
	miner->record = true;
	return miner;
}

struct miner *miners_change(struct miners *miners, const char *id, const struct miner_wish *wish,
	const struct axeos_reading *seen, struct bx_error *error)
{
	struct miner *miner = miners_find(miners, id);
	if (!miner) {
		bx_fail(error, BX_MISSING, "there is no miner '%.40s'; see: bxctl miners", id);
		return NULL;
	}
	struct bx_miner_entry entry = miner->entry;
	if (wish->enabled && !read_switch(wish->enabled, &entry.enabled, error))
		return NULL;
	if (seen) {
		if (!miners_normalise(wish->url, entry.url, sizeof entry.url, error))
			return NULL;
		struct miner *there = find_url(miners, entry.url);
		if (is_other(miners, miner, seen->facts.mac) || (there && there != miner)) {
			bx_fail(error, BX_CONFLICT,
				"at %s lives another miner (%s); add that one by its own name", entry.url,
				seen->facts.mac[0] ? seen->facts.mac : "without a MAC");
			return NULL;
		}
	}
	set_names(&entry, wish);
	miner->entry = entry;
	if (!entry.enabled) {
		miner->presence = MINER_NOT_ASKED;
		miner->misses = 0;
	}
	return miner;
}

void miners_restore(struct miners *miners, const struct bx_miner_entry *entry)
{
	if (miners->count < MINERS_MAX && bx_is_slug(entry->id) && !miners_find(miners, entry->id))
		append(miners)->entry = *entry;
}

bool miners_remove(struct miners *miners, const char *id, struct bx_error *error)
{
	for (size_t i = 0; i < miners->count; i++) {
		if (strcmp(miners->miners[i]->entry.id, id) != 0)
			continue;
		free(miners->miners[i]);
		miners->miners[i] = miners->miners[--miners->count];
		return true;
	}
	return bx_fail(error, BX_MISSING, "there is no miner '%.40s'; see: bxctl miners", id);
}

/* What the answer alone cannot say: the average of older firmware, efficiency, whether a fan has a wire. */
static void complete(struct miner *miner, struct axeos_reading *reading, struct bx_mono now)
{
	struct bx_values *values = &reading->values;
	double hashrate, averaged, power, expected, rpm;
	bool has_hashrate = bx_values_get(values, BX_HASHRATE, &hashrate);
	if (has_hashrate)
		average_add(&miner->average, now, hashrate);
	bool has_average = bx_values_get(values, BX_HASHRATE_10M, &averaged);
	if (!has_average && average_read(&miner->average, now, &averaged)) {
		has_average = true;
		bx_values_set(values, BX_HASHRATE_10M, averaged);
	}
	if (bx_values_get(values, BX_HASHRATE_EXPECTED, &expected))
		miner->expected = expected;
	double by = has_average ? averaged : has_hashrate ? hashrate : 0;
	if (reading->hashing && bx_values_get(values, BX_POWER, &power) && by > 0.2 * miner->expected &&
		by > 0)
		bx_values_set(values, BX_EFFICIENCY, power / by * 1000);
	if (bx_values_get(values, BX_FAN_RPM, &rpm)) {
		miner->fan_seen |= rpm > 0;
		if (!miner->fan_seen)
			bx_values_clear(values, BX_FAN_RPM);
	}
	bx_values_set(values, BX_POLLS_MISSED, miner->polls_missed);
}

/* NaN is equal to NaN here: absent is the same as absent. */
static bool same_facts(const struct bx_miner_facts *one, const struct bx_miner_facts *other)
{
	BX_TEXT_OWNED struct bx_text a;
	BX_TEXT_OWNED struct bx_text b;
	bx_text_init(&a, 4096);
	bx_text_init(&b, 4096);
	bx_payload_encode(BX_MINER_INFO, one, &a);
	bx_payload_encode(BX_MINER_INFO, other, &b);
	return strcmp(a.data, b.data) == 0;
}

unsigned miners_answered(struct miners *miners, struct miner *miner, struct axeos_reading *reading,
	struct bx_wall time, struct bx_mono now)
{
	unsigned news = MINER_SAME;
	const char *mac = reading->facts.mac;
	if (is_other(miners, miner, mac))
		return miners_missed(miner) | MINER_STRANGER;
	if (mac[0] && !miner->entry.mac[0]) {
		(void)bx_text_copy(miner->entry.mac, sizeof miner->entry.mac, mac); /* same size */
		news |= MINER_IDENTIFIED;
	}
	if (miner->presence != MINER_ONLINE)
		news |= MINER_CAME;
	if (!same_facts(&miner->facts, &reading->facts) || (news & MINER_CAME))
		news |= MINER_TELLS;
	miner->presence = MINER_ONLINE;
	miner->misses = 0;
	miner->stranger_told = false;
	complete(miner, reading, now);
	miner->values = reading->values;
	miner->values.time = time;
	miner->facts = reading->facts;
	return news;
}

unsigned miners_missed(struct miner *miner)
{
	miner->polls_missed++;
	if (++miner->misses < MISSES_TO_OFFLINE || miner->presence == MINER_OFFLINE)
		return MINER_SAME;
	miner->presence = MINER_OFFLINE;
	return MINER_WENT;
}

static const struct total {
	enum bx_metric metric, over; /* over: how many have it, said where some have not */
	enum { SUM, MAX } how;
	enum bx_metric of;
} totals[] = {
	{ BX_HASHRATE, BX_HASHRATE_MINERS, SUM, BX_HASHRATE },
	{ BX_HASHRATE_10M, BX_HASHRATE_10M_MINERS, SUM, BX_HASHRATE_10M },
	{ BX_HASHRATE_EXPECTED, BX_HASHRATE_EXPECTED_MINERS, SUM, BX_HASHRATE_EXPECTED },
	{ BX_POWER, BX_POWER_MINERS, SUM, BX_POWER },
	{ BX_SHARES_ACCEPTED, BX_SHARES_ACCEPTED_MINERS, SUM, BX_SHARES_ACCEPTED },
	{ BX_SHARES_REJECTED, BX_SHARES_REJECTED_MINERS, SUM, BX_SHARES_REJECTED },
	{ BX_ASIC_TEMPERATURE_MAX, BX_METRIC_COUNT, MAX, BX_ASIC_TEMPERATURE },
	{ BX_VR_TEMPERATURE_MAX, BX_METRIC_COUNT, MAX, BX_VR_TEMPERATURE },
	{ BX_BEST_DIFFICULTY, BX_METRIC_COUNT, MAX, BX_BEST_DIFFICULTY },
};

static void add_total(
	const struct miners *miners, const struct total *total, size_t enabled, struct bx_values *fleet)
{
	double sum = 0, value;
	size_t count = 0;
	for (size_t i = 0; i < miners->count; i++) {
		const struct miner *miner = miners->miners[i];
		if (!miner->entry.enabled || miner->presence != MINER_ONLINE ||
			!bx_values_get(&miner->values, total->of, &value))
			continue;
		sum = total->how == SUM ? sum + value : count == 0 || value > sum ? value : sum;
		count++;
	}
	if (count == 0)
		return;
	bx_values_set(fleet, total->metric, sum);
	if (total->over != BX_METRIC_COUNT && count < enabled)
		bx_values_set(fleet, total->over, (double)count);
}

bool miners_totals(const struct miners *miners, struct bx_wall time, struct bx_values *fleet)
{
	size_t enabled = 0, online = 0;
	double earned = 0, expected = 0, watts = 0, hashes = 0, value, power;
	bx_values_init(fleet, BX_FLEET, time);
	for (size_t i = 0; i < miners->count; i++) {
		const struct miner *miner = miners->miners[i];
		if (!miner->entry.enabled)
			continue;
		if (miner->presence == MINER_NOT_ASKED)
			return false;
		enabled++;
		online += miner->presence == MINER_ONLINE;
		expected += miner->expected;
		if (miner->presence != MINER_ONLINE ||
			!bx_values_get(&miner->values, BX_HASHRATE_10M, &value))
			continue;
		if (miner->expected > 0)
			earned += value;
		if (bx_values_get(&miner->values, BX_POWER, &power)) {
			watts += power;
			hashes += value;
		}
	}
	bx_values_set(fleet, BX_TOTAL_MINERS, (double)miners->count);
	bx_values_set(fleet, BX_ENABLED_MINERS, (double)enabled);
	bx_values_set(fleet, BX_ACTIVE_MINERS, (double)online);
	for (size_t i = 0; i < BX_COUNT(totals); i++)
		add_total(miners, &totals[i], enabled, fleet);
	if (expected > 0)
		bx_values_set(fleet, BX_EARNED_PERCENTAGE, 100 * earned / expected);
	if (hashes > 0)
		bx_values_set(fleet, BX_EFFICIENCY, watts / hashes * 1000); /* of those that say both */
	return true;
}
