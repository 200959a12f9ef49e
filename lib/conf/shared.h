/*
 * The groups of gatepost.conf that all programs share.
 */
#ifndef GP_CONF_SHARED_H
#define GP_CONF_SHARED_H

#include "lib/conf/schema.h"

/* Top level. */
struct gp_conf_top {
	const char *store;	    /* "lmdb:DIR", "redis://…", "rediss://…", "redis+unix:///path" */
	const char *store_username; /* Redis ACL; "": the URL's */
	const char *store_password_file;
	const char *store_ca_file; /* rediss: certificates to trust; "": the system's */
	int64_t store_timeout_ms;  /* one call at the most */
	int64_t store_cache_size;  /* token counts kept in the process; 0: none */
	int64_t store_map_size_max; /* LMDB: what an environment may grow to */
};

enum gp_conf_log_target { GP_CONF_LOG_STDERR, GP_CONF_LOG_SYSLOG, GP_CONF_LOG_FILE };

struct gp_conf_log {
	int level;  /* enum gp_log_level */
	int format; /* enum gp_log_format */
	int target; /* enum gp_conf_log_target */
	const char *file;
	int facility; /* syslog(3)'s LOG_MAIL … */
};

struct gp_conf_dns {
	struct gp_conf_list servers; /* empty: those of /etc/resolv.conf */
	bool recursion;		     /* ask the root servers down instead of forwarders */
	bool dnssec;
	const char *trust_anchor; /* file, for dnssec */
	int64_t timeout_ms;	  /* one question */
	int64_t cache_size;
};

struct gp_conf_networks {
	struct gp_netset own;	  /* mail from there is ours: treated as outbound */
	struct gp_netset trusted; /* relays whose Received lines are believed (MX, fetchmail) */
	struct gp_netset exempt;  /* never scanned */
};

struct gp_conf_domains {
	struct gp_conf_list own; /* domains that we receive mail for */
	const char *authserv_id; /* "" : the host's name */
	const char *seal_key;	 /* key file of the seal beside our results (lib/auth/seal.h); "" : none */
};

struct gp_conf_metrics {
	const char *listen; /* "": off; "%p" stands for the program's name */
	unsigned mode;	    /* of a unix socket */
};

enum gp_conf_engine { GP_CONF_ENGINE_AUTO, GP_CONF_ENGINE_VECTORSCAN, GP_CONF_ENGINE_PCRE2 };

struct gp_conf_rules {
	struct gp_conf_list paths; /* files and directories, read in this order */
	int engine;		   /* enum gp_conf_engine */
	const char *cache;	   /* directory of compiled databases */
	const char *cache_owner;   /* who else may have written them */
	bool network;		   /* rules that ask the network */
	const char *language;	   /* whose "lang" lines hold: "de", "pt_BR" */
};

/* Whose words count for whom: one memory for all, one per domain, one per user, or
 * everybody's and the user's own together (lib/score/bayes_scope.h). */
enum gp_conf_bayes_scope {
	GP_CONF_BAYES_GLOBAL,
	GP_CONF_BAYES_DOMAIN,
	GP_CONF_BAYES_USER,
	GP_CONF_BAYES_GLOBAL_USER,
};

/* What users log in as. */
enum gp_conf_login { GP_CONF_LOGIN_ADDRESS, GP_CONF_LOGIN_LOCAL };

struct gp_conf_bayes {
	bool enabled;
	int scope;		   /* enum gp_conf_bayes_scope */
	int login;		   /* enum gp_conf_login */
	const char *recipient_delimiter; /* characters; "": addresses have no extension */
	int64_t min_spam, min_ham; /* learned messages before it has a say */
	/* What is forgotten, by the controller. */
	int64_t expire_interval_ms; /* 0: only for want of room */
	int64_t expire_age_ms, expire_count_max;
	int64_t expire_seen_age_ms; /* 0: never */
	int64_t expire_tokens_max;  /* of a scope; 0: any number */
};

/* What is kept of verdicts (lib/store/history.h). */
struct gp_conf_history {
	int64_t size;  /* messages of each program; 0: none */
	bool evidence; /* what rules matched, what the DNS answered */
	bool words;    /* the subject, and Bayes' strongest tokens in clear */
};

/* What a peer of the learn socket may teach who is none of trusted_uids. */
enum gp_conf_untrusted {
	GP_CONF_UNTRUSTED_OWN,	  /* the scope of the user that it is */
	GP_CONF_UNTRUSTED_SHARED, /* the scopes of bayes.scope, as that user */
	GP_CONF_UNTRUSTED_DENY,
};

/* How the controller learns. */
struct gp_conf_learn {
	const char *directory;		  /* queue and log */
	struct gp_conf_list trusted_uids; /* names or numbers: may teach for anybody */
	int untrusted;			  /* enum gp_conf_untrusted */
	int64_t rate;			  /* messages of a user an hour; 0: any number */
	int64_t size_max;		  /* of a message */
	int64_t words_min;		  /* different words that a message must have */
	bool scanned_only;		  /* only mail with a verdict header of ours */
	double balance_max;		  /* one class at most this many times the other; 0: any */
	int64_t balance_from;		  /* … once it has so many messages */
	int64_t queue_size, log_size;	  /* bytes on disk */
};

/* The directory that queries of the programs' groups ask (lib/daemon/directory.h). */
enum gp_conf_ldap_tls { GP_CONF_LDAP_TLS_1_2, GP_CONF_LDAP_TLS_1_3 };
enum gp_conf_ldap_bind { GP_CONF_LDAP_ANONYMOUS, GP_CONF_LDAP_SIMPLE, GP_CONF_LDAP_EXTERNAL };

struct gp_conf_ldap {
	struct gp_conf_list servers; /* URIs, tried in this order; empty: no directory */
	bool start_tls;
	int tls_min; /* enum gp_conf_ldap_tls */
	const char *ca_file, *certificate, *key_file;
	int bind; /* enum gp_conf_ldap_bind */
	const char *bind_dn, *password_file;
	int64_t timeout_ms; /* connecting, one question; and what a message waits at the most */
	int64_t rest_ms;    /* after failures in a row */
	int64_t cache_entries;
	int64_t ttl_ms, negative_ttl_ms;
};

extern const struct gp_conf_table gp_conf_top_table;
extern const struct gp_conf_table gp_conf_log_table;
extern const struct gp_conf_table gp_conf_dns_table;
extern const struct gp_conf_table gp_conf_networks_table;
extern const struct gp_conf_table gp_conf_domains_table;
extern const struct gp_conf_table gp_conf_metrics_table;
extern const struct gp_conf_table gp_conf_rules_table;
extern const struct gp_conf_table gp_conf_bayes_table;
extern const struct gp_conf_table gp_conf_history_table;
extern const struct gp_conf_table gp_conf_learn_table;
extern const struct gp_conf_table gp_conf_ldap_table;

/* For a program's list of tables: every program knows every shared group. */
#define GP_CONF_SHARED_TABLES                                                                      \
	&gp_conf_top_table, &gp_conf_log_table, &gp_conf_dns_table, &gp_conf_networks_table,       \
		&gp_conf_domains_table, &gp_conf_metrics_table, &gp_conf_rules_table,              \
		&gp_conf_bayes_table, &gp_conf_history_table, &gp_conf_learn_table,                \
		&gp_conf_ldap_table

/* Names of all programs' groups, NULL at the end: a program skips those that are
 * not its own without calling them unknown. */
extern const char *const gp_conf_program_groups[];

#endif
