/*
 * Quantifiers of patterns: * + ? {n} {n,} {n,m}, with the "?" or "+" that makes them lazy or
 * possessive.  For those who read patterns for what they can match, not to match.
 */
#ifndef GP_SCORE_RULE_QUANTIFIER_H
#define GP_SCORE_RULE_QUANTIFIER_H

#include "lib/base/str.h"
#include "lib/score/rule_tree.h"

struct gp_quantifier {
	size_t len; /* bytes; 0: none stands there, and "{" is a character */
	unsigned min, max; /* max GP_TREE_INF: any number */
	bool is_odd; /* {,n} or { n }: a character here, a quantifier for newer PCRE2 */
};

/* The one at s[at]. */
struct gp_quantifier gp_quantifier_read(struct gp_str s, size_t at);

#endif
