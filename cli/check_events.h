/*
 * Whether anybody tells policyd-ratelimit of bounces and failed logins, where limits count them.
 */
#ifndef GP_CLI_CHECK_EVENTS_H
#define GP_CLI_CHECK_EVENTS_H

#include "cli/reach.h"
#include "lib/conf/snapshot.h"
#include "policyd-ratelimit/limit_stage.h"

/* Says what is wrong on standard error and counts it in r->problems. */
void gp_check_events(struct gp_reach *r, const struct gp_snapshot *snap,
		     const struct limit_rules *rules);

#endif
