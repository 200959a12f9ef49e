/*
 * Meta expressions: arithmetic and logic over how often other rules hit.
 *
 * Compiled to a small stack program; && and || yield the operand that decided,
 * as in Perl, because `meta A (B || C) > 1` depends on it.  Division by zero
 * gives 0.
 */
#ifndef GP_SCORE_RULE_META_H
#define GP_SCORE_RULE_META_H

#include "lib/score/rule_int.h"

struct gp_meta;

/* Parses an expression.  Names that nothing defines become facts of the set.  The result is in
 * the set's arena.  GP_EINVAL with the reason. */
int gp_meta_parse(struct gp_rule_builder *b, struct gp_str text, struct gp_meta **ret,
		  struct gp_diag *diag) GP_MUST_USE;

/* Adds the rules that rules_matching(GLOB) stands for; when all rules are known. */
void gp_meta_expand_globs(struct gp_rule_set *set, const struct gp_rule *rule, struct gp_meta *m);

/* The rules it reads: indices into set->rules, possibly repeated. */
size_t gp_meta_needs(const struct gp_meta *m, const unsigned **ret);

/* A part of the program that is an expression by itself. */
struct gp_meta_part {
	unsigned from, to;
};
/* Cuts a chain of && into parts (at most `max`; what is beyond is left out) that must all hold for
 * the meta to hold; returns how many, at least 1. */
size_t gp_meta_split(const struct gp_meta *m, struct gp_meta_part *ret, size_t max);
/* The rules that a part reads, possibly repeated. */
void gp_meta_part_needs(const struct gp_meta *m, struct gp_meta_part part,
			void (*fn)(void *arg, unsigned rule), void *arg);
bool gp_meta_part_holds(const struct gp_meta *m, struct gp_meta_part part, const double *hits,
			bool has_network);

/* hits: one value a rule of the set. */
double gp_meta_eval(const struct gp_meta *m, const double *hits, bool has_network);

#endif
