/*
 * What the files of milter-dkim share: one message on its way, and the steps
 * that it takes.
 *
 *	session.c   callbacks: collects the header, feeds the body, then calls the steps
 *	forged.c    Authentication-Results that claim to be ours: found, removed
 *	inbound.c   lib/auth over the message; policy.c decides what its results mean
 *	headers.c   Authentication-Results, the seal, Received-SPF, ARC set
 *	sign.c      whether and as whom an outbound message is signed (keyring.c)
 *	reports.c   rows for DMARC aggregate reports
 *	log.c       the log line and the counters
 */
#ifndef GP_DKIM_DKIM_H
#define GP_DKIM_DKIM_H

#include "lib/auth/auth.h"
#include "lib/auth/seal.h"
#include "lib/daemon/session.h"
#include "milter-dkim/keyring.h"
#include "milter-dkim/options.h"

/* Whose mail it is: inbound mail is verified, that of our own is signed. */
enum dkim_origin { DKIM_INBOUND, DKIM_AUTHENTICATED, DKIM_OWN_NETWORK };

enum dkim_action {
	DKIM_ACCEPT,
	DKIM_QUARANTINE, /* held by the MTA */
	DKIM_REJECT,
	DKIM_TEMPFAIL,
};

/* What was decided about an inbound message, and by which method. */
struct dkim_decision {
	enum dkim_action action;
	const char *method; /* "spf", "dkim", "arc", "dmarc", or "" */
	struct gp_str reason;
	/* DMARC's own disposition, for reports: none, quarantine, reject, and why it is not
	 * what the owner asked for ("trusted_forwarder", "local_policy"), or "". */
	enum gp_dmarc_policy disposition;
	const char *override;
};

/* How an outbound message is signed; see sign.h. */
struct dkim_signing;

/* One message; lives in the message's arena. */
struct dkim_message {
	const struct dkim_conf *conf;
	struct dkim_snapshot *snap;
	enum dkim_origin origin;
	bool is_exempt; /* not verified and not signed; forged results go all the same */
	struct gp_fields fields;
	struct gp_body_hasher *hasher; /* shared by verifying and signing */
	struct gp_auth_check *check;   /* inbound */
	struct gp_auth_result result;
	struct dkim_decision decision;
	struct dkim_signing *signing;  /* outbound; NULL: not signed */
	size_t n_forged;	       /* Authentication-Results that were removed */
	int64_t cpu_us;
};

/* What the snapshot holds beside the settings. */
struct dkim_snapshot {
	struct gp_auth *auth;
	struct dkim_keyring *keyring; /* NULL: no keys are configured */
	struct gp_seal_key *seal_key; /* NULL: results are not sealed */
};

extern struct gp_resolver *dkim_resolver; /* of the process */

extern const struct gp_milter dkim_milter;

#endif
