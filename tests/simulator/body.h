/* One sample body: its text as the firmware lays it out, and where in it each value stands.
 *
 * The answer of a device is this text with some values exchanged, never a new print of parsed JSON:
 * layout, key order and the form of numbers are what a client must cope with, so they stay. Read once,
 * shared by all devices that use the sample, never changed. */
#ifndef SIMULATOR_BODY_H
#define SIMULATOR_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "complaint.h"

/* A body with more bytes, more values, longer paths or deeper nesting is refused. */
enum { BODY_BYTES_MAX = 65536, BODY_VALUES_MAX = 512, BODY_PATH_MAX = 96, BODY_DEPTH_MAX = 8 };

enum value_type { VALUE_OBJECT, VALUE_ARRAY, VALUE_TEXT, VALUE_NUMBER, VALUE_OTHER };

struct life_row;

struct value {
	char path[BODY_PATH_MAX]; /* "power", "miner.hashRate", "hashrateMonitor.asics[0].total" */
	size_t start, length; /* in the body's text, quotes included */
	enum value_type type;
	double number; /* of VALUE_NUMBER, else 0 */
	bool is_whole; /* a number without fraction and exponent */
	const struct life_row *life; /* how it lives, or NULL */
};

struct body {
	char *name; /* "gamma-602-v2.15.0", "faults/fan-stopped-v2.8.1" */
	char *text;
	size_t length;
	size_t end_of_values; /* where another top-level key can be added */
	bool is_tabbed;
	bool is_fault; /* a sample of faults/: what is frozen there stays frozen */
	struct value *values; /* in the order of the text: what a value holds follows it */
	size_t value_count;
};

/* Reads DIRECTORY/NAME.json. The result is the caller's: body_free. */
struct body *body_load(const char *directory, const char *name, struct complaint *complaint);
void body_free(struct body *body);

/* Reads a whole file of at most BODY_BYTES_MAX bytes, blanks at its end cut off. The result is the
 * caller's: free. */
char *body_read_file(const char *path, struct complaint *complaint);

/* NULL: the body has no such key. */
const struct value *body_find(const struct body *body, const char *path);

/* Copies a text value, without quotes and escapes left as they are; "" when missing, not a text or too
 * long. */
void body_copy_text(const struct body *body, const char *path, char *copy, size_t size);

#endif
