/*
 * Walking a configuration tree by the tables.
 */
#include "lib/conf/schema.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/conf/shared.h"
#include "lib/conf/snapshot_int.h"
#include "lib/conf/value.h"

struct walk {
	struct gp_snapshot *snap;
	struct gp_conf_context context;
};

/* The nearest of the names offered so far; near enough is a third of the length. */
struct nearest {
	struct gp_str wanted, best;
	unsigned distance;
};

static void offer(struct nearest *n, struct gp_str name)
{
	unsigned distance;

	if (name.len > 64 || n->wanted.len > 64)
		return;
	distance = gp_str_distance(n->wanted, name);
	if (distance < n->distance) {
		n->distance = distance;
		n->best = name;
	}
}

static struct nearest nearest_to(const char *name)
{
	return (struct nearest){gp_str(name), {0}, (unsigned)strlen(name) / 3 + 1};
}

static void unknown(struct walk *w, const struct gp_conf_node *node, const char *prefix,
		    const struct nearest *n)
{
	gp_conf_report_add(w->context.report, node->file, node->line,
			   n->best.len ? "%s%s: no such setting; did you mean \"%.*s\"?"
				       : "%s%s: no such setting",
			   prefix, node->name, GP_STR_FMT(n->best));
}

/* The row of a table with this path, or NULL. */
static const struct gp_conf_row *find_row(const struct gp_conf_table *t, struct gp_str path)
{
	for (size_t i = 0; i < t->n_rows; i++)
		if (gp_str_eq(gp_str(t->rows[i].path), path))
			return &t->rows[i];
	return NULL;
}

/* True if some row's path begins with "PATH.". */
static bool is_group(const struct gp_conf_table *t, struct gp_str path)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		struct gp_str row = gp_str(t->rows[i].path);

		if (row.len > path.len && row.ptr[path.len] == '.' && gp_str_starts(row, path))
			return true;
	}
	return false;
}

/* Offers what the rows have at this level: the path's next part after `prefix`. */
static void offer_rows(struct nearest *n, const struct gp_conf_table *t, struct gp_str prefix)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		struct gp_str row = gp_str(t->rows[i].path);

		if (gp_str_starts(row, prefix)) {
			row = gp_str_sub(row, prefix.len, row.len);
			offer(n, gp_str_sub(row, 0, gp_str_find_chr(row, '.', 0)));
		}
	}
}

static void store_groups(struct walk *w, const struct gp_conf_table *t, const struct gp_conf_row *row,
			 const struct gp_conf_node *node, struct gp_conf_groups *field);

static void store(struct walk *w, struct gp_conf_loaded *l, const struct gp_conf_row *row,
		  const struct gp_conf_node *node)
{
	l->origins[row - l->table->rows] = (struct gp_conf_origin){node->file, node->line};
	if (row->type == GP_CONF_GROUPS)
		store_groups(w, l->table, row, node,
			     (struct gp_conf_groups *)(void *)((char *)l->values + row->offset));
	else
		gp_conf_value_store(&w->context, l->table, row, node, l->values);
}

static void store_defaults(struct walk *w, struct gp_conf_loaded *l)
{
	for (size_t k = 0; k < l->table->n_rows; k++)
		if (!l->origins[k].file && l->table->rows[k].type != GP_CONF_GROUPS)
			gp_conf_value_store(&w->context, l->table, &l->table->rows[k], NULL, l->values);
}

/* The members of a group; `prefix` is "" or ends in a dot. */
static void walk_group(struct walk *w, struct gp_conf_loaded *l, const struct gp_conf_node *group,
		       const char *prefix)
{
	const struct gp_conf_table *t = l->table;

	for (size_t i = 0; i < group->n_children; i++) {
		const struct gp_conf_node *node = &group->children[i];
		const char *path = gp_arena_printf(w->snap->arena, "%s%s", prefix, node->name);
		const char *full = gp_arena_printf(w->snap->arena, "%s.%s", t->group, prefix);
		const struct gp_conf_row *row = find_row(t, gp_str(path));
		struct nearest near = nearest_to(node->name);

		if (row) {
			store(w, l, row, node);
		} else if (!is_group(t, gp_str(path))) {
			offer_rows(&near, t, gp_str(prefix));
			unknown(w, node, full, &near);
		} else if (node->kind != GP_NODE_GROUP) {
			gp_conf_report_add(w->context.report, node->file, node->line,
					   "%s%s: expected a group { … }, found %s", full,
					   node->name, gp_conf_kind_name(node->kind));
		} else {
			walk_group(w, l, node, gp_arena_printf(w->snap->arena, "%s.", path));
		}
	}
}

/* One group after the other, each as if it were a table of its own. */
static void store_groups(struct walk *w, const struct gp_conf_table *t, const struct gp_conf_row *row,
			 const struct gp_conf_node *node, struct gp_conf_groups *field)
{
	struct gp_arena *arena = w->snap->arena;
	struct gp_conf_group *groups = GP_ARENA_NEW_N(arena, node->n_children + 1, struct gp_conf_group);
	size_t n = 0;

	for (size_t i = 0; i < node->n_children; i++) {
		const struct gp_conf_node *child = &node->children[i];
		struct gp_conf_table *item = gp_arena_dup(arena, row->item, sizeof(*row->item));
		struct gp_conf_loaded l = {.table = item};

		if (node->kind != GP_NODE_GROUP || child->kind != GP_NODE_GROUP)
			break;
		item->group = gp_arena_printf(arena, "%s.%s.%s", t->group, row->path, child->name);
		l.values = gp_arena_zalloc(arena, item->size);
		l.origins = GP_ARENA_NEW_N(arena, item->n_rows, struct gp_conf_origin);
		walk_group(w, &l, child, "");
		store_defaults(w, &l);
		groups[n++] = (struct gp_conf_group){.name = gp_arena_strdup(arena, child->name),
						     .values = l.values,
						     .file = gp_arena_strdup(arena, child->file),
						     .line = child->line};
	}
	if (node->kind != GP_NODE_GROUP || n < node->n_children)
		gp_conf_report_add(w->context.report, node->file, node->line,
				   "%s.%s: expected groups { NAME = { … }; … }", t->group, row->path);
	*field = (struct gp_conf_groups){groups, n};
}

static bool is_foreign(const char *name)
{
	for (const char *const *g = gp_conf_program_groups; *g; g++)
		if (gp_str_eq(gp_str(name), gp_str(*g)))
			return true;
	return false;
}

/* A name at the top level: a group of a table, a setting, or another program's. */
static void walk_top(struct walk *w, const struct gp_conf_node *node)
{
	struct nearest near = nearest_to(node->name);

	for (size_t i = 0; i < w->snap->n_loaded; i++) {
		struct gp_conf_loaded *l = &w->snap->loaded[i];
		const struct gp_conf_row *row;

		if (!l->table->group) {
			row = find_row(l->table, gp_str(node->name));
			if (row) {
				store(w, l, row, node);
				return;
			}
			offer_rows(&near, l->table, (struct gp_str){0});
			continue;
		}
		offer(&near, gp_str(l->table->group));
		if (!gp_str_eq(gp_str(l->table->group), gp_str(node->name)))
			continue;
		if (node->kind == GP_NODE_GROUP)
			walk_group(w, l, node, "");
		else
			gp_conf_report_add(w->context.report, node->file, node->line,
					   "%s: expected a group { … }, found %s", node->name,
					   gp_conf_kind_name(node->kind));
		return;
	}
	for (const char *const *g = gp_conf_program_groups; *g; g++)
		offer(&near, gp_str(*g));
	if (!is_foreign(node->name))
		unknown(w, node, "", &near);
}

void gp_conf_walk(struct gp_snapshot *s, const struct gp_conf_node *root,
		  struct gp_conf_report *report)
{
	struct walk w = {s, {s->arena, report, s->file}};
	bool is_right;

	for (size_t i = 0; root && i < root->n_children; i++)
		walk_top(&w, &root->children[i]);
	for (size_t i = 0; i < s->n_loaded; i++)
		store_defaults(&w, &s->loaded[i]);
	/* Rules that span settings look at values that are right by themselves. */
	is_right = report->errors.len == 0;
	for (size_t i = 0; is_right && i < s->n_loaded; i++)
		if (s->loaded[i].table->validate)
			s->loaded[i].table->validate(s->loaded[i].values, s, report);
}

void gp_conf_complain(const struct gp_snapshot *snap, const struct gp_conf_table *table,
		      const char *path, struct gp_conf_report *report, const char *fmt, ...)
{
	const char *file = NULL;
	unsigned line = 0;
	struct gp_diag text;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text.text, sizeof(text.text), fmt, args);
	va_end(args);
	if (!gp_snapshot_origin(snap, table, path, &file, &line))
		file = gp_snapshot_file(snap);
	gp_conf_report_add(report, file, line, "%s%s%s: %s", table->group ? table->group : "",
			   table->group ? "." : "", path, text.text);
}

void gp_conf_complain_group(const struct gp_conf_table *table, const char *path,
			    const struct gp_conf_group *group, struct gp_conf_report *report,
			    const char *fmt, ...)
{
	struct gp_diag text;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text.text, sizeof(text.text), fmt, args);
	va_end(args);
	gp_conf_report_add(report, group->file, group->line, "%s.%s.%s: %s", table->group, path,
			   group->name, text.text);
}
