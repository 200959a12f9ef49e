/*
 * From patterns' trees to positions: the bytes of a pattern, and which may
 * follow which (Glushkov's automaton), up to a depth.
 */
#ifndef GP_SCORE_RULE_NFA_H
#define GP_SCORE_RULE_NFA_H

#include "lib/score/rule_tree.h"

struct gp_nfa_node {
	struct gp_byte_set set; /* of a position */
	bool is_end;		/* none: the pattern ends here */
	unsigned pattern;
	unsigned follow, n_follow; /* in follows: positions (or the end) behind this one */
};

struct gp_nfa {
	struct gp_arena *arena;
	GP_VEC(struct gp_nfa_node) nodes;
	GP_VEC(unsigned) follows;
	GP_VEC(unsigned) starts; /* positions at which a pattern may begin */
};

#define GP_NFA_NODES_MAX 60000
#define GP_NFA_FOLLOWS_MAX 1000000

void gp_nfa_init(struct gp_nfa *n, struct gp_arena *a);
/* Adds a pattern, cut off behind `depth` bytes; what it may do without at its start is left out
 * unless keeps_start.  False, and nothing added, when it can match the empty text or is
 * too large. */
bool gp_nfa_add(struct gp_nfa *n, const struct gp_tree *tree, unsigned pattern, unsigned depth,
		bool keeps_start);
/* The most bytes that a match can have up to where a pattern cut off there ends, with what was left
 * out at its start; GP_TREE_INF: no limit. */
unsigned gp_nfa_span(const struct gp_tree *tree, unsigned depth);

#endif
