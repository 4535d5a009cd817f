/* `bxctl config`: what is configured, and what could be. */
#pragma once
#include "services/bxctl/arguments.h"

int config_show_run(const struct request *request);
int config_defaults_run(const struct request *request);
int config_get_run(const struct request *request);
