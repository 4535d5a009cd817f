/* The sockets of one device: its listener, the connections at it, and the one request it works on.
 *
 * A connection is under way from accept until its first answer is out, and again from each further request
 * until that one's answer. Another of the same device meanwhile is an overlap. */
#ifndef SIMULATOR_PORT_H
#define SIMULATOR_PORT_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "complaint.h"
#include "device.h"
#include "ledger.h"
#include "loop.h"

struct client;
TAILQ_HEAD(clients, client);

/* What all ports share. */
struct hub {
	struct loop loop;
	struct MHD_Daemon *http;
	struct ledger *ledger;
	struct port *ports;
	struct client **clients; /* by descriptor */
	size_t client_slots;
	uint64_t uses; /* of connections, so far */
	int64_t reboot_ms;
	uint16_t number; /* the TCP port */
	bool is_ending;
};

struct port {
	struct hub *hub;
	struct device *device;
	int listener; /* -1: dead */
	bool is_accepting;
	bool is_rebooting;
	size_t open_count; /* clients not gone */
	size_t under_way_count;
	struct client *served;
	struct clients clients, queue; /* all; those that wait for their turn */
	struct timer reboot;
};

/* The daemon of hub->http: on this loop, with the callbacks for all ports. NULL: it does not start. */
struct MHD_Daemon *port_start_http(struct hub *hub, unsigned client_limit);

void port_init(struct port *port, struct hub *hub, struct device *device);

/* Listens at the device's address and hub->number (0: a free one, which the hub has then). False with
 * errno. */
bool port_listen(struct port *port);
void port_close_listener(struct port *port);

/* Takes connections from now on, if the device's state allows. */
void port_update_accepting(struct port *port);

/* A connection waits at the listener. False: out of descriptors. */
bool port_accept(struct port *port, struct complaint *complaint);

/* The client of a held connection hung up. */
void port_client_hung_up(struct client *client);

/* Closes all connections, in the next run of the daemon. */
void port_drop_all(struct port *port);

/* Puts the fault into force, with what it needs in *device set before. */
bool port_set_fault(struct port *port, enum fault fault, struct complaint *complaint);

/* Drops all connections of the device; it answers again after reboot_ms, with counters at 0. */
void port_reboot(struct port *port);

#endif
