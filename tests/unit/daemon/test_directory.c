/*
 * Settings of the group `ldap` and of a query in a program's table become a directory and its
 * queries, or a sentence that says why not.
 */
#include "tests/unit/test.h"

#include <stdio.h>

#include "config.h"
#include "lib/daemon/directory.h"

struct own {
	struct gp_directory_query_conf limits;
};

static const struct gp_conf_row rows[] = {
	GP_DIRECTORY_ROWS(struct own, limits, "ldap.limits", "limits", "(mail=%s)", "limit, mail: %d"),
};

static void validate(const void *values, const struct gp_snapshot *snap,
		     struct gp_conf_report *report);

static const struct gp_conf_table own_table = {
	.group = "policyd-ratelimit", .title = "x", .rows = rows, .n_rows = GP_ARRAY_SIZE(rows),
	.size = sizeof(struct own), .validate = validate,
};

static void validate(const void *values, const struct gp_snapshot *snap,
		     struct gp_conf_report *report)
{
	const struct own *own = values;

	gp_directory_query_check(&own->limits, snap, &own_table, "ldap.limits", report);
}

static struct gp_snapshot *load(const char *text, struct gp_conf_report *report)
{
	static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &own_table};
	struct gp_snapshot *snap = NULL;

	gp_conf_report_init(report);
	if (gp_snapshot_load_text("test", text, tables, GP_ARRAY_SIZE(tables), &snap, report))
		assert_true(report->errors.len > 0);
	return snap;
}

static void nothing_is_set(void **state)
{
	GP_CONF_REPORT_AUTO report;
	struct gp_snapshot *snap = load("", &report);
	const struct own *own = gp_snapshot_get(snap, &own_table);
	struct gp_ldap *ldap = (struct gp_ldap *)&report;
	struct gp_ldap_query *query = (struct gp_ldap_query *)&report;
	struct gp_health health;

	assert_int_equal(gp_directory_open(gp_snapshot_get(snap, &gp_conf_ldap_table), &ldap, NULL), GP_OK);
	assert_null(ldap);
	assert_int_equal(gp_directory_query_new(&own->limits, gp_snapshot_arena(snap), &query, NULL), GP_OK);
	assert_null(query);
	assert_false(gp_directory_health(NULL, &health));
	gp_directory_report(NULL);
	gp_snapshot_unref(snap);
}

static void how_we_bind_fits(void **state)
{
	static const struct {
		const char *ldap, *wrong; /* NULL: right */
	} CASES[] = {
		{"bind = \"simple\"; bind_dn = \"cn=x\"; password_file = \"/etc/hostname\";", NULL},
		{"bind = \"simple\"; bind_dn = \"cn=x\";", "ldap.bind: "},
		{"bind_dn = \"cn=x\"; password_file = \"/etc/hostname\";", "ldap.bind_dn: is for"},
		{"password_file = \"/etc/hostname\";", "ldap.password_file: is for"},
		{"servers = [ \"ldapi://%2Fx\" ]; bind = \"external\";", NULL},
		{"servers = [ \"ldapi://%2Fx\", \"ldaps://h\" ]; bind = \"external\";", "ldap.bind: \"external\""},
		{"servers = [ \"ldaps://h\" ]; bind = \"external\"; certificate = \"/c\"; key_file = \"/k\";", NULL},
		{"servers = [ \"ldap://h\" ]; bind = \"external\"; certificate = \"/c\"; key_file = \"/k\";",
		 "ldap.bind: \"external\""},
		{"servers = [ \"ldap://h\" ]; start_tls = true; bind = \"external\"; certificate = \"/c\"; "
		 "key_file = \"/k\";", NULL},
	};

	for (size_t i = 0; GP_HAVE_LDAP && i < GP_ARRAY_SIZE(CASES); i++) {
		GP_BUF_AUTO text = GP_BUF_INIT(1024);
		GP_CONF_REPORT_AUTO report;
		struct gp_snapshot *snap;

		gp_buf_printf(&text, "ldap = { %s };", CASES[i].ldap);
		snap = load(gp_buf_cstr(&text), &report);
		assert_int_equal(snap == NULL, CASES[i].wrong != NULL);
		if (CASES[i].wrong)
			assert_non_null(strstr(report.errors.items[0].text, CASES[i].wrong));
		gp_snapshot_unref(snap);
	}
}

static const char FULL[] =
	"ldap = { servers = [ \"ldap://127.0.0.1:1\", \"ldapi://%2Fx\" ]; timeout = \"2s\"; };\n"
	"policyd-ratelimit = { ldap = { limits = { base = \"dc=example\"; scope = \"one\"; "
	"domains = \"example.org\"; }; }; };\n";

static void all_is_set(void **state)
{
	GP_CONF_REPORT_AUTO report;
	struct gp_snapshot *snap = load(FULL, &report);
	const struct gp_conf_ldap *conf;
	struct gp_ldap_query *query = NULL;
	struct gp_ldap *ldap = NULL;
	struct gp_str base, filter;
	struct gp_health health;

	if (!GP_HAVE_LDAP) {
		assert_null(snap);
		assert_non_null(strstr(report.errors.items[0].text, "built without LDAP"));
		return;
	}
	assert_non_null(snap);
	conf = gp_snapshot_get(snap, &gp_conf_ldap_table);
	assert_int_equal(conf->timeout_ms, 2000);
	assert_int_equal(gp_directory_open(conf, &ldap, NULL), GP_OK);
	assert_true(gp_directory_health(ldap, &health) && health.is_ok);
	assert_int_equal(gp_directory_query_new(&((const struct own *)gp_snapshot_get(snap, &own_table))->limits,
						gp_snapshot_arena(snap), &query, NULL), GP_OK);
	assert_int_equal(gp_ldap_explain(query, GP_STR("joe@example.org"), gp_snapshot_arena(snap),
					 &base, &filter), GP_OK);
	assert_true(gp_str_eq(filter, GP_STR("(mail=joe@example.org)")));
	assert_int_equal(gp_ldap_explain(query, GP_STR("joe@example.com"), gp_snapshot_arena(snap),
					 &base, &filter), GP_ENOENT);
	gp_ldap_close(&ldap);
	gp_snapshot_unref(snap);
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *where, *said;
	} CASES[] = {
		{"ldap = { servers = \"http://x\"; };", "ldap.servers", "ldaps://"},
		{"ldap = { bind = \"simple\"; };", "ldap.bind", "ldap.password_file"},
		{"ldap = { certificate = \"/x\"; };", "ldap.certificate", "key_file"},
		{"policyd-ratelimit = { ldap = { limits = { base = \"x\"; }; }; };",
		 "policyd-ratelimit.ldap.limits.base", "ldap.servers"},
		{"policyd-ratelimit = { ldap = { limits = { scope = \"x\"; }; }; };",
		 "policyd-ratelimit.ldap.limits.scope", "sub"},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		GP_CONF_REPORT_AUTO report;

		assert_null(load(CASES[i].text, &report));
		assert_non_null(strstr(report.errors.items[0].text, CASES[i].where));
		assert_non_null(strstr(report.errors.items[0].text, CASES[i].said));
	}
}

static void bad_queries_are_named(void **state)
{
	static const char *const CASES[][3] = {
		{"filter = \"(uid=%x)\";", "%x", "limits.filter"},
		{"filter = \"(uid=%s\";", "ends too early", "limits.filter"},
		{"filter = \"(mail=%s)(uid=%u)\";", "several filters need", "limits.filter"},
		{"filter = \"((mail=%s))\";", "parentheses", "limits.filter"},
		{"result = \"a b\";", "attribute", "limits.result"},
		{"follow = \"a b\";", "attribute", "limits.follow"},
	};

	for (size_t i = 0; GP_HAVE_LDAP && i < GP_ARRAY_SIZE(CASES); i++) {
		GP_CONF_REPORT_AUTO report;
		char text[512];

		snprintf(text, sizeof(text),
			 "ldap = { servers = \"ldap://x\"; }; policyd-ratelimit = { ldap = { limits = "
			 "{ base = \"x\"; %s }; }; };", CASES[i][0]);
		assert_null(load(text, &report));
		assert_int_equal(report.errors.len, 1);
		assert_non_null(strstr(report.errors.items[0].text, CASES[i][1]));
		assert_non_null(strstr(report.errors.items[0].text, CASES[i][2]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_set),
		cmocka_unit_test(how_we_bind_fits),
		cmocka_unit_test(all_is_set),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(bad_queries_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
