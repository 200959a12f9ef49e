/*
 * Organisational domains: by the DNS tree walk (RFC 9989, 4.10), or by the public
 * suffix list (RFC 7489, 3.2).
 *
 *	f = gp_orgfinder_new(asker, how, psl);
 *	gp_orgfinder_ask(f, domain);			all questions of the walk at once
 *	r = gp_orgfinder_find(f, domain, &org);		waits
 *
 * One finder serves a message: what "_dmarc" below a name says is asked once, however
 * many walks pass by it.  Domains are lower case, A-labels, and live as long as the
 * asker's arena, as does all that is given back.
 */
#ifndef GP_AUTH_ORGDOMAIN_H
#define GP_AUTH_ORGDOMAIN_H

#include "lib/auth/dmarc.h"

/* What is published for one name. */
struct gp_policy {
	struct gp_str domain;
	int result;	 /* GP_OK; GP_ETEMP, GP_ELIMIT (questions spent): not known */
	bool exists;	 /* _dmarc.DOMAIN is there, with whatever data */
	size_t n_records; /* DMARC records; all are void if it is not 1 (4.10) */
	bool is_usable;	 /* that one may be applied */
	struct gp_str problem; /* why not, or why there is no result */
	struct gp_dmarc_record record;
	struct gp_str text;
};

static inline bool gp_policy_has_record(const struct gp_policy *p)
{
	return p->n_records == 1;
}

struct gp_org {
	struct gp_str domain;
	/* Tree walk: whose record holds for a name that has none of its own (the
	 * organisational domain's or its public suffix'), or NULL. */
	const struct gp_policy *policy;
};

/* Names whose records a walk asks for: at most this many (4.10). */
#define GP_WALK_MAX 8

/* The names of the walk that starts at `domain`, longest first; their number.  They
 * borrow from it. */
size_t gp_walk_names(struct gp_str domain, struct gp_str ret[GP_WALK_MAX]);

struct gp_orgfinder;

/* psl: for GP_ORGDOMAIN_PSL, else NULL. */
struct gp_orgfinder *gp_orgfinder_new(struct gp_asker *asker, enum gp_orgdomain how,
				      const struct gp_psl *psl);
/* Starts whatever find and discover will need for this domain. */
void gp_orgfinder_ask(struct gp_orgfinder *f, struct gp_str domain);
/* What is published for the name itself. */
const struct gp_policy *gp_orgfinder_policy(struct gp_orgfinder *f, struct gp_str domain);
/* GP_ETEMP, GP_ELIMIT: the answer of a name on the way is missing; *ret is the domain then. */
int gp_orgfinder_find(struct gp_orgfinder *f, struct gp_str domain, struct gp_org *ret) GP_MUST_USE;
/* Policy discovery (4.10.1): the domain's own record, or its organisational domain's, or its
 * public suffix'; NULL if there is none.  Errors as above; *ret is then where it stopped,
 * if that is known. */
int gp_orgfinder_discover(struct gp_orgfinder *f, struct gp_str domain,
			  const struct gp_policy **ret) GP_MUST_USE;

#endif
