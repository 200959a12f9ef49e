/*
 * Who a message is from: results that milter-dkim sealed, or our own.
 *
 * An Authentication-Results of our id is believed only with a seal for this queue
 * id beside it (lib/auth/seal.h); without one lib/auth runs here, where the settings
 * allow it to ask the network.  The seal never leaves us, and a field that claims
 * to be ours without one is removed: whoever reads the mail later believes it too.
 */
#ifndef GP_SPAM_AUTH_H
#define GP_SPAM_AUTH_H

#include "lib/auth/auth.h"
#include "lib/auth/seal.h"
#include "lib/daemon/session.h"

struct spam_message;

/* Claims and seals looked at; milter-dkim puts its own on top, so the first are the ones. */
#define SPAM_CLAIMS_MAX 5

/* Where results came from. */
enum spam_auth_source { SPAM_AUTH_NONE, SPAM_AUTH_SEALED, SPAM_AUTH_OWN };

/* An Authentication-Results of our id, or one whose id cannot be read. */
struct spam_claim {
	int nth;	     /* of the message's Authentication-Results, from 1 */
	struct gp_str value; /* empty beyond SPAM_CLAIMS_MAX */
	bool is_believed;
};

struct spam_auth {
	GP_VEC(struct spam_claim) claims;
	struct gp_str seals[SPAM_CLAIMS_MAX];
	size_t n_seals;		 /* kept of … */
	int n_seal_fields;	 /* … so many */
	int n_fields;		 /* Authentication-Results seen, whosever */
	struct gp_fields fields;	/* for lib/auth; empty where it will not run */
	struct gp_auth_check *check;
	int64_t waited_ms; /* of the message's deadline, before end of data */
	struct gp_auth_result result;
	enum spam_auth_source source;
};

/* What the snapshot holds for it. */
struct spam_auth_setup {
	struct gp_auth *auth;		/* NULL: not to run here */
	struct gp_seal_key *key;	/* NULL: nothing is believed */
};
int spam_auth_configure(struct gp_snapshot *snap, struct spam_auth_setup *ret,
			struct gp_conf_report *report) GP_MUST_USE;

/* The process's resolver and key cache. */
int spam_auth_start(struct gp_snapshot *snap, struct gp_diag *diag) GP_MUST_USE;
void spam_auth_stop(void);
/* Names what the resolver and a reload read. */
void spam_auth_sandbox(const struct gp_snapshot *snap);

/* A header field comes by.  False: it is ours or claims to be, and is not to be judged. */
bool spam_auth_header(struct gp_session *s, struct spam_message *m, struct gp_str name,
		      struct gp_str value);
/* All have: believes a seal or begins to check.  The origin must be known. */
void spam_auth_end_headers(struct gp_session *s, struct spam_message *m);
void spam_auth_body(struct spam_message *m, struct gp_str chunk);
/* The results, or NULL if nothing is known. */
const struct gp_auth_result *spam_auth_finish(struct spam_message *m);
/* Whom the rules may ask too; NULL without network. */
struct gp_resolver *spam_auth_resolver(const struct gp_session *s);
/* How many claims were not believed, and seals that are nobody's. */
int64_t spam_auth_forged(const struct spam_message *m);
/* Removes them, and the seal. */
void spam_auth_clean(struct gp_session *s, struct spam_message *m);

#endif
