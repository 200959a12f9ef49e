/*
 * What a hit rule has seen, for `gatepost scan --rules-trace`, where the rule itself does not say:
 * metas and eval functions.  Only while tracing; texts live in the arena, not escaped.
 */
#ifndef GP_SCORE_RULE_TRACE_H
#define GP_SCORE_RULE_TRACE_H

#include "lib/score/rule_eval.h"

/* The rules that a meta reads and that hit: "__A __B=3"; where none did, those: "!__A !__B". */
struct gp_str gp_rule_trace_meta(const struct gp_rule_set *set, const struct gp_rule *r,
				 const double *hits, struct gp_arena *a);

/* What the function of e->rule, which hit, looked at; never empty. */
struct gp_str gp_rule_trace_eval(struct gp_eval *e);

#endif
