/* What is known of a target at this moment, as the bus told it; what the rules look at. */
#pragma once
#include "libbus/base/clock.h"
#include "libbus/contract/values.h"

/* One moment on both clocks: spans are of the one, what people are shown is of the other (0: not to be trusted yet). */
struct moment {
	struct bx_mono mono;
	struct bx_wall wall;
};

enum presence { PRESENCE_UNHEARD, PRESENCE_OFFLINE, PRESENCE_ONLINE };

struct facts {
	bool is_believed; /* false: its source is gone, and what follows was so */
	const struct bx_values *values; /* its newest telemetry; NULL: none was heard */
	struct bx_mono values_at;
	enum presence presence; /* of miners */
	struct bx_mono presence_at;
	struct bx_mono now;
};
