/*
 * What the files of milter-spam share: one message on its way, and the steps
 * that it takes at end of data.
 *
 *	session.c   callbacks: collects the message, then calls the steps
 *	auth.c      SPF, DKIM, ARC, DMARC: sealed results, or our own
 *	judge.c     scans and decides (policy.c, lists.c)
 *	greylist.c  may turn "greylist" into "accept"
 *	headers.c   removes forged headers, adds ours
 *	report.c    the log line and the counters
 *	history.c   what the history keeps of it
 */
#ifndef GP_SPAM_SPAM_H
#define GP_SPAM_SPAM_H

#include "lib/daemon/history.h"
#include "lib/daemon/session.h"
#include "lib/mail/message.h"
#include "lib/score/scanner.h"
#include "milter-spam/auth.h"
#include "milter-spam/policy.h"

/* What greylisting said; SPAM_GREY_NONE: it was not asked. */
enum spam_grey { SPAM_GREY_NONE, SPAM_GREY_FIRST, SPAM_GREY_EARLY, SPAM_GREY_PASSED };

/* Where a message's time goes. */
enum spam_stage {
	SPAM_STAGE_RECEIVE,  /* MAIL to end of data */
	SPAM_STAGE_AUTH,     /* waiting for SPF, DKIM and DMARC */
	SPAM_STAGE_PATTERNS, /* tokens, and rules over the text */
	SPAM_STAGE_LOOKUPS,  /* waiting for the store and the DNS; what depends on them */
	SPAM_STAGE_GREYLIST,
	SPAM_STAGE_HEADERS, /* writing them */
	SPAM_STAGES,
};

/* Incoming headers of one name that are to be removed. */
struct spam_forged {
	const char *name;
	int count;
};

/* One message; lives in the message's arena. */
struct spam_message {
	const struct spam_conf *conf;
	struct gp_scanner *scanner;
	struct gp_message *mail;
	GP_VEC(struct spam_forged) forged;
	struct spam_auth auth;
	struct spam_asked *asked; /* from MAIL on */
	struct spam_envelope envelope;
	enum spam_origin origin;
	enum spam_policy policy; /* SPAM_ENFORCE for inbound mail */
	bool is_scanned;
	bool is_oversize;
	struct gp_scan_result result;
	struct spam_decision decision;
	enum gp_action action;	 /* what is done, after greylisting too */
	enum spam_grey grey;
	bool is_store_failed, is_ldap_failed;
	int64_t deadline_ms; /* of all look-ups, from end of data on: a slow sender costs none of it */
	int64_t cpu_us;
	int64_t mark_us; /* when the last stage ended */
	int64_t stage_us[SPAM_STAGES];
};

/* What the snapshot holds beside the settings. */
struct spam_snapshot {
	struct gp_scanner *scanner;
	const struct spam_conf *conf; /* spam_conf_with_rules() */
	struct spam_auth_setup auth;
	struct spam_directory directory; /* with the process's, once that is open */
};

/* The store of the process; opened once at start. */
extern struct gp_store *spam_store;
/* The directory; NULL: none is configured. */
extern struct gp_ldap *spam_ldap;
/* What becomes of messages; NULL: it is not kept. */
extern struct gp_history *spam_history;
/* What policyd-ratelimit is told of own mail (lib/proto/sent.h). */
extern struct gp_history *spam_sent;

/* Whose mail it is, and what holds for it. */
void spam_find_origin(struct gp_session *s, struct spam_message *m);
/* Scans and decides: fills everything but grey. */
void spam_judge(struct gp_session *s, struct spam_message *m);
/* Asks the store about each recipient; changes m->action. */
void spam_greylist(struct gp_session *s, struct spam_message *m);
/* Deletes forged headers, then adds what the action and the settings ask for. */
void spam_write_headers(struct gp_session *s, struct spam_message *m);
/* The headers of the rule files instead of those of the settings. */
void spam_write_markup(struct gp_session *s, const struct spam_message *m, bool is_spam);
/* Is this the name of a header that spam_write_headers may add? */
bool spam_header_is_ours(struct gp_str name);

/* What the verdict had to do without because the store or the directory did not answer or a
 * limit was met: "bayes", "rules", "bayes,rules", "greylist", "ldap"; "" if nothing. */
const char *spam_missing(const struct spam_message *m);

void spam_register_metrics(void);
/* Rules that limits stopped: said when it happens to a rule for the first time, and when it is
 * switched off. */
void spam_report_limits(const struct spam_message *m);
/* Sets the gauge by the rules in force now; also names those that are off, where names are
 * wanted (not NULL). */
size_t spam_count_switched_off(struct gp_buf *names);
/* The one log line, and the counters. */
void spam_report(const struct gp_session *s, const struct spam_message *m);

/* The time since the last stage ended was this one's. */
void spam_stage(struct spam_message *m, enum spam_stage stage);
/* Notes the message down for the history. */
void spam_remember(const struct gp_session *s, const struct spam_message *m);

/* The callbacks for lib/daemon. */
extern const struct gp_milter spam_milter;

#endif
