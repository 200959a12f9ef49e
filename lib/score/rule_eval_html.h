/*
 * The message's HTML for the eval functions that read it.
 */
#ifndef GP_SCORE_RULE_EVAL_HTML_H
#define GP_SCORE_RULE_EVAL_HTML_H

#include "lib/score/rule_eval.h"
#include "lib/score/rule_html.h"

/* Its documents, read when first asked for; NULL if it has none. */
const struct gp_rule_html *gp_eval_html(struct gp_eval *e);

#endif
