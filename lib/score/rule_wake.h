/*
 * Which metas have to be worked out: those of which each part (of a chain of
 * &&) either holds when no rule has hit or reads one that has.
 */
#ifndef GP_SCORE_RULE_WAKE_H
#define GP_SCORE_RULE_WAKE_H

#include "lib/score/rule_int.h"

/* When the order of set->metas stands. */
void gp_rule_wake_prepare(struct gp_rule_set *set);

/* Of each meta which of its parts may hold, by place in set->metas, before any rule has hit.  A copy
 * for one scan. */
uint32_t *gp_rule_wake_begin(const struct gp_rule_set *set, bool has_network, struct gp_arena *a);
/* A rule hit: parts that read it may hold. */
void gp_rule_wake_users(const struct gp_rule_set *set, unsigned rule, uint32_t *may_hold);

/* Whether all parts of the meta at that place may hold. */
static inline bool gp_rule_wake_is_awake(const uint32_t *may_hold, size_t place)
{
	return may_hold[place] == UINT32_MAX;
}

#endif
