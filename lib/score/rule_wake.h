/*
 * Which metas have to be worked out: those that something they read has hit,
 * and those that are true when nothing has.
 */
#ifndef GP_SCORE_RULE_WAKE_H
#define GP_SCORE_RULE_WAKE_H

#include "lib/score/rule_int.h"

/* When the order of set->metas stands. */
void gp_rule_wake_prepare(struct gp_rule_set *set);

/* By place in set->metas: to be worked out when no rule hits.  A copy for one scan. */
bool *gp_rule_wake_begin(const struct gp_rule_set *set, bool has_network, struct gp_arena *a);
/* A rule hit: marks the metas that read it. */
void gp_rule_wake_users(const struct gp_rule_set *set, unsigned rule, bool *is_awake);

#endif
