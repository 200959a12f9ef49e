/*
 * Rules that hand text on to others: a pattern with a named group, (?<NAME>…), puts what the
 * group matched into the tag NAME; a pattern with %{NAME} matches that text there.
 *
 * Rules with %{NAME} wait until all others have run.  Until then their pattern stands in with
 * "anything" for the tag, so that most of them are ruled out like any other; what is left is
 * compiled anew for the message, with the tag's values.
 */
#ifndef GP_SCORE_RULE_CAPTURE_H
#define GP_SCORE_RULE_CAPTURE_H

#include "lib/score/rule_int.h"
#include "lib/score/rule_pcre.h"
#include "lib/score/rule_tag.h"

/* While loading, before the pattern is compiled: is it one of the two kinds?  A rule with
 * %{NAME} keeps its pattern in r->template, and r->regex becomes the one that stands in. */
void gp_capture_prepare(struct gp_rule_builder *b, struct gp_rule *r);

/* The next %{NAME} of such a rule's pattern; *at starts at 0. */
bool gp_capture_next(const struct gp_rule *r, size_t *at, struct gp_str *ret);

/* Puts what the groups of a rule that hit matched in `text` into the tags; `max` matches. */
void gp_capture_take(struct gp_pcre *pcre, const struct gp_regex *re, struct gp_str text, unsigned max,
		     struct gp_rule_tags *tags);

/* The pattern with the tags' values, compiled; lives in the tags' arena.  False when a tag has no
 * value, or the result is no pattern: the rule does not run then. */
bool gp_capture_expand(const struct gp_rule *r, const struct gp_rule_tags *tags,
		       struct gp_regex *ret);

#endif
