/*
 * SPF: check_host() of RFC 7208, with RFC 8616 for internationalised domains.
 *
 * A walk of questions that follow from one another, so it waits: call it while the
 * client is still talking.  All limits of RFC 7208, 4.6.4 hold: 10 terms that ask,
 * 2 void answers, 10 names of an MX or PTR.
 */
#ifndef GP_AUTH_SPF_H
#define GP_AUTH_SPF_H

#include "lib/auth/lookup.h"

struct gp_spf_query {
	struct gp_ip client;
	struct gp_str helo;	/* as given */
	struct gp_str mailfrom; /* without <>; empty: a bounce, postmaster@HELO is checked */
	struct gp_str receiver; /* our host, for %{r} */
	int64_t now_s;		/* for %{t} */
};

/* The MAIL FROM identity, or postmaster@HELO of a bounce. */
void gp_spf_check_mailfrom(struct gp_asker *asker, const struct gp_spf_query *q,
			   struct gp_spf_result *ret);
/* The HELO identity; none if it is no domain name. */
void gp_spf_check_helo(struct gp_asker *asker, const struct gp_spf_query *q,
		       struct gp_spf_result *ret);

/* A Received-SPF field's value (RFC 7208, 9.1), folded with "\n\t", in the arena. */
struct gp_str gp_spf_received(struct gp_arena *arena, const struct gp_spf_result *r,
			      const struct gp_spf_query *q);

#endif
