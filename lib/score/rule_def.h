/*
 * Directives that make rules or say something about them.
 */
#ifndef GP_SCORE_RULE_DEF_H
#define GP_SCORE_RULE_DEF_H

#include "lib/score/rule_int.h"

/* A row of a table of directives. */
struct gp_rule_directive_row {
	const char *name;
	void (*fn)(struct gp_rule_builder *b, struct gp_str value);
};

/* Acts on the directive if it is one of the table's n. */
bool gp_rule_directive_in(const struct gp_rule_directive_row *table, size_t n, struct gp_rule_builder *b,
			  struct gp_str name, struct gp_str value);

/* Acts on one directive (name in lower case with _ for -) and its value.  False when it is none
 * of these.  Errors are reported to the builder. */
bool gp_rule_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value);

#endif
