/*
 * What the files of milter-dkim share: one message on its way, and the steps
 * that it takes.
 *
 *	session.c   callbacks: collects the header, feeds the body, then calls the steps
 *	forged.c    Authentication-Results that claim to be ours: found, removed
 *	inbound.c   lib/auth over the message; policy.c decides what its results mean
 *	headers.c   Authentication-Results, the seal, Received-SPF
 *	arcseal.c   the ARC set of inbound mail, where that is wanted
 *	signer.c    whether and as whom an outbound message is signed (keyring.c)
 *	sign.c      its signatures
 *	generate.c  keys that the filter makes itself (keydir.c)
 *	reports.c   data for DMARC aggregate reports, into the store
 *	log.c       the log line and the counters
 *	history.c   what the history keeps of it
 */
#ifndef GP_DKIM_DKIM_H
#define GP_DKIM_DKIM_H

#include "lib/auth/auth.h"
#include "lib/auth/seal.h"
#include "lib/daemon/history.h"
#include "lib/daemon/lookups.h"
#include "lib/daemon/session.h"
#include "milter-dkim/keyring.h"
#include "milter-dkim/options.h"
#include "milter-dkim/policy.h"
#include "milter-dkim/reports.h"

/* Whose mail it is: inbound mail is verified, that of our own is signed. */
enum dkim_origin { DKIM_INBOUND, DKIM_AUTHENTICATED, DKIM_OWN_NETWORK };

/* Where a message's time goes. */
enum dkim_stage {
	DKIM_STAGE_RECEIVE, /* MAIL to end of message; SPF is asked meanwhile */
	DKIM_STAGE_RESULTS, /* waiting for the DNS, checking signatures, deciding */
	DKIM_STAGE_SIGN,
	DKIM_STAGE_HEADERS, /* writing them */
	DKIM_STAGES,
};

/* How an outbound message is signed; see sign.h. */
struct dkim_signing;

/* How an inbound message gets its ARC set; see arcseal.c. */
struct dkim_sealing;

/* Fields that are to be removed. */
struct dkim_forged {
	GP_VEC(int) results;	     /* which Authentication-Results, from 1, ascending */
	int n_results_seen, n_seals; /* fields of those names in the message */
};

/* One message; lives in the message's arena. */
struct dkim_message {
	const struct dkim_conf *conf;
	struct dkim_snapshot *snap;
	enum dkim_origin origin;
	bool is_exempt; /* not verified and not signed; forged results go all the same */
	struct gp_str authserv_id;
	struct gp_fields fields; /* outbound: without those that are removed */
	size_t size;		 /* of header and body as they came */
	struct gp_body_hasher *hasher; /* shared by verifying and signing */
	struct gp_auth_check *check;   /* inbound */
	struct gp_auth_result result;
	struct dkim_parties parties;
	struct dkim_decision decision;
	struct dkim_signing *signing; /* outbound; NULL: not signed */
	const char *signing_reason;   /* see dkim_signing_reason() */
	const char *signing_problem;  /* more about it for the log, or NULL */
	struct gp_lookups *lookups;   /* outbound: what the directory was asked */
	int sign_result;	      /* of dkim_sign_begin and dkim_sign_finish */
	struct dkim_sealing *sealing; /* inbound; NULL: no ARC set is added */
	struct dkim_forged forged;
	size_t n_forged; /* Authentication-Results and seals that are removed */
	int64_t spf_ms;	 /* how long SPF took: off the deadline of the rest */
	int64_t cpu_us;
	int64_t mark_us; /* when the last stage ended */
	int64_t stage_us[DKIM_STAGES];
};

/* What the directory is asked, of a configuration. */
struct dkim_directory {
	struct gp_ldap *ldap;			    /* of the process; NULL: there is none */
	struct gp_ldap_query *keys, *senders; /* NULL: not asked */
	int64_t timeout_ms;
};

/* What the snapshot holds beside the settings. */
struct dkim_snapshot {
	struct gp_auth *auth;
	struct dkim_keyring *keyring; /* NULL: no keys are configured */
	const struct gp_sign_options *sign;
	struct gp_seal_key *seal_key; /* NULL: results are not sealed */
	struct dkim_directory directory;
};

/* Of the process: the resolver and the parsed keys of others. */
extern struct gp_auth_sources dkim_sources;
/* NULL: no directory is configured. */
extern struct gp_ldap *dkim_ldap;
/* NULL: nothing is recorded. */
extern struct gp_store *dkim_store;
/* NULL: report data is not recorded. */
extern struct dkim_reports *dkim_reports;

/* Notes a field that claims to be ours; true: it is to be removed. */
bool dkim_forged_note(struct gp_session *s, struct dkim_message *m, struct gp_str name,
		      struct gp_str value);
/* More than an MTA should be made to remove: such a message is refused. */
bool dkim_forged_is_flood(const struct dkim_message *m);
/* At end of message: removes what was noted. */
void dkim_forged_remove(struct gp_session *s, const struct dkim_message *m);

/* At MAIL: whose mail it is; asks SPF about inbound mail, which may wait. */
void dkim_inbound_begin(struct gp_session *s, struct dkim_message *m);
/* At the end of the header, of inbound mail: asks for everything else. */
void dkim_inbound_headers(struct dkim_message *m);
/* At end of message, of inbound mail: result and decision. */
void dkim_inbound_finish(struct gp_session *s, struct dkim_message *m);
/* And the row about it for DMARC reports, if one is wanted, and who signs for the client. */
void dkim_inbound_record(const struct gp_session *s, const struct dkim_message *m);
/* Does anything in the header need the body's hash? */
bool dkim_inbound_needs_body(const struct dkim_message *m);

/* Before the body: begins a set as the settings want it, m->sealing then. */
void dkim_arc_begin(struct gp_session *s, struct dkim_message *m);
/* Inserts it. */
void dkim_arc_finish(struct gp_session *s, struct dkim_message *m);

/* Inserts a field on top; a refusal by the MTA is logged. */
void dkim_insert(struct gp_session *s, const char *name, struct gp_str value);
/* Results of a verified message, on top of it. */
void dkim_write_headers(struct gp_session *s, struct dkim_message *m);

/* What becomes of messages; NULL: it is not kept. */
extern struct gp_history *dkim_history;
/* The time since the last stage ended was this one's. */
void dkim_stage(struct dkim_message *m, enum dkim_stage stage);
/* Notes the message down for the history. */
void dkim_remember(const struct gp_session *s, const struct dkim_message *m);

void dkim_register_metrics(void);
/* The one log line, and the counters. */
void dkim_report(const struct gp_session *s, const struct dkim_message *m);

extern const struct gp_milter dkim_milter;

#endif
