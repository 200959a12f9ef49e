/*
 * Forgetting what is old, in the background (bayes.expire).
 *
 * A thread of its own goes through all scopes every expire.interval, in steps of some
 * milliseconds with pauses between them.  While the store has no room for what is learned
 * it begins at once, and asks for less and less age until there is.
 */
#ifndef GP_CONTROLLER_EXPIRE_H
#define GP_CONTROLLER_EXPIRE_H

#include "lib/conf/shared.h"
#include "lib/store/store.h"

struct expirer;

/* The settings are those of the program's snapshot at the time (gp_daemon_snapshot).  The
 * store must stay open until close. */
int expirer_open(struct gp_store *store, struct expirer **ret, struct gp_diag *diag) GP_MUST_USE;
/* Waits for the step under way. */
void expirer_close(struct expirer **expirer);

/* What one scope loses at a level: 0 what the settings say; each further one halves the age
 * (not below a day), and beyond that doubles how often a token may have been met.  Pure. */
struct gp_bayes_expiry expire_terms(const struct gp_conf_bayes *conf, unsigned level);

#endif
