/*
 * The settings of sender checks, "sender.…" in the group of policyd-ratelimit: a struct to embed
 * and the rows for it.
 */
#ifndef POLICYD_SENDER_OPTIONS_H
#define POLICYD_SENDER_OPTIONS_H

#include "lib/conf/mapfile.h"
#include "lib/daemon/directory.h"
#include "lib/daemon/reply.h"

struct sender_conf {
	bool check;
	struct gp_mapfile *map;			/* lib/auth/senders.h */
	struct gp_directory_query_conf directory; /* the same words, as values */
	bool own_address, own_domains;
	bool null_sender;
	int action; /* enum answer_action */
	const char *text;
	int on_error; /* enum gp_on_error: accept or tempfail */
};

/* The actions that make sense of a wrong sender. */
extern const struct gp_conf_enum sender_action_names[];

#define SENDER_ROWS(type, m)                                                                       \
	{"sender.check", GP_CONF_BOOL, offsetof(type, m.check), "false",                           \
	 .help = "Whether accounts, and networks in sender.map, may use only the envelope senders " \
		 "that they are allowed."},                                                        \
	{"sender.map", GP_CONF_MAP, offsetof(type, m.map), "",                                     \
	 .help = "Map of accounts and networks to the domains and addresses (globs) that they "    \
		 "may use, in the form of milter-dkim's sign.senders. An account that it has is "  \
		 "judged by it; for others the directory is asked."},                              \
	GP_DIRECTORY_ROWS(type, m.directory, "sender.ldap", "senders that accounts may use",       \
			  "(mail=%s)", "mail"),                                                    \
	{"sender.own_address", GP_CONF_BOOL, offsetof(type, m.own_address), "true",                \
	 .help = "An account that is an address may use that, also with a +extension, whatever "   \
		 "the map and the directory say."},                                                \
	{"sender.own_domains", GP_CONF_BOOL, offsetof(type, m.own_domains), "false",               \
	 .help = "An account may use its local part, also with a +extension, at each of "          \
		 "domains.own: for accounts that are no addresses."},                              \
	{"sender.null_sender", GP_CONF_BOOL, offsetof(type, m.null_sender), "true",                \
	 .help = "Accounts may use the empty sender: receipts and automatic replies have it."},    \
	{"sender.action", GP_CONF_ENUM, offsetof(type, m.action), "reject",                        \
	 .values = sender_action_names,                                                            \
	 .help = "What is done with a sender that is not allowed; warn lets it through, and is "   \
		 "for trying the settings."},                                                      \
	{"sender.text", GP_CONF_STRING, offsetof(type, m.text),                                    \
	 "This account may not send as that address",                                              \
	 .help = "What the client is told; {account} is the account, {key} the sender."},          \
	{"sender.on_error", GP_CONF_ENUM, offsetof(type, m.on_error), "tempfail",                  \
	 .values = gp_on_error_names_nomark,                                                       \
	 .help = "What is done while the directory, which would have to be asked, does not "       \
		 "answer: tempfail loses no mail and opens no gate; accept lets it through."}

struct ratelimit_conf;
/* Rules that span settings, and what is wrong with the map. */
void sender_validate(const struct ratelimit_conf *conf, const struct gp_snapshot *snap,
		     struct gp_conf_report *report);

#endif
