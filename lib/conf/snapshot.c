/*
 * A configuration that was read, shared by reference count.
 */
#include "lib/conf/snapshot.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/conf/mapfile.h"
#include "lib/conf/snapshot_int.h"

static struct gp_snapshot *snapshot_new(const char *file, const struct gp_conf_table *const *tables,
					size_t n_tables)
{
	struct gp_snapshot *s = gp_xcalloc(1, sizeof(*s));

	atomic_init(&s->refs, 1);
	s->arena = gp_arena_new(0);
	s->file = file ? gp_arena_strdup(s->arena, file) : NULL;
	s->loaded = GP_ARENA_NEW_N(s->arena, n_tables, struct gp_conf_loaded);
	s->n_loaded = n_tables;
	for (size_t i = 0; i < n_tables; i++) {
		s->loaded[i].table = tables[i];
		s->loaded[i].values = gp_arena_zalloc(s->arena, tables[i]->size);
		s->loaded[i].origins =
			GP_ARENA_NEW_N(s->arena, tables[i]->n_rows, struct gp_conf_origin);
	}
	return s;
}

static int load(const char *name, const struct gp_str *text,
		const struct gp_conf_table *const *tables, size_t n_tables,
		struct gp_snapshot **ret, struct gp_conf_report *report)
{
	struct gp_snapshot *s = snapshot_new(name, tables, n_tables);
	size_t before = report->errors.len;
	struct gp_conf_node root = {0};
	int r = GP_OK;

	if (text)
		r = gp_conf_file_parse(name, *text, s->arena, &root, report);
	else if (name)
		r = gp_conf_file_read(name, s->arena, &root, report);
	if (r == GP_OK)
		gp_conf_walk(s, name ? &root : NULL, report);
	if (report->errors.len > before) {
		gp_snapshot_unref(s);
		return GP_EINVAL;
	}
	*ret = s;
	return GP_OK;
}

int gp_snapshot_load(const char *file, const struct gp_conf_table *const *tables, size_t n_tables,
		     struct gp_snapshot **ret, struct gp_conf_report *report)
{
	return load(file, NULL, tables, n_tables, ret, report);
}

int gp_snapshot_load_text(const char *name, const char *text,
			  const struct gp_conf_table *const *tables, size_t n_tables,
			  struct gp_snapshot **ret, struct gp_conf_report *report)
{
	struct gp_str span = gp_str(text);

	return load(name, &span, tables, n_tables, ret, report);
}

struct gp_snapshot *gp_snapshot_ref(struct gp_snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void gp_snapshot_unref(struct gp_snapshot *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
		return;
	gp_arena_free(s->arena);
	free(s);
}

void gp_snapshot_unrefp(struct gp_snapshot **s)
{
	gp_snapshot_unref(*s);
	*s = NULL;
}

static const struct gp_conf_loaded *find(const struct gp_snapshot *s,
					 const struct gp_conf_table *table)
{
	for (size_t i = 0; i < s->n_loaded; i++)
		if (s->loaded[i].table == table)
			return &s->loaded[i];
	return NULL;
}

const void *gp_snapshot_get(const struct gp_snapshot *s, const struct gp_conf_table *table)
{
	const struct gp_conf_loaded *l = find(s, table);

	assert(l != NULL);
	return l->values;
}

bool gp_snapshot_has(const struct gp_snapshot *s, const struct gp_conf_table *table)
{
	return find(s, table) != NULL;
}

static const char *path_of(const struct gp_conf_row *row, const void *values)
{
	const void *field = (const char *)values + row->offset;
	const struct gp_mapfile *map;

	if (row->type == GP_CONF_PATH || row->type == GP_CONF_PASSWORD_FILE)
		return *(const char *const *)field;
	if (row->type != GP_CONF_MAP)
		return NULL;
	map = *(struct gp_mapfile *const *)field;
	return map ? gp_mapfile_path(map) : NULL;
}

static void each_path(const struct gp_conf_table *t, const void *values,
		      void (*fn)(const char *path))
{
	for (size_t k = 0; k < t->n_rows; k++) {
		const struct gp_conf_row *row = &t->rows[k];
		const char *path = path_of(row, values);

		if (path && *path)
			fn(path);
		if (row->type == GP_CONF_GROUPS) {
			const struct gp_conf_groups *groups =
				(const void *)((const char *)values + row->offset);

			for (size_t i = 0; i < groups->len; i++)
				each_path(row->item, groups->items[i].values, fn);
		}
	}
}

void gp_snapshot_each_path(const struct gp_snapshot *s, void (*fn)(const char *path))
{
	for (size_t i = 0; i < s->n_loaded; i++)
		each_path(s->loaded[i].table, s->loaded[i].values, fn);
}

struct gp_arena *gp_snapshot_arena(struct gp_snapshot *s)
{
	return s->arena;
}

void gp_snapshot_set_data(struct gp_snapshot *s, void *data)
{
	s->data = data;
}

void *gp_snapshot_data(const struct gp_snapshot *s)
{
	return s->data;
}

const char *gp_snapshot_file(const struct gp_snapshot *s)
{
	return s->file;
}

bool gp_snapshot_origin(const struct gp_snapshot *s, const struct gp_conf_table *table,
			const char *path, const char **ret_file, unsigned *ret_line)
{
	const struct gp_conf_loaded *l = find(s, table);

	for (size_t i = 0; l && i < table->n_rows; i++) {
		if (!gp_str_eq(gp_str(table->rows[i].path), gp_str(path)) || !l->origins[i].file)
			continue;
		*ret_file = l->origins[i].file;
		*ret_line = l->origins[i].line;
		return true;
	}
	return false;
}
