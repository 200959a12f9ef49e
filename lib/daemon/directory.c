/*
 * From settings to a directory and its queries.
 */
#include "lib/daemon/directory.h"

#include <stdatomic.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

const struct gp_conf_enum gp_directory_scopes[] = {
	{"sub", GP_LDAP_SUB}, {"one", GP_LDAP_ONE}, {"base", GP_LDAP_BASE}, {NULL, 0}};

static const int tls_versions[] = {
	[GP_CONF_LDAP_TLS_1_2] = GP_LDAP_TLS_1_2,
	[GP_CONF_LDAP_TLS_1_3] = GP_LDAP_TLS_1_3,
};
static const int binds[] = {
	[GP_CONF_LDAP_ANONYMOUS] = GP_LDAP_ANONYMOUS,
	[GP_CONF_LDAP_SIMPLE] = GP_LDAP_SIMPLE,
	[GP_CONF_LDAP_EXTERNAL] = GP_LDAP_EXTERNAL,
};

/* On the way to this server everybody can read the password. */
static bool is_readable(const struct gp_conf_ldap *conf, struct gp_str uri)
{
	static const char *const here[] = {"localhost", "127.", "[::1]"};
	struct gp_str host = gp_str_sub(uri, strlen("ldap://"), uri.len);

	for (size_t i = 0; i < GP_ARRAY_SIZE(here); i++)
		if (gp_str_istarts(host, gp_str(here[i])))
			return false;
	return conf->bind == GP_CONF_LDAP_SIMPLE && !conf->start_tls &&
	       gp_str_istarts(uri, GP_STR("ldap://"));
}

static void warn_readable(const struct gp_conf_ldap *conf)
{
	for (size_t i = 0; i < conf->servers.len; i++)
		if (is_readable(conf, gp_str(conf->servers.items[i])))
			gp_log_warning("ldap: the password goes to %s in the clear; use ldaps:// or "
				       "ldap.start_tls", conf->servers.items[i]);
}

int gp_directory_open(const struct gp_conf_ldap *conf, struct gp_ldap **ret, struct gp_diag *diag)
{
	struct gp_ldap_options options = {
		.uris = conf->servers.items,
		.n_uris = conf->servers.len,
		.start_tls = conf->start_tls,
		.tls_min = tls_versions[conf->tls_min],
		.ca_file = conf->ca_file,
		.certificate = conf->certificate,
		.key_file = conf->key_file,
		.bind = binds[conf->bind],
		.bind_dn = conf->bind_dn,
		.password_file = conf->password_file,
		.timeout_ms = conf->timeout_ms,
		.rest_ms = conf->rest_ms,
		.cache_entries = (size_t)conf->cache_entries,
		.ttl_s = conf->ttl_ms / 1000,
		.negative_ttl_s = conf->negative_ttl_ms / 1000,
	};
	int r;

	if (conf->servers.len == 0) {
		*ret = NULL;
		return GP_OK;
	}
	r = gp_ldap_open(&options, ret, diag);
	if (r)
		gp_diag_prepend(diag, "ldap");
	else
		warn_readable(conf);
	return r;
}

static int new_query(const struct gp_directory_query_conf *conf, struct gp_arena *arena,
		     struct gp_ldap_query **ret, const char **ret_part, struct gp_diag *diag)
{
	struct gp_ldap_words words = {
		.base = conf->base,
		.scope = conf->scope,
		.filter = conf->filter,
		.result = conf->result.items,
		.n_result = conf->result.len,
		.follow = conf->follow.items,
		.n_follow = conf->follow.len,
		.domains = conf->domains.items,
		.n_domains = conf->domains.len,
	};

	if (!*conf->base) {
		*ret = NULL;
		return GP_OK;
	}
	return gp_ldap_query_new(&words, arena, ret, ret_part, diag);
}

int gp_directory_query_new(const struct gp_directory_query_conf *conf, struct gp_arena *arena,
			   struct gp_ldap_query **ret, struct gp_diag *diag)
{
	return new_query(conf, arena, ret, NULL, diag);
}

void gp_directory_query_check(const struct gp_directory_query_conf *conf,
			      const struct gp_snapshot *snap, const struct gp_conf_table *table,
			      const char *prefix, struct gp_conf_report *report)
{
	const struct gp_conf_ldap *ldap = gp_snapshot_get(snap, &gp_conf_ldap_table);
	struct gp_arena *scratch = gp_arena_new(0);
	const char *part = "base";
	struct gp_ldap_query *query;
	struct gp_diag diag;

	if (*conf->base && ldap->servers.len == 0)
		gp_conf_complain(snap, table, gp_arena_printf(scratch, "%s.base", prefix), report,
				 "needs ldap.servers");
	if (new_query(conf, scratch, &query, &part, &diag))
		gp_conf_complain(snap, table, gp_arena_printf(scratch, "%s.%s", prefix, part), report,
				 "%s", diag.text);
	gp_arena_free(scratch);
}

int64_t gp_directory_deadline(const struct gp_conf_ldap *conf)
{
	return gp_clock_mono_ms() + conf->timeout_ms;
}

#define COMPLAIN_MS 60000

/* A directory that is up, and a query that is wrong. */
static void report_complaint(struct gp_ldap *ldap)
{
	static _Atomic int64_t said_ms;
	int64_t now_ms = gp_clock_mono_ms(), before = atomic_load(&said_ms);
	struct gp_diag what;

	if ((before != 0 && now_ms - before < COMPLAIN_MS) || !gp_ldap_take_complaint(ldap, &what) ||
	    !atomic_compare_exchange_strong(&said_ms, &before, now_ms))
		return;
	gp_log_warning("ldap: %s: this query always fails; see gatepost ldap test", what.text);
}

void gp_directory_report(struct gp_ldap *ldap)
{
	static atomic_bool is_down;
	bool is_down_now = ldap && !gp_ldap_is_up(ldap);
	struct gp_diag why = {""};

	if (ldap)
		report_complaint(ldap);

	if (atomic_exchange(&is_down, is_down_now) == is_down_now)
		return;
	if (!is_down_now) {
		gp_log_info("ldap: back");
		return;
	}
	gp_ldap_last_error(ldap, &why);
	gp_log_warning("ldap: %s; going on without the directory until it is back",
		       *why.text ? why.text : "no answer in time");
}

bool gp_directory_health(struct gp_ldap *ldap, struct gp_health *ret)
{
	struct gp_diag why = {""};

	if (!ldap)
		return false;
	gp_ldap_last_error(ldap, &why);
	*ret = (struct gp_health){.name = "ldap", .is_ok = gp_ldap_is_up(ldap)};
	snprintf(ret->detail, sizeof(ret->detail), "%.150s", why.text);
	return true;
}
