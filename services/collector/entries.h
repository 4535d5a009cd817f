/* The commands that change the registry: an address is asked before it is believed, then the entry is told, kept and watched. */
#pragma once
#include "services/collector/collector.h"

void cmd_miner_add(void *state, bx_call call);
void cmd_miner_set(void *state, bx_call call);
void cmd_miner_remove(void *state, bx_call call);
