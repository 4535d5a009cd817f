#include "libbus/store/schema.h"

#include "libbus/base/memory.h"
#include "libbus/store/database.h"
#include <assert.h>

const char *const bx_schema_steps[] = {
	/* 1: what is measured lies in `open` as plain JSON columns; nothing is sealed yet */
	"CREATE TABLE source(id INTEGER PRIMARY KEY CHECK(id < 4096), type TEXT NOT NULL, name TEXT NOT NULL,"
	"  UNIQUE(type, name)) STRICT;"
	/* id = source << 12 | position, never reused */
	"CREATE TABLE series(id INTEGER PRIMARY KEY, name TEXT NOT NULL, unit TEXT NOT NULL) STRICT;"
	"CREATE INDEX series_name ON series(name);"
	/* id = commits since the last seal << 12 | source. times: [1764000000,1764000060]. data, one column a position: 525 (the
	 * same at all times), null (none) or [58.1,null,58.3]; a row may have fewer columns than a later one */
	"CREATE TABLE open(id INTEGER PRIMARY KEY, times TEXT NOT NULL, data TEXT NOT NULL) STRICT;"
	"CREATE TABLE event(id TEXT PRIMARY KEY, time INTEGER NOT NULL, type TEXT NOT NULL, target TEXT NOT NULL,"
	"  data TEXT NOT NULL) STRICT, WITHOUT ROWID;",
};
static_assert(BX_COUNT(bx_schema_steps) == BX_DATABASE_VERSION, "a step a version");

/* P is a series' column in a row, Q its value at a time. */
#define P "'$[' || (series.id & 4095) || ']'"
#define Q "json_extract(data, " P " || iif(json_type(data, " P ") = 'array', '[' || t.key || ']', ''))"

const char bx_schema_views[] =
	"DROP VIEW IF EXISTS system_metrics; DROP VIEW IF EXISTS sample;"
	"CREATE VIEW sample(series, time, source, source_name, name, value, unit) AS"
	" SELECT series.id, t.value, source.type, source.name, series.name, " Q ", series.unit"
	" FROM series CROSS JOIN source ON source.id = series.id >> 12"
	" CROSS JOIN open ON (open.id & 4095) = source.id AND json_type(data, " P ") <> 'null'"
	" CROSS JOIN json_each(open.times) t WHERE " Q " IS NOT NULL;"
	/* the original's table, in its words */
	"CREATE VIEW system_metrics(id, timestamp, metric_type, metric_name, metric_value, metric_unit) AS"
	" SELECT time << 24 | series, datetime(time, 'unixepoch'),"
	"  CASE source WHEN 'host' THEN 'system' WHEN 'miner' THEN 'mining' WHEN 'fleet' THEN 'mining'"
	"   WHEN 'database' THEN 'database' WHEN 'custom' THEN 'custom' ELSE 'application' END,"
	"  CASE source_name WHEN '' THEN name ELSE source_name || '/' || name END,"
	"  CASE typeof(value) WHEN 'integer' THEN 1.0 * value ELSE value END, unit FROM sample;";
