/*
 * Rule files, line by line: comments, conditions, include, lang, and the
 * directives (rule_def.h).
 */
#ifndef GP_SCORE_RULE_PARSE_H
#define GP_SCORE_RULE_PARSE_H

#include "lib/score/rule_int.h"

#define GP_RULE_INCLUDE_DEPTH 10
#define GP_RULE_LINE_SIZE_MAX (256u << 10)

/* A file, or all *.cf of a directory by name.  Fails only when it cannot be read. */
int gp_rule_parse_path(struct gp_rule_builder *b, const char *path,
		       struct gp_diag *diag) GP_MUST_USE;

/* All *.pre of a directory, by name: they say which plugins are loaded, and come before all rules.
 * Of a file nothing. */
int gp_rule_parse_plugins(struct gp_rule_builder *b, const char *path,
			  struct gp_diag *diag) GP_MUST_USE;

/* The text of a file of that name; `include` is relative to it. */
void gp_rule_parse_text(struct gp_rule_builder *b, const char *path, struct gp_str text);

#endif
