/* What health says on the bus: a check, an event where its status changed, the summary; each only when it would read
 * differently, so that a healthy fleet costs nothing. */
#pragma once
#include "services/health/health.h"

/* Says the check if its status by rule changed; if its words or values alone did, at most once a minute. */
void tell_check(struct health *health, struct check *check);
/* The target is no more, or is judged no more: its check ends. Nothing happens where there is none. */
void tell_ended(struct health *health, const char *target);
/* Makes the summary anew, soon: a hundred checks that change together make one sentence. Not before anything is judged. */
void tell_summary_soon(struct health *health);
void tell_summary(struct health *health);
/* The summary as it is now. */
void tell_sum_up(const struct health *health, struct bx_summary *summary);
