/* Where the gateway listens, and what speaks against it. */
#pragma once
#include "libbus/base/error.h"
#include <stddef.h>
#include <stdint.h>

struct listen_at {
	char address[46]; /* numeric: "127.0.0.1", "::" */
	uint16_t port; /* 0: any free one */
	bool is_six, is_any, is_loopback;
};

/* Reads WEB_LISTEN: an IP address, or localhost, and a port. */
bool listen_read(const char *text, struct listen_at *at, struct bx_error *error);
/* Loopback may always be listened on. Elsewhere the owner has to want it: `anonymous` is WEB_ANONYMOUS. */
bool listen_may(const struct listen_at *at, const char *anonymous, struct bx_error *error);
/* Is the port free? False: BX_CONFLICT says who has it, and which one is free. */
bool listen_try(const struct listen_at *at, struct bx_error *error);
/* "http://127.0.0.1:5000", where a browser of this machine finds us. */
void listen_url(const struct listen_at *at, char *url, size_t size);

/* Finds the inode of the socket that listens on a port in the text of /proc/net/tcp or tcp6. 0: none. */
uint64_t listen_find_inode(const char *table, uint16_t port);
