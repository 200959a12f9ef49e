/*
 * Greylisting: who tries, what a try is, and the settings.
 *
 * Large senders retry from another address each time.  So who tries is a domain, where one
 * answers for the client: that of the envelope sender if SPF passes, or the one that signed (DKIM)
 * and is the sender's or a parent of it.  Only else it is the client's network.
 *
 * Of a sender whose domain is proven the local part does not matter: mailing lists and VERP have
 * another for each message.  Else it does, without its +extension and with its digits as one.
 */
#ifndef GP_AUTH_GREYLIST_H
#define GP_AUTH_GREYLIST_H

#include "lib/auth/result.h"
#include "lib/base/buf.h"
#include "lib/conf/schema.h"
#include "lib/store/store.h"

struct gp_greylist_conf {
	bool enabled;
	int64_t delay_ms, retry_ms, passed_ms;
	int64_t bits4, bits6;
	int64_t allow_after, allow_ms;
};

#define GP_GREYLIST_ROWS(type, m, enabled_, flags_, help_)                                         \
	{"greylist.enabled", GP_CONF_BOOL, offsetof(type, m.enabled), enabled_, .flags = flags_,   \
	 .help = help_},                                                                           \
	{"greylist.delay", GP_CONF_DURATION, offsetof(type, m.delay_ms), "5m", .min = 1000,        \
	 .max = 86400000, .help = "A retry that comes earlier is deferred again."},                \
	{"greylist.retry", GP_CONF_DURATION, offsetof(type, m.retry_ms), "1d", .min = 60000,       \
	 .max = 2592000000, .help = "How long a first try is remembered."},                        \
	{"greylist.passed", GP_CONF_DURATION, offsetof(type, m.passed_ms), "5w", .min = 60000,     \
	 .max = 31536000000, .help = "How long who came back is let through."},                    \
	{"greylist.ipv4_bits", GP_CONF_INT, offsetof(type, m.bits4), "24", .min = 8, .max = 32,    \
	 .unit = "bits",                                                                           \
	 .help = "Clients of one IPv4 network of this prefix length count as one, where no "       \
		 "domain answers for them."},                                                      \
	{"greylist.ipv6_bits", GP_CONF_INT, offsetof(type, m.bits6), "64", .min = 16, .max = 128,  \
	 .unit = "bits",                                                                           \
	 .help = "The same of one IPv6 network."},                                                 \
	{"greylist.allow_after", GP_CONF_INT, offsetof(type, m.allow_after), "5", .min = 0,        \
	 .max = 1000000, .unit = "messages",                                                       \
	 .help = "A domain or network that came back with so many different messages (sender and " \
		 "recipient) is let through without delay; 0 is never."},                          \
	{"greylist.allow_for", GP_CONF_DURATION, offsetof(type, m.allow_ms), "5w", .min = 60000,   \
	 .max = 31536000000, .help = "… as long as its next message comes within this time."}

/* Complains about what is wrong with the settings above in their table. */
void gp_greylist_check(const struct gp_greylist_conf *conf, const struct gp_snapshot *snap,
		       const struct gp_conf_table *table, struct gp_conf_report *report);

struct gp_greylist_rule gp_greylist_rule(const struct gp_greylist_conf *conf);

/* The domain that answers for the client, by results for this message; empty: none. */
struct gp_str gp_greylist_domain(const struct gp_auth_result *result, struct gp_str mailfrom);
/* Appends who tries: "@example.org", or "192.0.2.0/24" if the domain is empty. */
void gp_greylist_who(const struct gp_greylist_conf *conf, const struct gp_ip *client,
		     struct gp_str domain, struct gp_buf *out);
/* Appends the key of a try of his. */
void gp_greylist_key(struct gp_str domain, struct gp_str mailfrom, struct gp_str recipient,
		     struct gp_buf *out);

#endif
