/* The shape of the database. Storage alone writes it; readers need its version and its words. */
#pragma once
#include <stddef.h>

/* "BxDB": tells file(1) and us whose file it is. */
#define BX_DATABASE_APPLICATION 0x42784442

/* Step i brings user_version i to i + 1; each is one transaction. BX_DATABASE_VERSION of them. */
extern const char *const bx_schema_steps[];
/* What people read with sqlite3: made anew at every start, so that it is never older than the program. */
extern const char bx_schema_views[];

/* A source's or series' id holds two: series = source << BX_SERIES_BITS | position, open = commit << BX_SERIES_BITS | source. */
#define BX_SERIES_BITS 12
#define BX_SOURCES_MAX 4096
#define BX_POSITIONS_MAX 4096
