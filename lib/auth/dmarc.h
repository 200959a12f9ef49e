/*
 * DMARC: policy discovery and alignment (RFC 9989; records of RFC 7489 are read too:
 * pct= is noted and, as 9989 wants it, without effect, rf= and ri= are unknown tags).
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
	bool wants_reports; /* rua= holds a URI */
	unsigned pct;	    /* RFC 7489; 100 */
	struct gp_str rua, ruf, fo; /* as written, or empty; they borrow from the text */
};
/* Reads a TXT record as RFC 9989, 4.7 and 4.8 say: tags and values in any case but for
 * "DMARC1", the first of two equal tags counts, what is unknown or malformed is passed
 * over, and where a policy is malformed all three are "none".  GP_ENOENT: no DMARC record
 * (it does not begin with v=DMARC1); GP_EINVAL: one that may not be applied (a policy is
 * malformed and no report is wanted, 4.10.1); *ret is filled then too. */
int gp_dmarc_record_parse(struct gp_str text, struct gp_dmarc_record *ret,
			  struct gp_diag *diag) GP_MUST_USE;

struct gp_dmarc;

/* Reads From and begins to ask; does not wait.  psl: for GP_ORGDOMAIN_PSL, else NULL. */
struct gp_dmarc *gp_dmarc_begin(struct gp_asker *asker, enum gp_orgdomain how,
				const struct gp_psl *psl, const struct gp_fields *fields);
/* The author's domain as gp_dkim_verify_begin wants it; empty if there is none or more
 * than one. */
struct gp_str gp_dmarc_from(const struct gp_dmarc *d);
/* With what SPF and DKIM gave in `result` (which it completes by dmarc).
 *
 * Statuses: none (no policy), pass, fail, temperror (an answer of the DNS is missing that
 * could have changed the result), permerror (a record that may not be applied, no usable
 * From).  Several authors (11.5): each is judged, and the result is the worst one's; beyond
 * GP_MAX_DMARC_AUTHORS the rest is a permerror.  With From twice nothing is aligned (4.4). */
void gp_dmarc_finish(struct gp_dmarc *d, struct gp_auth_result *result);

#endif
