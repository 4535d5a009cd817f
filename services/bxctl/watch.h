/* `bxctl watch`: the bus as it is, a line a message. */
#pragma once
#include "services/bxctl/arguments.h"

int watch_run(const struct request *request);
