/*
 * The domain that answers for a client, before there is a message: SPF, or what milter-dkim saw
 * of the client earlier (lib/auth/client_domain.h).
 *
 * Both wait, so they run on a few helper threads; when those are busy there is no answer, and the
 * client is known by its network.
 */
#ifndef POLICYD_GREYLIST_WHO_H
#define POLICYD_GREYLIST_WHO_H

#include "policyd-ratelimit/ask.h"

/* At start, after the store was opened: helpers, and the resolver if SPF is wanted.  Does nothing
 * where greylisting is off. */
int greylist_who_start(struct gp_snapshot *snap, struct gp_diag *diag) GP_MUST_USE;
/* Before the store and the loop are closed. */
void greylist_who_stop(void);
void greylist_who_sandbox(const struct gp_snapshot *snap);
/* Was it started? */
bool greylist_who_is_on(void);

struct greylist_who;

/* Asks, in the batch of the step; NULL if the helpers are busy. */
struct greylist_who *greylist_who_begin(struct policy_ask *ask);
/* The domain, in the request's arena; empty: none, or not known in time. */
struct gp_str greylist_who_finish(struct policy_ask *ask, struct greylist_who *who);

#endif
