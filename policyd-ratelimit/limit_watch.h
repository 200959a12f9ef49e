/*
 * Whether limits are asked for where they can count.
 *
 * A limit in the wrong restriction list of main.cf does nothing, silently: of a rate limiter
 * that is noticed when the damage is done.  So the first request that shows it is logged, with
 * the place where it belongs, and /metrics has it:
 *
 *	gatepost_policy_limit_attached{limit="…"}	   1 once it was asked where it counts
 *	gatepost_policy_limit_misplaced_total{limit="…"}  requests before that
 *	gatepost_policy_limit_exceeded_total{limit="…"}
 *
 * What it needs may come at a later stage of the same message, so a few seconds are given
 * to it then.  One object for each name that a limit ever had, kept over reloads.
 */
#ifndef POLICYD_LIMIT_WATCH_H
#define POLICYD_LIMIT_WATCH_H

#include "policyd-ratelimit/limit_rule.h"
#include "policyd-ratelimit/limit_stage.h"

#define LIMIT_WATCH_MS 5000

struct limit_watch;

/* The one of this name, made and registered if it is new.  While configuring. */
struct limit_watch *limit_watch_get(struct gp_str name);

/* The loop's thread.  A request for which the rule would count, and whether it can. */
void limit_watch_seen(struct limit_watch *watch, const struct limit_rule *rule,
		      enum limit_stage_fit fit, enum policy_stage stage);
void limit_watch_exceeded(struct limit_watch *watch);

#endif
