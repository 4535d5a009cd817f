/* A message with the MQTT 5 properties that we use. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define BX_PROPERTIES_MAX 4

/* What a pointer leads to is borrowed, unless bx_packet_copy made the packet. */
struct bx_packet {
	const char *topic; /* whole */
	const char *bytes;
	size_t size;
	int qos;
	bool retain; /* received: a replay of what the broker kept */
	const char *response_topic; /* NULL: none */
	const char *correlation;
	size_t correlation_size;
	size_t property_count;
	struct bx_property {
		const char *name, *value;
	} properties[BX_PROPERTIES_MAX];
};

/* The value of a user property, NULL: it has none of that name. */
const char *bx_packet_property(const struct bx_packet *packet, const char *name);
/* Bytes that a copy takes. */
size_t bx_packet_cost(const struct bx_packet *packet);
/* A packet with all it leads to, in one piece: the caller's, free. */
struct bx_packet *bx_packet_copy(const struct bx_packet *packet);
