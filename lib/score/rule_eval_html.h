/*
 * The message's HTML for the eval functions that read it.
 */
#ifndef GP_SCORE_RULE_EVAL_HTML_H
#define GP_SCORE_RULE_EVAL_HTML_H

#include "lib/score/rule_eval.h"
#include "lib/score/rule_html.h"

/* Its documents, read when first asked for; NULL if it has none. */
const struct gp_rule_html *gp_eval_html(struct gp_eval *e);
/* The document's value of that name ("length", "max_size" …); false if it has none. */
bool gp_eval_html_value(const struct gp_rule_html *h, struct gp_str name, double *ret);

#endif
