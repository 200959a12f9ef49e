/*
 * Authentication-Results (RFC 8601): written from results, read strictly.
 */
#ifndef GP_AUTH_AUTHRES_H
#define GP_AUTH_AUTHRES_H

#include "lib/auth/result.h"
#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

/* The value of a field: "id;\n\tspf=pass …", folded with "\n\t", printable ASCII (UTF-8
 * where utf8 is allowed), without leading space.  Everything from strangers is quoted or
 * left out.  Comments give key size and reason; with `plain` there are none, for
 * ARC-Authentication-Results, whose readers stumble over them.
 *
 * Properties are those of IANA's registry: smtp.mailfrom, smtp.helo; header.d, .i, .s, .a, .b;
 * smtp.remote-ip; header.from, policy.dmarc (the policy that applies, after t=) and
 * polrec.domain (where the record stands, if not at the author domain); smtp.auth. */
struct gp_authres_options {
	bool plain;
	bool utf8;
	bool with_helo; /* spf of the HELO identity too */
	bool with_none; /* "dkim=none", "arc=none", "dmarc=none" where nothing was found; else
			 * that method is left out ("none" if all are) */
	struct gp_str auth_user; /* adds auth=pass smtp.auth=…, or empty */
	struct gp_str remote_ip; /* of the client, with arc's result (RFC 8617, 6), or empty */
};
struct gp_str gp_authres_format(struct gp_arena *arena, struct gp_str id,
				const struct gp_auth_result *result,
				const struct gp_authres_options *options);

/* Reading. */

struct gp_authres_property {
	struct gp_str ptype, name; /* "smtp", "mailfrom" */
	struct gp_str value;	   /* unquoted */
};

struct gp_authres_entry {
	struct gp_str method; /* as written; version other than 1 is dropped */
	struct gp_str result; /* as written */
	struct gp_str reason; /* unquoted, or empty */
	GP_VEC(struct gp_authres_property) properties;
};

struct gp_authres {
	struct gp_str id; /* unquoted */
	GP_VEC(struct gp_authres_entry) entries;
};

/* Reads the whole value by the grammar of RFC 8601, 2.2; GP_EINVAL on the first breach,
 * GP_ELIMIT beyond GP_MAX_AUTHRES entries or properties. */
int gp_authres_parse(struct gp_arena *arena, struct gp_str value, struct gp_authres *ret,
		     struct gp_diag *diag) GP_MUST_USE;
/* As others write it: what cannot be read of an entry, up to its semicolon, is left out (an
 * entry without method and result is none); an unending comment or quoted string still is
 * GP_EINVAL.  For what is believed for another reason than
 * its form, such as a trusted sealer's ARC-Authentication-Results behind "i=N;". */
int gp_authres_parse_lenient(struct gp_arena *arena, struct gp_str value, struct gp_authres *ret,
			     struct gp_diag *diag) GP_MUST_USE;
/* Only the authserv-id: comments, quoting and folds removed.  What follows must be a version,
 * a semicolon or nothing, and is not looked at further.  GP_EINVAL if none can be read: such
 * a field is nobody's and is best removed.  Compare without regard to case. */
int gp_authres_id(struct gp_arena *arena, struct gp_str value, struct gp_str *ret) GP_MUST_USE;

/* What a trusted field says, back as results (spf, dkim, arc, dmarc with the domains that
 * its properties name); methods that are not there stay none.  Of spf, arc and dmarc the first
 * entry counts. */
void gp_authres_to_result(struct gp_arena *arena, const struct gp_authres *a,
			  struct gp_auth_result *ret);

#endif
