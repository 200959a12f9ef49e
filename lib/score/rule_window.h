/*
 * Which patterns automata look for (rule_dfa.h) instead of literals: those
 * that have none, and those whose literals stand in every other message.
 */
#ifndef GP_SCORE_RULE_WINDOW_H
#define GP_SCORE_RULE_WINDOW_H

#include "lib/score/rule_int.h"

/* Sets t->windowed and t->dfas; a pattern that has an automaton loses its literals. */
void gp_rule_window_prepare(struct gp_rule_builder *b, struct gp_rule_target *t);

#endif
