/*
 * DMARC: policy discovery and alignment (RFC 9989; records of RFC 7489 are read too).
 */
#ifndef GP_AUTH_DMARC_H
#define GP_AUTH_DMARC_H

#include "lib/auth/field.h"
#include "lib/auth/lookup.h"
#include "lib/auth/psl.h"

/* How the organisational domain is found. */
enum gp_orgdomain { GP_ORGDOMAIN_TREE_WALK, GP_ORGDOMAIN_PSL };

/* A policy record, read. */
struct gp_dmarc_record {
	enum gp_dmarc_policy p, sp, np; /* sp and np: what they fall back to is filled in */
	bool has_p;
	bool is_strict_dkim, is_strict_spf;
	char psd;	    /* 'y', 'n' or 'u' */
	bool is_testing;    /* t=y */
	unsigned pct;	    /* RFC 7489; 100 */
	struct gp_str rua, ruf, fo; /* as written */
};
/* GP_EINVAL: no DMARC record, or none that may be applied (RFC 9989, 4.7). */
int gp_dmarc_record_parse(struct gp_arena *arena, struct gp_str text, struct gp_dmarc_record *ret,
			  struct gp_diag *diag) GP_MUST_USE;

struct gp_dmarc;

/* Reads From and begins to ask; does not wait.  psl: for GP_ORGDOMAIN_PSL, else NULL. */
struct gp_dmarc *gp_dmarc_begin(struct gp_asker *asker, enum gp_orgdomain how,
				const struct gp_psl *psl, const struct gp_fields *fields);
/* The author's domain as gp_dkim_verify_begin wants it; empty if there is none. */
struct gp_str gp_dmarc_from(const struct gp_dmarc *d);
/* With what SPF and DKIM gave in `result` (which it completes by dmarc). */
void gp_dmarc_finish(struct gp_dmarc *d, struct gp_auth_result *result);

#endif
