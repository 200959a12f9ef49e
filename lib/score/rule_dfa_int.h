/* An automaton, for the two files that make and run it. */
#ifndef GP_SCORE_RULE_DFA_INT_H
#define GP_SCORE_RULE_DFA_INT_H

#include "lib/score/rule_dfa.h"
#include "lib/score/rule_nfa.h"

struct gp_dfa {
	struct gp_nfa nfa;
	unsigned group;
	unsigned n_patterns;	    /* all are below */
	unsigned n_classes, shift;  /* 1 << shift ≥ n_classes */
	unsigned char class_of[256], example[256];
	const bool *is_start;	    /* by node: a pattern begins there */
	unsigned *begun, *begun_at; /* by class: what follows the starts, in begun[begun_at[c]…] */
};

#endif
