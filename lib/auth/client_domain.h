/*
 * Which domains signed what a client sent: remembered where signatures are checked, read where
 * there is no message yet.
 *
 * A client is its /24 or /64.  It is known for a domain when a valid DKIM signature of that
 * domain came with an envelope sender of it, or of a subdomain.  Somebody who shares the client's
 * network can claim that sender too; what is made of this must be worth no more than greylisting.
 *
 * milter-dkim writes, policyd-ratelimit reads.
 */
#ifndef GP_AUTH_CLIENT_DOMAIN_H
#define GP_AUTH_CLIENT_DOMAIN_H

#include "lib/auth/result.h"
#include "lib/store/store.h"

/* How long it is remembered after the last time. */
#define GP_CLIENT_DOMAIN_TTL_S (30 * 86400)

/* Notes down what the results say of the client; asks the store at most GP_CLIENT_DOMAINS_NOTED
 * times.  Its failure is nobody's trouble. */
#define GP_CLIENT_DOMAINS_NOTED 3
void gp_client_domain_note(struct gp_store *store, const struct gp_ip *client,
			   struct gp_str mailfrom, const struct gp_auth_result *result,
			   int64_t now_s, int64_t deadline_ms);
/* The domain (A-labels, lower case) or the nearest of its parents that the client is known for,
 * a part of `domain`; empty if there is none.  Asks the store for each, and so waits. */
struct gp_str gp_client_domain_find(struct gp_store *store, const struct gp_ip *client,
				    struct gp_str domain, int64_t deadline_ms);

#endif
