/* The bus, by table row, never by string.
 *
 * State is said once and kept here: it is sent again after every connect, so that a broker may lose its memory. What is to
 * be kept for ever goes besides to storage, through the outbox. What passes (events, answers) is sent while connected and
 * dropped otherwise. What arrives is decoded once, counted and left out where it is malformed, and borrowed until the
 * callback returns. Nothing here calls back before it returns. */
#pragma once
#include "libbus/base/loop.h"
#include "libbus/bus/link.h"
#include "libbus/contract/payloads.h"

struct bx_bus;
struct bx_field; /* base/log.h */

struct bx_bus_options {
	const char *site;
	const char *client; /* our name at the broker: "collector", "bxctl-4711" */
	const char *role; /* the broker's user, whose replies we may read */
	bool is_service; /* has availability with a will, and an outbox */
	const char *folder; /* of durable state; NULL: none is kept */
	uint64_t session; /* of the outbox, random */
	size_t outbox_max; /* bytes */
	int64_t again_ms; /* an unacknowledged record is sent again so much later */
};

/* Texts are copied. `link` is the bus's from here on. */
struct bx_bus *bx_bus_new(struct bx_loop *loop, const struct bx_bus_options *options, struct bx_link *link);
void bx_bus_free(struct bx_bus *bus);
BX_OWNED_BY(struct bx_bus, bx_bus_free)
void bx_bus_open(struct bx_bus *bus);
/* Says offline, hands what waits to the broker (`wait_ms` at most), takes leave, then calls `closed` once. */
void bx_bus_close(struct bx_bus *bus, int64_t wait_ms, void (*closed)(void *arg), void *arg);
bool bx_bus_is_connected(const struct bx_bus *bus);

struct bx_message {
	enum bx_topic topic;
	const char *name; /* the pattern's + levels, see topics.h */
	bool replay; /* the broker had kept it */
	bool ended; /* an empty retained payload: it is no more; `payload` is NULL */
	const union bx_any *payload; /* as the topic's row says */
	const char *bytes; /* the same as it came; of BX_OPAQUE all there is */
	size_t size;
	const struct bx_packet *packet;
};
typedef void bx_heard(void *arg, const struct bx_message *message);

/* Calls `heard` for all that comes on a row's topics: of every name, or (not NULL) of that one; `name` may have `+` levels. */
void bx_hear(struct bx_bus *bus, enum bx_topic topic, const char *name, bx_heard *heard, void *arg);

/* Says what is true now: sent, kept, sent again after every connect. A BX_DURABLE row's is on disk in our state folder when
 * this returns, and handed back by bx_recall at the next start, broker or not. */
void bx_state(struct bx_bus *bus, enum bx_topic topic, const char *name, const void *payload);
/* It is no more: an empty retained payload. */
void bx_state_end(struct bx_bus *bus, enum bx_topic topic, const char *name);
/* What we last said, as bytes; NULL: nothing, or it has ended. */
const char *bx_state_said(const struct bx_bus *bus, enum bx_topic topic, const char *name);
/* Hands back durable state of a row, said by an earlier run of this service. It counts as said again. */
void bx_recall(struct bx_bus *bus, enum bx_topic topic, bx_heard *heard, void *arg);

/* Says values of a BX_VALUES row; with BX_RECORD they go to storage, too, if they have a time. */
enum bx_keep { BX_SHOW, BX_RECORD };
void bx_sample(struct bx_bus *bus, enum bx_topic topic, const char *name, const struct bx_values *values,
	enum bx_keep keep);
/* What a message on record/<service> says of itself. Borrowed as the message is. */
struct bx_record_label {
	const char *topic; /* the live topic under the root: whose values or event its bytes are */
	uint64_t session, number;
};
/* False: it says it not, or not so that anybody could be told that it is kept. */
bool bx_record_label(const struct bx_message *message, struct bx_record_label *label);
/* Something happened to `target` ("miner/gamma-3"): said once and recorded. `fields` by BX_FIELDS(BX_F("url", url), ...). */
void bx_event(struct bx_bus *bus, const char *type, const char *target, const struct bx_field *fields);
/* Sends once, or not at all while disconnected. `packet` may be NULL, else its properties are used. */
void bx_pass(struct bx_bus *bus, enum bx_topic topic, const char *name, const char *bytes, size_t size,
	const struct bx_packet *properties);

/* Calls back once all that was retained when we subscribed has been delivered: "none" and "not yet" differ from here. */
void bx_when_settled(struct bx_bus *bus, void (*settled)(void *arg), void *arg);
bool bx_is_settled(const struct bx_bus *bus);
/* Calls back once all that the broker has for us now has been delivered, after `wait_ms` at the latest; soon, where we are not
 * connected. */
void bx_when_caught_up(struct bx_bus *bus, int64_t wait_ms, void (*caught_up)(void *arg), void *arg);

struct bx_loop *bx_bus_loop(const struct bx_bus *bus);
const char *bx_bus_site(const struct bx_bus *bus);
const char *bx_bus_client(const struct bx_bus *bus);
/* Our own reply topic, whole; and its name ("suite/collector"). */
const char *bx_bus_reply_topic(const struct bx_bus *bus);
const char *bx_bus_reply_name(const struct bx_bus *bus);
/* The root of a site's topics, for who speaks by the link alone: "bitaxe/<site>/". */
void bx_bus_root(const char *site, char root[BX_TOPIC_SIZE]);
/* The part of a whole topic under our root; NULL: it is not. */
const char *bx_bus_under_root(const struct bx_bus *bus, const char *topic);

struct bx_bus_figures {
	uint64_t in, out; /* messages */
	uint64_t refused; /* came malformed, or were refused by the broker */
	uint64_t dropped; /* records, outbox full */
	size_t unrecorded; /* in the outbox */
};
struct bx_bus_figures bx_bus_figures(const struct bx_bus *bus);
