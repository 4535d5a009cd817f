/* What is true now, at a glance: `status`, `miners`. */
#pragma once
#include "services/bxctl/arguments.h"

int status_run(const struct request *request);
int miners_run(const struct request *request);
