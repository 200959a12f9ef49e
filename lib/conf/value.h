/*
 * One value into one field: types, bounds, checks.
 */
#ifndef GP_CONF_VALUE_H
#define GP_CONF_VALUE_H

#include "lib/conf/node.h"
#include "lib/conf/schema.h"

struct gp_conf_context {
	struct gp_arena *arena;
	struct gp_conf_report *report;
	const char *file; /* of the configuration: relative paths are looked up beside it */
};

/* Stores a node (or the row's default text when node is NULL) in the table's
 * struct; reports what is wrong with it under the setting's full name. */
void gp_conf_value_store(struct gp_conf_context *c, const struct gp_conf_table *table,
			 const struct gp_conf_row *row, const struct gp_conf_node *node,
			 void *values);

/* The field as it would be written in a file, quotes included. */
void gp_conf_value_print(const struct gp_conf_row *row, const void *values, struct gp_buf *out);
/* The row's default, in the same form. */
void gp_conf_default_print(const struct gp_conf_row *row, struct gp_buf *out);
/* "0 … 10M" or "" when the row has no bounds. */
void gp_conf_bounds_print(const struct gp_conf_row *row, struct gp_buf *out);
/* "duration", "list of texts" … for documentation. */
const char *gp_conf_type_name(enum gp_conf_type type);

#endif
