#include "libbus/store/database.h"

#include "libbus/store/schema.h"
#include <sqlite3.h>
#include <unistd.h>

struct bx_database {
	sqlite3 *handle;
};

static int read_number(sqlite3 *handle, const char *pragma, int *number)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(handle, pragma, -1, &statement, NULL);
	if (result != SQLITE_OK)
		return result;
	result = sqlite3_step(statement);
	*number = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return result == SQLITE_ROW ? SQLITE_OK : result;
}

struct bx_database *bx_database_open(const char *path, struct bx_error *error)
{
	BX_OWNED(bx_database_close) struct bx_database *database = bx_alloc(1, sizeof *database);
	int version = 0, application = 0;
	if (access(path, F_OK) != 0) {
		bx_fail(error, BX_MISSING, "there is no database at %s yet", path);
		return NULL;
	}
	int result =
		sqlite3_open_v2(path, &database->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (result == SQLITE_OK)
		sqlite3_busy_timeout(database->handle, 1000);
	if (result == SQLITE_OK)
		result = read_number(database->handle, "PRAGMA user_version", &version);
	if (result == SQLITE_OK)
		result = read_number(database->handle, "PRAGMA application_id", &application);
	if (result != SQLITE_OK) {
		bx_fail(error, BX_FAILED, "%s: %s", path, sqlite3_errmsg(database->handle));
		return NULL;
	}
	if (version == 0) {
		bx_fail(error, BX_MISSING, "%s is empty: storage has not made it yet", path);
		return NULL;
	}
	if (version > BX_DATABASE_VERSION || application != BX_DATABASE_APPLICATION) {
		bx_fail(error, BX_CONFLICT, "%s is %s (version %d, this program knows %d)", path,
			application != BX_DATABASE_APPLICATION ? "another program's"
							       : "of a newer version of the suite",
			version, BX_DATABASE_VERSION);
		return NULL;
	}
	struct bx_database *opened = database;
	database = NULL; /* the caller's */
	return opened;
}

void bx_database_close(struct bx_database *database)
{
	if (!database)
		return;
	sqlite3_close(database->handle);
	free(database);
}

struct sqlite3 *bx_database_handle(struct bx_database *database)
{
	return database->handle;
}
