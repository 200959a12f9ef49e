/*
 * From a score to what is done: lists, recipients' settings, whose mail it is.
 *
 * Decisions over settings, without a session, so that `gatepost scan` gives the verdict that
 * the milter would give.  spam_policy_decide waits for what the directory was asked (asked.h);
 * nothing else waits.
 */
#ifndef GP_SPAM_POLICY_H
#define GP_SPAM_POLICY_H

#include "lib/conf/shared.h"
#include "lib/score/scanner.h"
#include "lib/score/verdict.h"
#include "milter-spam/asked.h"
#include "milter-spam/lists.h"
#include "milter-spam/options.h"

/* Whose mail it is. */
enum spam_origin { SPAM_INBOUND, SPAM_AUTHENTICATED, SPAM_OWN_NETWORK };

/* The envelope of one message. */
struct spam_envelope {
	struct spam_sender sender; /* header_from is filled by spam_policy_add_symbols */
	const struct gp_str *recipients;
	size_t n_recipients;
	struct gp_str account; /* authenticated user, or empty */
	struct spam_asked *asked; /* what these want */
};

struct spam_decision {
	enum gp_action wanted;	  /* what the score says */
	enum gp_action action;	  /* what is done: policy for our own mail applied */
	double required;	  /* the add_header threshold that counted; INFINITY: never */
	struct gp_thresholds thresholds; /* all that counted, lists of the recipient's own included */
	struct gp_str decided_by; /* the recipient whose settings decided; empty with one */
};

enum spam_origin spam_policy_origin(const struct gp_conf_networks *networks,
				    const struct spam_envelope *e);
/* SPAM_ENFORCE for inbound mail. */
enum spam_policy spam_policy_for(const struct spam_conf *conf, enum spam_origin origin);

/* Tells the scan where the sender stands on the lists that hold for everybody. */
void spam_policy_add_symbols(const struct spam_conf *conf, struct spam_envelope *e,
			     const struct gp_message *mail, struct gp_scan *scan);
void spam_policy_decide(const struct spam_conf *conf, const struct spam_envelope *e,
			enum spam_origin origin, double score, struct gp_arena *scratch,
			struct spam_decision *ret);

#endif
