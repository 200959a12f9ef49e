/*
 * What the two files of a scan share: rule_scan.c matches patterns, rule_scan_finish.c does what
 * follows from them.
 */
#ifndef GP_SCORE_RULE_SCAN_INT_H
#define GP_SCORE_RULE_SCAN_INT_H

#include "lib/score/rule_circuit.h"
#include "lib/score/rule_int.h"
#include "lib/score/rule_limit.h"
#include "lib/score/rule_scan.h"
#include "lib/score/rule_scratch.h"
#include "lib/score/rule_subject.h"
#include "lib/score/rule_tag.h"

/* What an eval function says of its hit. */
struct gp_rule_detail {
	const struct gp_rule *rule;
	struct gp_str text; /* or empty */
	bool has_score;
	double score; /* … in place of the rule's */
};

struct gp_rule_scan {
	struct gp_rule_set *set;
	const struct gp_rule_input *input;
	struct gp_arena *arena;
	struct gp_relay_path relays;
	struct gp_rule_subject subjects[GP_RULE_TARGETS];
	struct gp_rule_scratch *scratch; /* NULL after _finish */
	struct gp_rule_dns *dns; /* NULL: not asked */
	struct gp_rule_tags tags;
	double *hits;	    /* by rule */
	unsigned *next;	    /* by rule: first segment not looked at yet */
	bool *done;	    /* by rule: nothing more to find */
	struct gp_str *evidence; /* by rule; NULL without trace */
	GP_VEC(struct gp_rule_detail) details;
	struct gp_rule_scan_stats stats;
	struct gp_rule_cut cut;
	struct gp_rule_limits limits;
	int64_t began_us, cpu_end_us, budget_us;
	unsigned ticks;
	bool is_finished;
};

/* With trace: what the rule saw, the first time. */
static inline void gp_rule_scan_remember(struct gp_rule_scan *s, const struct gp_rule *r,
					 struct gp_str what)
{
	if (s->evidence && s->evidence[r->index].len == 0)
		s->evidence[r->index] = gp_str_sub(what, 0, GP_RULE_EVIDENCE_MAX);
}

/* Patterns over what the DNS has said of autonomous systems. */
void gp_rule_scan_late(struct gp_rule_scan *s);
/* Gives the matching scratch back; again is fine. */
void gp_rule_scan_release(struct gp_rule_scan *s);

#endif
