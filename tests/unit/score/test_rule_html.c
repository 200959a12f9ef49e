/* Eval functions over HTML and over attached images. */
#include "tests/unit/score/rule_fixture.h"

#define HEAD "From: a@b.example\nSubject: 12345\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n"

/* Which of the functions, given as "NAME(ARGS)" a line, hit: their numbers from 0. */
static const char *hits(const char *calls, const char *mail)
{
	static char text[200];
	GP_BUF_AUTO rules = GP_BUF_INIT(1 << 16);
	struct gp_str rest = gp_str(calls), call;
	struct fixture f;

	for (unsigned i = 0; gp_str_next(&rest, '\n', &call); i++)
		gp_buf_printf(&rules, "%s R%u eval:%.*s\n", i == 9 ? "rawbody" : "body", i,
			      GP_STR_FMT(call));
	fixture_load(&f, gp_buf_cstr(&rules));
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
	assert_string_equal(fixture_problem(&f, GP_RULE_INERT), "");
	fixture_scan(&f, mail);
	gp_str_copy(text, sizeof(text), gp_str(fixture_hits(&f)));
	fixture_done(&f);
	return text;
}

static const char *html(const char *calls, const char *document)
{
	GP_BUF_AUTO mail = GP_BUF_INIT(8 << 20);

	gp_buf_add_cstr(&mail, HEAD);
	gp_buf_add_cstr(&mail, document);
	return hits(calls, gp_buf_cstr(&mail));
}

static void tags(void **state)
{
	const char *calls = "html_tag_exists('body')\nhtml_tag_balance('body', '!= 0')\n"
			    "html_tag_exists('x:y')\nhtml_tag_balance('b', '== 2')\n"
			    "html_range('closed_extra_ratio', '0.09', 'inf')\nhtml_test('html')";

	assert_string_equal(html(calls, "<body>x</body>"), "R0 R5");
	assert_string_equal(html(calls, "<BODY>x<b><b><x:y>"), "R0 R1 R2 R3 R5");
	assert_string_equal(html(calls, "<b>x</b></b>"), "R4 R5");
	assert_string_equal(hits(calls, "Subject: a\n\n<body>\n"), "");
	assert_string_equal(hits(calls, "Subject: a\n\n"), "");
}

static void ratios(void **state)
{
	const char *calls = "html_range('bad_tag_ratio','0.40','0.50')\n"
			    "html_range('non_element_ratio','0.30','0.40')\n"
			    "html_range('obfuscation_ratio','.2','.5')\n"
			    "html_range('length', '10', '20')\nhtml_eval('length', '< 12')\n"
			    "html_range('nothing', '0', 'inf')";

	assert_string_equal(html(calls, "<b>x</b><q1></q1>"), "R0 R3"); /* 2 of 4; 1 of 2 */
	assert_string_equal(html(calls, "<b><i><q1>"), "R1 R4");
	assert_string_equal(html(calls, "vi<b></b>ag<i></i>ra"), "R2 R3"); /* 2 of 4 */
	assert_string_equal(html(calls, "vi<b></b> ag<br>ra &nbsp;<i>x</i>"), "");
	assert_string_equal(html(calls, "vi<b>\xe2\x80\x9cx</b>\xe2\x80\x9d y"), "R3");
	/* Characters count, not bytes. */
	assert_string_equal(html(calls, "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"), "R4");
}

static void words(void **state)
{
	const char *calls = "html_test('backhair_count')\nhtml_range('backhair_count', '1', '2')\n"
			    "html_eval('backhair_count', '== 3')\nhtml_test('comment')\n"
			    "html_test('script')\nhtml_test('uri_truncated')\nhtml_test('nothing')";
	GP_BUF_AUTO link = GP_BUF_INIT(10000);

	assert_string_equal(html(calls, "vi<b>ag</b>ra vi<b>ag</b>ra"), "R0");
	assert_string_equal(html(calls, "a<b>b</b>c<b>dd</b>"), "R0 R1");
	assert_string_equal(html(calls, "ab<b>cd</b> ab<b>cde</b> abc<b>de</b>"), "R0 R2");
	assert_string_equal(html(calls, "abcdefgh<b>ij</b> ab<b>cdefghij</b> ab <b>c</b> a<br>b"), "");
	assert_string_equal(html(calls, "<!-- x --><script>x</script>"), "R3 R4");
	gp_buf_add_cstr(&link, "<a href=http://");
	while (link.len < 9000)
		gp_buf_add_chr(&link, 'x');
	assert_string_equal(html(calls, gp_buf_cstr(&link)), "R5");
	assert_string_equal(html("html_test('html')\nhtml_test('title')\nhtml_test('uri')", "x"), "R0 R1 R2");
}

static void letters(void **state)
{
	const char *calls = "html_test('font_low_contrast')\nhtml_test('font_invalid_color')\n"
			    "html_test('font_face_bad')\nhtml_range('max_size', '5', '6')\n"
			    "html_range('max_size', '6', 'inf')";

	assert_string_equal(html(calls, "<font color=#ffffff>x</font>"), "R0");
	assert_string_equal(html(calls, "<font color=#ffffff> &nbsp;</font>x"), "");
	assert_string_equal(html(calls, "<font color=white></font>x"), "");
	assert_string_equal(html(calls, "<p style='color: #000; background-color:rgb(3,2,1)'>x"), "R0");
	assert_string_equal(html(calls, "<p style='background: url(a b) #010101'>x"), "R0");
	assert_string_equal(html(calls, "<p style='color:transparent'>x"), "R0");
	assert_string_equal(html(calls, "<p style='color:inherit !important'>x"), "");
	assert_string_equal(html(calls, "<font color=ffffff>x"), "R1");
	assert_string_equal(html(calls, "<p style='color: no colour'>x"), "R1");
	assert_string_equal(html(calls, "<p style='color: no\n colour'>x"), "");
	assert_string_equal(html(calls, "<body bgcolor=black>x"), ""); /* as SpamAssassin has it */
	assert_string_equal(html(calls, "<font face='Arial, \"Comic Sans\"'>x"), "");
	assert_string_equal(html(calls, "<font face='Verdana,&#10;serif;'>x"), "");
	assert_string_equal(html(calls, "<font face='12'>x<font face=a>y"), "R2");
	assert_string_equal(html(calls, "<font size=+3>x"), "R3");
	assert_string_equal(html(calls, "<font size=99999999999>x"), "R4");
	assert_string_equal(html(calls, "<big><big><big><font face=Arial>x"), "R3");
}

static void images(void **state)
{
	const char *calls = "html_image_only('0000','0400')\nhtml_image_ratio('0.0','0.002')\n"
			    "html_test('embeds')\nhtml_test('form_action_mailto')\ncheck_iframe_src()";

	assert_string_equal(html(calls, "<img src=x> and text"), "R0");
	assert_string_equal(html(calls, "<img width=100 height=100>0123456789"), "R0 R1");
	assert_string_equal(html(calls, "<img width=50% height=50%>0123456789"), "R0 R1");
	assert_string_equal(html(calls, "<img width=2 height=2>0123456789"), "R0");
	assert_string_equal(html(calls, "<object><form action='MAILTO:x'><iframe src=' '>"), "R2 R3");
	assert_string_equal(html(calls, "<iframe src=http://x.example/></iframe>"), "R4");
}

static void texts(void **state)
{
	const char *calls = "html_text_match('comment', '<!(?!-).{0,6}>')\n"
			    "html_text_match('comment', '<!.*?>')\n"
			    "html_text_match('anchor', '<img>')\nhtml_text_match('title', '^.{5}$')\n"
			    "html_text_not_match('title', '^.{5}$')\n"
			    "html_title_subject_ratio('3.5')\nhtml_text_match('script', 'var')";

	assert_string_equal(html(calls, "<!-- a -->"), "R1");
	assert_string_equal(html(calls, "<!!a>"), "R0 R1");
	assert_string_equal(html(calls, "<!DOCTYPE html><?php x?>"), "");
	assert_string_equal(html(calls, "<a href=x>y</a><img>"), "");
	assert_string_equal(html(calls, "<a href=x>y<img></a>"), "R2");
	assert_string_equal(html(calls, "<!x y>"), "R0 R1");
	assert_string_equal(html(calls, "<![CDATA[ x ]]><!doctype html>"), "");
	assert_string_equal(html(calls, "<title>12345<b>6</b>"), "R3");
	assert_string_equal(html(calls, "<title>\xc3\xa4&ouml;345</title>"), "R3");
	assert_string_equal(html(calls, "<title>0123456789012345678901234</title>"), "R4 R5");
	assert_string_equal(html(calls, "<script>var x;</script>"), "R6");
}

static void links(void **state)
{
	const char *calls = "check_https_http_mismatch('1','3')\ncheck_https_ip_mismatch()";

	assert_string_equal(html(calls, "<a href='http://evil.example/'>https://www.bank.example</a>"),
			    "R0");
	assert_string_equal(html(calls, "<a href='http://www.bank.example/'>HTTPS://bank.example/x</a>"),
			    "");
	assert_string_equal(html(calls, "<a href='http://evil.example/'>http://bank.example</a>"), "");
	assert_string_equal(html(calls, "<a href='/x'>https://bank.example</a>"), "");
	assert_string_equal(html(calls, "<a href='http://a.example/'>https://b.example</a>"
					"<a href='http://b.example/'>b</a><a href='http://b.example/'>b</a>"),
			    "R0");
	assert_string_equal(html(calls, "<a href='http://a.example/'>https://b.example</a>"
					"<a href='http://b.example/1'>b</a><a href='http://b.example/2'>b</a>"),
			    ""); /* three links are not below three */
	assert_string_equal(html(calls, "<a href='http://192.0.2.1/'>https://bank.example</a>"), "R1");
	assert_string_equal(html(calls, "<a href='http://x@192.0.2.1/'>see https://bank.example</a>"),
			    "R1");
	assert_string_equal(html(calls, "<a href='http://192.0.2.1/'>https://192.0.2.1/</a>"), "");
}

#define META(charset) "<meta http-equiv='Content-Type' content='text/html; charset=" charset "'>"

static bool is_faraway(const char *ok_locales, const char *document)
{
	GP_BUF_AUTO text = GP_BUF_INIT(4096);
	struct fixture f;
	bool hit;

	gp_buf_printf(&text, "body R eval:html_charset_faraway()\n%s\n", ok_locales);
	fixture_load(&f, gp_buf_cstr(&text));
	gp_buf_reset(&text);
	gp_buf_printf(&text, HEAD "%s", document);
	fixture_scan(&f, gp_buf_cstr(&text));
	hit = gp_rule_scan_hits(f.scan, "R") != 0;
	fixture_done(&f);
	return hit;
}

static void charsets(void **state)
{
	assert_false(is_faraway("", META("gb2312")));
	assert_false(is_faraway("ok_locales all", META("gb2312")));
	assert_true(is_faraway("ok_locales en", META("gb2312")));
	assert_true(is_faraway("ok_locales en ja", META("GB_2312")));
	assert_false(is_faraway("ok_locales en zh", META("gb2312")));
	assert_false(is_faraway("ok_locales en", META("utf-8")));
	assert_false(is_faraway("ok_locales en", META("3Diso-8859-1")));
	assert_true(is_faraway("ok_locales en", META("big5") META("utf-8")));
	assert_false(is_faraway("ok_locales en", META("big5") META("utf-8") META("ascii")));
	assert_false(is_faraway("ok_locales en", "<meta name=x content='charset=big5'>"));
}

/* What a stranger may repeat at will. */
static void bounds(void **state)
{
	GP_BUF_AUTO document = GP_BUF_INIT(8 << 20);

	for (int i = 0; i < 20000; i++)
		gp_buf_printf(&document, "<p><font size=2><t%d><a>x<!-- -->", i);
	assert_string_equal(html("html_range('min_size', '1', '2')", gp_buf_cstr(&document)), "R0");
}

#define IMAGE_MAIL(type, name, base64)                                                             \
	"Subject: a\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n"   \
	"--b\nContent-Type: " type "; name=" name "\nContent-Transfer-Encoding: base64\n\n" base64   \
	"\n--b--\n"

static void attached_images(void **state)
{
	const char *calls = "image_count('all', '1', '1')\nimage_count('gif', '1')\n"
			    "pixel_coverage('all', '150000', '300000')\n"
			    "image_size_exact('png', '480', '640')\n"
			    "image_size_range('all', '400', '600', '500', '700')\n"
			    "image_named('x.png')\nimage_to_text_ratio('all', '0.0', '0.1')\n"
			    "image_count('all', '0', '0')\nimage_count('jpeg', '1')";

	/* 640 × 480 each: the header's bytes only. */
	assert_string_equal(
		hits(calls, IMAGE_MAIL("image/png", "x.png", "iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgCAIAAAA=")),
		"R0 R3 R4 R5 R6");
	assert_string_equal(hits(calls, IMAGE_MAIL("image/gif", "x.gif", "R0lGODlhgALgAYAAAAAAAAA=")),
			    "R0 R1 R4 R6");
	assert_string_equal(
		hits(calls, IMAGE_MAIL("image/jpeg", "x.jpg", "/9j/4AAEAAD/wAARCAHgAoADAREA")),
		"R0 R4 R6 R8");
	assert_string_equal(hits(calls, IMAGE_MAIL("image/jpeg", "x.jpg", "/9j/4P//AAD/wAARCA==")),
			    "R0 R8");
	assert_string_equal(hits(calls, IMAGE_MAIL("image/gif", "x.png", "AAAA")), "R0 R1");
	assert_string_equal(hits(calls, "Subject: a\n\nb\n"), "R7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags),	   cmocka_unit_test(ratios), cmocka_unit_test(letters),
		cmocka_unit_test(words),
		cmocka_unit_test(images),  cmocka_unit_test(texts),  cmocka_unit_test(links),
		cmocka_unit_test(charsets),
		cmocka_unit_test(bounds),
		cmocka_unit_test(attached_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
