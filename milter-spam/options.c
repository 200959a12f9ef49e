/*
 * The option table of milter-spam, and the rules that span settings.
 */
#include "milter-spam/options.h"

#include <math.h>

#include "lib/base/limits.h"
#include "lib/daemon/reply.h"
#include "lib/score/rule_markup.h"
#include "milter-spam/lists.h"

static const struct gp_conf_enum policies[] = {
	{"skip", SPAM_SKIP}, {"observe", SPAM_OBSERVE}, {"enforce", SPAM_ENFORCE}, {NULL, 0}};
static const struct gp_conf_enum oversizes[] = {{"scan", SPAM_OVERSIZE_SCAN},
						{"accept", SPAM_OVERSIZE_ACCEPT},
						{"reject", SPAM_OVERSIZE_REJECT},
						{NULL, 0}};
static const struct gp_conf_enum whens[] = {
	{"never", SPAM_NEVER}, {"spam", SPAM_IF_SPAM}, {"always", SPAM_ALWAYS}, {NULL, 0}};

#define THRESHOLD(name, field, def_, help_)                                                        \
	{"thresholds." name, GP_CONF_DOUBLE, offsetof(struct spam_conf, thresholds.field), def_,   \
	 .min = 0, .max = 10000, .unit = "points", .help = help_}
#define POLICY(name, field, help_)                                                                 \
	{name, GP_CONF_ENUM, offsetof(struct spam_conf, field), "observe", .values = policies,     \
	 .help = help_}
#define HEADER(name, index, def_, help_)                                                           \
	{"headers." name, GP_CONF_ENUM, offsetof(struct spam_conf, headers[index]), def_,          \
	 .values = whens, .help = help_}
/* Attributes of gatepost.schema; words as in the maps. */
#define RESULTS "gatepostSpam, gatepostWelcome: welcome=%s, gatepostBlock: block=%s"
#define MAP(name, field, help_)                                                                    \
	{name, GP_CONF_MAP, offsetof(struct spam_conf, field), "", .help = help_}

static const struct gp_conf_row rows[] = {
	GP_DAEMON_ROWS(struct spam_conf, daemon, "unix:/run/gatepost/spam.sock", "gatepost-spam"),
	THRESHOLD("greylist", greylist, "4.0",
		  "Score from which a first delivery is deferred; 0 is never."),
	THRESHOLD("add_header", add_header, "6.0",
		  "Score from which a message is marked as spam; 0 is never."),
	THRESHOLD("quarantine", quarantine, "0.0",
		  "Score from which a message is held in the MTA's queue; 0 is never."),
	THRESHOLD("reject", reject, "15.0",
		  "Score from which a message is refused; 0 is never."),
	THRESHOLD("discard", discard, "0.0",
		  "Score from which a message is accepted and thrown away; 0 is never."),
	{"size_max", GP_CONF_SIZE, offsetof(struct spam_conf, size_max), "2M", .min = 4096,
	 .max = GP_MAX_BODY_SIZE, .help = "Bytes of a message's body that are looked at."},
	{"oversize", GP_CONF_ENUM, offsetof(struct spam_conf, oversize), "scan",
	 .values = oversizes,
	 .help = "What happens to a message with a larger body: its beginning is judged (scan), "
		 "it is accepted unseen, or refused."},
	{"deadline", GP_CONF_DURATION, offsetof(struct spam_conf, deadline_ms), "20s", .min = 100,
	 .max = 240000, .help = "Time for one message, all look-ups included."},
	POLICY("authenticated", authenticated,
	       "Mail of authenticated users: not scanned (skip), scanned and logged (observe), or "
	       "refused at the thresholds too (enforce); it never gets headers."),
	POLICY("own_networks", own_networks, "The same for mail from networks.own."),
	{"on_store_error", GP_CONF_ENUM, offsetof(struct spam_conf, on_store_error), "accept",
	 .values = gp_on_error_names,
	 .help = "What happens while the store does not answer: judged by the evidence that is "
		 "left (accept), deferred (tempfail), or judged and marked as incomplete."},
	{"on_ldap_error", GP_CONF_ENUM, offsetof(struct spam_conf, on_ldap_error), "accept",
	 .values = gp_on_error_names,
	 .help = "What happens to a message while the directory does not say what its recipients or its "
		 "account want: the settings of all hold for them (accept), it is deferred (tempfail), or "
		 "judged and marked as incomplete."},
	GP_GREYLIST_ROWS(struct spam_conf, greylist, "true", 0,
			 "Defer a message whose score reaches thresholds.greylist until it is tried "
			 "again."),
	{"headers.from_rules", GP_CONF_BOOL, offsetof(struct spam_conf, headers_from_rules),
	 "false",
	 .help = "Headers are those that the rule files say (add_header, rewrite_header, subjprefix), "
		 "instead of the ones below; their required_score is thresholds.add_header, unless that "
		 "is set."},
	HEADER("spam", SPAM_H_SPAM, "spam", "\"X-Spam: Yes\", on spam only."),
	HEADER("flag", SPAM_H_FLAG, "spam", "\"X-Spam-Flag: YES\" or NO."),
	HEADER("level", SPAM_H_LEVEL, "always", "X-Spam-Level: an asterisk per point."),
	HEADER("score", SPAM_H_SCORE, "always", "X-Spam-Score: the bare number."),
	HEADER("status", SPAM_H_STATUS, "always", "X-Spam-Status in SpamAssassin's form."),
	HEADER("result", SPAM_H_RESULT, "never", "X-Spamd-Result in Rspamd's form."),
	HEADER("report", SPAM_H_REPORT, "always", "X-Spam-Report: one symbol a line."),
	{"headers.remove", GP_CONF_LIST, offsetof(struct spam_conf, headers_remove),
	 "X-Spam, X-Spam-*, X-Spamd-*",
	 .help = "Headers (globs) that are removed from every message before ours are added."},
	{"reject_text", GP_CONF_STRING, offsetof(struct spam_conf, reject_text),
	 "Message refused: it looks like spam", .help = "Text of the 550 reply."},
	{"greylist_text", GP_CONF_STRING, offsetof(struct spam_conf, greylist_text),
	 "Greylisted: please try again later", .help = "Text of the 451 reply."},
	MAP("welcome", welcome,
	    "Map of senders (address, domain, network) that are welcome; the value may be a "
	    "score (-100)."),
	MAP("block", block,
	    "Map of senders (address, domain, network) that are unwanted; the value may be a "
	    "score (100)."),
	MAP("recipients", recipients,
	    "Map of recipients and domains to their settings: \"reject=12 add_header=5 "
	    "welcome=friend@example.org block=*@example.net\"."),
	MAP("accounts", accounts,
	    "Map of authenticated accounts to their settings, in the same form."),
	GP_DIRECTORY_ROWS(struct spam_conf, ldap_recipients, "ldap.recipients",
			  "settings of recipients that milter-spam.recipients does not have", "(mail=%s)",
			  RESULTS),
	GP_DIRECTORY_ROWS(struct spam_conf, ldap_domains, "ldap.domains",
			  "settings of recipients' domains (the key is the domain)",
			  "(associatedDomain=%s)", RESULTS),
	GP_DIRECTORY_ROWS(struct spam_conf, ldap_accounts, "ldap.accounts",
			  "settings of authenticated accounts that milter-spam.accounts does not have",
			  "(|(uid=%s)(mail=%s))", RESULTS),
};

static void check_order(const struct spam_conf *c, const struct gp_snapshot *snap,
			struct gp_conf_report *report)
{
	const struct gp_thresholds *t = &c->thresholds;

	if (t->greylist > 0 && t->add_header > 0 && t->greylist > t->add_header)
		gp_conf_complain(snap, &spam_table, "thresholds.greylist", report,
				 "greylist (%g) is above add_header (%g): it would never be used",
				 t->greylist, t->add_header);
	if (t->add_header > 0 && t->reject > 0 && t->add_header > t->reject)
		gp_conf_complain(snap, &spam_table, "thresholds.add_header", report,
				 "add_header (%g) is above reject (%g): it would never be used",
				 t->add_header, t->reject);
}

static void validate(const void *values, const struct gp_snapshot *snap,
		     struct gp_conf_report *report)
{
	const struct spam_conf *c = values;

	check_order(c, snap, report);
	gp_greylist_check(&c->greylist, snap, &spam_table, report);
	spam_sender_map_check(c->welcome, report);
	spam_sender_map_check(c->block, report);
	spam_settings_map_check(c->recipients, report);
	spam_settings_map_check(c->accounts, report);
	gp_directory_query_check(&c->ldap_recipients, snap, &spam_table, "ldap.recipients", report);
	gp_directory_query_check(&c->ldap_domains, snap, &spam_table, "ldap.domains", report);
	gp_directory_query_check(&c->ldap_accounts, snap, &spam_table, "ldap.accounts", report);
}

const struct gp_conf_table spam_table = {
	.group = "milter-spam",
	.title = "The spam filter, milter-spam(8)",
	.rows = rows,
	.n_rows = GP_ARRAY_SIZE(rows),
	.size = sizeof(struct spam_conf),
	.validate = validate,
};

const struct spam_conf *spam_conf_with_rules(struct gp_snapshot *snap, const struct gp_rule_set *set)
{
	const struct spam_conf *conf = gp_snapshot_get(snap, &spam_table);
	struct spam_conf *own;
	const char *file;
	unsigned line;
	double required;

	if (!conf->headers_from_rules || !gp_markup_required(set, &required) ||
	    gp_snapshot_origin(snap, &spam_table, "thresholds.add_header", &file, &line))
		return conf;
	own = gp_arena_dup(gp_snapshot_arena(snap), conf, sizeof(*conf));
	own->thresholds.add_header = required;
	/* What would be refused or deferred is still at least spam. */
	if (own->thresholds.greylist > required)
		own->thresholds.greylist = required;
	return own;
}

static double never_if_zero(double v)
{
	return v > 0 ? v : (double)INFINITY;
}

struct gp_thresholds spam_thresholds(const struct gp_thresholds *written)
{
	return (struct gp_thresholds){
		.greylist = never_if_zero(written->greylist),
		.add_header = never_if_zero(written->add_header),
		.quarantine = never_if_zero(written->quarantine),
		.reject = never_if_zero(written->reject),
		.discard = never_if_zero(written->discard),
	};
}
