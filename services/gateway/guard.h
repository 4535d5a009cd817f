/* Who may ask: the Host and Origin of a request. Pure.
 *
 * A page of somebody else's, open in a browser on this network, may send requests here and, by a name that it lets point
 * here (DNS rebinding), even read the answers. Such a request carries that name as its Host, or that page as its Origin. */
#pragma once
#include <stdbool.h>

struct guard {
	const char *listen; /* the address of WEB_LISTEN, "0.0.0.0" */
	const char *arrived; /* the address that the connection came in on, "" not known */
	const char *host_name; /* this machine's */
};

/* `host` as it was sent, with or without a port; the port does not matter, a forwarded one is fine. */
bool guard_host(const struct guard *guard, const char *host);
/* Is the page that asks one of ours? "": no browser's page, fine. */
bool guard_origin(const char *origin, const char *host);
