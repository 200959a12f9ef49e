/*
 * Automata that look for one pattern each, asked before PCRE2 is.
 *
 * For patterns that are slow to try (calls of subroutines at every byte, or
 * many bytes at which a match may begin) and found wanting most of the time.
 * An automaton takes a step a byte whatever the pattern; it knows neither
 * borders nor back references, so what it lets through PCRE2 still decides.
 *
 * A pattern gets one when PCRE2 has looked for it in vain some times, and loses
 * it again if that does not help: most patterns are hardly ever tried.
 */
#ifndef GP_SCORE_RULE_SIEVE_H
#define GP_SCORE_RULE_SIEVE_H

#include "lib/score/rule_int.h"

/* Automata of a set, made when first wanted; shared by all its scans. */
struct gp_sieve_store;

/* Marks the rules for which an automaton may be worth it, and makes the store (in the arena of the
 * set, ends with it). */
void gp_sieve_prepare(struct gp_rule_set *set);

/* What one scan at a time has found out.  NULL is fine for _free. */
struct gp_sieve;
struct gp_sieve *gp_sieve_new(const struct gp_rule_set *set);
void gp_sieve_free(struct gp_sieve *s);

/* False: no match of the rule's pattern, one with may_sift, begins at bytes from … to - 1. */
bool gp_sieve_lets_through(struct gp_sieve *s, const struct gp_rule *r, struct gp_str text,
			   size_t from, size_t to);
/* PCRE2 has looked for it in vain. */
void gp_sieve_note_vain(struct gp_sieve *s, const struct gp_rule *r);

/* Times that PCRE2 must have looked in vain before an automaton is made. */
#define GP_SIEVE_VAIN_MIN 4

#endif
