#include "ledger.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

bool ledger_open(struct ledger *ledger, const char *path, struct complaint *complaint)
{
	*ledger = (struct ledger){ 0 };
	if (!path)
		return true;
	ledger->log = fopen(path, "we");
	if (!ledger->log)
		return complain(complaint, "cannot write the log %s: %s", path, strerror(errno));
	return true;
}

void ledger_close(struct ledger *ledger)
{
	if (ledger->log && fclose(ledger->log) != 0)
		(void)fprintf(stderr, "bx-simulator: the log is incomplete: %s\n", strerror(errno));
	ledger->log = NULL;
}

static json_t *printable(const char *text)
{
	char copy[256];
	size_t length = 0;
	for (; text[length] && length < sizeof(copy) - 1; length++)
		copy[length] = text[length] >= 0x20 && text[length] < 0x7f ? text[length] : '?';
	copy[length] = '\0';
	return json_string(copy);
}

static void log_entry(FILE *log, const struct device *device, const struct entry *entry)
{
	json_auto_t *line = json_pack("{s:I, s:s, s:o, s:o, s:i, s:b, s:b}", "time",
		(json_int_t)entry->time_ms, "device", device->name, "method", printable(entry->method),
		"path", printable(entry->path), "status", (int)entry->status, "overlap",
		(int)entry->is_overlapping, "write", (int)entry->is_write);
	if (*entry->origin)
		(void)json_object_set_new(line, "origin", printable(entry->origin));
	(void)json_dumpf(line, log, JSON_COMPACT); /* a full disk is told by ledger_close */
	(void)fputc('\n', log);
	(void)fflush(log);
}

void ledger_note(struct ledger *ledger, struct device *device, const struct entry *entry)
{
	bool has_origin = *entry->origin != '\0';
	if (*entry->method) {
		ledger->requests++;
		device->counts.requests++;
	}
	device->counts.overlaps += entry->is_overlapping;
	device->counts.origins += has_origin;
	device->counts.writes += entry->is_write;
	if (entry->is_overlapping || has_origin || entry->is_write) {
		if (ledger->offences < OFFENCES_KEPT)
			(void)snprintf(ledger->first[ledger->offences], sizeof(ledger->first[0]),
				"%s %s %.120s%s%s%s", device->name,
				*entry->method ? entry->method : "connection", entry->path,
				entry->is_overlapping ? " while another was under way" : "",
				has_origin ? " with an Origin" : "", entry->is_write ? " unasked" : "");
		ledger->offences++;
	}
	if (ledger->log)
		log_entry(ledger->log, device, entry);
}

void ledger_write_manners(const struct ledger *ledger, FILE *out)
{
	if (ledger->offences == 0) {
		(void)fputs("ok", out);
		return;
	}
	(void)fprintf(out, "%lu bad", ledger->offences);
	for (unsigned long i = 0; i < ledger->offences && i < OFFENCES_KEPT; i++) {
		(void)fputs(i ? "; " : ": ", out);
		for (const char *at = ledger->first[i]; *at; at++)
			(void)fputc(*at >= 0x20 && *at < 0x7f ? *at : '?', out);
	}
}
