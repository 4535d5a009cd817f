/* How all is: health's sentence, and its checks. */
#pragma once
#include "services/bxctl/client.h"

int health_run(const struct request *request);

/* The summary. False: health has not judged yet, or does not run; *words says which. */
bool health_summary(const struct client *client, struct bx_summary *summary, const char **words);
/* Its sentence, coloured. */
void health_print_summary(const struct client *client);
