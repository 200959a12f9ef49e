/*
 * Rendering of HTML: tables of documents with the text, hidden text and links
 * that must come out, and documents that must not cost more than they weigh.
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/mail/html.h"

struct text_case {
	const char *html, *text, *hidden;
};

static const struct text_case TEXT[] = {
	/* words and paragraphs */
	{"", "", ""},
	{"plain words", "plain words", ""},
	{"  a \t\r\n b  ", "a b", ""},
	{"<p>one</p><p>two</p>", "one\ntwo", ""},
	{"a<br>b", "a b", ""},
	{"a<br><br>b", "a\nb", ""},
	{"a<br> \n <br>b", "a\nb", ""},
	{"<div>a</div><div>b</div>", "a\nb", ""},
	{"<div>a<div>b", "a b", ""},
	{"<table><tr><td>a</td><td>b</td></tr><tr><td>c</table>d", "a b c d", ""},
	{"<ul><li>a<li>b</ul>", "a b", ""},
	{"<b>V</b>iag<i>ra</i>", "Viagra", ""},
	{"Via<!-- x -->gra", "Viagra", ""},
	{"Via<foo>gra</foo>", "Viagra", ""},
	{"a<center>b</center>c", "a b c", ""},
	{"a<hr>b", "a\nb", ""},
	{"<html><body>in</body></html>behind", "in behind", ""},
	{"<html><body><p>in</p></body></html> behind", "in\nbehind", ""},
	{"<title>T &amp; t</title>x", "T & t\nx", ""},
	{"<title><b>raw</b></title>", "<b>raw</b>", ""},
	{"<noscript>seen</noscript>", "seen", ""},
	/* not text */
	{"a<script>b</script>c", "ac", ""},
	{"a<script>b<c</scripty>d</SCRIPT >e", "ae", ""},
	{"a<style>p{}</style>b", "ab", ""},
	{"a<!DOCTYPE html><?php echo 1 ?>b", "ab", ""},
	{"<![CDATA[x]]>y", "y", ""},
	{"a<![if !mso]>b<![endif]>c", "abc", ""},
	{"a<!--[if mso]>b<![endif]-->c", "ac", ""},
	{"a<!--[if !mso]><!-->b<!--<![endif]-->c", "abc", ""},
	{"a<!---->b<!-->c<!--->d", "abcd", ""},
	{"a<!-- x -- y --  >b", "ab", ""},
	{"a<!-- x --!>b", "ab", ""},
	/* broken markup */
	{"1 < 2 and 3 <4", "1 < 2 and 3 <4", ""},
	{"a <", "a <", ""},
	{"a<b", "a", ""},
	{"a<!-- open > b", "a b", ""},
	{"<!-- x > a <!-- y > b", "a b", ""},
	{"a<script>b <i>c", "ab c", ""},
	{"<style>x<p>y", "x\ny", ""},
	{"<textarea>a<b>c", "a<b>c", ""},
	{"<xmp>a&amp;<b></xmp>c", "a&amp;<b>\nc", ""},
	{"<plaintext>a<b>&amp;</plaintext>", "a<b>&amp;</plaintext>", ""},
	{"<a href=\"x>text</a> more", "text more", ""},
	{"<a href=\"x>text\">more", "more", ""},
	{"<a title='a>b' href=x>c", "c", ""},
	{"</>a</ b>c</3>d", "acd", ""},
	{"a<//b>c", "ac", ""},
	{"<p<b>x", "x", ""},
	{"<b\n>x</b\n>", "x", ""},
	{"<b/x/>y", "y", ""},
	/* references */
	{"a&amp;b &lt;p&gt; &quot;", "a&b <p> \"", ""},
	{"a&nbsp;b&#160;c\xc2\xa0"
	 "d",
	 "a b c d", ""},
	{"&eacute;&eacute &Eacute;", "\xc3\xa9\xc3\xa9 \xc3\x89", ""},
	{"&copy2026 &notit; &ampx",
	 "\xc2\xa9"
	 "2026 \xc2\xacit; &x",
	 ""},
	{"&lang=en &num=1 &image;", "&lang=en &num=1 \xe2\x84\x91", ""},
	{"&#65;&#x42;&#X43;&#68 &#x45", "ABCD E", ""},
	{"&#147;x&#148; &#0; &#xd800; &#99999999999;",
	 "\xe2\x80\x9cx\xe2\x80\x9d \xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd", ""},
	{"&; &# &#x &unknown; &&amp;", "&; &# &#x &unknown; &&", ""},
	{"&sol;&colon;&period;", "/:.", ""},
	/* bytes */
	{"caf\xc3\xa9 \xff x", "caf\xc3\xa9 \xef\xbf\xbd x", ""},
	{"\xc3", "\xef\xbf\xbd", ""},
	/* hidden */
	{"a<span style=\"display:none\">b</span>c", "ac", "b"},
	{"a<SPAN STYLE='DISPLAY : NONE !important'>b</SPAN>c", "ac", "b"},
	{"<span style=\"display&#58;none\">b</span>c", "c", "b"},
	{"<span style=\"/*x*/display:/*y*/none\">b</span>c", "c", "b"},
	{"<div style='display:none'>a<div style='display:block'>b</div></div>c", "c", "a b"},
	{"<div style='visibility:hidden'>a<b style='visibility:visible'>b</b></div>c", "b c", "a"},
	{"<p style='font-size:0'>a<b style='font-size:12px'>b</b></p>c", "b\nc", "a"},
	{"<p style='font-size:1px'>a</p><p style='font-size:.1em'>b", "", "a\nb"},
	{"<p style='font:0/0 a'>a</p><p style='font:bold 12px/1 x'>b", "b", "a"},
	{"<font color=white>a</font>b", "b", "a"},
	{"<font color=#fffffe>a</font><font color='#FFF'>b</font>c", "c", "ab"},
	{"<body bgcolor=black><font color=white>a</font><font color=black>b</font>", "a", "b"},
	{"<body bgcolor=black text=#010101>a", "", "a"},
	{"<td style='background:#336699 none'><font color='rgb(51,102,153)'>a</font>", "", "a"},
	{"<td style='background:url(x.png)'><font color=white>a</font>", "a", ""},
	{"<td background=x.png><font color=white>a</font></td>", "a", ""},
	{"<p style='color:transparent'>a</p><p style='color:rgba(0,0,0,0)'>b</p>c", "c", "a\nb"},
	{"<p style='color:#fff;background-color:navy'>a</p>", "a", ""},
	{"<p style='opacity:0'>a</p><p style='opacity:.5'>b", "b", "a"},
	{"<p style='text-indent:-9999px'>a</p>b", "b", "a"},
	{"<p style='position:absolute;left:-5000px'>a</p>b", "b", "a"},
	{"<div style='max-height:0;overflow:hidden'>a</div>b", "b", "a"},
	{"<div style='max-height:0'>a</div>b", "a b", ""},
	{"<div style='width:600px;overflow:hidden'>a</div>", "a", ""},
	{"<div style='clip:rect(0,0,0,0)'>a</div>b", "b", "a"},
	{"<marquee width=1 height=1>a</marquee>b", "b", "a"},
	{"<p hidden>a</p>b", "b", "a"},
	{"<template>a</template><iframe src=x>b</iframe>c", "c", "a b"},
	{"V<span style=display:none>x</span>ia<span style=display:none>y</span>gra", "Viagra",
	 "x y"},
	{"by<font color=white> </font>now<font color=white>&nbsp;\n</font>!", "by now !", ""},
	{"a<font color=white> x</font>b<font color=white>y </font>c", "a b c", "x y"},
	{"a<b style=display:none> x </b>b", "ab", "x"},
	/* sheets */
	{"<style>.h{display:none}</style>a<i class='x H'>b</i>", "a", "b"},
	{"<style>#i , td.h { font-size:0px }</style><b id=i>a</b><td class=h>b<p class=h>c", "",
	 "a b\nc"},
	{"<style>td.h{display:none}</style><p class=h>c", "c", ""},
	{"<style>@media x{.h{display:none} .i{}} .j{color:#fff}</style><b class=h>a<b class=j>b",
	 "a", "b"},
	{"<style><!-- .h{display:none} --></style><b class=h>a", "", "a"},
	{"<style>.a .h{display:none}</style><b class=h>a", "a", ""},
	/* forgotten end tags */
	{"<p style=display:none>a<p>b", "b", "a"},
	{"<table><tr><td style=display:none>a<td>b", "b", "a"},
	{"<table><tr style=display:none><td>a<tr><td>b", "b", "a"},
	{"<ul><li style=display:none>a<li>b", "b", "a"},
	{"<table><td><div style=display:none>a</td></table>b", "b", "a"},
	{"<div style=display:none><table><td>a</div>b</table>c</div>d", "d", "a b c"},
	{"<b style=display:none>a</i>b</b>c", "c", "ab"},
	{"<br style=display:none>a<img style=display:none>b", "ab", ""},
	{"<body style=display:none>a</body>b", "", "a b"},
};

static bool check_text(const struct text_case *c)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_html h;
	bool is_right;

	gp_html_render(a, NULL, gp_str(c->html), &h);
	is_right = gp_str_eq(h.text, gp_str(c->text)) && gp_str_eq(h.hidden, gp_str(c->hidden));
	if (!is_right)
		print_error("%s\n got \"%.*s\" / \"%.*s\"\nwant \"%s\" / \"%s\"\n", c->html,
			    GP_STR_FMT(h.text), GP_STR_FMT(h.hidden), c->text, c->hidden);
	gp_arena_free(a);
	return is_right;
}

static void text_and_hidden_text(void **state)
{
	unsigned n_wrong = 0;

	for (size_t i = 0; i < GP_ARRAY_SIZE(TEXT); i++)
		n_wrong += !check_text(&TEXT[i]);
	assert_int_equal(n_wrong, 0);
}

static void nul_is_dropped(void **state)
{
	static const char doc[] = "Via\0gra <b\0r>x &\0amp; <!-\0- y -->";
	struct gp_arena *a = gp_arena_new(0);
	struct gp_html h;

	gp_html_render(a, NULL, gp_str_n(doc, sizeof(doc) - 1), &h);
	assert_str(h.text, "Viagra x &amp;");
	gp_arena_free(a);
}

/* Links as "source target|text" lines. */
static const struct {
	const char *html, *links;
} LINKS[] = {
	{"<a href=http://a.example/>see <b>this</b></a>", "2 http://a.example/|see this\n"},
	{"<a HREF = 'http://a.example/?x=1&amp;y=2&copy=3'>t</a>",
	 "2 http://a.example/?x=1&y=2&copy=3|t\n"},
	{"<a href=\"http://a.example/&#x41;\"><p>one</p><p>two</p>",
	 "2 http://a.example/A|one two\n"},
	{"<a href=x1>a<a href=x2>b</a>c", "2 x1|a\n2 x2|b\n"},
	{"<a href='  http://a.example/ \n'>t", "2 http://a.example/|t\n"},
	{"<a href=\"http://a.example/>t</a> more", "2 http://a.example/|t\n"},
	{"<a href=http://a.example/", "2 http://a.example/|\n"},
	{"<a href=u href=v>t", "2 u|t\n2 v|\n"},
	{"<a href=''>t</a><a>u</a>", ""},
	{"<a href=u><img src=i alt='the &eacute;'></a>", "2 u|the \xc3\xa9\n4 i|the \xc3\xa9\n"},
	{"<area href=u><link href=l><script src=s></script><embed src=e>",
	 "2 u|\n4 l|\n4 s|\n4 e|\n"},
	{"<img src=i srcset='a.png 1x, b.png 2x' lowsrc=l>", "4 i|\n4 a.png|\n4 b.png|\n4 l|\n"},
	{"<td background=b><iframe src=f></iframe><object data=d>", "4 b|\n4 f|\n4 d|\n"},
	{"<form action=f><input formaction=g src=i>", "8 f|\n8 g|\n4 i|\n"},
	{"<p style=\"background:url('u'); x:URL(v)\">", "4 u|\n4 v|\n"},
	{"<style>@import 'i'; @import url(j); a{b:url( \"k\" )}</style>", "4 i|\n4 j|\n4 k|\n"},
	{"<meta http-equiv=Refresh content=\"0; URL='http://r.example/'\">",
	 "2 http://r.example/|\n"},
	{"<meta http-equiv=refresh content=5><meta name=x content='0;url=u'>", ""},
	{"<base href='http://b.example/d/e?f/g'><a href=r>1</a><a href=/s>2</a><a href=//t/>3</a>"
	 "<a href='#u'>4</a><a href=mailto:v>5</a>",
	 "0 http://b.example/d/e?f/g|\n2 http://b.example/d/r|1\n2 http://b.example/s|2\n2 //t/|3\n2 #u|4\n2 mailto:v|5\n"},
	{"<base href='http://b.example'><a href=r>1</a>", "0 http://b.example|\n2 http://b.example/r|1\n"},
	{"<!-- <a href=x> --><a style=display:none href=u>t</a>", "2 u|\n"},
};

static void links(void **state)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(LINKS); i++) {
		struct gp_arena *a = gp_arena_new(0);
		GP_BUF_AUTO got = GP_BUF_INIT(10000);
		struct gp_html h;

		gp_html_render(a, NULL, gp_str(LINKS[i].html), &h);
		for (size_t j = 0; j < h.links.len; j++)
			gp_buf_printf(&got, "%u %.*s|%.*s\n", h.links.items[j].source,
				      GP_STR_FMT(h.links.items[j].target),
				      GP_STR_FMT(h.links.items[j].text));
		if (strcmp(gp_buf_cstr(&got), LINKS[i].links) != 0)
			fail_msg("%s\n got %s\nwant %s", LINKS[i].html, gp_buf_cstr(&got),
				 LINKS[i].links);
		gp_arena_free(a);
	}
}

/* 500 short references behind a long base in each of 400 parts were 800 MB. */
static void a_long_base_loses_its_path(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	char doc[4096] = "<base href=http://b.example/";
	size_t n = strlen(doc);
	struct gp_html h;

	memset(doc + n, 'd', 3000);
	snprintf(doc + n + 3000, sizeof(doc) - n - 3000, "/><a href=r>t</a>");
	gp_html_render(a, NULL, gp_str(doc), &h);
	assert_int_equal(h.links.len, 2);
	assert_str(h.links.items[1].target, "http://b.example/r");
	gp_arena_free(a);
}

static void hidden_links_say_so(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_html h;

	gp_html_render(a, NULL, GP_STR("<a href=u>t</a><p hidden><a href=v>w</a>"), &h);
	assert_int_equal(h.links.len, 2);
	assert_false(h.links.items[0].is_hidden);
	assert_true(h.links.items[1].is_hidden);
	gp_arena_free(a);
}

static void stats(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_html_stats total = {.image_area = UINT32_MAX - 1};
	struct gp_html h;

	gp_html_render(
		a, NULL,
		GP_STR("<html><!-- c --><a href=x>ab c</a><a name=y></a>"
		       "<img width=100 height='20' src=data:image/gif;base64,AAAA>"
		       "<img style='width:10px;height:10px' width=500 height=500><img width=50%>"
		       "<form><input type=PassWord></form><script>x</script><iframe></iframe>"
		       "<xyzzy><o:p></o:p><p hidden>de</p><b title=\"x"),
		&h);
	assert_int_equal(h.stats.tags, 21);
	assert_int_equal(h.stats.links, 1);
	assert_int_equal(h.stats.images, 3);
	assert_int_equal(h.stats.image_area, 2100);
	assert_int_equal(h.stats.forms, 1);
	assert_int_equal(h.stats.scripts, 1);
	assert_int_equal(h.stats.iframes, 1);
	assert_int_equal(h.stats.comments, 1);
	assert_int_equal(h.stats.unknown_tags, 1);
	assert_int_equal(h.stats.visible_chars, 3);
	assert_int_equal(h.stats.hidden_chars, 2);
	assert_true(h.stats.has_html && h.stats.has_unclosed && h.stats.has_form_password);
	assert_true(h.stats.has_data_uri);
	assert_false(h.stats.has_meta_refresh);
	gp_html_stats_add(&total, &h.stats);
	assert_int_equal(total.image_area, UINT32_MAX);
	assert_int_equal(total.images, 3);
	assert_true(total.has_data_uri);
	gp_arena_free(a);
}

static void cut_at_the_limits(void **state)
{
	const struct gp_html_options options = {.text_max = 10, .links_max = 2};
	struct gp_arena *a = gp_arena_new(0);
	struct gp_html h;

	gp_html_render(a, &options, GP_STR("12345 6789\xc3\xa9x <a href=1><a href=2><a href=3>"),
		       &h);
	assert_str(h.text, "12345 6789");
	assert_true(h.is_text_cut && h.is_links_cut);
	assert_int_equal(h.links.len, 2);
	assert_int_equal(h.stats.visible_chars, 11);
	gp_html_render(a, &options, GP_STR("12345678\xc3\xa9x"), &h);
	assert_str(h.text, "12345678\xc3\xa9");
	gp_html_render(a, &options, GP_STR("123456789\xc3\xa9x"), &h);
	assert_str(h.text, "123456789");
	assert_true(h.is_text_cut);
	gp_html_render(a, &options, GP_STR("1234567890"), &h);
	assert_false(h.is_text_cut);
	gp_arena_free(a);
}

/* What hostile documents repeat; each must render in time and memory that the
 * limits bound, not the square of anything. */
static const char *const HOSTILE[] = {
	"<",
	"<a",
	"<a ",
	"<a href=\"",
	"<a href='x",
	"</",
	"</a",
	"<!--",
	"<!",
	"<!-- -",
	"<!----",
	"--",
	"<script>",
	"<style>",
	"<title>",
	"<textarea>",
	"<xmp><script>",
	"<div>",
	"<p>",
	"<td>",
	"<li>",
	"</div>",
	"<b></i>",
	"<table><td>",
	"<font color=white>",
	"&",
	"&#",
	"&#x",
	"&#9",
	"&amp",
	"&notin",
	"<a href=x>",
	"<img src=x>",
	"<p style='",
	"<p style='a:b;'>",
	"<p style=';;;;'>",
	"<p style='a(a('>",
	"<style>a{",
	"<style>.a{}</style><b class='a a a a a a a a'>",
	"<style>url(</style>",
	"<style>@import</style>",
	"<b a=1 b c=''>",
	"<a href=x>y",
	"\xc3",
	"\xe2\x82",
	"\xf0",
	"\xc2\xa0",
	" ",
	"\n",
	"<br>",
	"a ",
	"<base href=http://x/>",
	"<a href=\"&amp;&amp;&amp;\">",
	"< ",
	"<?",
	"'\"<b x=",
	"<img srcset=',,,,a,,'>",
	"<meta http-equiv=refresh content=urlurlurl>",
	"/*",
	"<p style='/*",
};

static void hostile_documents_are_linear(void **state)
{
	size_t size = 1 << 20;
	char *doc = malloc(size);

	assert_non_null(doc);
	for (size_t i = 0; i < GP_ARRAY_SIZE(HOSTILE); i++) {
		size_t n = strlen(HOSTILE[i]);
		struct gp_arena *a = gp_arena_new(0);
		int64_t begin = gp_clock_cpu_us();
		struct gp_html h;

		for (size_t j = 0; j < size; j++)
			doc[j] = HOSTILE[i][j % n];
		gp_html_render(a, NULL, gp_str_n(doc, size), &h);
		assert_true(gp_utf8_is_valid(h.text));
		assert_true(h.text.len <= GP_MAX_TEXT_SIZE && h.links.len <= GP_MAX_URIS);
		/* A quadratic one needs hours; sanitizers get their factor of ten. */
		if (gp_clock_cpu_us() - begin > 3000000)
			fail_msg("%s takes %lld us", HOSTILE[i],
				 (long long)(gp_clock_cpu_us() - begin));
		if (gp_arena_size(a) > 16u << 20)
			fail_msg("%s holds %zu bytes", HOSTILE[i], gp_arena_size(a));
		gp_arena_free(a);
	}
	free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_hidden_text),
		cmocka_unit_test(nul_is_dropped),
		cmocka_unit_test(links),
		cmocka_unit_test(a_long_base_loses_its_path),
		cmocka_unit_test(hidden_links_say_so),
		cmocka_unit_test(stats),
		cmocka_unit_test(cut_at_the_limits),
		cmocka_unit_test(hostile_documents_are_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
