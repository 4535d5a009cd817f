/* A device's answer to GET /api/system/info, as catalogue values and facts: the last place that knows firmware names.
 *
 * Chosen by key and type, never by version: versions are free text and forks number on their own. Dialects: ESP-Miner and
 * its plain forks, NerdQAxe, NMAxe. Fields, units and traps as bitaxeorg/ESP-Miner v2.0.0 to v2.15.0,
 * shufps/ESP-Miner-NerdQAxePlus v1.0.7 to v1.0.38 and NMminer1024/ESP-Miner-NMAxe v3.0.21 print them. */
#pragma once
#include "libbus/base/error.h"
#include "libbus/contract/payloads.h"

#define AXEOS_PATH "/api/system/info"
#define AXEOS_BYTES_MAX (64 * 1024) /* the largest known answer has 4.4 kB, with pool certificates 40 kB */

struct axeos_reading {
	struct bx_values values; /* scope miner, without time; what cannot be true is absent */
	struct bx_miner_facts facts;
	bool hashing; /* the chip runs, as far as the answer tells */
};

/* False: not a miner's answer (BX_INVALID says why). An odd field costs that field alone and is counted in left_out. */
bool axeos_read(const char *body, size_t size, struct axeos_reading *reading, struct bx_error *error);
