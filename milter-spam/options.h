/*
 * The settings of milter-spam (group "milter-spam" of gatepost.conf).
 */
#ifndef GP_SPAM_OPTIONS_H
#define GP_SPAM_OPTIONS_H

#include "lib/auth/greylist.h"
#include "lib/conf/schema.h"
#include "lib/daemon/daemon.h"
#include "lib/daemon/directory.h"
#include "lib/score/verdict.h"

/* What is done with a class of mail that is ours. */
enum spam_policy {
	SPAM_SKIP,    /* not scanned */
	SPAM_OBSERVE, /* scanned and logged, always accepted, no headers */
	SPAM_ENFORCE, /* as observe, but reject, quarantine and discard are done */
};

/* A message with a body above size_max. */
enum spam_oversize {
	SPAM_OVERSIZE_SCAN, /* its first size_max bytes are judged */
	SPAM_OVERSIZE_ACCEPT,
	SPAM_OVERSIZE_REJECT,
};

/* When a header is added. */
enum spam_when { SPAM_NEVER, SPAM_IF_SPAM, SPAM_ALWAYS };

enum spam_header {
	SPAM_H_SPAM,   /* X-Spam: Yes */
	SPAM_H_FLAG,   /* X-Spam-Flag: YES */
	SPAM_H_LEVEL,  /* X-Spam-Level: ***** */
	SPAM_H_SCORE,  /* X-Spam-Score: 5.3 */
	SPAM_H_STATUS, /* X-Spam-Status: SpamAssassin's form */
	SPAM_H_RESULT, /* X-Spamd-Result: Rspamd's form */
	SPAM_H_REPORT, /* X-Spam-Report: one symbol a line */
	SPAM_HEADERS,
};

struct spam_conf {
	struct gp_daemon_conf daemon;
	struct gp_thresholds thresholds; /* as written: 0 is "never"; see spam_thresholds() */
	int64_t size_max;
	int oversize;	   /* enum spam_oversize */
	int64_t deadline_ms;
	int authenticated; /* enum spam_policy */
	int own_networks;  /* enum spam_policy */
	int on_store_error; /* enum gp_on_error */
	int on_ldap_error;  /* the same */

	struct gp_greylist_conf greylist;

	bool headers_from_rules; /* add_header, rewrite_header … of the rule files instead of these: */
	int headers[SPAM_HEADERS];	    /* enum spam_when */
	struct gp_conf_list headers_remove; /* globs */

	const char *reject_text, *greylist_text;

	struct gp_mapfile *welcome, *block;	  /* by sender: address, domain, network */
	struct gp_mapfile *recipients, *accounts; /* settings of recipients, of accounts */
	/* The same of the directory, for those that the maps do not have. */
	struct gp_directory_query_conf ldap_recipients, ldap_domains, ldap_accounts;
};

extern const struct gp_conf_table spam_table;

struct gp_rule_set;
/* The settings, with the rule files' required_score as thresholds.add_header where
 * headers.from_rules is on and the configuration does not set that one itself.  Lives in the
 * snapshot's arena. */
const struct spam_conf *spam_conf_with_rules(struct gp_snapshot *snap, const struct gp_rule_set *set);

/* The configured thresholds with 0 turned into "never". */
struct gp_thresholds spam_thresholds(const struct gp_thresholds *written);

#endif
