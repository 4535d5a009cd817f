/* What storage says on the bus: what is kept, how the database is, and that it is there. */
#pragma once
#include "services/storage/storage.h"

/* To each publisher what is in the database now. */
void tell_acknowledged(struct storage *storage);
/* Publishers are to send again all that is not acknowledged. */
void tell_online(struct storage *storage);
void tell_database(struct storage *storage);
