/*
 * Limits as they are configured: what becomes of right ones, and everything that is wrong
 * with others, at its place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/conf/shared.h"
#include "lib/conf/snapshot.h"
#include "policyd-ratelimit/limit_override.h"
#include "policyd-ratelimit/options.h"
#include "tests/unit/test.h"

static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &ratelimit_table};

static struct gp_snapshot *snap;
static struct limit_rules rules;

/* Loads "limits = { TEXT };"; the report's errors as lines in `says`. */
static int load(const char *text, struct gp_buf *says)
{
	GP_CONF_REPORT_AUTO report;
	GP_BUF_AUTO file = GP_BUF_INIT(65536);
	int r;

	gp_conf_report_init(&report);
	gp_buf_printf(&file, "policyd-ratelimit = { limits = {\n%s\n}; };\n", text);
	r = gp_snapshot_load_text("g", gp_buf_cstr(&file), tables, GP_ARRAY_SIZE(tables), &snap, &report);
	for (size_t i = 0; i < report.errors.len; i++) {
		gp_conf_error_format(&report.errors.items[i], says);
		gp_buf_add_chr(says, '\n');
	}
	if (r == GP_OK)
		r = limit_rules_build(&ratelimit_table,
				      limits_groups(gp_snapshot_get(snap, &ratelimit_table), snap),
				      gp_snapshot_arena(snap), &rules, &report);
	return r;
}

static int unload(void **state)
{
	(void)state;
	gp_snapshot_unrefp(&snap);
	return 0;
}

static void test_right(void **state)
{
	GP_BUF_AUTO says = GP_BUF_INIT(65536);
	const struct limit_rule *r;

	(void)state;
	assert_int_equal(load("out = { count = \"bytes\"; by = [ \"sasl_username\", \"client_address/24/48\" ];\n"
			      "windows = [ \"10M per 1h\", \"100M per 1d\" ]; algorithm = \"gcra\"; burst = 1048576;\n"
			      "action = \"hold\"; };\n"
			      "back = { count = \"bounces\"; windows = \"10 per 1d\"; ratio = 20.0; contain = \"1d\"; };",
			      &says), GP_OK);
	assert_int_equal(rules.len, 2);
	r = limit_rules_find(&rules, GP_STR("out"));
	assert_int_equal(r->count, LIMIT_BYTES);
	assert_int_equal(r->by.len, 2);
	assert_int_equal(r->by.bits4, 24);
	assert_int_equal(r->by.bits6, 48);
	assert_int_equal(r->windows.len, 2);
	assert_int_equal(r->windows.items[0].limit.kind, GP_LIMIT_GCRA);
	assert_int_equal(r->windows.items[1].limit.max, 100 << 20);
	assert_int_equal(r->windows.items[1].limit.burst, 1048576);
	assert_int_equal(r->conf->action, ANSWER_HOLD);
	r = limit_rules_find(&rules, GP_STR("back"));
	assert_int_equal(r->index, 1);
	assert_str(r->sent_name, "back/sent");
	assert_null(limit_rules_find(&rules, GP_STR("else")));
}

static void test_default(void **state)
{
	GP_CONF_REPORT_AUTO report;

	(void)state;
	gp_conf_report_init(&report);
	assert_int_equal(gp_snapshot_load_text("g", "", tables, GP_ARRAY_SIZE(tables), &snap, &report), GP_OK);
	assert_int_equal(limit_rules_build(&ratelimit_table,
					   limits_groups(gp_snapshot_get(snap, &ratelimit_table), snap),
					   gp_snapshot_arena(snap), &rules, &report), GP_OK);
	assert_int_equal(rules.len, 1);
	assert_str(rules.items[0].name, "account");
	assert_int_equal(rules.items[0].count, LIMIT_RECIPIENTS);
	assert_int_equal(rules.items[0].windows.len, 2);
}

static void test_none(void **state)
{
	GP_BUF_AUTO says = GP_BUF_INIT(65536);

	(void)state;
	assert_int_equal(load("", &says), GP_OK);
	assert_int_equal(rules.len, 0);
}

/* Each line's error is said, with its line, and none hides another. */
static void test_wrong(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"a = { };", "g:2: policyd-ratelimit.limits.a: has no windows; write windows = [ \"100 per 1h\" ]\n"},
		{"a = { count = \"bytes\"; };",
		 "g:2: policyd-ratelimit.limits.a: has no windows; write windows = [ \"500M per 1h\" ]\n"},
		{"a = { windows = \"100\"; };\nb = { windows = \"1 per 1h\"; by = \"sendr\"; };",
		 "g:2: policyd-ratelimit.limits.a: windows: \"100\" is not of the form \"100 per 1h\"\n"
		 "g:3: policyd-ratelimit.limits.b: by: unknown \"sendr\"; did you mean \"sender\"?\n"},
		{"a = { windows = [ \"x per 1h\", \"1 per y\" ]; text = \"{used\"; };",
		 "g:2: policyd-ratelimit.limits.a: text: \"{\" without its other; a brace itself is written twice\n"
		 "g:2: policyd-ratelimit.limits.a: windows: \"x\" is not a number\n"
		 "g:2: policyd-ratelimit.limits.a: windows: \"y\" is not a time like \"10m\", \"1h\" or \"1d\"\n"},
		{"a = { windows = \"1 per 1h\"; burst = 3; };",
		 "g:2: policyd-ratelimit.limits.a: burst is for algorithm = \"gcra\"\n"},
		{"a = { windows = \"1 per 1h\"; text = \"5.7.1 no\"; };\n"
		 "b = { windows = \"1 per 1h\"; text = \"4.7.28\"; };\n"
		 "c = { windows = \"1 per 1h\"; text = \"4.7.28 no\"; action = \"reject\"; };\n"
		 "d = { windows = \"1 per 1h\"; text = \"4.7.28 no\"; };\n"
		 "e = { windows = \"1 per 1h\"; text = \"4.7.2800 no\"; };\n"
		 "f = { windows = \"1 per 1h\"; text = \"5.7.1\"; action = \"hold\"; };",
		 "g:2: policyd-ratelimit.limits.a: text: begins with the status code 5.7.1, but action = \"defer\" "
		 "needs one of 4.x.x\n"
		 "g:3: policyd-ratelimit.limits.b: text: \"4.7.28\" is a status code alone; write what is said "
		 "behind it\n"
		 "g:4: policyd-ratelimit.limits.c: text: begins with the status code 4.7.28, but action = "
		 "\"reject\" needs one of 5.x.x\n"},
		{"a = { windows = [ \"10 per 1h\", \"500 per 1m\", \"9 per 2m\", \"80 per 1d\" ]; };\n"
		 "b = { windows = [ \"10 per 1m\", \"10 per 1d\" ]; algorithm = \"gcra\"; };\n"
		 "c = { count = \"bounces\"; windows = [ \"10 per 1m\", \"10 per 1d\" ]; ratio = 20.0; };",
		 "g:2: policyd-ratelimit.limits.a: windows: \"500 per 1m\" is never reached, \"10 per 1h\" always "
		 "before it\n"
		 "g:3: policyd-ratelimit.limits.b: windows: \"10 per 1m\" is never reached, \"10 per 1d\" always "
		 "before it\n"},
		{"a = { windows = \"1 per 1h\"; count = \"bounces\"; ratio_min = 3; };",
		 "g:2: policyd-ratelimit.limits.a: ratio_min is for ratio\n"},
		{"a = { windows = \"1 per 1h\"; score = 3; };",
		 "g:2: policyd-ratelimit.limits.a: score is for count = \"spam\"\n"},
		{"a = { windows = \"1 per 1h\"; contain_action = \"reject\"; };",
		 "g:2: policyd-ratelimit.limits.a: contain_action is for contain\n"},
		{"a = { windows = \"1 per 1h\"; ratio = 3; };",
		 "g:2: policyd-ratelimit.limits.a: ratio is for count = \"bounces\"\n"},
		{"a = { windows = \"1K per 1h\"; count = \"bytes\"; by = \"recipient\"; };",
		 "g:2: policyd-ratelimit.limits.a: bytes cannot be counted by recipient: Postfix tells the size "
		 "when it no longer tells the recipients\n"},
		{"a = { windows = \"1 per 1h\"; count = \"distinct_recipients\"; by = \"recipient\"; };",
		 "g:2: policyd-ratelimit.limits.a: distinct recipients by recipient are always one\n"},
		{"a = { windows = \"1 per 1h\"; count = \"auth_failures\"; by = [ \"helo_name\", \"sender\" ]; };",
		 "g:2: policyd-ratelimit.limits.a: auth_failures cannot be counted by helo_name\n"
		 "g:2: policyd-ratelimit.limits.a: auth_failures cannot be counted by sender\n"},
		{"a = { windows = \"1 per 1h\"; contain = \"1d\"; by = [ \"sasl_username\", \"sender\" ]; };",
		 "g:2: policyd-ratelimit.limits.a: contain needs a limit by one attribute\n"},
		{"a = { windows = \"1 per 1h\"; action = \"prepend\"; text = \"no header: here\"; };",
		 "g:2: policyd-ratelimit.limits.a: text: \"prepend\" needs a header line, \"X-Limit: {limit}\"\n"},
		{"a = { windows = \"1 per 1h\"; when = \"unauthenticated\"; };",
		 "g:2: policyd-ratelimit.limits.a: by sasl_username is for mail of accounts, and when = "
		 "\"unauthenticated\" for that of others: it is for nothing; write by = [ \"client_address\" ], say\n"},
		{"a = { windows = \"1K per 1h\"; count = \"bytes\"; action = \"prepend\"; text = \"X-Limit: {used}\"; };",
		 "g:2: policyd-ratelimit.limits.a: bytes are told at END-OF-MESSAGE, where Postfix takes no \"prepend\"\n"},
		{"a = { windows = \"1 per 1h\"; by = \"ldap_group\"; };",
		 "g:2: policyd-ratelimit.limits.a: by ldap_group needs ldap.groups.base\n"},
		{"a2345678901234567890123456789012345678901234567890123456789012345 = { windows = \"1 per 1h\"; };",
		 "g:2: policyd-ratelimit.limits.a2345678901234567890123456789012345678901234567890123456789012345: "
		 "has a name of more than 64 characters\n"},
		{"a = { windws = \"1 per 1h\"; };",
		 "g:2: policyd-ratelimit.limits.a.windws: no such setting; did you mean \"windows\"?\n"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad); i++) {
		GP_BUF_AUTO says = GP_BUF_INIT(65536);

		assert_true(load(bad[i].text, &says) < 0);
		assert_string_equal(gp_buf_cstr(&says), bad[i].says);
	}
}

static void test_one_socket_for_two(void **state)
{
	GP_CONF_REPORT_AUTO report;

	(void)state;
	gp_conf_report_init(&report);
	assert_true(gp_snapshot_load_text("g", "policyd-ratelimit = { socket = \"unix:/x\"; control_socket = \"unix:/x\"; };",
					  tables, GP_ARRAY_SIZE(tables), &snap, &report) < 0);
	assert_int_equal(report.errors.len, 1);
	assert_non_null(strstr(report.errors.items[0].text, "control_socket: is the socket that Postfix asks too"));
}

static void test_too_many(void **state)
{
	GP_BUF_AUTO says = GP_BUF_INIT(65536), text = GP_BUF_INIT(65536);

	(void)state;
	for (int i = 0; i < 33; i++)
		gp_buf_printf(&text, "l%d = { windows = [ \"1 per 1h\", \"2 per 1d\" ]; };\n", i);
	assert_true(load(gp_buf_cstr(&text), &says) < 0);
	assert_string_equal(gp_buf_cstr(&says), "g:34: policyd-ratelimit.limits.l32: more than 64 windows of "
						"all limits together\n");
}

static char *write_map(const char *text)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/gp-test-overrides-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return path;
}

static int load_map(const char *map, const char *by, struct gp_buf *says)
{
	char text[512];
	char *path = write_map(map);
	int r;

	snprintf(text, sizeof(text), "out = { windows = \"1 per 1h\"; by = \"%s\"; overrides = \"%s\"; };\n"
				     "vol = { count = \"bytes\"; windows = \"1K per 1h\"; overrides = \"%s\"; };",
		 by, path, path);
	r = load(text, says);
	unlink(path);
	return r;
}

static int64_t max_of(const char *rule, struct limit_subject *s)
{
	struct gp_arena *arena = gp_snapshot_arena(snap);
	const struct limit_rule *r = limit_rules_find(&rules, gp_str(rule));
	struct limit_windows w;

	s->arena = arena;
	if (!limit_override_find(r, s, limit_key_get(&r->by, s, 0), &w))
		return -1;
	return w.len ? w.items[0].limit.max : 0;
}

static void test_overrides(void **state)
{
	static const struct {
		const char *account;
		int64_t out, vol;
	} cases[] = {
		{"joe", 5, 2048}, {"Ann", 0, -1}, {"x@example.org", 7, -1}, {"boss@example.org", 9, 0},
		{"eve", -1, -1},
	};
	GP_BUF_AUTO says = GP_BUF_INIT(65536);

	(void)state;
	assert_int_equal(load_map("joe  out: 5 per 1h ; vol: 2K per 1d;\nann out:unlimited\n"
				  "@example.org out: 7 per 1h, 8 per 1d\n"
				  "boss@example.org vol: unlimited; out: 9 per 1h\n", "sasl_username", &says), GP_OK);
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct limit_subject s = {.account = gp_str(cases[i].account)};

		assert_int_equal(max_of("out", &s), cases[i].out);
		s = (struct limit_subject){.account = gp_str(cases[i].account)};
		assert_int_equal(max_of("vol", &s), cases[i].vol);
	}
}

static void test_overrides_by_network(void **state)
{
	GP_BUF_AUTO says = GP_BUF_INIT(65536);
	struct limit_subject s = {0};

	(void)state;
	assert_int_equal(load_map("192.0.2.0/24 out: 5 per 1h\n192.0.2.128/25 out: unlimited\n",
				  "client_address", &says), GP_OK);
	assert_int_equal(gp_ip_parse(GP_STR("192.0.2.1"), &s.client), GP_OK);
	assert_int_equal(max_of("out", &s), 5);
	assert_int_equal(gp_ip_parse(GP_STR("192.0.2.200"), &s.client), GP_OK);
	assert_int_equal(max_of("out", &s), 0);
	assert_int_equal(gp_ip_parse(GP_STR("198.51.100.1"), &s.client), GP_OK);
	assert_int_equal(max_of("out", &s), -1);
}

static void test_wrong_overrides(void **state)
{
	GP_BUF_AUTO says = GP_BUF_INIT(65536);

	(void)state;
	assert_true(load_map("joe out: 5\nann\neve nobody: 5 per 1h\n", "sasl_username", &says) < 0);
	assert_non_null(strstr(gp_buf_cstr(&says), ":1: \"5\" is not of the form \"100 per 1h\""));
	assert_non_null(strstr(gp_buf_cstr(&says), ":2: ann: expected \"100 per 1h\" or \"unlimited\""));
	assert_non_null(strstr(gp_buf_cstr(&says), ":3: there is no limit \"nobody\""));
}

/* Keys are compared with the ASCII form of domains: others would never be met. */
static void test_domains_in_other_scripts(void **state)
{
	GP_BUF_AUTO says = GP_BUF_INIT(65536);
	GP_BUF_AUTO exempt = GP_BUF_INIT(65536);

	(void)state;
	assert_true(load_map("j\303\266 5 per 1h\nj\303\266@b\303\274cher.example 5 per 1h\n", "sasl_username", &says) < 0);
	assert_null(strstr(gp_buf_cstr(&says), ":1: "));
	assert_non_null(strstr(gp_buf_cstr(&says), ":2: j\303\266@b\303\274cher.example: domains are compared in "
						   "their ASCII form, xn--bcher-kva.example\n"));
	gp_buf_reset(&says);
	assert_true(load_map("b\303\274cher.example 5 per 1h\n", "sender_domain", &says) < 0);
	assert_non_null(strstr(gp_buf_cstr(&says), ":1: b\303\274cher.example: domains"));
	assert_true(load("}; exempt_senders = [ \"@b\303\274cher.example\" ]; greylist = {", &exempt) < 0);
	assert_non_null(strstr(gp_buf_cstr(&exempt), "policyd-ratelimit.exempt_senders: @b\303\274cher.example: domains"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_right, unload),
		cmocka_unit_test_teardown(test_default, unload),
		cmocka_unit_test_teardown(test_none, unload),
		cmocka_unit_test_teardown(test_wrong, unload),
		cmocka_unit_test_teardown(test_one_socket_for_two, unload),
		cmocka_unit_test_teardown(test_too_many, unload),
		cmocka_unit_test_teardown(test_overrides, unload),
		cmocka_unit_test_teardown(test_overrides_by_network, unload),
		cmocka_unit_test_teardown(test_wrong_overrides, unload),
		cmocka_unit_test_teardown(test_domains_in_other_scripts, unload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
