/* Eval functions over signing practices, charsets, alternatives and hosts of links, each with a message that it
 * hits and one that it does not. */
#include "tests/unit/score/rule_evals.h"

#define ALTERNATIVE(text, html)                                                                    \
	"Mime-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\n" text       \
	"\n--b\nContent-Type: text/html\n\n" html "\n--b--\n"
#define CHARSET(name) "Mime-Version: 1.0\nContent-Type: text/plain; charset=" name "\n\n"
#define RUSSIAN "\xf0\xf2\xe9\xf7\xe5\xf4\n"

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
