/*
 * Events of the controller's follower (lib/proto/event.h), on their way to the limits.
 */
#ifndef POLICYD_EVENTS_H
#define POLICYD_EVENTS_H

#include "lib/proto/event.h"
#include "policyd-ratelimit/limits.h"

/* Counts it, and once it is counted notes what an account did; copies it.  `done` as of limits_event().  On the loop's
 * thread. */
void events_count(const struct gp_event *event, limits_counted_fn *done, void *arg);

/* One note about an account, for `gatepost ratelimit show`. */
void events_note(const struct limits_event *event, struct gp_str queue_id);

#endif
