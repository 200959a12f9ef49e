/*
 * The settings of limits in the group of policyd-ratelimit: a struct to embed and the rows for it.
 */
#ifndef POLICYD_LIMIT_OPTIONS_H
#define POLICYD_LIMIT_OPTIONS_H

#include "lib/daemon/directory.h"
#include "lib/daemon/reply.h"
#include "policyd-ratelimit/limit_rule.h"

struct limits_conf {
	struct gp_conf_groups rules;
	struct gp_netset exempt_networks;
	struct gp_conf_list exempt_accounts, exempt_senders, exempt_recipients;
	int on_error; /* enum gp_on_error: accept or tempfail */
	const char *outage_file; /* limit_kept.h */
	struct gp_directory_query_conf overrides, groups;
};

#define LIMITS_ROWS(type, m)                                                                       \
	{"limits", GP_CONF_GROUPS, offsetof(type, m.rules), "", .item = &limit_table,              \
	 .help = "Limits by name. Without this setting there is one, \"account\": 300 "            \
		 "recipients per 1h and 1500 per 1d for each authenticated account; "              \
		 "{ } is none."},                                                                  \
	{"exempt_networks", GP_CONF_NETWORKS, offsetof(type, m.exempt_networks), "",               \
	 .help = "Clients that no limit is for, beside networks.exempt."},                         \
	{"exempt_accounts", GP_CONF_LIST, offsetof(type, m.exempt_accounts), "",                   \
	 .help = "Accounts that no limit is for; * and ? are wildcards, @example.org a domain."},  \
	{"exempt_senders", GP_CONF_LIST, offsetof(type, m.exempt_senders), "",                     \
	 .help = "Envelope senders that no limit is for, in the same form; whoever is not "        \
		 "authenticated may forge them."},                                                 \
	{"exempt_recipients", GP_CONF_LIST, offsetof(type, m.exempt_recipients), "",               \
	 .help = "Recipients that count in no limit, in the same form; they are known at RCPT, "   \
		 "and later if there is one alone."},                                              \
	{"on_error", GP_CONF_ENUM, offsetof(type, m.on_error), "accept",                           \
	 .values = gp_on_error_names_nomark,                                                       \
	 .help = "What becomes of mail from outside while the store does not answer; mail of "     \
		 "accounts and own networks is counted in memory meanwhile."},                     \
	{"outage_file", GP_CONF_PATH, offsetof(type, m.outage_file),                               \
	 GP_STATEDIR "/ratelimit/outage", .flags = GP_CONF_RESTART,                                \
	 .help = "What is counted in memory meanwhile is kept here too, for the next start; "      \
		 "empty: nowhere."},                                                               \
	GP_DIRECTORY_ROWS(type, m.overrides, "ldap.limits", "overrides of limits of accounts",     \
			  "(mail=%s)", "gatepostLimit"),                                           \
	GP_DIRECTORY_ROWS(type, m.groups, "ldap.groups", "groups of accounts, for ldap_group",     \
			  "(memberUid=%u)", "cn")

struct ratelimit_conf;
/* Rules that span settings, and what is wrong with limits and their maps. */
void limits_validate(const struct ratelimit_conf *conf, const struct gp_snapshot *snap,
		     struct gp_conf_report *report);
/* Those that are configured, or the one that is there otherwise. */
const struct gp_conf_groups *limits_groups(const struct ratelimit_conf *conf,
					   const struct gp_snapshot *snap);

#endif
