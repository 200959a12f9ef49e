/*
 * Literals that a pattern cannot match without.
 *
 * vectorscan looks for these and nothing else; PCRE2 then looks at the text
 * around.  Why not give it the patterns themselves: Debian 12's vectorscan
 * (5.4.9) misses matches of patterns that need more than 64 states
 * (`%\s(?:\w+\s)?(?:of the (?:total|sum|…)|will be (?:yours|…))`), alone and
 * combined, on every CPU that we tried; a spam filter must not.  Literal search
 * is another engine in there, without that fault.  It also compiles in
 * milliseconds instead of minutes, takes every pattern (look-around, back
 * references, tags), and knows no borders that could mislead it.  The price:
 * PCRE2 looks at some more texts, and patterns without a literal run on PCRE2
 * alone.
 */
#ifndef GP_SCORE_RULE_LITERAL_H
#define GP_SCORE_RULE_LITERAL_H

#include "lib/score/rule_int.h"

/* Sets re->literals: in lower case, of GP_LITERAL_MIN bytes (two will do beyond ASCII) to
 * GP_LITERAL_MAX; every text that the pattern matches holds at least one of them, in whatever
 * letter case.  None when there is no such set.  Sets re->lead. */
void gp_literal_derive(struct gp_arena *a, struct gp_regex *re);

#define GP_LITERAL_MIN 3
#define GP_LITERAL_MAX 24
#define GP_LITERAL_SET_MAX 160

#endif
