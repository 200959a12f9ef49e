/* Eval functions over signing practices, charsets, alternatives and hosts of links, each with a message that it
 * hits and one that it does not. */
#include "tests/unit/score/rule_evals.h"

#define ALTERNATIVE(text, html)                                                                    \
	"Mime-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\n" text       \
	"\n--b\nContent-Type: text/html\n\n" html "\n--b--\n"
#define CHARSET(name) "Mime-Version: 1.0\nContent-Type: text/plain; charset=" name "\n\n"
#define RUSSIAN "\xf0\xf2\xe9\xf7\xe5\xf4\n"

#define AUTHRES(method, result) "authres_networks all\nheader R eval:check_authres_result('" method "', '" result "')"
#define RESULTS_ABOVE(value) "Authentication-Results: " value "\n"
#define RESULTS(value) RESULTS_ABOVE(value) "\nx\n"
#define EXTERNAL                                                                                       \
	"Received: from a.example (a.example [198.51.100.1]) by mx.example with ESMTP id 1; "          \
	"Sat, 21 Nov 2026 18:00:00 +0000\n"

static const struct eval_case cases[] = {
	/* alternatives */
	{"body R eval:multipart_alternative_difference('99', '100')", ALTERNATIVE("weather report", "<p>cheap pills here"), true},
	{"body R eval:multipart_alternative_difference('99', '100')", ALTERNATIVE("cheap report", "<p>cheap pills here"), false},
	{"body R eval:multipart_alternative_difference('0', 'undef')", ALTERNATIVE("a b", "<p>a b"), true},
	{"body R eval:multipart_alternative_difference('99', '100')", ALTERNATIVE("some text", "<img src=http://x.org/>"), true},
	{"body R eval:multipart_alternative_difference_count('3', '1')",
	 ALTERNATIVE("one two three four five six seven", "<p>one two"), true},
	{"body R eval:multipart_alternative_difference_count('3', '1')",
	 ALTERNATIVE("one two three four five six", "<p>one two"), false},
	/* charsets */
	{"ok_locales en\nbody R eval:check_for_faraway_charset()", CHARSET("koi8-r") RUSSIAN, true},
	{"ok_locales en ru\nbody R eval:check_for_faraway_charset()", CHARSET("koi8-r") RUSSIAN, false},
	{"ok_locales en uk\nbody R eval:check_for_faraway_charset()", CHARSET("koi8-r") RUSSIAN, false},
	{"body R eval:check_for_faraway_charset()", CHARSET("koi8-r") RUSSIAN, false},
	{"ok_locales en\nbody R eval:check_for_faraway_charset()", CHARSET("koi8-r") "plain\n", false},
	{"ok_locales en\nbody R eval:check_for_faraway_charset()", CHARSET("utf-8") "\xd0\x9f\xd0\xa0\xd0\x98\n", false},
	{"ok_locales en\nrawbody R eval:check_for_mime('mime_faraway_charset')", CHARSET("Shift_JIS") "x\n", true},
	{"ok_locales ja\nrawbody R eval:check_for_mime('mime_faraway_charset')", CHARSET("Shift_JIS") "x\n", false},
	{"ok_locales en\nheader R eval:check_for_faraway_charset_in_headers()", "Subject: =?big5?B?YQ==?=\n\nx\n", true},
	{"ok_locales en\nheader R eval:check_for_faraway_charset_in_headers()", "Subject: =?iso-8859-2?B?YQ==?=\n\nx\n", false},
	/* hosts */
	{"enlist_uri_host (A) bad.example\nbody R eval:check_uri_host_listed('A')", "\nhttp://www.bad.example/x\n", true},
	{"enlist_uri_host (A) bad.example !www.bad.example\nbody R eval:check_uri_host_listed('A')",
	 "\nhttp://www.bad.example/x\n", false},
	{"enlist_uri_host (A) bad.example\nbody R eval:check_uri_host_listed('A')", "\nhttp://notbad.example/x\n", false},
	{"enlist_uri_host (A) bad.example\ndelist_uri_host (A) bad.example\nbody R eval:check_uri_host_listed('A')",
	 "\nhttp://bad.example/x\n", false},
	{"enlist_uri_host (A) 192.0.2.1\nbody R eval:check_uri_host_listed('A')", "\nhttp://192.0.2.1:80/x\n", true},
	{"blacklist_uri_host example\nbody R eval:check_uri_host_in_blacklist()", "\nhttp://a.example/x\n", true},
	{"welcomelist_uri_host a.example\nbody R eval:check_uri_host_in_welcomelist()", "\nhttp://b.example/x\n", false},
	/* Authentication-Results */
	{AUTHRES("spf", "pass"), RESULTS("x; spf=pass smtp.mailfrom=a@b.example"), true},
	{AUTHRES("spf", "fail"), RESULTS("x; spf=pass smtp.mailfrom=a@b.example"), false},
	{AUTHRES("spf", "fail"), RESULTS("x 1; spf (a (b))=fail reason=\"a;\\\"b\" smtp.helo=b ; dkim=none"), true},
	{AUTHRES("dkim", "none"), RESULTS("x; spf=fail; dkim/1=none"), true},
	{AUTHRES("dkim", "pass"), RESULTS("x; dkim=fail header.i=@a.example; dkim=pass header.d=b"), true},
	{AUTHRES("dkim", "missing"), RESULTS("x; dkim=pass header.z=b"), true}, /* no such property */
	{AUTHRES("spf", "missing"), RESULTS("x; spf=pass; what=pass"), true},
	{AUTHRES("spf", "missing"), RESULTS("x; spf=pass; none"), true},
	{AUTHRES("spf", "missing"), RESULTS("x; spf=pass smtp.helo=\"a (b"), false},
	{AUTHRES("spf", "missing"), RESULTS("x; spf=pass (a (b"), true},
	{AUTHRES("spf", "missing"), RESULTS("spf=pass"), true},
	{AUTHRES("spf", "pass"), RESULTS("x; x ; spf=pass"), true},
	{AUTHRES("sender-id", "pass"), RESULTS("x; sender-id=pass header.anything=a.b"), true},
	{AUTHRES("arc", "pass"), "ARC-Authentication-Results: i=1; x; arc=pass\n\nx\n", true},
	{AUTHRES("arc", "missing"), "ARC-Authentication-Results: x; arc=pass\n\nx\n", true},
	{"authres_trusted_authserv MX.example\n" AUTHRES("spf", "pass"), RESULTS("mx.example; spf=pass"), true},
	{"authres_trusted_authserv mx.example\n" AUTHRES("spf", "pass"), RESULTS("my.example; spf=pass"), false},
	{"authres_ignored_authserv mx.example\n" AUTHRES("spf", "missing"), RESULTS("mx.example; spf=pass"), true},
	{"clear_internal_networks\ninternal_networks 192.0.2.1\nheader R eval:check_authres_result('spf', 'pass')",
	 EXTERNAL RESULTS("x; spf=pass"), false}, /* whoever sent it wrote it */
	{"authres_networks internal\ninternal_networks 192.0.2.1\nheader R eval:check_authres_result('spf', 'pass')",
	 RESULTS_ABOVE("x; spf=pass") EXTERNAL "\nx\n", true},
	/* redirectors */
	{"redirector_pattern m'^https?://l\\.example/to/(.*)$'i\nuri R m'^http://evil\\.example/x$'",
	 "\nhttp://l.example/to/evil.example/x\n", true},
	{"redirector_pattern m'^https?://l\\.example/to/(.*)$'i\nuri R m'^http://evil\\.example'",
	 "\nhttp://m.example/to/evil.example/x\n", false},
	{"redirector_pattern m'^https?://l\\.example/to/(.*)$'i\nuri R m'^http://evil'",
	 "\nhttp://l.example/to/evil\n", false},
	{"redirector_pattern /x(http:)/\nuri R m'^http://evil\\.example/$'", "\nhttp://l.example/xhttp://evil.example/\n", true},
	{"body R eval:check_uri_truncated()", "\nhttp://b.example/x\n", false},
};

static void each(void **state)
{
	check_eval_cases(cases, GP_ARRAY_SIZE(cases));
}

static void signing_practices(void **state)
{
	static const struct {
		const char *from;
		bool is_signed;
		const char *hits;
	} mails[] = {
		{"a@x.example", false, "D OWN DEPENDABLE"}, {"a@x.example", true, "DEPENDABLE"},
		{"a@m.y.example", false, "ALL ANY LOW DEPENDABLE"}, {"a@y.example", false, "DEPENDABLE"},
		{"a@known.y.example", false, "DEPENDABLE"},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(mails); i++) {
		struct gp_dkim_result dkim = {
			.status = mails[i].is_signed ? GP_AUTH_PASS : GP_AUTH_FAIL, .domain = GP_STR("x.example")};
		struct gp_auth_result auth = {.dkim = &dkim, .n_dkim = 1};
		struct fixture f;

		fixture_load(&f, "adsp_override x.example\nadsp_override *.y.example all\n"
				 "adsp_override known.y.example unknown\n"
				 "header D eval:check_dkim_adsp('D')\nheader ALL eval:check_dkim_signall()\n"
				 "header ANY eval:check_dkim_adsp('*', '*.y.example')\n"
				 "header OWN eval:check_dkim_adsp('NAD', 'x.example')\n"
				 "header LOW eval:check_dkim_adsp('1A', '.y.example', '*.y.example')\n"
				 "header SOME eval:check_dkim_signsome()\n"
				 "header DEPENDABLE eval:check_dkim_dependable()\n");
		f.input.auth = &auth;
		fixture_scan(&f, gp_arena_printf(f.arena, "From: %s\n\nx\n", mails[i].from));
		assert_string_equal(fixture_hits(&f), mails[i].hits);
		fixture_done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each), cmocka_unit_test(signing_practices)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
