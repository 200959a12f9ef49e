/*
 * What the parts of the controller share: made at start, ended at stop by main.c.
 */
#ifndef GP_CONTROLLER_CONTROLLER_H
#define GP_CONTROLLER_CONTROLLER_H

#include "controller/expire.h"
#include "controller/learner.h"
#include "controller/maillog.h"
#include "controller/options.h"
#include "controller/trust.h"
#include "controller/wants.h"
#include "controller/worker.h"
#include "lib/conf/shared.h"
#include "lib/daemon/daemon.h"
#include "lib/dns/dns.h"
#include "lib/store/store.h"

struct controller {
	struct gp_loop *loop;
	struct gp_store *store; /* writes Bayes */
	struct workers *workers;
	struct gp_resolver *resolver; /* for scans; NULL: no API, or rules.network is off */
	struct journal *journal;
	struct learner *learner;
	struct expirer *expirer;
	struct maillog *maillog; /* NULL: none is followed */
};

/* What is made of the settings: a snapshot's data. */
struct controller_data {
	struct trust *trust;
	struct wants *wants; /* NULL: scans need no directory */
};

static inline const struct controller_data *controller_data(const struct gp_snapshot *snap)
{
	return gp_snapshot_data(snap);
}

extern struct controller controller;

/* What the skeleton calls: sockets, stop and drain (service.c). */
extern const struct gp_service controller_service;

/* The spawner's socket, made when the service was bound; the caller's from then on. */
int controller_take_spawner(void);
/* Serves on what was bound: when all else runs. */
int controller_serve(struct gp_diag *diag) GP_MUST_USE;

#endif
