/*
 * What the tables say, as text: effective values, the sample file, a page's section.
 */
#ifndef GP_CONF_PRINT_H
#define GP_CONF_PRINT_H

#include "lib/base/buf.h"
#include "lib/conf/snapshot.h"

/* --print-config: every setting with its effective value, a configuration that
 * could be read back; the origin of each ("default" or file:line) as comment. */
void gp_conf_print(const struct gp_snapshot *s, struct gp_buf *out);

/* The sample file: every setting commented out with its default, bounds and help. */
void gp_conf_print_sample(const struct gp_conf_table *const *tables, size_t n_tables,
			  struct gp_buf *out);

/* The names of settings marked GP_CONF_RESTART whose values differ between two
 * snapshots of the same tables, ", " between them. */
void gp_conf_print_restart(const struct gp_snapshot *old, const struct gp_snapshot *new,
			   struct gp_buf *out);

/* One line per setting, TAB-separated: group.path, type, default, bounds, unit,
 * help.  For the check of the man pages against the tables. */
void gp_conf_print_options(const struct gp_conf_table *const *tables, size_t n_tables,
			   struct gp_buf *out);

#endif
