/*
 * Where log lines go: standard error, syslog, or a file.
 */
#ifndef GP_DAEMON_LOGGING_H
#define GP_DAEMON_LOGGING_H

#include "lib/base/err.h"
#include "lib/conf/shared.h"

/* Switches to what the configuration says; called again it changes over, and
 * opens a file anew (after rotation).  On an error the old target stays. */
int gp_logging_setup(const char *program, const struct gp_conf_log *conf, struct gp_diag *diag)
	GP_MUST_USE;

#endif
