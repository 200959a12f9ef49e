/*
 * From results to what is done with an inbound message: a pure decision over
 * settings, without a session.
 *
 * Every method may ask for something; the strongest wins (refuse, defer, hold, let
 * on), of equals the first of DMARC, SPF, DKIM, ARC.  Three things spare a message:
 * DMARC that passes spares it what SPF asks for (RFC 9989 wants both looked at
 * before either is acted on); a chain of trusted sealers spares it what the methods
 * ask for that passed at the first of them; a domain in exempt_domains spares it all.
 */
#ifndef GP_DKIM_POLICY_H
#define GP_DKIM_POLICY_H

#include "lib/auth/result.h"
#include "lib/base/arena.h"
#include "milter-dkim/options.h"

enum dkim_action {
	DKIM_ACCEPT,
	DKIM_QUARANTINE, /* held by the MTA */
	DKIM_TEMPFAIL,
	DKIM_REJECT,
	DKIM_ACTIONS,
};

/* "accept", "quarantine", "tempfail", "reject". */
const char *dkim_action_name(enum dkim_action action);

/* What was decided about an inbound message, and by which method. */
struct dkim_decision {
	enum dkim_action action;
	const char *method;	  /* "spf", "dkim", "arc", "dmarc", or "" */
	const char *xcode;	  /* the enhanced status code (RFC 7372, RFC 8617), "5.7.26" */
	struct gp_str domain, reason;
	const char *text;	  /* the setting that dkim_policy_text() completes */
	bool is_spared;		  /* by exempt_domains: action is DKIM_ACCEPT */
	/* DMARC's own disposition, for reports: none, quarantine, reject, and why it is not
	 * what the owner asked for ("trusted_forwarder", "local_policy"), or "". */
	enum gp_dmarc_policy disposition;
	const char *override;
};

/* Who says to be behind the message, besides what is in the results. */
struct dkim_parties {
	struct gp_ip client;
	struct gp_str helo, from; /* from: the envelope sender */
};

/* What is needed of the results must live as long as *ret; scratch memory and the rest
 * come from the arena. */
void dkim_policy_decide(const struct dkim_conf *conf, const struct gp_auth_result *result,
			const struct dkim_parties *who, struct gp_arena *arena,
			struct dkim_decision *ret);
/* The text of the reply, placeholders filled in; what strangers wrote is cut and cleaned. */
const char *dkim_policy_text(const struct dkim_decision *decision, const struct dkim_parties *who,
			     struct gp_arena *arena);
/* A check for such settings: GP_EINVAL on a "%" before something else than "dcfr%". */
int dkim_policy_check_text(const void *field, struct gp_diag *diag) GP_MUST_USE;

#endif
