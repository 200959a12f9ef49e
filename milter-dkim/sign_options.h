/*
 * The settings of signing, "sign.…" in the group of milter-dkim: a struct to embed, the rows for
 * it, and what derives from them.
 */
#ifndef GP_DKIM_SIGN_OPTIONS_H
#define GP_DKIM_SIGN_OPTIONS_H

#include "lib/auth/dkim.h"
#include "lib/conf/mapfile.h"
#include "lib/conf/schema.h"
#include "lib/daemon/directory.h"

/* Which address of a message says whose domain signs. */
enum dkim_domain_from { DKIM_FROM_AUTHOR, DKIM_FROM_SENDER, DKIM_FROM_ENVELOPE };

/* An account that uses a domain which sign.senders does not give it. */
enum dkim_not_allowed { DKIM_NOT_ALLOWED_UNSIGNED, DKIM_NOT_ALLOWED_REJECT };

struct dkim_sign_conf {
	struct gp_mapfile *keys; /* the key table */
	const char *key_directory;
	int64_t rsa_bits_min;
	bool authenticated, own_networks, bounces;
	bool subdomains;	    /* by the parent's key */
	bool resign;		    /* also what is signed by that domain already */
	bool remove_old;	    /* signatures that came with the message go */
	int domain_from;	    /* enum dkim_domain_from */
	struct gp_mapfile *senders; /* accounts and networks: what they may use */
	/* The same two of the directory, for those that the maps do not have. */
	struct gp_directory_query_conf ldap_keys, ldap_senders;
	int not_allowed;	    /* enum dkim_not_allowed */
	const char *not_allowed_text;
	int canonicalization; /* enum dkim_canonicalization */
	struct gp_conf_list headers, oversign;
	int64_t ttl_ms;
	bool length;
	int on_error;  /* enum gp_on_error: accept or tempfail */
	bool generate; /* keys for the domains in domains.own that have none */
	struct gp_conf_list generate_types;
	int64_t generate_bits, generate_interval_ms;
};

/* Header's and body's, as gp_canon's values: header * 2 + body. */
enum dkim_canonicalization {
	DKIM_SIMPLE_SIMPLE,
	DKIM_SIMPLE_RELAXED,
	DKIM_RELAXED_SIMPLE,
	DKIM_RELAXED_RELAXED,
};

extern const struct gp_conf_enum dkim_domain_from_names[], dkim_not_allowed_names[],
	dkim_canonicalization_names[];
/* Checks of rows: names of header fields; types of keys. */
gp_conf_check dkim_check_field_names, dkim_check_key_types;

/* RFC 6376, 5.4.1, and the fields that came later and mean something to the reader: the list
 * unsubscribe of RFC 8058 has to be signed.  No trace fields, no Return-Path (5.4.2). */
#define DKIM_SIGN_HEADERS                                                                          \
	"From, Sender, Reply-To, Subject, Date, Message-ID, To, Cc, MIME-Version, Content-Type, "  \
	"Content-Transfer-Encoding, Content-ID, Content-Description, Resent-Date, Resent-From, "   \
	"Resent-Sender, Resent-To, Resent-Cc, Resent-Message-ID, In-Reply-To, References, "        \
	"List-Id, List-Help, List-Unsubscribe, List-Unsubscribe-Post, List-Subscribe, List-Post, " \
	"List-Owner, List-Archive, Feedback-ID, Autocrypt"
/* What somebody who replays a message would add to change what its reader sees. */
#define DKIM_OVERSIGN_HEADERS \
	"From, Subject, Date, To, Cc, Reply-To, Message-ID, MIME-Version, Content-Type"

#define DKIM_SIGN_ROWS(type, m)                                                                    \
	{"sign.keys", GP_CONF_MAP, offsetof(type, m.keys), "",                                     \
	 .help = "The key table: who signs with which keys, \"example.org s2026=/path\"."},        \
	{"sign.key_directory", GP_CONF_PATH, offsetof(type, m.key_directory),                      \
	 GP_STATEDIR "/dkim-keys",                                                                 \
	 .help = "Keys that the suite makes and rotates, DOMAIN/SELECTOR.key; asked where the "    \
		 "table has nothing."},                                                            \
	{"sign.rsa_bits_min", GP_CONF_INT, offsetof(type, m.rsa_bits_min), "1024", .min = 1024,    \
	 .max = 8192, .unit = "bits",                                                              \
	 .help = "A shorter RSA key is an error; one below 2048 gets a warning."},                 \
	{"sign.authenticated", GP_CONF_BOOL, offsetof(type, m.authenticated), "true",              \
	 .help = "Sign mail of authenticated users."},                                             \
	{"sign.own_networks", GP_CONF_BOOL, offsetof(type, m.own_networks), "true",                \
	 .help = "Sign mail from networks.own, and what the MTA itself hands in."},                \
	{"sign.bounces", GP_CONF_BOOL, offsetof(type, m.bounces), "true",                          \
	 .help = "Sign mail of ours that has no envelope sender."},                                \
	{"sign.domain_from", GP_CONF_ENUM, offsetof(type, m.domain_from), "from",                  \
	 .values = dkim_domain_from_names,                                                         \
	 .help = "Which address chooses the keys: that of From, of Sender where there is one, or " \
		 "the envelope's."},                                                               \
	{"sign.subdomains", GP_CONF_BOOL, offsetof(type, m.subdomains), "true",                    \
	 .help = "Sign for a domain without keys by those of its nearest parent."},                \
	{"sign.resign", GP_CONF_BOOL, offsetof(type, m.resign), "true",                            \
	 .help = "Sign also a message that carries a signature of the same domain."},              \
	{"sign.remove_old", GP_CONF_BOOL, offsetof(type, m.remove_old), "false",                   \
	 .help = "Remove the signatures that a message of ours came with when we sign it."},       \
	{"sign.senders", GP_CONF_MAP, offsetof(type, m.senders), "",                               \
	 .help = "Map of accounts and networks to the domains and addresses (globs) that they "    \
		 "may use; without it and sign.ldap.senders everybody may use every domain that "  \
		 "has keys."},                                                                     \
	GP_DIRECTORY_ROWS(type, m.ldap_keys, "sign.ldap.keys",                                     \
			  "the signing domains of authors that sign.keys does not have (the key "  \
			  "is the author's address)",                                              \
			  "(associatedDomain=%d)",                                                 \
			  "gatepostSigningDomain: d=%s, gatepostSigningSelector: s=%s"),           \
	GP_DIRECTORY_ROWS(type, m.ldap_senders, "sign.ldap.senders",                               \
			  "the domains and addresses of accounts that sign.senders does not have", \
			  "(|(uid=%s)(mail=%s))", "gatepostSender, mail"),                         \
	{"sign.not_allowed", GP_CONF_ENUM, offsetof(type, m.not_allowed), "unsigned",              \
	 .values = dkim_not_allowed_names,                                                         \
	 .help = "What happens to mail for whose domain there are keys that its account may not "  \
		 "use: it goes out unsigned, or is refused."},                                     \
	{"sign.not_allowed_text", GP_CONF_STRING, offsetof(type, m.not_allowed_text),              \
	 "This account may not send as the author of the message",                                 \
	 .help = "Text of the refusal."},                                                          \
	{"sign.canonicalization", GP_CONF_ENUM, offsetof(type, m.canonicalization),                \
	 "relaxed/relaxed", .values = dkim_canonicalization_names,                                 \
	 .help = "How header and body are made comparable."},                                      \
	{"sign.headers", GP_CONF_LIST, offsetof(type, m.headers), DKIM_SIGN_HEADERS,               \
	 .check = dkim_check_field_names,                                                          \
	 .help = "Header fields that are signed where they are present; From always is."},         \
	{"sign.oversign", GP_CONF_LIST, offsetof(type, m.oversign), DKIM_OVERSIGN_HEADERS,         \
	 .check = dkim_check_field_names,                                                          \
	 .help = "Header fields that are signed in such a way that nobody can add one."},          \
	{"sign.ttl", GP_CONF_DURATION, offsetof(type, m.ttl_ms), "0", .min = 0,                    \
	 .max = 31536000000,                                                                       \
	 .help = "How long a signature is valid (x=); 0 sets no end."},                            \
	{"sign.length", GP_CONF_BOOL, offsetof(type, m.length), "false",                           \
	 .help = "Say the signed length (l=): text can then be appended by anybody; do not."},     \
	{"sign.on_error", GP_CONF_ENUM, offsetof(type, m.on_error), "tempfail",                    \
	 .values = gp_on_error_names_nomark,                                                       \
	 .help = "What happens to mail that could not be signed though it should be, or of which " \
		 "the directory does not say whether and how."},                                   \
	{"sign.generate", GP_CONF_BOOL, offsetof(type, m.generate), "false",                       \
	 .flags = GP_CONF_RESTART,                                                                 \
	 .help = "Make keys, in sign.key_directory, for each of domains.own that has none, and "   \
		 "sign with them as soon as the DNS has their records."},                          \
	{"sign.generate_types", GP_CONF_LIST, offsetof(type, m.generate_types), "rsa",             \
	 .check = dkim_check_key_types, .help = "Types of keys that are made: rsa, ed25519."},     \
	{"sign.generate_bits", GP_CONF_INT, offsetof(type, m.generate_bits), "2048", .min = 1024,  \
	 .max = 4096, .unit = "bits", .help = "Length of RSA keys that are made."},                \
	{"sign.generate_interval", GP_CONF_DURATION, offsetof(type, m.generate_interval_ms), "1m", \
	 .min = 100, .max = 86400000, .flags = GP_CONF_RESTART,                                    \
	 .help = "How often the DNS is asked for the records of keys that were made."}

/* What signatures are like, from the settings; in the arena. */
const struct gp_sign_options *dkim_sign_options(const struct dkim_sign_conf *conf,
						struct gp_arena *arena);

struct dkim_conf;
/* Rules that span the settings above, and what is wrong with the sender map. */
void dkim_sign_validate(const struct dkim_conf *c, const struct gp_snapshot *snap,
			struct gp_conf_report *report);

#endif
