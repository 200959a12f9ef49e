/*
 * redirector_pattern: links that lead on to where another link, within them, says.
 */
#ifndef GP_SCORE_RULE_REDIRECT_H
#define GP_SCORE_RULE_REDIRECT_H

#include "lib/score/rule_int.h"
#include "lib/score/rule_pcre.h"

/* "redirector_pattern /…(target)…/flags": true when it is that directive; what is wrong with it has been
 * reported then. */
bool gp_rule_redirect_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value);

/* What the group of the first pattern takes that finds something with a dot in it, borrowed from uri
 * (with its scheme, without a user); empty if none does. */
struct gp_str gp_rule_redirect_target(const struct gp_rule_set *set, struct gp_pcre *pcre,
				      struct gp_str uri);

#endif
