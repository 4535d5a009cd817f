/* One libmosquitto handle a connection. The library would send again by itself what was unacknowledged, after a reconnect
 * and out of order with what we say anew: with a fresh handle nothing old is ever sent, and what waits is kept in one
 * place, the bus.
 *
 * The library closes the socket itself and calls on_disconnect in the same stack: the watch goes there, before anybody can
 * reuse the descriptor's number. Inside its callbacks publish and subscribe only queue, so the watch is set anew after each
 * call into it (shared facts: libmosquitto 2.0.11, 2.0.21). */
#include "libbus/bus/mosquitto.h"

#include "libbus/base/log.h"
#include "libbus/base/memory.h"
#include "libbus/base/text.h"
#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <signal.h>
#include <string.h>

enum {
	KEEPALIVE_S = 60,
	MISC_MS = 5000, /* how often the library looks after its keepalive */
	PAUSE_FIRST_MS = 50,
	PAUSE_MOST_MS = 2000,
	PAUSE_DENIED_MS = 30000, /* a wrong password does not mend itself soon */
};

struct will {
	char *topic, *bytes;
	size_t size;
};

struct link {
	struct bx_link base; /* first */
	struct bx_loop *loop;
	struct bx_link_events events;
	char *address, *user, *password, *client;
	int port;
	struct will will;
	struct mosquitto *handle; /* NULL: between two connections */
	struct bx_watch *watch;
	int watched_fd;
	bool open, connected, told;
	unsigned attempts;
	uint64_t misc_timer, retry_timer;
	char why[160];
};

static void connect_now(void *arg);

static void drop_watch(struct link *link)
{
	bx_unwatch(link->watch);
	link->watch = NULL;
	link->watched_fd = -1;
}

static void drop_handle(struct link *link)
{
	drop_watch(link);
	if (link->handle)
		mosquitto_destroy(link->handle);
	link->handle = NULL;
	bx_cancel(link->loop, link->misc_timer);
	link->misc_timer = 0;
}

static void retry(struct link *link, int64_t pause_ms)
{
	if (link->open && !link->retry_timer)
		link->retry_timer = bx_after(link->loop, pause_ms, connect_now, link);
}

/* The connection is over, seen from outside the library: tell, and try anew. */
static void end_connection(struct link *link, const char *why)
{
	bool was = link->connected;
	(void)bx_text_copy(link->why, sizeof link->why, why); /* cut is fine */
	link->connected = false;
	drop_handle(link);
	if (was)
		link->events.disconnected(link->events.arg, link->why);
	else if (!link->told)
		bx_log(BX_WARNING, "no connection to the broker yet; trying on",
			BX_F("broker", link->address), BX_F("why", link->why));
	link->told = true;
	retry(link, bx_pause_ms(link->attempts++, PAUSE_FIRST_MS, PAUSE_MOST_MS));
}

static void on_ready(void *arg, unsigned ready);

static void arm(struct link *link)
{
	int fd = link->handle ? mosquitto_socket(link->handle) : -1;
	if (fd < 0 || fd != link->watched_fd)
		drop_watch(link);
	if (fd < 0)
		return;
	unsigned interest = BX_READABLE | (mosquitto_want_write(link->handle) ? BX_WRITABLE : 0U);
	if (!link->watch)
		link->watch = bx_watch(link->loop, fd, interest, on_ready, link);
	else
		bx_watch_for(link->watch, interest);
	link->watched_fd = fd;
}

static void on_ready(void *arg, unsigned ready)
{
	struct link *link = arg;
	int result = MOSQ_ERR_SUCCESS;
	if (ready & BX_READABLE)
		result = mosquitto_loop_read(link->handle, 1);
	if (result == MOSQ_ERR_SUCCESS && link->handle && mosquitto_want_write(link->handle))
		result = mosquitto_loop_write(link->handle, 1);
	if (result != MOSQ_ERR_SUCCESS || !link->handle || mosquitto_socket(link->handle) < 0) {
		if (link->open)
			end_connection(link,
				result == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(result));
		else
			drop_watch(link);
		return;
	}
	arm(link);
}

static void on_misc(void *arg)
{
	struct link *link = arg;
	link->misc_timer = bx_after(link->loop, MISC_MS, on_misc, link);
	int result = mosquitto_loop_misc(link->handle);
	if (result != MOSQ_ERR_SUCCESS && link->open)
		end_connection(link, mosquitto_strerror(result));
	else
		arm(link);
}

/* --- called by the library --- */

static void on_connect(
	struct mosquitto *handle, void *arg, int reason, int flags, const mosquitto_property *properties)
{
	(void)handle, (void)flags, (void)properties;
	struct link *link = arg;
	if (reason != 0) {
		/* on_disconnect follows; it must not come back at once */
		bx_log(BX_ERROR, "the broker refuses us; are the passwords in BUS_SECRETS ours?",
			BX_F("broker", link->address), BX_F("user", link->user),
			BX_F("why", mosquitto_reason_string(reason)));
		link->told = true;
		retry(link, PAUSE_DENIED_MS);
		return;
	}
	link->connected = true;
	link->told = false;
	link->attempts = 0;
	link->events.connected(link->events.arg);
}

static void on_disconnect(
	struct mosquitto *handle, void *arg, int reason, const mosquitto_property *properties)
{
	(void)handle, (void)reason, (void)properties;
	drop_watch(arg); /* on_ready, in this stack, does the rest */
}

static void on_publish(
	struct mosquitto *handle, void *arg, int id, int reason, const mosquitto_property *properties)
{
	(void)handle, (void)properties;
	struct link *link = arg;
	link->events.acknowledged(link->events.arg, id, reason < 0x80);
}

static void on_message(struct mosquitto *handle, void *arg, const struct mosquitto_message *message,
	const mosquitto_property *properties)
{
	(void)handle;
	struct link *link = arg;
	struct bx_packet packet = { .topic = message->topic,
		.bytes = message->payload ? message->payload : "",
		.size = message->payloadlen > 0 ? (size_t)message->payloadlen : 0,
		.qos = message->qos,
		.retain = message->retain };
	char *names[BX_PROPERTIES_MAX], *values[BX_PROPERTIES_MAX], *response = NULL;
	void *correlation = NULL;
	uint16_t correlation_size = 0;
	const mosquitto_property *at = properties;
	for (bool skip = false; packet.property_count < BX_PROPERTIES_MAX; skip = true) {
		size_t n = packet.property_count;
		at = mosquitto_property_read_string_pair(
			at, MQTT_PROP_USER_PROPERTY, &names[n], &values[n], skip);
		if (!at)
			break;
		packet.properties[n].name = names[n];
		packet.properties[n].value = values[n];
		packet.property_count++;
	}
	(void)mosquitto_property_read_string(
		properties, MQTT_PROP_RESPONSE_TOPIC, &response, false); /* may be absent */
	(void)mosquitto_property_read_binary(
		properties, MQTT_PROP_CORRELATION_DATA, &correlation, &correlation_size, false);
	packet.response_topic = response;
	packet.correlation = correlation;
	packet.correlation_size = correlation_size;

	link->events.received(link->events.arg, &packet);

	for (size_t i = 0; i < packet.property_count; i++) {
		free(names[i]);
		free(values[i]);
	}
	free(response);
	free(correlation);
}

/* --- called by the bus --- */

static void connect_now(void *arg)
{
	struct link *link = arg;
	link->retry_timer = 0;
	drop_handle(link);
	link->handle = mosquitto_new(link->client, true, link);
	if (!link->handle)
		abort(); /* no memory, or an id that our own code made wrong */
	mosquitto_int_option(link->handle, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
	mosquitto_int_option(link->handle, MOSQ_OPT_TCP_NODELAY, 1);
	if (link->user)
		mosquitto_username_pw_set(link->handle, link->user, link->password);
	if (link->will.topic)
		mosquitto_will_set_v5(link->handle, link->will.topic, (int)link->will.size, link->will.bytes,
			1, true, NULL);
	mosquitto_connect_v5_callback_set(link->handle, on_connect);
	mosquitto_disconnect_v5_callback_set(link->handle, on_disconnect);
	mosquitto_publish_v5_callback_set(link->handle, on_publish);
	mosquitto_message_v5_callback_set(link->handle, on_message);
	int result =
		mosquitto_connect_bind_v5(link->handle, link->address, link->port, KEEPALIVE_S, NULL, NULL);
	if (result != MOSQ_ERR_SUCCESS) {
		end_connection(link, result == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(result));
		return;
	}
	link->misc_timer = bx_after(link->loop, MISC_MS, on_misc, link);
	arm(link);
}

static void link_open(struct bx_link *base, const struct bx_link_events *events, const struct bx_packet *will)
{
	struct link *link = (struct link *)base;
	link->events = *events;
	link->open = true;
	if (will) {
		link->will.topic = bx_copy(will->topic);
		link->will.bytes = bx_copy_bytes(will->bytes, will->size);
		link->will.size = will->size;
	}
	link->retry_timer = bx_after(link->loop, 0, connect_now, link);
}

static mosquitto_property *make_properties(const struct bx_packet *packet)
{
	mosquitto_property *properties = NULL;
	for (size_t i = 0; i < packet->property_count; i++)
		if (mosquitto_property_add_string_pair(&properties, MQTT_PROP_USER_PROPERTY,
			    packet->properties[i].name, packet->properties[i].value) != MOSQ_ERR_SUCCESS)
			abort(); /* no memory; what we put in properties is UTF-8 */
	if (packet->response_topic)
		(void)mosquitto_property_add_string(
			&properties, MQTT_PROP_RESPONSE_TOPIC, packet->response_topic);
	if (packet->correlation)
		(void)mosquitto_property_add_binary(&properties, MQTT_PROP_CORRELATION_DATA,
			packet->correlation, (uint16_t)packet->correlation_size);
	return properties;
}

static bool link_publish(struct bx_link *base, const struct bx_packet *packet, int *id)
{
	struct link *link = (struct link *)base;
	if (!link->connected)
		return false;
	mosquitto_property *properties = make_properties(packet);
	int result = mosquitto_publish_v5(link->handle, id, packet->topic, (int)packet->size, packet->bytes,
		packet->qos, packet->retain, properties);
	mosquitto_property_free_all(&properties);
	/* NO_CONN and CONN_LOST queue in this handle, which goes with the connection: it counts as sent, and the bus hears
	 * of the end of the connection from on_ready */
	bool sent = result == MOSQ_ERR_SUCCESS || result == MOSQ_ERR_NO_CONN || result == MOSQ_ERR_CONN_LOST;
	if (!sent)
		bx_log(BX_ERROR, "a message cannot be sent", BX_F("topic", packet->topic),
			BX_F("bytes", packet->size), BX_F("why", mosquitto_strerror(result)));
	arm(link);
	return sent;
}

static void link_subscribe(struct bx_link *base, const char *filter)
{
	struct link *link = (struct link *)base;
	if (!link->connected)
		return;
	(void)mosquitto_subscribe_v5(
		link->handle, NULL, filter, 1, 0, NULL); /* fails only with the connection */
	arm(link);
}

static void link_unsubscribe(struct bx_link *base, const char *filter)
{
	struct link *link = (struct link *)base;
	if (!link->connected)
		return;
	(void)mosquitto_unsubscribe_v5(link->handle, NULL, filter, NULL); /* fails only with the connection */
	arm(link);
}

static void link_close(struct bx_link *base)
{
	struct link *link = (struct link *)base;
	link->open = false;
	bx_cancel(link->loop, link->retry_timer);
	link->retry_timer = 0;
	if (link->handle && link->connected)
		(void)mosquitto_disconnect_v5(
			link->handle, 0, NULL); /* written at once, or the connection is gone anyway */
	link->connected = false;
	drop_handle(link);
}

static void link_free(struct bx_link *base)
{
	struct link *link = (struct link *)base;
	link_close(base);
	free(link->address);
	free(link->user);
	free(link->password);
	free(link->client);
	free(link->will.topic);
	free(link->will.bytes);
	free(link);
	mosquitto_lib_cleanup();
}

struct bx_link *bx_mosquitto_new(struct bx_loop *loop, const struct bx_broker *broker)
{
	static const struct bx_link_type type = { link_open, link_publish, link_subscribe, link_unsubscribe,
		link_close, link_free };
	struct link *link = bx_alloc(1, sizeof *link);
	(void)signal(SIGPIPE, SIG_IGN); /* 2.0.11 does it for us, later ones do not */
	(void)mosquitto_lib_init(); /* counts its callers, cannot fail before TLS is used */
	link->base.type = &type;
	link->loop = loop;
	link->watched_fd = -1;
	link->port = broker->port;
	link->address = bx_copy(broker->address);
	link->client = bx_copy(broker->client);
	link->user = broker->user ? bx_copy(broker->user) : NULL;
	link->password = broker->password ? bx_copy(broker->password) : NULL;
	return &link->base;
}
