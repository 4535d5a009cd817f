/* `bxctl test`: every problem at once, with what to do. */
#pragma once
#include "services/bxctl/arguments.h"

int doctor_run(const struct request *request);
