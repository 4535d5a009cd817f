/* `bxctl up` and `bxctl down`: the embedded run. A private broker and all services in the foreground, as this user. */
#pragma once
#include "services/bxctl/arguments.h"

int up_run(const struct request *request);
int down_run(const struct request *request);
