/* A connection to a broker, as the bus needs it; two back ends: Mosquitto, and a broker in memory for tests.
 *
 * A link connects by itself, again and again with growing pauses, and tells. It sends nothing while disconnected and
 * nothing a second time: what was under way when the connection ended is the bus's to say again. Callbacks come from the
 * loop, never from within a call of a function here. */
#pragma once
#include "libbus/bus/packet.h"

struct bx_link_events {
	void *arg;
	void (*connected)(void *arg);
	void (*disconnected)(void *arg, const char *why);
	void (*received)(void *arg, const struct bx_packet *packet);
	/* The broker has message `id` in its memory, or refused it (`accepted` false: not allowed, too large). */
	void (*acknowledged)(void *arg, int id, bool accepted);
};

struct bx_link {
	const struct bx_link_type {
		/* Begins to connect. `will` is said by the broker when the connection breaks (NULL: none). */
		void (*open)(struct bx_link *link, const struct bx_link_events *events,
			const struct bx_packet *will);
		/* *id is for `acknowledged`, which comes for QoS 1 alone. False: not connected, or never to be sent. */
		bool (*publish)(struct bx_link *link, const struct bx_packet *packet, int *id);
		void (*subscribe)(struct bx_link *link, const char *filter);
		void (*unsubscribe)(struct bx_link *link, const char *filter);
		/* Takes leave: the will is not said. `disconnected` comes no more. */
		void (*close)(struct bx_link *link);
		void (*free)(struct bx_link *link); /* closed or not */
	} * type;
};
