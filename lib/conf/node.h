/*
 * A configuration file as a tree of plain values: what libconfig read, without
 * libconfig.
 */
#ifndef GP_CONF_NODE_H
#define GP_CONF_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"
#include "lib/conf/report.h"

enum gp_conf_kind {
	GP_NODE_GROUP,
	GP_NODE_LIST,
	GP_NODE_BOOL,
	GP_NODE_INT,
	GP_NODE_FRACTION,
	GP_NODE_TEXT,
};

struct gp_conf_node {
	enum gp_conf_kind kind;
	const char *name; /* NULL in a list */
	const char *file;
	unsigned line;
	struct gp_conf_node *children; /* groups and lists */
	size_t n_children;
	bool is_true;
	int64_t integer;
	double fraction;
	bool is_cut; /* a number in its line was too large and was reported: not to be trusted */
	const char *text;
};

/* Reads a file into the arena.  A syntax error or duplicate key goes to the
 * report alone; GP_EINVAL then.  Numbers too large are reported, but leave the
 * tree readable (GP_OK with errors in the report). */
int gp_conf_file_read(const char *file, struct gp_arena *arena, struct gp_conf_node *ret_root,
		      struct gp_conf_report *report) GP_MUST_USE;
/* The same from text; `name` stands for the file. */
int gp_conf_file_parse(const char *name, struct gp_str text, struct gp_arena *arena,
		       struct gp_conf_node *ret_root, struct gp_conf_report *report) GP_MUST_USE;

/* "a number", "a text" … for messages. */
const char *gp_conf_kind_name(enum gp_conf_kind kind);

#endif
