/* Eval functions over MIME structure and text, each with a message that it hits and one that it does not. */
#include "tests/unit/score/rule_evals.h"

#define MIME(type, rest) "Mime-Version: 1.0\nContent-Type: " type rest
#define ALTERNATIVE MIME("multipart/alternative; boundary=b", "\n\n")
#define MIXED MIME("multipart/mixed; boundary=b", "\n\n")
#define PLAIN "--b\nContent-Type: text/plain\n\nplain\n"
#define HTML "--b\nContent-Type: text/html\n\n<p>some longer text that says more than the plain one</p>\n"
#define END "--b--\n"
#define QP MIME("text/plain", "\nContent-Transfer-Encoding: quoted-printable\n\n")
#define BASE64(charset) MIME("text/plain" charset, "\nContent-Transfer-Encoding: base64\n\nVGV4dA==\n")
#define LINE60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHOUT "BUY THIS NOW OR WEEP FOREVER AND A DAY "
#define TALK "and this is how we say it without any "

static const struct eval_case cases[] = {
	{"rawbody R eval:check_for_mime('mime_base64_count')", BASE64(""), true},
	{"rawbody R eval:check_for_mime('mime_base64_count')", QP "x\n", false},
	{"rawbody R eval:check_for_mime('mime_base64_encoded_text')", BASE64(""), true},
	{"rawbody R eval:check_for_mime('mime_base64_encoded_text')", BASE64("; charset=utf-8"), false},
	{"rawbody R eval:check_for_mime('mime_qp_count')", QP "=41\n", true},
	{"rawbody R eval:check_for_mime('mime_qp_count')", QP "a=3D1 =20\n", false},
	{"rawbody R eval:check_for_mime('mime_qp_long_line')", QP LINE60 LINE60 "\n", true},
	{"rawbody R eval:check_for_mime('mime_qp_long_line')", QP LINE60 "=\n" LINE60 "\n", false},
	{"body R eval:check_for_mime('mime_bad_iso_charset')", MIME("text/plain; charset=iso-1234-5", "\n\nx\n"), true},
	{"body R eval:check_for_mime('mime_bad_iso_charset')", MIME("text/plain; charset=iso-8859-15", "\n\nx\n"), false},
	{"body R eval:check_for_mime('mime_bad_iso_charset')", MIME("text/plain; charset=iso-2022-jp", "\n\nx\n"), false},
	{"body R eval:check_for_mime('mime_attachment')", MIXED "--b\nContent-Disposition: attachment; filename=a\n\nx\n" END,
	 true},
	{"body R eval:check_for_mime('mime_attachment')", MIXED PLAIN END, false},
	{"body R eval:check_for_mime('mimepart_limit_exceeded')", MIXED PLAIN END, false},
	{"body R eval:check_for_mime('what_is_this')", MIXED PLAIN END, false},
	{"body R eval:check_msg_parse_flags('mime_epilogue_exists')", MIXED PLAIN END "\nand more\n", true},
	{"body R eval:check_msg_parse_flags('mime_epilogue_exists')", MIXED PLAIN END "\n.\n", false},
	{"body R eval:check_msg_parse_flags('missing_mime_headers')", MIXED "--b\n\nx\n" END, true},
	{"body R eval:check_msg_parse_flags('missing_mime_headers')", MIXED PLAIN END, false},
	{"body R eval:check_msg_parse_flags('missing_mime_head_body_separator')",
	 MIXED "--b\nContent-Type: text/plain\nx\n" END, true},
	{"body R eval:check_msg_parse_flags('missing_mime_head_body_separator')",
	 MIXED "--b\nContent-Type: text/plain;\n charset=utf-8\n\nx\n" END, false},
	{"header R eval:check_msg_parse_flags('missing_head_body_separator')", "Subject: a\n", true},
	{"header R eval:check_msg_parse_flags('missing_head_body_separator')", "Subject: a\n\n", false},
	{"header R eval:check_msg_parse_flags('truncated_header')", "Subject: a\n\nx\n", false},
	{"body R eval:check_for_mime_html()", MIXED PLAIN HTML END, true},
	{"body R eval:check_for_mime_html()", MIXED PLAIN END, false},
	{"body R eval:check_for_mime_html_only()", MIXED HTML END, true},
	{"body R eval:check_for_mime_html_only()", MIME("text/html", "\n\n<p>x\n"), true},
	{"body R eval:check_for_mime_html_only()", MIXED PLAIN HTML END, false},
	{"body R eval:check_mime_multipart_ratio('0.00', '0.20')", ALTERNATIVE PLAIN HTML END, true},
	{"body R eval:check_mime_multipart_ratio('0.00', '0.20')", MIXED PLAIN HTML END, false},
	{"body R eval:check_qp_ratio('0.2')", QP "=41=42=43\n", true},
	{"body R eval:check_qp_ratio('0.2')", QP "abcdef=41\n", false},
	{"body R eval:check_abundant_unicode_ratio(0.02)", "\n&#x0041;&#x0042; text\n", true},
	{"body R eval:check_abundant_unicode_ratio(0.02)", "\n&#65;&#x42; text\n", false},
	{"body R eval:check_for_ascii_text_illegal()", "\ncaf\xe9\n", true},
	{"body R eval:check_for_ascii_text_illegal()", MIME("text/plain; charset=utf-8", "\n\ncaf\xc3\xa9\n"), false},
	{"body R eval:check_base64_length('78','79')", MIME("text/plain", "\nContent-Transfer-Encoding: base64\n\n" LINE60
	 "aaaaaaaaaaaaaaaaa\n"), true},
	{"body R eval:check_base64_length('79')", MIME("text/plain", "\nContent-Transfer-Encoding: base64\n\n" LINE60
	 "aaaaaaaaaaaaaaaa\n"), false},
	{"body R eval:check_ma_non_text()", ALTERNATIVE PLAIN "--b\nContent-Type: image/gif\n\nx\n" END, true},
	{"body R eval:check_ma_non_text()", ALTERNATIVE PLAIN HTML END, false},
	{"body R eval:check_ma_non_text()", MIXED PLAIN "--b\nContent-Type: image/gif\n\nx\n" END, false},
	/* text */
	{"body R eval:check_for_uppercase('75', '100')", "\n" SHOUT SHOUT SHOUT SHOUT SHOUT SHOUT "\n", true},
	{"body R eval:check_for_uppercase('25', '75')", "\n" SHOUT SHOUT SHOUT TALK TALK TALK "\n", true},
	{"body R eval:check_for_uppercase('75', '100')", "\n" SHOUT SHOUT SHOUT TALK TALK TALK "\n", false},
	{"body R eval:check_for_uppercase('75', '100')", "\n" SHOUT SHOUT "\n", false},
	{"body R eval:check_for_uppercase('75', '100')",
	 MIME("text/plain; charset=koi8-r", "\n\n") SHOUT SHOUT SHOUT SHOUT SHOUT SHOUT "\n", false},
	{"body R eval:tvd_vertical_words('80', '100')", "\nb u y  n o w  b u y  n o w\n", true},
	{"body R eval:tvd_vertical_words('0', '10')", "\nb u y  n o w  b u y  n o w\n", false},
	{"body R eval:tvd_vertical_words('0', '10')", "\nalltogetherwithoutspaces\n", true},
	{"body R eval:check_blank_line_ratio('70', '90', '4')", "\na\n\n\n\nb\n\n\n\n\n", true},
	{"body R eval:check_blank_line_ratio('70', '90', '4')", "\na\nb\nc\nd\ne\n\n", false},
	{"body R eval:check_body_length('8')", "Subject: x\n\n1234567\n", true},
	{"body R eval:check_body_length('8')", "Subject: x\n\n12345678\n", false},
	{"body R eval:check_stock_info('2')", "\nCompany: ABC Inc\nTicker: ABCD\nHello: you\n", true},
	{"body R eval:check_stock_info('2')", "\nCompany: ABC Inc\nCompany Name: ABCD\nHello: you\n", false},
};

static void each(void **state)
{
	check_eval_cases(cases, GP_ARRAY_SIZE(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
