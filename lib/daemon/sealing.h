/*
 * The key of the seal between milter-dkim and milter-spam, as domains.seal_key names it.
 *
 * Whichever program starts first makes it; both then have the same.
 */
#ifndef GP_DAEMON_SEALING_H
#define GP_DAEMON_SEALING_H

#include "lib/auth/seal.h"
#include "lib/conf/snapshot.h"

/* While a snapshot is built: the key, freed with the snapshot; NULL while there is none.
 * GP_E… with the report filled when it cannot be used. */
int gp_sealing_load(struct gp_snapshot *snap, struct gp_seal_key **ret,
		    struct gp_conf_report *report) GP_MUST_USE;
/* When the program starts, and at a reload: makes the key if it is not there, and loads it.
 * GP_ENOENT: the settings want none; else the diag says why there is none. */
int gp_sealing_create(struct gp_snapshot *snap, struct gp_seal_key **key,
		      struct gp_diag *diag) GP_MUST_USE;
/* Names to the sandbox what these read and write. */
void gp_sealing_sandbox(const struct gp_snapshot *snap);

#endif
