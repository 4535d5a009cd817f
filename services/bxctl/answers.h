/* The subcommands that ask a service: arguments by the verb's row, its answer as the subcommand's sentence. */
#pragma once
#include "services/bxctl/arguments.h"

int answers_run(const struct request *request);
