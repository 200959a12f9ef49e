/*
 * Telling systemd how we are: the datagram protocol of sd_notify(3), without its
 * library.  Without $NOTIFY_SOCKET all of it does nothing.
 */
#ifndef GP_DAEMON_NOTIFY_H
#define GP_DAEMON_NOTIFY_H

#include "lib/base/attr.h"

/* Assignments, one a line: "READY=1\nSTATUS=…". */
void gp_notify(const char *fmt, ...) GP_PRINTF(1, 2);
/* RELOADING=1 with the time stamp that newer systemd wants. */
void gp_notify_reloading(void);

#endif
