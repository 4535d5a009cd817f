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
	struct bx_values box; /* what it was when it was read last, at box_read */
	struct bx_mono box_read; /* 0: not yet */
};
