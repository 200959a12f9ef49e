/*
 * The store that the top-level settings (`store`, `store_…`) describe.
 */
#ifndef GP_DAEMON_STORAGE_H
#define GP_DAEMON_STORAGE_H

#include "lib/conf/shared.h"
#include "lib/daemon/daemon.h"
#include "lib/store/store.h"

/* As gp_store_open; writes: of GP_STORE_…. */
int gp_storage_open(const struct gp_conf_top *top, unsigned writes, struct gp_store **ret,
		    struct gp_diag *diag) GP_MUST_USE;
/* As a guest on the program's loop: what is asked there is answered without another thread.  Who
 * lives on the loop must not call what waits. */
int gp_storage_open_on(struct gp_loop *loop, const struct gp_conf_top *top, unsigned writes,
		       struct gp_store **ret, struct gp_diag *diag) GP_MUST_USE;
/* Names where it lies to the sandbox (gp_sandbox_write), before that is entered. */
void gp_storage_sandbox(const struct gp_conf_top *top);
/* Asks the store anew, for a second at most, and writes what it said as the entry "store": what it
 * answered last may be long ago. */
void gp_storage_health(struct gp_store *store, struct gp_health *ret);

#endif
