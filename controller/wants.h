/*
 * What recipients and accounts of messages that are scanned want, as far as the directory
 * knows it.
 *
 * Asked by the connection's thread, as milter-spam asks it at RCPT: a worker, which a message may
 * have taken over, neither speaks to the directory nor says what is asked.  The map files,
 * which go before, are read by both.
 */
#ifndef GP_CONTROLLER_WANTS_H
#define GP_CONTROLLER_WANTS_H

#include "controller/scan_wire.h"
#include "lib/daemon/daemon.h"

struct wants;

/* For the hooks of the same names.  NULL in *ret where there is no directory, or milter-spam's
 * settings ask nothing of it. */
int wants_configure(struct gp_snapshot *snap, struct wants **ret,
		    struct gp_conf_report *report) GP_MUST_USE;
int wants_start(const struct gp_snapshot *snap, struct gp_diag *diag) GP_MUST_USE;
void wants_reloaded(void);
void wants_stop(void);
bool wants_health(struct gp_health *ret);
void wants_sandbox(const struct wants *w);

/* Adds to an order, which has its envelope, what the directory says; waits for that.  In the
 * arena, which ends after the order. */
void wants_ask(const struct wants *w, struct gp_arena *arena, struct scan_order *order);

#endif
