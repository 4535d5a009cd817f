#include "control.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"

enum { SLOW_MAX_MS = 600000 };

static const struct {
	const char *name;
	enum fault fault;
} faults[] = {
	{ "none", FAULT_NONE },
	{ "dead", FAULT_DEAD },
	{ "silent", FAULT_SILENT },
	{ "slow", FAULT_SLOW },
	{ "frozen", FAULT_FROZEN },
	{ "http500", FAULT_HTTP500 },
	{ "empty", FAULT_EMPTY },
	{ "cut", FAULT_CUT },
	{ "garbage", FAULT_GARBAGE },
	{ "huge", FAULT_HUGE },
	{ "http401", FAULT_HTTP401 },
	{ "redirect", FAULT_REDIRECT },
	{ "drip", FAULT_DRIP },
	{ "null", FAULT_NULL },
	{ "moved", FAULT_MOVED },
};

/* The next word of *rest, or "". */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " ");
	*rest = word + strcspn(word, " ");
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

static bool take_slow(struct device *device, const char *text, struct complaint *complaint)
{
	char *end;
	errno = 0;
	long ms = strtol(text, &end, 10);
	if (!*text || *end || errno != 0 || ms < 0 || ms > SLOW_MAX_MS)
		return complain(complaint, "slow needs milliseconds from 0 to %d", SLOW_MAX_MS);
	device->slow_ms = ms;
	return true;
}

static bool order_fault(struct device *device, char *rest, struct complaint *complaint)
{
	const char *name = next_word(&rest);
	const char *detail = next_word(&rest);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (strcmp(faults[i].name, name) != 0)
			continue;
		enum fault fault = faults[i].fault;
		if (fault == FAULT_SLOW && !take_slow(device, detail, complaint))
			return false;
		if (fault == FAULT_MOVED) {
			if (!mac_is_valid(detail))
				return complain(complaint, "moved needs a MAC like 02:00:5E:00:00:01");
			(void)snprintf(device->moved_mac, sizeof(device->moved_mac), "%s", detail);
		}
		return port_set_fault(device->port, fault, complaint);
	}
	return complain(complaint, "no fault '%.40s'; see README.md", name);
}

static bool order_set(struct device *device, char *rest, struct complaint *complaint)
{
	const char *key = next_word(&rest);
	if (!*key)
		return complain(complaint, "write set ADDRESS KEY JSON");
	return device_set(device, key, rest, complaint);
}

static bool order_unset(struct device *device, char *rest, struct complaint *complaint)
{
	return device_unset(device, next_word(&rest), complaint);
}

static bool order_expect(struct device *device, char *rest, struct complaint *complaint)
{
	const char *method = next_word(&rest);
	if (strcmp(method, "POST") != 0 || strcmp(next_word(&rest), "/api/system/restart") != 0)
		return complain(complaint, "only POST /api/system/restart can be expected");
	device->expected_restarts++;
	return true;
}

static bool order_restart(struct device *device, char *rest, struct complaint *complaint)
{
	(void)rest, (void)complaint;
	port_reboot(device->port);
	return true;
}

static const struct order {
	const char *name;
	bool (*give)(struct device *device, char *rest, struct complaint *complaint);
} orders[] = {
	{ "fault", order_fault },
	{ "set", order_set },
	{ "unset", order_unset },
	{ "expect", order_expect },
	{ "restart", order_restart },
};

static bool give_order(struct control *control, const char *name, char *rest, struct complaint *complaint)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strcmp(orders[i].name, name) != 0)
			continue;
		const char *address = next_word(&rest);
		struct device *device = server_find(control->server, address);
		if (!device)
			return complain(complaint, "no device at '%.40s'", address);
		return orders[i].give(device, rest, complaint);
	}
	return complain(complaint,
		"no order '%.40s'; there are fault, set, unset, expect, restart, stats, manners", name);
}

static void write_stats(const struct control *control)
{
	json_auto_t *stats = json_object();
	for (size_t i = 0; i < control->device_count; i++) {
		const struct device *device = &control->devices[i];
		const struct device_counts *counts = &device->counts;
		json_t *row = json_pack("{s:I, s:I, s:I, s:I, s:I}", "requests", (json_int_t)counts->requests,
			"overlaps", (json_int_t)counts->overlaps, "origins", (json_int_t)counts->origins,
			"writes", (json_int_t)counts->writes, "held", (json_int_t)counts->held);
		(void)json_object_set_new(stats, device->name, row);
	}
	(void)json_dumpf(stats, stdout, JSON_COMPACT);
}

void control_line(void *context, char *line)
{
	struct control *control = context;
	struct complaint complaint = { 0 };
	char *rest = line;
	const char *name = next_word(&rest);

	if (strcmp(name, "stats") == 0)
		write_stats(control);
	else if (strcmp(name, "manners") == 0)
		ledger_write_manners(control->ledger, stdout);
	else if (give_order(control, name, rest, &complaint))
		(void)fputs("ok", stdout);
	else
		(void)printf("error: %s", complaint.text);
	(void)fputc('\n', stdout);
	(void)fflush(stdout); /* a reader that has gone is no reason to end */
}
