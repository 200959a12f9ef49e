/*
 * Tables; see the header.  A character is taken for one column wide: what is wider (East Asian)
 * shifts its line, nothing more.
 */
#include "cli/table.h"

const char **gp_table_row(struct gp_table *t)
{
	const char **row = GP_ARENA_NEW_N(t->arena, t->n_columns, const char *);

	for (size_t i = 0; i < t->n_columns; i++)
		row[i] = "";
	*gp_vec_push(t->arena, &t->rows) = row;
	return row;
}

static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static size_t column_width(const struct gp_table *t, size_t column)
{
	size_t width = width_of(t->columns[column].title);

	for (size_t i = 0; i < t->rows.len; i++)
		width = GP_MAX(width, width_of(t->rows.items[i][column]));
	return width;
}

static void print_cell(const struct gp_table *t, size_t column, const char *text, size_t width,
		       FILE *out)
{
	int pad = (int)(width - width_of(text));
	bool is_last = column + 1 == t->n_columns;

	if (t->columns[column].is_number)
		fprintf(out, "%*s%s", pad, "", text);
	else
		fprintf(out, "%s%*s", text, is_last ? 0 : pad, "");
	fputs(is_last ? "\n" : "  ", out);
}

void gp_table_print(const struct gp_table *t, FILE *out)
{
	struct gp_arena *arena;
	size_t *widths;

	if (t->rows.len == 0)
		return;
	arena = gp_arena_new(0);
	widths = GP_ARENA_NEW_N(arena, t->n_columns, size_t);
	for (size_t c = 0; c < t->n_columns; c++)
		widths[c] = column_width(t, c);
	for (size_t c = 0; c < t->n_columns; c++)
		print_cell(t, c, t->columns[c].title, widths[c], out);
	for (size_t i = 0; i < t->rows.len; i++)
		for (size_t c = 0; c < t->n_columns; c++)
			print_cell(t, c, t->rows.items[i][c], widths[c], out);
	gp_arena_free(arena);
}
