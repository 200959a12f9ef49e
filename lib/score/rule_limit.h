/*
 * Patterns that cost too much: stopped within a message, switched off after several.
 *
 * A match that meets PCRE2's limits, or a pattern that eats the message's CPU
 * budget, is undecided: it has not hit, nor has its negation, and the pattern
 * is not tried again on this message.  The set counts the messages; from
 * GP_RULE_LIMITED_MAX on the rule is off until the set is loaded anew.  The
 * counts are the only thing about a set that changes while it is shared.
 */
#ifndef GP_SCORE_RULE_LIMIT_H
#define GP_SCORE_RULE_LIMIT_H

#include "lib/score/rule_int.h"
#include "lib/score/rule_scan.h"

/* Of one scan; zeroed by whoever embeds it. */
struct gp_rule_limits {
	struct gp_rule_set *set;
	struct gp_arena *arena;
	struct gp_rule_scan_stats *stats;
	bool *done;	 /* by rule, the scan's: set for what is not to be tried (again) */
	bool *undecided; /* by rule; NULL: none is */
	int64_t *costs;	 /* by rule, CPU in µs; NULL: not watched */
};

/* Marks the rules that are off. */
void gp_rule_limit_begin(struct gp_rule_limits *l);
/* A limit stopped the rule in this message. */
void gp_rule_limit_hit(struct gp_rule_limits *l, const struct gp_rule *r);

static inline bool gp_rule_limit_is_undecided(const struct gp_rule_limits *l,
					      const struct gp_rule *r)
{
	return l->undecided && l->undecided[r->index];
}

/* From here on the scan says what each pattern costs. */
void gp_rule_limit_watch(struct gp_rule_limits *l);
/* The budget is gone: the pattern that cost most since then is stopped, if it cost at least
 * `share_us`. */
void gp_rule_limit_blame(struct gp_rule_limits *l, int64_t share_us);

#endif
