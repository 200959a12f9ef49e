/*
 * What the tables say, as text.
 */
#include "lib/conf/print.h"

#include "lib/conf/snapshot_int.h"
#include "lib/conf/value.h"

/* Opens and closes the groups within a table while its rows go by: rows of one
 * group stand together. */
struct nesting {
	struct gp_buf *out;
	const char *comment; /* "#" in front of every line, or "" */
	struct gp_str open;  /* "thresholds." or empty */
	unsigned depth;
};

static void indent(const struct nesting *n, unsigned depth)
{
	gp_buf_add_cstr(n->out, n->comment);
	while (depth-- > 0)
		gp_buf_add_chr(n->out, '\t');
}

static void close_to(struct nesting *n, struct gp_str path)
{
	while (n->open.len && !gp_str_starts(path, n->open)) {
		n->open.len--;
		while (n->open.len && n->open.ptr[n->open.len - 1] != '.')
			n->open.len--;
		indent(n, --n->depth);
		gp_buf_add_cstr(n->out, "};\n");
	}
}

/* Brings the nesting to where `path` lives; returns the setting's own name. */
static struct gp_str nest(struct nesting *n, struct gp_str path)
{
	close_to(n, path);
	for (;;) {
		size_t dot = gp_str_find_chr(path, '.', n->open.len);

		if (dot == path.len)
			return gp_str_sub(path, n->open.len, path.len);
		indent(n, n->depth++);
		gp_buf_printf(n->out, "%.*s = {\n",
			      GP_STR_FMT(gp_str_sub(path, n->open.len, dot - n->open.len)));
		n->open = gp_str_sub(path, 0, dot + 1);
	}
}

static void print_table(const struct gp_conf_loaded *l, struct gp_buf *out)
{
	const struct gp_conf_table *t = l->table;
	struct nesting n = {out, "", {0}, t->group ? 1 : 0};

	if (t->group)
		gp_buf_printf(out, "%s = {\n", t->group);
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct gp_conf_row *row = &t->rows[i];
		struct gp_str name = nest(&n, gp_str(row->path));

		indent(&n, n.depth);
		gp_buf_printf(out, "%.*s = ", GP_STR_FMT(name));
		if (row->flags & GP_CONF_SECRET)
			gp_buf_add_cstr(out, l->origins[i].file ? "\"(set)\"" : "\"\"");
		else
			gp_conf_value_print(row, l->values, out);
		if (l->origins[i].file)
			gp_buf_printf(out, ";  # %s:%u\n", l->origins[i].file, l->origins[i].line);
		else
			gp_buf_add_cstr(out, ";  # default\n");
	}
	close_to(&n, (struct gp_str){0});
	if (t->group)
		gp_buf_add_cstr(out, "};\n");
}

void gp_conf_print(const struct gp_snapshot *s, struct gp_buf *out)
{
	for (size_t i = 0; i < s->n_loaded; i++)
		print_table(&s->loaded[i], out);
}

static bool is_changed(const struct gp_conf_row *row, const void *old, const void *new)
{
	GP_BUF_AUTO a = GP_BUF_INIT(1 << 20);
	GP_BUF_AUTO b = GP_BUF_INIT(1 << 20);

	gp_conf_value_print(row, old, &a);
	gp_conf_value_print(row, new, &b);
	return !gp_str_eq(gp_buf_str(&a), gp_buf_str(&b));
}

void gp_conf_print_restart(const struct gp_snapshot *old, const struct gp_snapshot *new,
			   struct gp_buf *out)
{
	for (size_t i = 0; i < old->n_loaded && i < new->n_loaded; i++) {
		const struct gp_conf_table *t = old->loaded[i].table;

		for (size_t k = 0; k < t->n_rows; k++)
			if ((t->rows[k].flags & GP_CONF_RESTART) &&
			    is_changed(&t->rows[k], old->loaded[i].values, new->loaded[i].values))
				gp_buf_printf(out, "%s%s%s%s", out->len ? ", " : "",
					      t->group ? t->group : "", t->group ? "." : "",
					      t->rows[k].path);
	}
}

static void print_choices(const struct gp_conf_row *row, struct gp_buf *out)
{
	const char *separator = "";

	for (const struct gp_conf_enum *e = row->values; e && e->name; e++) {
		gp_buf_printf(out, "%s%s", separator, e->name);
		separator = ", ";
	}
}

/* The help sentence, bounds and unit as one comment. */
static void print_help(const struct nesting *n, const struct gp_conf_row *row)
{
	GP_BUF_AUTO bounds = GP_BUF_INIT(256);

	indent(n, n->depth);
	gp_buf_printf(n->out, "# %s", row->help);
	if (row->type == GP_CONF_ENUM) {
		gp_buf_add_cstr(n->out, " One of: ");
		print_choices(row, n->out);
		gp_buf_add_chr(n->out, '.');
	}
	gp_conf_bounds_print(row, &bounds);
	if (bounds.len && row->unit)
		gp_buf_printf(n->out, " (%s %s)", gp_buf_cstr(&bounds), row->unit);
	else if (bounds.len)
		gp_buf_printf(n->out, " (%s)", gp_buf_cstr(&bounds));
	gp_buf_add_chr(n->out, '\n');
}

/* The settings that each of a row's groups has. */
static void print_sample_item(const struct nesting *n, const struct gp_conf_table *item)
{
	gp_buf_add_cstr(n->out, "{\n");
	indent(n, n->depth);
	gp_buf_add_cstr(n->out, "#\tNAME = {\n");
	for (size_t i = 0; i < item->n_rows; i++) {
		struct nesting inner = {n->out, "", {0}, n->depth};

		indent(&inner, n->depth);
		gp_buf_add_cstr(n->out, "#\t\t");
		inner.depth = 0;
		print_help(&inner, &item->rows[i]);
		indent(n, n->depth);
		gp_buf_printf(n->out, "#\t\t%s = ", item->rows[i].path);
		gp_conf_default_print(&item->rows[i], n->out);
		gp_buf_add_cstr(n->out, ";\n");
	}
	indent(n, n->depth);
	gp_buf_add_cstr(n->out, "#\t};\n");
	indent(n, n->depth);
	gp_buf_add_cstr(n->out, "#};\n");
}

static void print_sample_table(const struct gp_conf_table *t, struct gp_buf *out)
{
	struct nesting n = {out, "", {0}, t->group ? 1 : 0};

	gp_buf_printf(out, "\n# %s\n", t->title ? t->title : "");
	if (t->group)
		gp_buf_printf(out, "%s = {\n", t->group);
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct gp_conf_row *row = &t->rows[i];
		struct gp_str name;

		if (row->flags & GP_CONF_HIDDEN)
			continue;
		name = nest(&n, gp_str(row->path));
		print_help(&n, row);
		indent(&n, n.depth);
		gp_buf_printf(out, "#%.*s = ", GP_STR_FMT(name));
		if (row->type == GP_CONF_GROUPS) {
			print_sample_item(&n, row->item);
			continue;
		}
		gp_conf_default_print(row, out);
		gp_buf_add_cstr(out, ";\n");
	}
	close_to(&n, (struct gp_str){0});
	if (t->group)
		gp_buf_add_cstr(out, "};\n");
}

void gp_conf_print_sample(const struct gp_conf_table *const *tables, size_t n_tables,
			  struct gp_buf *out)
{
	gp_buf_add_cstr(out, "# Configuration of Gatepost.  Every setting is shown with its default;\n"
			     "# remove the '#' in front of those that you change.  Times are written\n"
			     "# \"90s\", \"15m\", \"2h\", sizes \"64K\", \"10M\".  Other files are read by\n"
			     "# a line  @include \"FILE\".  PROGRAM --check says what is wrong with it.\n");
	for (size_t i = 0; i < n_tables; i++)
		print_sample_table(tables[i], out);
}

/* "GROUP.PATH", kind, default, bounds, unit, help: a line. */
static void print_option(const char *group, const struct gp_conf_row *row, struct gp_buf *out)
{
	gp_buf_printf(out, "%s%s%s\t%s\t", group ? group : "", group ? "." : "", row->path,
		      gp_conf_type_name(row->type));
	gp_conf_default_print(row, out);
	gp_buf_add_chr(out, '\t');
	gp_conf_bounds_print(row, out);
	if (row->type == GP_CONF_ENUM)
		print_choices(row, out);
	gp_buf_printf(out, "\t%s\t%s\n", row->unit ? row->unit : "", row->help);
}

void gp_conf_print_options(const struct gp_conf_table *const *tables, size_t n_tables,
			   struct gp_buf *out)
{
	for (size_t i = 0; i < n_tables; i++) {
		const struct gp_conf_table *t = tables[i];

		for (size_t k = 0; k < t->n_rows; k++) {
			const struct gp_conf_row *row = &t->rows[k];
			GP_BUF_AUTO group = GP_BUF_INIT(256);

			if (row->flags & GP_CONF_HIDDEN)
				continue;
			print_option(t->group, row, out);
			if (row->type != GP_CONF_GROUPS)
				continue;
			gp_buf_printf(&group, "%s.%s.NAME", t->group, row->path);
			for (size_t j = 0; j < row->item->n_rows; j++)
				print_option(gp_buf_cstr(&group), &row->item->rows[j], out);
		}
	}
}
