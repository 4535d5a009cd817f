/* All state of the collector. */
#pragma once
#include "libbus/run/service.h"
#include "services/collector/host.h"
#include "services/collector/miners.h"
#include "services/collector/poll.h"

struct collector {
	struct bx_service *service; /* borrowed, outlives us */
	struct miners *miners; /* who there is; pure */
	struct poll *poll; /* who is asked when */
	struct host *host; /* the box itself */
};
