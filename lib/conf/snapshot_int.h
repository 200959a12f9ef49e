/*
 * Inside of a snapshot, for lib/conf alone.
 */
#ifndef GP_CONF_SNAPSHOT_INT_H
#define GP_CONF_SNAPSHOT_INT_H

#include <stdatomic.h>

#include "lib/conf/node.h"
#include "lib/conf/snapshot.h"

/* Where a setting was set; file NULL: it has its default. */
struct gp_conf_origin {
	const char *file;
	unsigned line;
};

struct gp_conf_loaded {
	const struct gp_conf_table *table;
	void *values;
	struct gp_conf_origin *origins; /* one per row */
};

struct gp_snapshot {
	atomic_int refs;
	struct gp_arena *arena;
	const char *file;
	struct gp_conf_loaded *loaded;
	size_t n_loaded;
	void *data;
};

/* Fills the tables of a snapshot from a tree (NULL: defaults); all errors go to
 * the report. */
void gp_conf_walk(struct gp_snapshot *s, const struct gp_conf_node *root,
		  struct gp_conf_report *report);

#endif
