/*
 * The settings of greylisting, "greylist.…" in the group of policyd-ratelimit: a struct to embed
 * and the rows for it.  Those that milter-spam has too are in lib/auth/greylist.h.
 */
#ifndef POLICYD_GREYLIST_OPTIONS_H
#define POLICYD_GREYLIST_OPTIONS_H

#include "lib/auth/greylist.h"
#include "lib/conf/mapfile.h"

struct greylist_conf {
	struct gp_greylist_conf rule;
	struct gp_netset exempt;
	struct gp_mapfile *welcome, *recipients;
	const char *text;
	bool header;
	bool spf;
	int64_t threads;
};

#define GREYLIST_ROWS(type, m)                                                                     \
	GP_GREYLIST_ROWS(type, m.rule, "false", GP_CONF_RESTART,                                   \
			 "Defer the first message of a sender to a recipient until it is tried "  \
			 "again, unless it comes from an account, networks.own or networks.exempt."), \
	{"greylist.exempt", GP_CONF_NETWORKS, offsetof(type, m.exempt), "",                        \
	 .help = "Networks that are never greylisted."},                                           \
	{"greylist.welcome", GP_CONF_MAP, offsetof(type, m.welcome), "",                           \
	 .help = "Map of senders (envelope address, domain, network) that are never greylisted."}, \
	{"greylist.recipients", GP_CONF_MAP, offsetof(type, m.recipients), "",                     \
	 .help = "Map of recipients (address, domain) whose mail never is."},                      \
	{"greylist.text", GP_CONF_STRING, offsetof(type, m.text),                                  \
	 "4.2.0 Greylisted, please come back in {retry}",                                          \
	 .help = "What the client is told; {retry} is how long it shall wait."},                   \
	{"greylist.header", GP_CONF_BOOL, offsetof(type, m.header), "true",                        \
	 .help = "Add \"X-Greylist\" to a message that was deferred before: by how long."},        \
	{"greylist.spf", GP_CONF_BOOL, offsetof(type, m.spf), "true", .flags = GP_CONF_RESTART,    \
	 .help = "Ask the DNS for SPF, so that a sender is known by its domain when it comes back " \
		 "from another address."},                                                         \
	{"greylist.threads", GP_CONF_INT, offsetof(type, m.threads), "8", .min = 1, .max = 256,    \
	 .unit = "threads", .flags = GP_CONF_RESTART,                                              \
	 .help = "How many senders are looked up at the same time; when too many wait, the next "  \
		 "ones are known by their network."}

struct ratelimit_conf;
void greylist_validate(const struct ratelimit_conf *conf, const struct gp_snapshot *snap,
		       struct gp_conf_report *report);

#endif
