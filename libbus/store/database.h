/* The database, opened to read: by gateway and others while storage writes. Blocking: call from bx_offload. */
#pragma once
#include "libbus/base/error.h"
#include "libbus/base/memory.h"

#define BX_DATABASE_VERSION 1 /* PRAGMA user_version of schema.sql; a higher one is refused */

struct bx_database;
struct sqlite3;

/* NULL: BX_MISSING (storage has not made it yet), BX_CONFLICT (made by a newer version of the suite), BX_FAILED. A database
 * is used by one thread at a time. */
struct bx_database *bx_database_open(const char *path, struct bx_error *error);
void bx_database_close(struct bx_database *database);
BX_OWNED_BY(struct bx_database, bx_database_close)

/* For history.c and storage's tests. */
struct sqlite3 *bx_database_handle(struct bx_database *database);
