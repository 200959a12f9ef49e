/*
 * What a running scan needs for itself (PCRE2's match data, vectorscan's
 * scratch), taken from a pool of the set: a new set has a new pool, so scratch
 * always fits its databases.
 */
#ifndef GP_SCORE_RULE_SCRATCH_H
#define GP_SCORE_RULE_SCRATCH_H

#include "lib/score/rule_int.h"
#include "lib/score/rule_pcre.h"

/* The part of a segment in which no match of a pattern begins, as found so far. */
struct gp_rule_tried {
	uint64_t scan; /* which of the scratch's: else it is of an earlier one */
	size_t segment;
	unsigned from, to, n;
};

struct gp_rule_scratch {
	uint64_t scans; /* that it was taken for */
	struct gp_rule_tried *tried; /* by rule */
	struct gp_pcre *pcre;
	struct gp_dfa_memory **dfas[GP_RULE_TARGETS]; /* by target, by automaton */
	struct gp_dfa_bank **banks[GP_RULE_TARGETS]; /* at each first of those that run side by side */
	struct gp_sieve *sieve;
	void *vs; /* NULL: no database can be used */
	struct gp_rule_scratch *next;
};

struct gp_rule_scratch *gp_rule_scratch_take(struct gp_rule_set *set);
/* Back to the pool. */
void gp_rule_scratch_put(struct gp_rule_set *set, struct gp_rule_scratch *s);
/* When the set ends. */
void gp_rule_scratch_free_all(struct gp_rule_set *set);

#endif
