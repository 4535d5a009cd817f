/* One miner: what it is, how it lives, what was done to it, and what it answers. Nothing here knows a
 * socket. */
#ifndef SIMULATOR_DEVICE_H
#define SIMULATOR_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "body.h"
#include "complaint.h"
#include "life.h"
#include "manners.h"

/* A value ordered on stdin is at most so long, and a device has at most so many. */
enum { OVERRIDE_BYTES_MAX = 4096, OVERRIDES_MAX = 32 };

enum fault {
	FAULT_NONE,
	FAULT_DEAD, /* connections refused */
	FAULT_SILENT, /* accepted, never answered */
	FAULT_SLOW, /* answered after slow_ms, the device held meanwhile */
	FAULT_FROZEN, /* nothing but uptimeSeconds moves, over restarts too */
	FAULT_HTTP500,
	FAULT_EMPTY, /* 200 without a body */
	FAULT_CUT, /* the connection breaks in the middle of the body */
	FAULT_GARBAGE, /* 200, not JSON */
	FAULT_HUGE, /* right JSON, 1 MiB more than needed */
	FAULT_HTTP401,
	FAULT_REDIRECT,
	FAULT_DRIP, /* a byte a second */
	FAULT_NULL, /* every number null */
	FAULT_MOVED, /* another miner's MAC */
};

struct override {
	char key[BODY_PATH_MAX];
	char *json;
};

struct device_counts {
	unsigned long requests, overlaps, origins, writes;
	unsigned long held; /* now: requests that wait for their answer */
};

struct device {
	uint32_t address; /* host byte order */
	char name[16]; /* the address as text */
	char mac[18]; /* "": the sample's */
	char hostname[64];
	const struct body *body;
	const struct manners *manners;
	unsigned version;
	struct life life;
	enum fault fault;
	int64_t slow_ms;
	char moved_mac[18];
	struct override overrides[OVERRIDES_MAX];
	size_t override_count;
	unsigned expected_restarts; /* announced on stdin: no bad manners */
	struct device_counts counts;
	struct port *port; /* its sockets, server.c's */
};

struct request {
	const char *method;
	const char *path; /* without query */
	const char *origin; /* NULL: none */
	size_t header_bytes;
};

enum delivery {
	DELIVERY_WHOLE,
	DELIVERY_CHUNKED,
	DELIVERY_CUT,
	DELIVERY_DRIP,
	DELIVERY_NONE, /* no answer at all: the connection breaks */
};

struct answer {
	unsigned status;
	const char *type;
	char *text; /* the taker's: free */
	size_t length;
	enum delivery delivery;
	bool has_cors;
	bool reboots; /* once it was sent */
};

/* `body` is borrowed for good, `seed` the fleet's, mac "" for the sample's, uptime_s < 0 for the sample's. */
void device_init(struct device *device, uint32_t address, const struct body *body, const char *mac,
	uint64_t seed, int64_t uptime_s, int64_t now_ms);
void device_done(struct device *device);

/* Reads the bodies of the other routes from DIRECTORY/routes, once; device_routes_free lets them go. */
bool device_routes_load(const char *directory, struct complaint *complaint);
void device_routes_free(void);

/* What the firmware says to this request. Reading info makes time go on. */
struct answer device_answer(struct device *device, const struct request *request, int64_t now_ms);

/* From now on `key` reads as the JSON text `json`; a key the body has not is added at its end. */
bool device_set(struct device *device, const char *key, const char *json, struct complaint *complaint);
bool device_unset(struct device *device, const char *key, struct complaint *complaint);

bool mac_is_valid(const char *mac);

#endif
