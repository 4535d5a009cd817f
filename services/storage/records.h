/* A record as it came on the bus, given to ingest: values by their source, events by their id. */
#pragma once
#include "services/storage/storage.h"

/* What can never be kept is logged, counted, and acknowledged with the next commit. */
void records_take(struct storage *storage, const struct bx_message *message);
