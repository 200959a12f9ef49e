/*
 * Alerts: who is told that a key is contained, and what becomes of it when that fails.
 *
 * A queue in memory, worked off by the keeper through the alerter (alerter.h), one at a time; a
 * burst of them is spread.  An alert that fails is tried again for an hour.  What waits is in the
 * store too, under this host's name, so it is sent after a restart.
 */
#ifndef POLICYD_ALERT_H
#define POLICYD_ALERT_H

#include "policyd-ratelimit/contained.h"

/* The alerter's descriptor, and what the settings ask for; before the keeper is started.  -1: there
 * are no alerts. */
void alert_open(int fd, unsigned parts);
/* Says in the log how many were left, and ends the alerter. */
void alert_close(void);

/* The keeper's: queues one; goes on with those that are queued. */
void alert_send(const struct contained *c);
int alert_work(void) GP_MUST_USE;

void alert_register_metrics(void);

#endif
