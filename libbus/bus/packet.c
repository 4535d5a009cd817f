#include "libbus/bus/packet.h"

#include "libbus/base/memory.h"
#include <string.h>

const char *bx_packet_property(const struct bx_packet *packet, const char *name)
{
	for (size_t i = 0; i < packet->property_count; i++)
		if (strcmp(packet->properties[i].name, name) == 0)
			return packet->properties[i].value;
	return NULL;
}

size_t bx_packet_cost(const struct bx_packet *packet)
{
	size_t cost =
		sizeof *packet + strlen(packet->topic) + 1 + packet->size + 1 + packet->correlation_size + 1;
	if (packet->response_topic)
		cost += strlen(packet->response_topic) + 1;
	for (size_t i = 0; i < packet->property_count; i++)
		cost += strlen(packet->properties[i].name) + strlen(packet->properties[i].value) + 2;
	return cost;
}

/* Puts bytes and a NUL at *room, which moves behind them. */
static const char *put(char **room, const char *bytes, size_t size)
{
	char *place = *room;
	if (size > 0)
		memcpy(place, bytes, size);
	*room += size + 1; /* the room is zeroed */
	return place;
}

struct bx_packet *bx_packet_copy(const struct bx_packet *packet)
{
	struct bx_packet *copy = bx_alloc(1, bx_packet_cost(packet));
	char *room = (char *)(copy + 1);
	*copy = *packet;
	copy->topic = put(&room, packet->topic, strlen(packet->topic));
	copy->bytes = put(&room, packet->bytes, packet->size);
	if (packet->correlation)
		copy->correlation = put(&room, packet->correlation, packet->correlation_size);
	if (packet->response_topic)
		copy->response_topic = put(&room, packet->response_topic, strlen(packet->response_topic));
	for (size_t i = 0; i < packet->property_count; i++) {
		const struct bx_property *property = &packet->properties[i];
		copy->properties[i].name = put(&room, property->name, strlen(property->name));
		copy->properties[i].value = put(&room, property->value, strlen(property->value));
	}
	return copy;
}
