/*
 * Keys made by the filter itself (sign.generate): for each of domains.own that has none.
 *
 * Made keys are prepared, not active.  A signature whose record is not published is a permanent
 * error at receivers: DMARC then depends on SPF alone, some filters count it against the
 * sender, and the log of every receiver says so.  So the record is written to the log and beside
 * the key, the DNS is asked for it, and the key becomes active, by a reload of the keys, when
 * the DNS has it.  Until then mail goes out unsigned as before ("no-key").
 *
 * Keys of domains that have an active one are left to `gatepost dkim rotate`.
 *
 * A thread of its own does that, because making a key takes up to a second and mail must not
 * wait for it.
 */
#ifndef GP_DKIM_GENERATE_H
#define GP_DKIM_GENERATE_H

#include "lib/auth/auth.h"
#include "lib/conf/snapshot.h"

struct dkim_generator;

/* Looks at the settings in force every sign.generate_interval, the first time at once; resolver
 * outlives it.  GP_ESYS: no thread. */
int dkim_generator_new(struct gp_resolver *resolver, int64_t interval_ms,
		       struct dkim_generator **ret, struct gp_diag *diag) GP_MUST_USE;
/* Ends the thread, which may wait for the DNS for a few seconds.  Clears *g; NULL is fine. */
void dkim_generator_free(struct dkim_generator **g);

/* One round over the domains of a snapshot; the number of domains whose keys became active. */
unsigned dkim_generate(const struct gp_snapshot *snap, struct gp_resolver *resolver,
		       int64_t now_s);

#endif
