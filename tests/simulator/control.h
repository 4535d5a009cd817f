/* Orders on stdin while the program runs: one line each, answered by one line on stdout, "ok" or "error:
 * why".
 *
 * The answer is written at once, so who gives orders must read the answers. */
#ifndef SIMULATOR_CONTROL_H
#define SIMULATOR_CONTROL_H

#include "ledger.h"
#include "server.h"

struct control {
	struct server *server;
	const struct ledger *ledger;
	const struct device *devices;
	size_t device_count;
};

/* A server_line; context is the struct control. */
void control_line(void *context, char *line);

#endif
