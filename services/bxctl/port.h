/* Who has a TCP port of this box. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Can one listen there now? `address` is numeric, IPv4 or IPv6. */
bool port_is_free(const char *address, int port);
/* The first free one from `port` on, 0: none. */
int port_next_free(const char *address, int port);
/* Who listens: "nginx (process 4711)", or "another program" where the kernel does not tell us. */
void port_owner(int port, char *words, size_t size);
