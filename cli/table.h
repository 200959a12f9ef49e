/*
 * Tables on a terminal: columns as wide as what stands in them.
 *
 *	struct gp_table t = {.arena = arena, .columns = columns, .n_columns = 3};
 *	const char **row = gp_table_row(&t);
 *	row[0] = …; row[1] = …; row[2] = …;
 *	gp_table_print(&t, stdout);
 *
 * Cells are borrowed, and must be fit for a terminal (gp_text_show).
 */
#ifndef GP_CLI_TABLE_H
#define GP_CLI_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/base/arena.h"
#include "lib/base/vec.h"

struct gp_table_column {
	const char *title;
	bool is_number; /* to the right */
};

struct gp_table {
	struct gp_arena *arena;
	const struct gp_table_column *columns;
	size_t n_columns;
	GP_VEC(const char **) rows;
};

/* A new row, of empty cells. */
const char **gp_table_row(struct gp_table *t);
/* With the titles, without columns in which nothing stands; nothing if there is no row. */
void gp_table_print(const struct gp_table *t, FILE *out);

#endif
