/*
 * The group `ldap` of gatepost.conf: the servers, and how they are spoken to.  What is asked
 * stands in the programs' own groups.
 */
#include "config.h"
#include "lib/conf/shared.h"
#include "lib/conf/snapshot.h"

#define DAY 86400000.0 /* ms */

static int check_servers(const void *field, struct gp_diag *diag)
{
	static const char *const schemes[] = {"ldap://", "ldaps://", "ldapi://"};
	const struct gp_conf_list *list = field;

	for (size_t i = 0; i < list->len; i++) {
		struct gp_str uri = gp_str(list->items[i]);
		bool is_known = false;

		for (size_t k = 0; k < GP_ARRAY_SIZE(schemes); k++)
			is_known |= gp_str_istarts(uri, gp_str(schemes[k]));
		if (!is_known) {
			gp_diag_set(diag, "\"%.*s\" is no ldap://, ldaps:// or ldapi:// address",
				    GP_STR_FMT(uri));
			return GP_EINVAL;
		}
	}
	return GP_OK;
}

static const struct gp_conf_enum versions[] = {
	{"1.2", GP_CONF_LDAP_TLS_1_2}, {"1.3", GP_CONF_LDAP_TLS_1_3}, {NULL, 0}};
static const struct gp_conf_enum binds[] = {{"anonymous", GP_CONF_LDAP_ANONYMOUS},
					    {"simple", GP_CONF_LDAP_SIMPLE},
					    {"external", GP_CONF_LDAP_EXTERNAL},
					    {NULL, 0}};

static const struct gp_conf_row rows[] = {
	{"servers", GP_CONF_LIST, offsetof(struct gp_conf_ldap, servers), "",
	 .flags = GP_CONF_RESTART, .check = check_servers,
	 .help = "Directory servers, \"ldap://HOST:PORT\", \"ldaps://HOST\" or \"ldapi://%2Fpath\": the "
		 "first that answers is asked, the next when it fails. Empty: there is no directory."},
	{"start_tls", GP_CONF_BOOL, offsetof(struct gp_conf_ldap, start_tls), "false",
	 .flags = GP_CONF_RESTART,
	 .help = "Encrypt ldap:// connections by StartTLS; without it a password goes in the clear. A "
		 "server that refuses is not asked."},
	{"tls_min", GP_CONF_ENUM, offsetof(struct gp_conf_ldap, tls_min), "1.2", .values = versions,
	 .flags = GP_CONF_RESTART, .help = "The oldest version of TLS that is spoken."},
	{"ca_file", GP_CONF_PATH, offsetof(struct gp_conf_ldap, ca_file), "",
	 .flags = GP_CONF_RESTART,
	 .help = "Certificates of the authorities that vouch for the servers; empty takes those of ldap.conf(5), on Debian "
		 "the system's. "
		 "A server whose certificate does not hold for its name is never asked."},
	{"certificate", GP_CONF_PATH, offsetof(struct gp_conf_ldap, certificate), "",
	 .flags = GP_CONF_RESTART, .help = "Certificate that we show, for bind \"external\"."},
	{"key_file", GP_CONF_PASSWORD_FILE, offsetof(struct gp_conf_ldap, key_file), "",
	 .flags = GP_CONF_RESTART, .help = "The private key of ldap.certificate."},
	{"bind", GP_CONF_ENUM, offsetof(struct gp_conf_ldap, bind), "anonymous", .values = binds,
	 .flags = GP_CONF_RESTART,
	 .help = "Who we say that we are: nobody, bind_dn with a password, or what certificate or "
		 "ldapi:// show (SASL EXTERNAL)."},
	{"bind_dn", GP_CONF_STRING, offsetof(struct gp_conf_ldap, bind_dn), "",
	 .flags = GP_CONF_RESTART, .help = "Our name for bind \"simple\"."},
	{"password_file", GP_CONF_PASSWORD_FILE, offsetof(struct gp_conf_ldap, password_file), "",
	 .flags = GP_CONF_RESTART,
	 .help = "File with the password of bind_dn, read at each connect; a relative name is a "
		 "systemd credential."},
	{"timeout", GP_CONF_DURATION, offsetof(struct gp_conf_ldap, timeout_ms), "3s", .min = 100,
	 .max = 60000, .flags = GP_CONF_RESTART,
	 .help = "How long connecting and each question may take, and how long a message waits for the "
		 "directory at the most."},
	{"rest", GP_CONF_DURATION, offsetof(struct gp_conf_ldap, rest_ms), "10s", .min = 100,
	 .max = 600000, .flags = GP_CONF_RESTART,
	 .help = "How long the directory is left alone, and nothing waits for it, after three failures "
		 "in a row."},
	{"cache", GP_CONF_INT, offsetof(struct gp_conf_ldap, cache_entries), "10000", .min = 0,
	 .max = 10e6, .unit = "answers", .flags = GP_CONF_RESTART,
	 .help = "Answers that are kept; 0 keeps none. SIGUSR1 forgets them."},
	{"ttl", GP_CONF_DURATION, offsetof(struct gp_conf_ldap, ttl_ms), "5m", .min = 0,
	 .max = 7 * DAY, .flags = GP_CONF_RESTART, .help = "How long an answer is kept."},
	{"negative_ttl", GP_CONF_DURATION, offsetof(struct gp_conf_ldap, negative_ttl_ms), "1m",
	 .min = 0, .max = 7 * DAY, .flags = GP_CONF_RESTART,
	 .help = "How long it is kept that there is no such entry."},
};

/* Is there a server to which nothing would show who we are? */
static bool is_faceless(const struct gp_conf_ldap *l)
{
	for (size_t i = 0; i < l->servers.len; i++) {
		struct gp_str uri = gp_str(l->servers.items[i]);

		if (!gp_str_istarts(uri, GP_STR("ldapi://")) &&
		    (!*l->certificate || (!l->start_tls && !gp_str_istarts(uri, GP_STR("ldaps://")))))
			return true;
	}
	return false;
}

static void check_bind(const struct gp_conf_ldap *l, const struct gp_snapshot *snap,
		       struct gp_conf_report *report)
{
	const struct gp_conf_table *t = &gp_conf_ldap_table;
	bool is_simple = l->bind == GP_CONF_LDAP_SIMPLE;

	if (is_simple && (!*l->bind_dn || !*l->password_file))
		gp_conf_complain(snap, t, "bind", report,
				 "\"simple\" needs ldap.bind_dn and ldap.password_file");
	if (!is_simple && (*l->bind_dn || *l->password_file))
		gp_conf_complain(snap, t, *l->bind_dn ? "bind_dn" : "password_file", report,
				 "is for ldap.bind = \"simple\"");
	if (l->bind == GP_CONF_LDAP_EXTERNAL && is_faceless(l))
		gp_conf_complain(snap, t, "bind", report,
				 "\"external\" needs ldap.certificate and TLS, or ldapi:// servers alone");
}

static void validate(const void *values, const struct gp_snapshot *snap,
		     struct gp_conf_report *report)
{
	const struct gp_conf_ldap *l = values;
	const struct gp_conf_table *t = &gp_conf_ldap_table;

	if (l->servers.len > 0 && !GP_HAVE_LDAP)
		gp_conf_complain(snap, t, "servers", report, "this Gatepost was built without LDAP");
	check_bind(l, snap, report);
	if (!*l->certificate != !*l->key_file)
		gp_conf_complain(snap, t, *l->certificate ? "certificate" : "key_file", report,
				 "needs ldap.%s too", *l->certificate ? "key_file" : "certificate");
}

const struct gp_conf_table gp_conf_ldap_table = {
	.group = "ldap", .title = "The directory that maps may come from (LDAP).",
	.rows = rows, .n_rows = GP_ARRAY_SIZE(rows), .size = sizeof(struct gp_conf_ldap),
	.validate = validate,
};
