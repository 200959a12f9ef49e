/*
 * Patterns as SpamAssassin writes them: /…/flags, m{…}flags, m,…,flags.
 *
 * Turns Perl's into PCRE2's (and drops what has no meaning here: /a /o /g …,
 * `(?aa)`), and finds out what can be said about a pattern without running it.
 */
#ifndef GP_SCORE_RULE_REGEX_H
#define GP_SCORE_RULE_REGEX_H

#include "lib/score/rule_int.h"

/* Parses a delimited pattern.  Copies into the arena; code stays NULL.  GP_EINVAL with the
 * reason. */
int gp_regex_parse(struct gp_arena *a, struct gp_str text, struct gp_regex *ret,
		   struct gp_diag *diag) GP_MUST_USE;

/* Does it begin as such a pattern does? */
bool gp_regex_is_delimited(struct gp_str text);

/* Sets is_joinable and the literals from text and flags; call again after text changed. */
void gp_regex_derive(struct gp_arena *a, struct gp_regex *re);

/* What is odd about a pattern that nevertheless compiles ("matches always: …"), or NULL. */
const char *gp_regex_oddity(const struct gp_regex *re);

#endif
