/*
 * The groups of gatepost.conf that all programs share.
 */
#include "lib/conf/shared.h"

#include <syslog.h>

#include "config.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"

#define GIB (1024.0 * 1024 * 1024)
#define DAY 86400000.0 /* ms */

const char *const gp_conf_program_groups[] = {
	"milter-spam", "milter-virus", "milter-dkim", "policyd-ratelimit",
	"dovecot-sieve-learn", "controller", NULL,
};

static int check_store(const void *field, struct gp_diag *diag)
{
	static const char *const schemes[] = {"lmdb:/", "redis://", "rediss://", "redis+unix:///"};
	struct gp_str url = gp_str(*(const char *const *)field);

	for (size_t i = 0; i < GP_ARRAY_SIZE(schemes); i++)
		if (gp_str_starts(url, gp_str(schemes[i])) && url.len > strlen(schemes[i]))
			return GP_OK;
	gp_diag_set(diag,
		    "\"%.*s\" is none of \"lmdb:/DIRECTORY\", \"redis://HOST\", \"rediss://HOST\", "
		    "\"redis+unix:///PATH\"",
		    GP_STR_FMT(url));
	return GP_EINVAL;
}

static const struct gp_conf_row top_rows[] = {
	{"store", GP_CONF_STRING, offsetof(struct gp_conf_top, store), "lmdb:" GP_STATEDIR "/store",
	 .flags = GP_CONF_RESTART, .check = check_store,
	 .help = "Where learned and counted things live: \"lmdb:DIRECTORY\", \"redis://HOST:PORT/DB\", "
		 "\"rediss://\" with TLS or \"redis+unix:///PATH\"."},
	{"store_username", GP_CONF_STRING, offsetof(struct gp_conf_top, store_username), "",
	 .flags = GP_CONF_RESTART, .help = "User name for Redis; empty takes the URL's."},
	{"store_password_file", GP_CONF_PASSWORD_FILE,
	 offsetof(struct gp_conf_top, store_password_file), "", .flags = GP_CONF_RESTART,
	 .help = "File with the password for Redis; a relative name is a systemd credential."},
	{"store_ca_file", GP_CONF_PATH, offsetof(struct gp_conf_top, store_ca_file), "",
	 .flags = GP_CONF_RESTART,
	 .help = "Certificates trusted for \"rediss://\"; empty trusts the system's."},
	{"store_timeout", GP_CONF_DURATION, offsetof(struct gp_conf_top, store_timeout_ms), "5s",
	 .min = 10, .max = 60000, .flags = GP_CONF_RESTART,
	 .help = "How long one call to the store may take."},
	{"store_cache", GP_CONF_SIZE, offsetof(struct gp_conf_top, store_cache_size), "64M",
	 .min = 0, .max = 64 * GIB, .flags = GP_CONF_RESTART,
	 .help = "Memory for token counts kept in the process; 0 keeps none."},
	{"store_map_max", GP_CONF_SIZE, offsetof(struct gp_conf_top, store_map_size_max), "64G",
	 .min = 1048576, .max = 16384 * GIB, .flags = GP_CONF_RESTART,
	 .help = "Size an LMDB environment may grow to (address space, not memory)."},
};

const struct gp_conf_table gp_conf_top_table = {
	.title = "What all programs share: the store.",
	.rows = top_rows, .n_rows = GP_ARRAY_SIZE(top_rows), .size = sizeof(struct gp_conf_top),
};

static const struct gp_conf_enum levels[] = {
	{"error", GP_LOG_ERROR}, {"warning", GP_LOG_WARNING}, {"info", GP_LOG_INFO},
	{"debug", GP_LOG_DEBUG}, {NULL, 0},
};
static const struct gp_conf_enum formats[] = {
	{"text", GP_LOG_TEXT}, {"json", GP_LOG_JSON}, {NULL, 0},
};
static const struct gp_conf_enum targets[] = {
	{"stderr", GP_CONF_LOG_STDERR}, {"syslog", GP_CONF_LOG_SYSLOG}, {"file", GP_CONF_LOG_FILE},
	{NULL, 0},
};
static const struct gp_conf_enum facilities[] = {
	{"mail", LOG_MAIL},	{"daemon", LOG_DAEMON}, {"user", LOG_USER},
	{"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},
	{"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},
	{"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7}, {NULL, 0},
};

static const struct gp_conf_row log_rows[] = {
	{"level", GP_CONF_ENUM, offsetof(struct gp_conf_log, level), "info", .values = levels,
	 .help = "The least important lines that are written."},
	{"format", GP_CONF_ENUM, offsetof(struct gp_conf_log, format), "text", .values = formats,
	 .help = "Lines as key=value text, or as one JSON object each."},
	{"target", GP_CONF_ENUM, offsetof(struct gp_conf_log, target), "stderr", .values = targets,
	 .help = "Where lines go; systemd keeps standard error in its journal."},
	{"file", GP_CONF_PATH, offsetof(struct gp_conf_log, file), "",
	 .help = "The log file for target \"file\"; SIGUSR1 reopens it."},
	{"facility", GP_CONF_ENUM, offsetof(struct gp_conf_log, facility), "mail",
	 .values = facilities, .help = "Facility for target \"syslog\"."},
};

static void validate_log(const void *values, const struct gp_snapshot *snap,
			 struct gp_conf_report *report)
{
	const struct gp_conf_log *log = values;

	if (log->target == GP_CONF_LOG_FILE && !*log->file)
		gp_conf_complain(snap, &gp_conf_log_table, "target", report,
				 "\"file\" needs log.file");
}

const struct gp_conf_table gp_conf_log_table = {
	.group = "log", .title = "Log lines.",
	.rows = log_rows, .n_rows = GP_ARRAY_SIZE(log_rows), .size = sizeof(struct gp_conf_log),
	.validate = validate_log,
};

static const struct gp_conf_row dns_rows[] = {
	{"servers", GP_CONF_LIST, offsetof(struct gp_conf_dns, servers), "",
	 .flags = GP_CONF_RESTART,
	 .help = "Resolvers to ask, \"ADDRESS\" or \"ADDRESS@PORT\"; empty asks those of "
		 "/etc/resolv.conf."},
	{"recursion", GP_CONF_BOOL, offsetof(struct gp_conf_dns, recursion), "false",
	 .flags = GP_CONF_RESTART,
	 .help = "Resolve from the root servers down instead of asking resolvers (block lists "
		 "refuse public resolvers)."},
	{"dnssec", GP_CONF_BOOL, offsetof(struct gp_conf_dns, dnssec), "false",
	 .flags = GP_CONF_RESTART, .help = "Validate answers by DNSSEC; needs a trust anchor."},
	{"trust_anchor", GP_CONF_PATH, offsetof(struct gp_conf_dns, trust_anchor), "",
	 .flags = GP_CONF_RESTART, .help = "File with the root's DNSSEC trust anchor."},
	{"timeout", GP_CONF_DURATION, offsetof(struct gp_conf_dns, timeout_ms), "5s", .min = 100,
	 .max = 60000, .flags = GP_CONF_RESTART, .help = "How long one question may take."},
	{"cache", GP_CONF_SIZE, offsetof(struct gp_conf_dns, cache_size), "16M", .min = 65536,
	 .max = 16 * GIB, .flags = GP_CONF_RESTART, .help = "Memory for cached answers."},
};

static void validate_dns(const void *values, const struct gp_snapshot *snap,
			 struct gp_conf_report *report)
{
	const struct gp_conf_dns *dns = values;

	if (dns->dnssec && !*dns->trust_anchor)
		gp_conf_complain(snap, &gp_conf_dns_table, "dnssec", report,
				 "needs dns.trust_anchor");
	if (dns->recursion && dns->servers.len)
		gp_conf_complain(snap, &gp_conf_dns_table, "recursion", report,
				 "excludes dns.servers");
}

const struct gp_conf_table gp_conf_dns_table = {
	.group = "dns", .title = "How names are looked up.",
	.rows = dns_rows, .n_rows = GP_ARRAY_SIZE(dns_rows), .size = sizeof(struct gp_conf_dns),
	.validate = validate_dns,
};

static const struct gp_conf_row networks_rows[] = {
	{"own", GP_CONF_NETWORKS, offsetof(struct gp_conf_networks, own), "127.0.0.0/8, ::1",
	 .help = "Networks whose mail is our own: treated as outbound."},
	{"trusted", GP_CONF_NETWORKS, offsetof(struct gp_conf_networks, trusted), "",
	 .help = "Relays in front of us whose Received lines are believed. Without this and own, "
		 "private addresses and authenticated clients are."},
	{"exempt", GP_CONF_NETWORKS, offsetof(struct gp_conf_networks, exempt), "",
	 .help = "Networks whose mail is never scanned."},
};

const struct gp_conf_table gp_conf_networks_table = {
	.group = "networks", .title = "Networks that are treated apart.",
	.rows = networks_rows, .n_rows = GP_ARRAY_SIZE(networks_rows),
	.size = sizeof(struct gp_conf_networks),
};

static const struct gp_conf_row domains_rows[] = {
	{"own", GP_CONF_LIST, offsetof(struct gp_conf_domains, own), "",
	 .help = "Domains that mail is received for."},
	{"authserv_id", GP_CONF_STRING, offsetof(struct gp_conf_domains, authserv_id), "",
	 .help = "Name in our Authentication-Results; empty takes the host's name."},
	{"seal_key", GP_CONF_PASSWORD_FILE, offsetof(struct gp_conf_domains, seal_key),
	 GP_STATEDIR "/seal.key",
	 .help = "Key file by which milter-spam knows the Authentication-Results that milter-dkim "
		 "wrote; the first of them to start makes it. Empty: results are neither sealed nor believed."},
};

const struct gp_conf_table gp_conf_domains_table = {
	.group = "domains", .title = "Our names, and what proves that something is ours.",
	.rows = domains_rows, .n_rows = GP_ARRAY_SIZE(domains_rows),
	.size = sizeof(struct gp_conf_domains),
};

static const struct gp_conf_row metrics_rows[] = {
	{"listen", GP_CONF_STRING, offsetof(struct gp_conf_metrics, listen), "",
	 .flags = GP_CONF_RESTART, .check = gp_conf_check_socket,
	 .help = "Address of /metrics and /healthz, \"unix:/path\" or \"inet:port@127.0.0.1\"; \"%p\" "
		 "stands for the program's name, empty switches it off."},
	{"mode", GP_CONF_MODE, offsetof(struct gp_conf_metrics, mode), "0660",
	 .flags = GP_CONF_RESTART, .help = "File mode of a unix socket."},
};

const struct gp_conf_table gp_conf_metrics_table = {
	.group = "metrics", .title = "Metrics (Prometheus) and health.",
	.rows = metrics_rows, .n_rows = GP_ARRAY_SIZE(metrics_rows),
	.size = sizeof(struct gp_conf_metrics),
};

static const struct gp_conf_enum engines[] = {
	{"auto", GP_CONF_ENGINE_AUTO}, {"vectorscan", GP_CONF_ENGINE_VECTORSCAN},
	{"pcre2", GP_CONF_ENGINE_PCRE2}, {NULL, 0},
};

static const struct gp_conf_row rules_rows[] = {
	{"paths", GP_CONF_LIST, offsetof(struct gp_conf_rules, paths),
	 GP_DATADIR "/rules, " GP_SYSCONFDIR "/rules.d",
	 .help = "Rule files (*.cf) and directories of them, read in this order; those that do "
		 "not exist are passed over."},
	{"engine", GP_CONF_ENUM, offsetof(struct gp_conf_rules, engine), "auto", .values = engines,
	 .help = "What looks for patterns: vectorscan with PCRE2, PCRE2 alone, or vectorscan where "
		 "the build and the CPU have it (auto). The hits are the same."},
	{"cache", GP_CONF_PATH, offsetof(struct gp_conf_rules, cache), GP_CACHEDIR,
	 .help = "Directory of databases compiled for vectorscan; empty compiles at start."},
	{"cache_owner", GP_CONF_STRING, offsetof(struct gp_conf_rules, cache_owner), GP_CACHE_USER,
	 .flags = GP_CONF_RESTART,
	 .help = "User whose compiled databases are believed, beside root's and the program's own; "
		 "empty: nobody's."},
	{"network", GP_CONF_BOOL, offsetof(struct gp_conf_rules, network), "true",
	 .help = "Ask the network: block lists, and SPF, DKIM and DMARC of mail without sealed results."},
	{"language", GP_CONF_STRING, offsetof(struct gp_conf_rules, language), "en",
	 .help = "Of descriptions of rules, where the files have several (lang xx describe)."},
};

const struct gp_conf_table gp_conf_rules_table = {
	.group = "rules", .title = "Rules in SpamAssassin's language.",
	.rows = rules_rows, .n_rows = GP_ARRAY_SIZE(rules_rows),
	.size = sizeof(struct gp_conf_rules),
};

static const struct gp_conf_enum bayes_scopes[] = {
	{"global", GP_CONF_BAYES_GLOBAL}, {"domain", GP_CONF_BAYES_DOMAIN},
	{"user", GP_CONF_BAYES_USER}, {"global+user", GP_CONF_BAYES_GLOBAL_USER},
	{NULL, 0},
};

static const struct gp_conf_enum logins[] = {
	{"address", GP_CONF_LOGIN_ADDRESS}, {"local", GP_CONF_LOGIN_LOCAL}, {NULL, 0},
};

static const struct gp_conf_row bayes_rows[] = {
	{"enabled", GP_CONF_BOOL, offsetof(struct gp_conf_bayes, enabled), "true",
	 .help = "Let what was learned have a say."},
	{"scope", GP_CONF_ENUM, offsetof(struct gp_conf_bayes, scope), "global",
	 .values = bayes_scopes,
	 .help = "Whose teaching counts for whom: one memory for all, one for each domain, one for "
		 "each user, or everybody's together with the user's own."},
	{"login", GP_CONF_ENUM, offsetof(struct gp_conf_bayes, login), "address",
	 .values = logins,
	 .help = "What users log in as to Dovecot: their address, or its local part. By this a "
		 "recipient's address is known as the user who taught."},
	{"recipient_delimiter", GP_CONF_STRING,
	 offsetof(struct gp_conf_bayes, recipient_delimiter), "+",
	 .help = "Characters that begin an extension of an address (user+extension@example.org), as "
		 "in Postfix; mail to it is the user's. Empty: there are no extensions."},
	{"min_spam", GP_CONF_INT, offsetof(struct gp_conf_bayes, min_spam), "20", .min = 1,
	 .max = 1000000, .unit = "messages", .help = "Learned spam before Bayes has a say."},
	{"min_ham", GP_CONF_INT, offsetof(struct gp_conf_bayes, min_ham), "20", .min = 1,
	 .max = 1000000, .unit = "messages", .help = "Learned ham before Bayes has a say."},
	{"expire.interval", GP_CONF_DURATION, offsetof(struct gp_conf_bayes, expire_interval_ms),
	 "6h", .min = 0, .max = 7 * DAY,
	 .help = "How often the controller forgets what is old; 0 does it only when the store is "
		 "full."},
	{"expire.age", GP_CONF_DURATION, offsetof(struct gp_conf_bayes, expire_age_ms), "13w",
	 .min = DAY, .max = 3650 * DAY,
	 .help = "Rare tokens that no learned message had for so long are forgotten. While the store "
		 "is full this is halved, again and again."},
	{"expire.count_max", GP_CONF_INT, offsetof(struct gp_conf_bayes, expire_count_max), "2",
	 .min = 0, .max = 1000000, .unit = "messages",
	 .help = "What was met in at most so many learned messages is rare."},
	{"expire.seen_age", GP_CONF_DURATION, offsetof(struct gp_conf_bayes, expire_seen_age_ms),
	 "52w", .min = 0, .max = 3650 * DAY,
	 .help = "After this time it is forgotten that a message was learned: it then counts as a new "
		 "one, and can no longer be unlearned. 0 remembers for ever."},
	{"expire.tokens_max", GP_CONF_INT, offsetof(struct gp_conf_bayes, expire_tokens_max),
	 "10000000", .min = 0, .max = 1e12, .unit = "tokens",
	 .help = "Tokens that a scope may hold (some 13 bytes each); above it the age is halved until "
		 "it does not. 0: any number."},
};

const struct gp_conf_table gp_conf_bayes_table = {
	.group = "bayes", .title = "The learning filter.",
	.rows = bayes_rows, .n_rows = GP_ARRAY_SIZE(bayes_rows),
	.size = sizeof(struct gp_conf_bayes),
};

static const struct gp_conf_row history_rows[] = {
	{"size", GP_CONF_INT, offsetof(struct gp_conf_history, size), "10000", .min = 0,
	 .max = 100000, .unit = "messages", .flags = GP_CONF_RESTART,
	 .help = "How many messages each program remembers, with what it did and why; 0 remembers "
		 "none. A message takes some 3 kB in the store."},
	{"evidence", GP_CONF_BOOL, offsetof(struct gp_conf_history, evidence), "true",
	 .help = "Keep what rules matched (cut) and what the DNS answered."},
	{"words", GP_CONF_BOOL, offsetof(struct gp_conf_history, words), "false",
	 .help = "Keep words of the message: its subject, and those that weighed most with Bayes."},
};

const struct gp_conf_table gp_conf_history_table = {
	.group = "history", .title = "What is kept of verdicts, for gatepost history and why.",
	.rows = history_rows, .n_rows = GP_ARRAY_SIZE(history_rows),
	.size = sizeof(struct gp_conf_history),
};

static const struct gp_conf_enum untrusted[] = {
	{"own", GP_CONF_UNTRUSTED_OWN}, {"shared", GP_CONF_UNTRUSTED_SHARED},
	{"deny", GP_CONF_UNTRUSTED_DENY}, {NULL, 0},
};

static const struct gp_conf_row learn_rows[] = {
	{"directory", GP_CONF_PATH, offsetof(struct gp_conf_learn, directory), GP_STATEDIR "/learn",
	 .flags = GP_CONF_REQUIRED | GP_CONF_RESTART,
	 .help = "Directory of what waits to be learned and of the log of what was."},
	{"trusted_uids", GP_CONF_LIST, offsetof(struct gp_conf_learn, trusted_uids), "root, vmail",
	 .help = "Users (names or numbers) whose processes may teach for anybody: Dovecot's mail user. "
		 "Names that this host does not know are passed over."},
	{"untrusted", GP_CONF_ENUM, offsetof(struct gp_conf_learn, untrusted), "own",
	 .values = untrusted,
	 .help = "What other processes may teach, as the user they belong to: that user's own memory, "
		 "if bayes.scope has one (own); what bayes.scope says (shared); nothing (deny)."},
	{"rate", GP_CONF_INT, offsetof(struct gp_conf_learn, rate), "20000", .min = 0, .max = 1e9,
	 .unit = "messages",
	 .help = "Messages that a user may teach in an hour, further ones are put off; 0 is any "
		 "number."},
	{"size_max", GP_CONF_SIZE, offsetof(struct gp_conf_learn, size_max), "4M", .min = 4096,
	 .max = GP_MAX_BODY_SIZE, .help = "Largest message that is learned."},
	{"words_min", GP_CONF_INT, offsetof(struct gp_conf_learn, words_min), "8", .min = 0,
	 .max = 1000, .unit = "words",
	 .help = "Different words that a message must have to be learned."},
	{"scanned_only", GP_CONF_BOOL, offsetof(struct gp_conf_learn, scanned_only), "false",
	 .help = "Learn only messages that bear a header of milter-spam's verdict."},
	{"balance_max", GP_CONF_DOUBLE, offsetof(struct gp_conf_learn, balance_max), "20", .min = 0,
	 .max = 1000000,
	 .help = "What users teach is not learned while its class has this many times the messages of "
		 "the other one; 0 sets no bound."},
	{"balance_from", GP_CONF_INT, offsetof(struct gp_conf_learn, balance_from), "1000",
	 .min = 1, .max = 1e9, .unit = "messages",
	 .help = "A class with fewer messages than this is not held back by balance_max."},
	{"queue_size", GP_CONF_SIZE, offsetof(struct gp_conf_learn, queue_size), "256M",
	 .min = 1048576, .max = 1024 * GIB,
	 .help = "Disk space for messages that wait to be learned; then they are put off."},
	{"log_size", GP_CONF_SIZE, offsetof(struct gp_conf_learn, log_size), "256M",
	 .min = 1048576, .max = 1024 * GIB,
	 .help = "Disk space for the log of who taught what, by which learning can be undone: some "
		 "10 KB a message."},
};

const struct gp_conf_table gp_conf_learn_table = {
	.group = "learn", .title = "How messages are learned, gatepost-controller(8)",
	.rows = learn_rows, .n_rows = GP_ARRAY_SIZE(learn_rows),
	.size = sizeof(struct gp_conf_learn),
};
