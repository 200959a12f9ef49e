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

struct gp_conf_rules {
	struct gp_conf_list paths; /* files and directories, read in this order */
	const char *cache;	   /* directory of compiled databases */
	bool network;		   /* rules that ask the network */
};

struct gp_conf_bayes {
	bool enabled;
	int64_t min_spam, min_ham; /* learned messages before it has a say */
};

extern const struct gp_conf_table gp_conf_top_table;
extern const struct gp_conf_table gp_conf_log_table;
extern const struct gp_conf_table gp_conf_dns_table;
extern const struct gp_conf_table gp_conf_networks_table;
extern const struct gp_conf_table gp_conf_domains_table;
extern const struct gp_conf_table gp_conf_metrics_table;
extern const struct gp_conf_table gp_conf_rules_table;
extern const struct gp_conf_table gp_conf_bayes_table;

/* For a program's list of tables: every program knows every shared group. */
#define GP_CONF_SHARED_TABLES                                                                      \
	&gp_conf_top_table, &gp_conf_log_table, &gp_conf_dns_table, &gp_conf_networks_table,       \
		&gp_conf_domains_table, &gp_conf_metrics_table, &gp_conf_rules_table,              \
		&gp_conf_bayes_table

/* Names of all programs' groups, NULL at the end: a program skips those that are
 * not its own without calling them unknown. */
extern const char *const gp_conf_program_groups[];

#endif
