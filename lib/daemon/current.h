/*
 * The configuration of now: loading it, swapping it, handing it out.
 */
#ifndef GP_DAEMON_CURRENT_H
#define GP_DAEMON_CURRENT_H

#include "config.h"
#include "lib/daemon/daemon.h"

#define GP_DEFAULT_FILE GP_SYSCONFDIR "/gatepost.conf"

/* The file to read: the one given, or the default one if it exists, or NULL. */
const char *gp_current_file(const char *given);

/* Reads and configures; every error is in the report. */
int gp_current_load(const struct gp_daemon *d, const char *file, struct gp_snapshot **ret,
		    struct gp_conf_report *report) GP_MUST_USE;

/* Makes it the current one; takes over the reference and drops the old one's. */
void gp_current_set(struct gp_snapshot *snap);

/* SIGUSR1: loads anew and swaps, or logs the errors and keeps the old. */
void gp_current_reload(const struct gp_daemon *d, const char *file);

void gp_current_register_metrics(void);

#endif
