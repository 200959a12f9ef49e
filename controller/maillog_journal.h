/*
 * systemd's journal as the source of Postfix's log, through libsystemd.
 *
 * Read are the entries of the units that are named: what journald writes of who sent an
 * entry cannot be forged, while the program's name (SYSLOG_IDENTIFIER) is what the sender
 * says.  Each becomes a line as a syslog daemon would write it.
 *
 * Files that journald begins, archives and removes meanwhile are libsystemd's matter; what
 * is removed while it is open is still read.  When the entry that was read last is gone,
 * reading goes on with the oldest one that is newer.
 *
 * One thread; only reads.  Not with libsystemd: maillog_journal_none.c.
 */
#ifndef GP_CONTROLLER_MAILLOG_JOURNAL_H
#define GP_CONTROLLER_MAILLOG_JOURNAL_H

#include "controller/maillog_source.h"

/* `folder` "": the system's journal.  `units`: all if it is empty. */
struct maillog_source *maillog_journal_new(const char *folder, const struct gp_conf_list *units,
					   int stop_fd);
/* Lets the sandbox see the journal. */
void maillog_journal_sandbox(const char *folder);

#endif
