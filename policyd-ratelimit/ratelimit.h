/*
 * What the parts of policyd-ratelimit share: made at start, ended at stop by main.c.
 */
#ifndef POLICYD_RATELIMIT_H
#define POLICYD_RATELIMIT_H

#include "lib/conf/shared.h"
#include "lib/daemon/daemon.h"
#include "lib/io/loop.h"
#include "lib/ldap/ldap.h"
#include "lib/store/store.h"
#include "policyd-ratelimit/options.h"

struct ratelimit {
	struct gp_loop *loop;
	struct gp_store *store; /* writes limits */
	struct gp_ldap *ldap;	/* NULL: no directory */
	_Atomic int64_t idle_timeout_ms; /* of the configuration of now */
};

/* What is made of the settings: a snapshot's data.  One pointer for each check. */
struct ratelimit_data {
	const struct sender_setup *sender; /* NULL: nothing to check */
	struct limits *limits;
	const struct greylist_setup *greylist; /* NULL: off */
};

extern struct ratelimit ratelimit;

/* What the skeleton calls: sockets, stop and drain (service.c). */
extern const struct gp_service ratelimit_service;
/* Serves on what was bound: when all else runs. */
int ratelimit_serve(struct gp_diag *diag) GP_MUST_USE;

#endif
