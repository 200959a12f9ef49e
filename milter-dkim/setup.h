/*
 * What the settings are turned into: the methods' options, keys, the seal.
 */
#ifndef GP_DKIM_SETUP_H
#define GP_DKIM_SETUP_H

#include "lib/conf/shared.h"
#include "lib/conf/snapshot.h"

/* Fills the snapshot's data (struct dkim_snapshot); errors go to the report.  A seal key
 * that is not there is none; at a reload as dkim_setup_seal() does. */
int dkim_setup(struct gp_snapshot *snap, struct gp_conf_report *report) GP_MUST_USE;
/* At start: makes the key of the seal if it is not there, and says it when results will
 * not be sealed. */
void dkim_setup_seal(struct gp_snapshot *snap);
/* Our name where no MTA has told one; lives as long as the process. */
const char *dkim_host_name(const struct gp_snapshot *snap);

#endif
