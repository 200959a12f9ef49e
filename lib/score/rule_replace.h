/*
 * Tags (SpamAssassin's ReplaceTags): `replace_tag A [a@]` lets a pattern of a
 * rule named by `replace_rules` say <A>.
 */
#ifndef GP_SCORE_RULE_REPLACE_H
#define GP_SCORE_RULE_REPLACE_H

#include "lib/score/rule_int.h"

enum gp_tag_kind { GP_TAG_TAG, GP_TAG_PRE, GP_TAG_INTER, GP_TAG_POST };

/* Expands the tags of one rule's pattern in place: as text where that stays short, else as
 * subroutines, (?&T_A) with one definition each, because 200 KB of text are beyond what a regex
 * compiler takes.  GP_ELIMIT, GP_EINVAL with the reason. */
int gp_rule_replace(struct gp_rule_builder *b, struct gp_rule *r, struct gp_diag *diag) GP_MUST_USE;

/* The same with a subroutine for each tag, where PCRE2 found the text too large as it multiplies
 * what {5} stands behind.  `written`: the pattern as it was.  What was derived from the text
 * stays: the language is the same. */
void gp_rule_replace_smaller(struct gp_rule_builder *b, struct gp_rule *r, struct gp_str written);

#endif
