/* `bxctl metrics`: the newest values of every source, by the catalogue; with --hours, history. */
#pragma once
#include "services/bxctl/arguments.h"

int metrics_run(const struct request *request);
