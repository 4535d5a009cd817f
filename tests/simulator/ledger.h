/* What clients asked of the miners: the log, one JSON object a line, and who had bad manners.
 *
 * Bad manners are a request while another one of the same device was under way, any Origin header, and a
 * write that was not announced. */
#ifndef SIMULATOR_LEDGER_H
#define SIMULATOR_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "complaint.h"
#include "device.h"

enum { OFFENCES_KEPT = 5 };

struct ledger {
	FILE *log; /* NULL: none */
	unsigned long requests, offences;
	char first[OFFENCES_KEPT][240]; /* for a person, of the first offences */
};

/* A request that is over, or a connection that ended without one (method and path ""). Other people's text
 * may hold anything: what is not printable ASCII is noted as '?'. */
struct entry {
	const char *method;
	const char *path; /* with query */
	const char *origin; /* "": none */
	unsigned status; /* 0: never answered */
	bool is_overlapping, is_write;
	int64_t time_ms; /* since 1970, when it arrived */
};

/* path NULL: no log. */
bool ledger_open(struct ledger *ledger, const char *path, struct complaint *complaint);
void ledger_close(struct ledger *ledger);

/* Counts it at the device too. */
void ledger_note(struct ledger *ledger, struct device *device, const struct entry *entry);

/* One line without its end: "ok", or the first offences. */
void ledger_write_manners(const struct ledger *ledger, FILE *out);

#endif
