/*
 * All four methods over one message: what milter-dkim, milter-spam (when nobody
 * sealed results for it) and `gatepost auth` share, so that they agree.
 *
 *	a = gp_auth_begin(auth, &sources, &envelope, arena, deadline_ms);
 *	gp_auth_spf(a);				walks SPF; may wait; once the sender is known
 *	gp_auth_headers(a, fields);		reads signatures, asks for keys and policies
 *	gp_auth_body(a, chunk) …
 *	gp_auth_finish(a, &result);		waits, verifies, decides
 *
 * A gp_auth is made once per configuration snapshot and shared by all threads; an
 * evaluation belongs to one message and lives in its arena.  Memory of one evaluation:
 * the header (GP_MAX_AUTH_HEADER, and as much of From behind it), a few KB a signature, and the DNS answers
 * (GP_MAX_AUTH_LOOKUPS); nothing of the body.
 */
#ifndef GP_AUTH_AUTH_H
#define GP_AUTH_AUTH_H

#include "lib/auth/arc.h"
#include "lib/auth/dmarc.h"
#include "lib/auth/spf.h"

struct gp_auth_options {
	bool spf, dkim, arc, dmarc; /* methods that are run; dmarc needs the first two */
	bool spf_helo;		    /* the HELO identity too */
	struct gp_dkim_options signatures;
	enum gp_orgdomain org;
	const char *psl_file;	    /* "": the system's */
	const struct gp_str *trusted_sealers;
	size_t n_trusted_sealers;
	struct gp_str receiver;	    /* our host name */
};
extern const struct gp_auth_options gp_auth_defaults; /* all methods, tree walk */

struct gp_auth;

/* The options' arrays live as long as *ret.  GP_E… when the public suffix list cannot be read. */
int gp_auth_new(const struct gp_auth_options *options, struct gp_auth **ret,
		struct gp_diag *diag) GP_MUST_USE;
void gp_auth_free(struct gp_auth **auth);

struct gp_auth_envelope {
	struct gp_ip client;
	struct gp_str helo, mailfrom; /* live until finish */
	int64_t now_s;
};

struct gp_auth_check;

/* Where answers and keys come from: of the process, opened after the first snapshot. */
struct gp_auth_sources {
	struct gp_resolver *resolver;
	struct gp_dkim_keys *keys; /* or NULL */
};

/* deadline_ms: absolute, of SPF; the rest has that of gp_auth_headers. */
struct gp_auth_check *gp_auth_begin(const struct gp_auth *auth,
				    const struct gp_auth_sources *sources,
				    const struct gp_auth_envelope *envelope,
				    struct gp_arena *arena, int64_t deadline_ms);
void gp_auth_spf(struct gp_auth_check *c);
/* Fields live until finish. */
void gp_auth_headers(struct gp_auth_check *c, const struct gp_fields *fields, int64_t deadline_ms);
/* The hasher of the body, also for signatures that are made: between headers and body. */
struct gp_body_hasher *gp_auth_hasher(struct gp_auth_check *c);
void gp_auth_body(struct gp_auth_check *c, struct gp_str chunk);
void gp_auth_finish(struct gp_auth_check *c, struct gp_auth_result *ret);

/* All at once, for a message in one piece (CRLF or LF), which lives as long as the result. */
void gp_auth_message(const struct gp_auth *auth, const struct gp_auth_sources *sources,
		     const struct gp_auth_envelope *envelope, struct gp_str message,
		     struct gp_arena *arena, int64_t deadline_ms, struct gp_auth_result *ret);

#endif
