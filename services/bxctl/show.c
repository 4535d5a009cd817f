#include "services/bxctl/show.h"

#include "libbus/base/json.h"
#include "libbus/contract/values.h"
#include <assert.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

bool show_is_terminal(FILE *file)
{
	const char *no_colour = getenv("NO_COLOR"); /* no-color.org: set and not empty */
	return isatty(fileno(file)) == 1 && !(no_colour && no_colour[0]);
}

const char *show_colour(FILE *file, enum show_colour colour)
{
	static const char *const codes[] = { [SHOW_PLAIN] = "\033[0m",
		[SHOW_GOOD] = "\033[32m",
		[SHOW_WARNING] = "\033[33m",
		[SHOW_BAD] = "\033[31m",
		[SHOW_FAINT] = "\033[2m",
		[SHOW_STRONG] = "\033[1m" };
	return show_is_terminal(file) ? codes[colour] : "";
}

bool show_terminal_size(FILE *file, unsigned *columns, unsigned *rows)
{
	struct winsize size;
	if (isatty(fileno(file)) != 1 || ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0 ||
		size.ws_row == 0)
		return false;
	*columns = size.ws_col;
	*rows = size.ws_row;
	return true;
}

size_t show_width(const char *text)
{
	size_t width = 0;
	for (; *text; text++)
		width += ((unsigned char)*text & 0xC0) != 0x80;
	return width;
}

void show_value(enum bx_metric metric, double value, char text[SHOW_CELL_SIZE])
{
	const struct bx_row *row = bx_catalog_row(metric);
	char word[BX_WORD_SIZE];
	switch (row->kind) {
	case BX_GAUGE:
	case BX_COUNTER:
		(void)snprintf(text, SHOW_CELL_SIZE, "%.*f%s%s", row->decimals, value,
			row->unit[0] ? " " : "", row->unit);
		break;
	case BX_YES_NO:
		(void)snprintf(text, SHOW_CELL_SIZE, "%s", value != 0 ? "yes" : "no");
		break;
	case BX_WORD:
		(void)snprintf(text, SHOW_CELL_SIZE, "%s",
			bx_catalog_word(metric, (int)value, word) ? word : SHOW_ABSENT);
		break;
	case BX_MOMENT: {
		time_t moment = (time_t)value;
		struct tm local;
		if (!localtime_r(&moment, &local) ||
			strftime(text, SHOW_CELL_SIZE, "%Y-%m-%d %H:%M:%S", &local) == 0)
			(void)snprintf(text, SHOW_CELL_SIZE, SHOW_ABSENT);
		break;
	}
	}
}

void show_span(int64_t ms, char text[SHOW_CELL_SIZE])
{
	static const struct {
		int64_t ms;
		const char *unit;
	} steps[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" } };
	(void)snprintf(text, SHOW_CELL_SIZE, ms < 0 ? SHOW_ABSENT : "0 s");
	for (size_t i = 0; i < BX_COUNT(steps); i++) {
		int64_t least_ms = i < 2 ? 2 * steps[i].ms
			: i == 2         ? 100000
					 : 1000; /* "36 h" tells more than "1 d" */
		if (ms < least_ms)
			continue;
		(void)snprintf(text, SHOW_CELL_SIZE, "%lld %s", (long long)(ms / steps[i].ms), steps[i].unit);
		return;
	}
}

/* --- tables --- */

struct cell {
	enum show_colour colour;
	char text[SHOW_CELL_SIZE];
};

struct show_table {
	size_t columns, count;
	unsigned right;
	struct cell *cells;
};

struct show_table *show_table_new(size_t columns, unsigned right)
{
	struct show_table *table = bx_alloc(1, sizeof *table);
	assert(columns > 0);
	table->columns = columns;
	table->right = right;
	return table;
}

void show_table_free(struct show_table *table)
{
	if (!table)
		return;
	free(table->cells);
	free(table);
}

void show_cell(struct show_table *table, enum show_colour colour, const char *text)
{
	table->cells = bx_grow(table->cells, table->count + 1, sizeof *table->cells);
	struct cell *cell = &table->cells[table->count++];
	cell->colour = colour;
	bx_clean(cell->text, sizeof cell->text, text);
}

size_t show_table_rows(const struct show_table *table)
{
	return table->count / table->columns;
}

static size_t column_width(const struct show_table *table, size_t column)
{
	size_t widest = 0;
	for (size_t i = column; i < table->count; i += table->columns) {
		size_t width = show_width(table->cells[i].text);
		widest = width > widest ? width : widest;
	}
	return widest;
}

static void print_cell(const struct cell *cell, size_t width, bool right, bool last, FILE *file)
{
	int pad = (int)(width - show_width(cell->text));
	const char *on = cell->colour != SHOW_PLAIN ? show_colour(file, cell->colour) : "";
	const char *off = on[0] ? show_colour(file, SHOW_PLAIN) : "";
	(void)fprintf(
		file, "%*s%s%s%s%*s", right ? pad : 0, "", on, cell->text, off, right || last ? 0 : pad, "");
}

void show_table_print(const struct show_table *table, FILE *file)
{
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;
		bool last = column + 1 == table->columns;
		print_cell(&table->cells[i], column_width(table, column), table->right >> column & 1, last,
			file);
		(void)fputs(last ? "\n" : "  ", file);
	}
}

/* --- JSON --- */

bool show_json(const struct bx_text *json)
{
	if (json->cut)
		return false;
	(void)printf("%s\n", json->data);
	return true;
}

void show_sentence(const char *sentence, const char *object, struct bx_text *text)
{
	json_auto_t *members = bx_json_read(object, strlen(object), BX_JSON_OURS, NULL);
	while (*sentence) {
		size_t plain = strcspn(sentence, "{"), length = strcspn(sentence + plain, "}");
		bx_text_add(text, sentence, plain);
		sentence += plain;
		if (!*sentence)
			return;
		char name[40], clean[400], number[BX_NUMBER_SIZE];
		(void)snprintf(name, sizeof name, "%.*s", (int)length - 1, sentence + 1);
		const json_t *member = json_object_get(members, name);
		const char *value = json_is_string(member) ? json_string_value(member)
			: json_is_true(member)             ? "yes"
			: json_is_false(member)            ? "no"
							   : SHOW_ABSENT;
		if (json_is_number(member)) {
			bx_number_print(json_number_value(member), number);
			value = number;
		}
		bx_clean(clean, sizeof clean, value);
		bx_text_say(text, clean);
		sentence += length + (sentence[length] == '}');
	}
}
