/*
 * Why a journal has no files for us.
 */
#ifndef GP_CONTROLLER_MAILLOG_JOURNAL_ACCESS_H
#define GP_CONTROLLER_MAILLOG_JOURNAL_ACCESS_H

#include "lib/base/err.h"

#define MAILLOG_JOURNAL_PERSISTENT "/var/log/journal"
#define MAILLOG_JOURNAL_VOLATILE "/run/log/journal"

/* `folder` "": the system's. */
void maillog_journal_explain(const char *folder, struct gp_diag *diag);

#endif
