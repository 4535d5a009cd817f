/* What a person sees: colours on a terminal alone, tables, values by the catalogue, spans of time. */
#pragma once
#include "libbus/base/text.h"
#include "libbus/contract/catalog.h"
#include <stdio.h>

enum show_colour { SHOW_PLAIN, SHOW_GOOD, SHOW_WARNING, SHOW_BAD, SHOW_FAINT, SHOW_STRONG };
#define SHOW_ABSENT "—"

/* Is it a terminal, and may it be coloured (NO_COLOR)? */
bool show_is_terminal(FILE *file);
/* What switches a colour on, and off again; "" where `file` is no terminal. */
const char *show_colour(FILE *file, enum show_colour colour);
/* Its size; false: it is none. */
bool show_terminal_size(FILE *file, unsigned *columns, unsigned *rows);
/* Columns that UTF-8 text takes: a character each. */
size_t show_width(const char *text);

enum { SHOW_CELL_SIZE = 128 };
/* "1187.23 GH/s", "yes", "pool 1 of 2"; with unit and decimals of the row and none other. */
void show_value(enum bx_metric metric, double value, char text[SHOW_CELL_SIZE]);
/* "4 s", "12 min", "3 h", "5 d"; negative: "—". */
void show_span(int64_t ms, char text[SHOW_CELL_SIZE]);

struct show_table;
/* `right`: a mask of columns that are set to the right, as numbers are. */
struct show_table *show_table_new(size_t columns, unsigned right);
void show_table_free(struct show_table *table);
BX_OWNED_BY(struct show_table, show_table_free)
/* The next cell, row by row; text is cleaned and cut to SHOW_CELL_SIZE. */
void show_cell(struct show_table *table, enum show_colour colour, const char *text);
size_t show_table_rows(const struct show_table *table);
/* Each column as wide as its widest cell. */
void show_table_print(const struct show_table *table, FILE *file);

/* Prints a JSON text with a line end; false: it was cut and is none. */
bool show_json(const struct bx_text *json);
/* A sentence with {name} replaced by members of a JSON object; what is not there becomes "—". */
void show_sentence(const char *sentence, const char *object, struct bx_text *text);
