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

/* Widths; 0: nothing stands in the column, which is left out. */
static size_t *find_widths(const struct gp_table *t, struct gp_arena *arena, size_t *ret_last)
{
	size_t *widths = GP_ARENA_NEW_N(arena, t->n_columns, size_t);

	*ret_last = 0;
	for (size_t c = 0; c < t->n_columns; c++) {
		for (size_t i = 0; i < t->rows.len; i++)
			widths[c] = GP_MAX(widths[c], width_of(t->rows.items[i][c]));
		if (widths[c] == 0)
			continue;
		widths[c] = GP_MAX(widths[c], width_of(t->columns[c].title));
		*ret_last = c;
	}
	return widths;
}

static void print_cell(const char *text, size_t width, bool is_number, bool is_last, FILE *out)
{
	int pad = (int)(width - width_of(text));

	if (is_number)
		fprintf(out, "%*s%s", pad, "", text);
	else
		fprintf(out, "%s%*s", text, is_last ? 0 : pad, "");
	fputs(is_last ? "\n" : "  ", out);
}

void gp_table_print(const struct gp_table *t, FILE *out)
{
	struct gp_arena *arena = gp_arena_new(0);
	size_t last, *widths = find_widths(t, arena, &last);

	for (size_t i = 0; t->rows.len > 0 && i <= t->rows.len; i++)
		for (size_t c = 0; c <= last; c++)
			if (widths[c] > 0)
				print_cell(i ? t->rows.items[i - 1][c] : t->columns[c].title,
					   widths[c], t->columns[c].is_number, c == last, out);
	gp_arena_free(arena);
}
