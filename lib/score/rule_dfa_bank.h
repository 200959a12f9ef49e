/*
 * Automata side by side over a text: each step waits for the one before it,
 * but not for those of its neighbours.
 *
 * The states learned first, which are those that texts lead to most often, stand in one table for
 * all of them, made for the processor's caches; the others stay in the memories (rule_dfa.h).
 */
#ifndef GP_SCORE_RULE_DFA_BANK_H
#define GP_SCORE_RULE_DFA_BANK_H

#include "lib/score/rule_dfa.h"

#define GP_DFA_LANES_MAX 8

/* Of n automata, at least one and at most GP_DFA_LANES_MAX, whose memories stay the caller's and
 * must outlive it.  NULL is fine for _free. */
struct gp_dfa_bank;
struct gp_dfa_bank *gp_dfa_bank_new(struct gp_dfa_memory *const *m, size_t n);
void gp_dfa_bank_free(struct gp_dfa_bank *b);

/* Runs them over a text, as gp_dfa_scan() does one.  False: `found` said stop. */
bool gp_dfa_bank_scan(struct gp_dfa_bank *b, struct gp_str text, gp_dfa_found *found, void *arg);

#endif
