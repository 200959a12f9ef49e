/*
 * KeyTable and SigningTable between being read and being written as our key table.
 */
#ifndef GP_CLI_OPENDKIM_TABLE_H
#define GP_CLI_OPENDKIM_TABLE_H

#include "cli/opendkim_int.h"

/* A line of the KeyTable. */
struct odk_key {
	struct gp_str domain, selector, path; /* domain and path may hold "%" */
	const char *file;
	unsigned line;
};

/* A line of the SigningTable. */
struct odk_rule {
	struct gp_str pattern; /* over the address; * is special */
	int rank;	       /* of its form, in a file that is not of patterns */
	size_t index;
	struct odk_rule *same; /* the next one of this pattern, see opendkim_table.c */
	GP_VEC(const struct odk_key *) keys;
	const char *file;
	unsigned line;
};

struct odk_tables {
	struct odk *o;
	struct gp_map names; /* of keys */
	GP_VEC(struct odk_rule) rules;
	struct gp_buf lines;
};

/* No "*" in it. */
bool odk_is_literal(struct gp_str s);
/* Writes the rules, which stand in the order in which OpenDKIM tries them, as lines of our
 * table; is_multiple: each that matches signs, not the first only. */
void odk_write_rules(struct odk_tables *t, bool is_multiple);

#endif
