/* The browsers that watch: each gets all state when it comes, then what changes.
 *
 * A piece of text at a time, when its connection can take one: nothing is queued for a client. Who takes slowly gets the
 * newest state of each topic and misses what was between; who stands still costs a few bytes. No socket is seen from here.
 *
 * {"snapshot": true, "time": "...", "connected": true, "state": {"miner/gamma-3/telemetry": {...}, ...}}, then the same without
 * "snapshot"; null: ended. "time" is ours, for ages; "connected": the bus is there. */
#pragma once
#include "libbus/base/error.h"
#include "libbus/bus/mirror.h"

#define LIVE_PIECE_BYTES ((size_t)16 * 1024) /* a piece ends behind the entry that passes this */
#define LIVE_PIECE_BYTES_MAX (BX_JSON_BYTES_MAX + 64 * 1024)
#define LIVE_FILTERS_MAX 16
#define LIVE_WISH_BYTES_MAX 4096 /* of a message from a client */

struct live;
struct live_client;

/* Listens to the mirror's changes: the mirror's one listener. */
struct live *live_new(struct bx_bus *bus, struct bx_mirror *mirror);
void live_free(struct live *live); /* all clients have left */
BX_OWNED_BY(struct live, live_free)

/* `wake` is called, from the loop, when live_next has something new; it does not call back here. */
struct live_client *live_join(struct live *live, void (*wake)(void *arg), void *arg);
void live_leave(struct live_client *client);
size_t live_count(const struct live *live);

/* A message comes in pieces: where the next one stands in it. */
enum live_piece { LIVE_NOTHING, LIVE_WHOLE, LIVE_FIRST, LIVE_MIDDLE, LIVE_LAST };
/* Appends the next piece; LIVE_NOTHING: the client has it all. */
enum live_piece live_next(struct live_client *client, struct bx_text *text);
bool live_has_more(const struct live_client
		*client); /* is there a next piece? Perhaps: LIVE_NOTHING may still come of it */

/* What the client said: {"filter": ["miner/+/telemetry", ...]} narrows what it gets and is answered by a new snapshot.
 * False: BX_INVALID, it is none. */
bool live_wish(struct live_client *client, const char *bytes, size_t size, struct bx_error *error);
