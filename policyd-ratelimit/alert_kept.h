/*
 * Alerts that wait, in the store, so that a restart does not lose them.
 *
 * They stand there under this host's name.  Several daemons may have that name (containers, a second
 * one on another port), so who sends an alert holds a lease on it, which it renews while the alert
 * waits: an alert without one is of a daemon that has ended, and exactly one other takes it.
 *
 * Where the store is away a restart loses alerts, or sends them again.  The keeper's thread only.
 */
#ifndef POLICYD_ALERT_KEPT_H
#define POLICYD_ALERT_KEPT_H

#include "lib/store/store.h"
#include "policyd-ratelimit/contained.h"

/* So long after a kill its alerts are another's at the latest. */
#define ALERT_LEASE_S 10
/* How often a lease is to be renewed, and leases of others are looked at. */
#define ALERT_RENEW_MS 3000
/* For so long an alert is tried, and kept. */
#define ALERT_TRIED_S 3600

/* The name of an alert, at most GP_ENTRY_NAME_MAX bytes; in the arena. */
struct gp_str alert_kept_name(const struct contained *c, struct gp_arena *arena);

/* Keeps it, with a lease. */
int alert_kept_put(struct gp_str name, const struct contained *c) GP_MUST_USE;
int alert_kept_renew(struct gp_str name) GP_MUST_USE;
/* It waits no longer. */
void alert_kept_drop(struct gp_str name);
/* It waits, but not here.  GP_ENOENT: nobody held it. */
int alert_kept_leave(struct gp_str name) GP_MUST_USE;

/* Calls fn for each (at most `max`) that nobody holds, which this daemon does from now on.  The texts
 * live until fn returns; fn must not call the store.  *ret_rest: others hold some, or there was not
 * room for all: look again later.  GP_ETEMP: the same, the store is away. */
typedef void alert_kept_fn(void *arg, const struct contained *c);
int alert_kept_take(size_t max, alert_kept_fn *fn, void *arg, bool *ret_rest) GP_MUST_USE;

#endif
