/* The box itself: CPU, memory, disk, temperature, load, network, from /proc and /sys. */
#pragma once
#include "libbus/base/clock.h"
#include "libbus/base/memory.h"
#include "libbus/contract/values.h"

#define HOST_INTERFACES_MAX 16

struct host;

/* `root` is "" (a test's own tree: its folder); `disk` a path whose file system is watched, of which the last parts need not
 * exist yet. */
struct host *host_new(const char *root, const char *disk);
void host_free(struct host *host);
BX_OWNED_BY(struct host, host_free)

/* Adds what can be read to *values (scope host). Shares and rates are of the time since the last call: absent the first time.
 * Interfaces are those with hardware behind them, sorted, at most HOST_INTERFACES_MAX, the rest counted: virtual ones of
 * containers come and go and would leave a series each. */
void host_read(struct host *host, struct bx_mono now, struct bx_values *values);
