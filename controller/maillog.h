/*
 * The follower of Postfix's log: tells policyd-ratelimit of bounces and failed logins.
 *
 * A thread of its own reads (maillog_file.h), joins (maillog_join.h) and hands over
 * (maillog_send.h).  Only when the events of some lines were counted does it note that
 * these lines are read (maillog_state.h); after a crash it reads on there, and what it
 * tells twice then has the same id.  While nobody takes the events it does not read on: the
 * log is the queue.
 */
#ifndef GP_CONTROLLER_MAILLOG_H
#define GP_CONTROLLER_MAILLOG_H

#include "lib/conf/snapshot.h"
#include "lib/daemon/daemon.h"

struct maillog;

/* *ret stays NULL when maillog.source is empty.  That the log or the socket is not there is no
 * error. */
int maillog_start(const struct gp_snapshot *snap, struct maillog **ret, struct gp_diag *diag)
	GP_MUST_USE;
/* Ends the thread; what was read and not taken is read again after the next start.  Clears *m;
 * NULL is fine. */
void maillog_stop(struct maillog **m);

void maillog_health(struct maillog *m, struct gp_health *ret);
void maillog_register_metrics(void);
/* What it reads. */
void maillog_sandbox(const struct gp_snapshot *snap);

#endif
