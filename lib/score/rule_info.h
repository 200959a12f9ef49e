/*
 * The counts that a report closes with.
 */
#ifndef GP_SCORE_RULE_INFO_H
#define GP_SCORE_RULE_INFO_H

#include "lib/score/rule_int.h"

/* Rules that count in at least one score set, and how many of these can be evaluated in full. */
void gp_rule_count_scored(const struct gp_rule_set *set, unsigned *ret_scored,
			  unsigned *ret_active);

#endif
