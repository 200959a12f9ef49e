/*
 * Whether policyd-ratelimit can do what it is configured for where Postfix asks it.
 */
#ifndef GP_CLI_CHECK_POLICY_H
#define GP_CLI_CHECK_POLICY_H

#include "cli/reach.h"
#include "lib/conf/snapshot.h"

/* Looks for its socket in the restriction lists, and at each limit, sender checks and
 * greylisting; says what is wrong on standard error and counts it in r->problems. */
void gp_check_policy(struct gp_reach *r, struct gp_snapshot *snap);

#endif
