/* History as a person sees it: the gateway's answer as a table with a small curve a series, or as CSV. */
#pragma once
#include "services/bxctl/arguments.h"
#include <stddef.h>
#include <stdio.h>

/* `metrics --hours N [--series GLOB] [--csv]`. */
int history_run(const struct request *request);

enum { HISTORY_CURVE_MAX = 20, HISTORY_CURVE_SIZE = 3 * HISTORY_CURVE_MAX + 1 };
/* At most HISTORY_CURVE_MAX characters from ▁ (the least of them) to █, each the mean of its steps; NaN is absent, and a
 * no-break space where all of them are. */
void history_curve(const double *values, size_t count, char text[HISTORY_CURVE_SIZE]);

/* Print the result of the verb `history`; `hours` is a head. How many series it has, or -1: it is no such result. */
int history_print_table(const char *result, const char *hours, FILE *file);
int history_print_csv(const char *result, FILE *file); /* as the gateway prints it over HTTP */
