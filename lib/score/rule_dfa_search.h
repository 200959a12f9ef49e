/*
 * Whether a text that a pattern may match begins within a range, as an
 * automaton of its own (gp_dfa_make_search) says.
 */
#ifndef GP_SCORE_RULE_DFA_SEARCH_H
#define GP_SCORE_RULE_DFA_SEARCH_H

#include "lib/score/rule_dfa.h"

/* What one scan at a time has found out about the automaton.  NULL is fine for _free. */
struct gp_dfa_search;
struct gp_dfa_search *gp_dfa_search_new(const struct gp_dfa *d);
void gp_dfa_search_free(struct gp_dfa_search *s);

/* False: no match begins at from … to - 1, wherever it may end.  True may be wrong. */
bool gp_dfa_search_finds(struct gp_dfa_search *s, struct gp_str text, size_t from, size_t to);

/* States in it now. */
unsigned gp_dfa_search_states(const struct gp_dfa_search *s);

#endif
