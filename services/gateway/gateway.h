/* All state of the gateway. */
#pragma once
#include "libbus/bus/mirror.h"
#include "libbus/run/service.h"
#include "services/gateway/files.h"
#include "services/gateway/live.h"
#include "services/gateway/metrics.h"
#include "services/gateway/server.h"
#include "services/gateway/tail.h"

#define GATEWAY_STATES_MAX 32768 /* topics kept; further names are left out, which is logged once */

struct gateway {
	struct bx_service *service; /* borrowed, outlives us */
	struct bx_mirror *mirror; /* the newest of every retained topic */
	struct tail *tail; /* what storage may not have yet */
	struct metrics *metrics; /* history, asked in threads */
	struct live *live; /* the browsers that watch */
	struct files *files; /* the pages */
	struct files *printed; /* what the contract prints: the catalogue */
	struct server *server; /* NULL in a simulated loop: then nobody but the test asks */
	char home[192]; /* where `/` leads: WEB_BASE_PATH and /monitoring */
};
