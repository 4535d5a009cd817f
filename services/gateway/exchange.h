/* One request and its answer on a connection: what lws reads becomes a struct request, a struct answer becomes what lws
 * writes. The int ones return what the lws callback returns: 0, or -1 to close. */
#pragma once
#include "services/gateway/connection.h"

int exchange_begin(struct connection *connection); /* the head is there */
int exchange_body_ended(struct connection *connection); /* the body, too */
int exchange_write(struct connection *connection); /* the socket takes more */
void exchange_end(struct connection *connection); /* the connection goes */
void exchange_take(
	void *to, uint64_t exchange, struct answer *answer); /* `to`: the server; see struct reply */

/* May this become a WebSocket? 0: yes; -1: no, and it was told. */
int exchange_upgrade(struct connection *connection, const char *protocol);
