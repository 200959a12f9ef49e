/*
 * A configuration that was read: the values of all tables, read-only, shared
 * by reference count.
 *
 * Sessions hold the snapshot they began with; a reload makes a new one beside
 * it.  Reference counting is atomic; everything else is constant after
 * gp_snapshot_load().
 */
#ifndef GP_CONF_SNAPSHOT_H
#define GP_CONF_SNAPSHOT_H

#include "lib/conf/schema.h"

struct gp_snapshot;

/* Reads a file (NULL: defaults only) by the tables given (static; the array is
 * copied).  Groups of suite programs that are not among the tables are left
 * unread.  GP_OK with *ret holding one reference, else the report says it all:
 * the first syntax error or duplicate key, or every other error. */
int gp_snapshot_load(const char *file, const struct gp_conf_table *const *tables, size_t n_tables,
		     struct gp_snapshot **ret, struct gp_conf_report *report) GP_MUST_USE;
/* As gp_snapshot_load from text; `name` stands in for the file. */
int gp_snapshot_load_text(const char *name, const char *text,
			  const struct gp_conf_table *const *tables, size_t n_tables,
			  struct gp_snapshot **ret, struct gp_conf_report *report) GP_MUST_USE;

struct gp_snapshot *gp_snapshot_ref(struct gp_snapshot *s);
/* The last one frees it; NULL is fine. */
void gp_snapshot_unref(struct gp_snapshot *s);
void gp_snapshot_unrefp(struct gp_snapshot **s);

/* The struct of a table that was given to load; asking for another aborts. */
const void *gp_snapshot_get(const struct gp_snapshot *s, const struct gp_conf_table *table);
bool gp_snapshot_has(const struct gp_snapshot *s, const struct gp_conf_table *table);
/* Calls fn for every file that a setting names (paths, maps, password files). */
void gp_snapshot_each_path(const struct gp_snapshot *s, void (*fn)(const char *path));

/* What a program builds from the settings (rule sets, maps): allocate in the
 * snapshot's arena, tie resources to it with gp_arena_on_end(), and keep one
 * pointer here.  Only while configuring, before the snapshot is shared. */
struct gp_arena *gp_snapshot_arena(struct gp_snapshot *s);
void gp_snapshot_set_data(struct gp_snapshot *s, void *data);
void *gp_snapshot_data(const struct gp_snapshot *s);

/* The file it came from, or NULL. */
const char *gp_snapshot_file(const struct gp_snapshot *s);
/* Where a setting was set: file and line, or false when it has its default. */
bool gp_snapshot_origin(const struct gp_snapshot *s, const struct gp_conf_table *table,
			const char *path, const char **ret_file, unsigned *ret_line);

#endif
