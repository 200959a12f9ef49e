/*
 * What uri rules see: URIs found in text, links of HTML, and the forms of each.
 */
#include "tests/unit/score/rule_fixture.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/score/rule_host.h"
#include "lib/score/rule_subject.h"

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All that uri rules see of the message, sorted, separated by spaces. */
static const char *uris_of(struct fixture *f, const char *mail)
{
	struct gp_rule_input in = {.message = gp_message_parse(f->arena, NULL, gp_str(mail)), .bayes = -1};
	struct gp_rule_subject s;
	const char *all[200], *text = "";

	gp_message_finish(in.message);
	gp_rule_subject_build(GP_RULE_URI, f->set, &in, NULL, NULL, f->arena, &s);
	assert_true(s.segments.len < GP_ARRAY_SIZE(all));
	for (size_t i = 0; i < s.segments.len; i++)
		all[i] = gp_arena_cstr(f->arena, gp_rule_segment_text(&s, i));
	qsort(all, s.segments.len, sizeof(all[0]), compare);
	for (size_t i = 0; i < s.segments.len; i++)
		text = gp_arena_printf(f->arena, "%s%s%s", text, *text ? " " : "", all[i]);
	return text;
}

static const struct {
	const char *text, *uris;
} in_text[] = {
	{"see http://a.example.com/x.", "http://a.example.com/x"},
	{"see (http://a.example.com/x) or", "http://a.example.com/x"},
	{"http://a.example.com/x_(y) or", "http://a.example.com/x_(y"},
	{"WWW.example.com, and", "http://WWW.example.com"},
	{"www2.example.com!", "http://www2.example.com"},
	{"ftp.example.com", "ftp://ftp.example.com"},
	{"mail joe@example.com, or not", "mailto:joe@example.com"},
	{"mail:joe@example.com", "mailto:joe@example.com"},
	{"mailto:joe@example.com?subject=x", "mailto:joe@example.com mailto:joe@example.com?subject=x"},
	{"joe@example.invalid joe@nowhere Vi@gra", ""},
	{"at example.com:80/x now", "http://example.com/x http://example.com:80/x"},
	{"at example.com. Now", "http://example.com"},
	{"at example.com, now", ""}, /* what is glued to it keeps it from being one */
	{"a file.c and e.g. that", ""},
	{"(example.com) \"example.net\"", "http://example.net"},
	{"http://%65xample.com/%41%20", "http://%65xample.com/%41%20 http://example.com/A%20"},
	{"http:\\\\example.com\\x", ""},
	{"http://example.com?x", "http://example.com/?x http://example.com?x"},
	{"http://example.com:80/", "http://example.com/ http://example.com:80/"},
	{"http://u:p@example.com/", "http://u:p@example.com/"},
	{"http://0x7f.1.1.1/ http://2130706433/x",
	 "http://0x7f.1.1.1/ http://127.0.0.1/x http://127.1.1.1/ http://2130706433/x"},
	{"http://example/", "http://example/ http://www.example.com/"},
	{"http://r.example.com/?u=http://t.example.net/y&z",
	 "http://r.example.com/?u=http://t.example.net/y&z http://t.example.net/y"},
	{"[cid:a@b.example.com] http://", ""},
};

static void text(void **state)
{
	struct fixture f;

	(void)state;
	fixture_load(&f, "util_rb_tld com net\nuri A /x/\n");
	for (size_t i = 0; i < GP_ARRAY_SIZE(in_text); i++) {
		const char *mail = gp_arena_printf(f.arena, "Subject: x\n\n%s\n", in_text[i].text);
		const char *found = uris_of(&f, mail);

		if (strcmp(found, in_text[i].uris))
			fail_msg("%s\nwanted %s\nfound  %s", in_text[i].text, in_text[i].uris, found);
	}
	assert_string_equal(uris_of(&f, "Subject: http://example.com/s\n\nx\n"), "http://example.com/s");
	assert_string_equal(uris_of(&f, "Subject: x\nList-Unsubscribe: <http://example.com/>\n\nx\n"), "");
	fixture_done(&f);
}

static const struct {
	const char *html, *uris;
} in_html[] = {
	{"<a href='HTTP://Example.COM/'>x</a>", "HTTP://Example.COM/"},
	{"<a href='http://a.example/?x=1&amp;y'>x</a>", "http://a.example/?x=1&y"},
	{"<a href=' \n//a.example/'>x</a>", "//a.example/ http:////a.example/"},
	{"<a href='page.html'>x</a>", "http://page.html page.html"},
	{"<a href='#top'>x</a>", "#top"},
	{"<link href='./a/b'>", "/a/b"},
	{"<a href='./a/b'>x</a>", "./a/b /a/b http://./a/b http:///a/b"},
	{"<img src='http://a.example/b/../c/./d/..?x=/../y'>", "http://a.example/c/?x=/../y"},
	{"<a href='http://a.example/..'>x</a>", "http://a.example/ http://a.example/.."},
	{"<a href='http:a.example'>x</a>", "http://a.example http:a.example"},
	{"<a href='mailto:joe@a.example'>x</a>", "mailto:joe@a.example"},
	{"<base href='http://b.example/d/'><img src=i.gif>", "http://b.example/d/ http://b.example/d/i.gif"},
	{"<base href='http://b.example/d/'><a href='/x'>x</a><a href=z>y</a>",
	 "/x http://b.example/d/ http://b.example/d/z http://b.example/x z"},
	{"<a href onclick=x>y</a>", "href http://href http://www.href.com"},
	{"<a href=''>y</a><a href=>y</a>", ""},
	{"<a href=http://a.example/1>x</a><style>a {}<a href=http://a.example/2>x</a>", "http://a.example/1"},
	{"<td background='http://a.example/b'><form action='http://a.example/f'>",
	 "http://a.example/b http://a.example/f"},
	{"<p style='background:url(http://a.example/u)'><video poster='http://a.example/v'>", ""},
	{"<meta http-equiv=refresh content='0; url=http://a.example/r'>", "http://a.example/r"},
	{"<a href='http://&#97;.example/&#37;41'>x</a>", "http://a.example/%41 http://a.example/A"},
};

static void html(void **state)
{
	struct fixture f;

	(void)state;
	fixture_load(&f, "util_rb_tld com net\nuri A /x/\n");
	for (size_t i = 0; i < GP_ARRAY_SIZE(in_html); i++) {
		const char *found = uris_of(&f, gp_arena_printf(f.arena,
				"Subject: x\nContent-Type: text/html\n\n%s\n", in_html[i].html));

		if (strcmp(found, in_html[i].uris))
			fail_msg("%s\nwanted %s\nfound  %s", in_html[i].html, in_html[i].uris, found);
	}
	fixture_done(&f);
}

/* Without a list of top-level domains any will do. */
static void no_list(void **state)
{
	struct fixture f;

	(void)state;
	fixture_load(&f, "uri A /x/\n");
	assert_string_equal(uris_of(&f, "Subject: x\n\nmail joe@a.example or http://b.invalid/\n"),
			    "http://b.invalid/ mailto:joe@a.example");
	fixture_done(&f);
}

/* What is registered: by the list, without one two labels; below .us by form.  Seen with
 * SpamAssassin 4.0.1. */
static void registered(void **state)
{
	static const struct {
		const char *host, *with_list, *without;
	} cases[] = {
		{"a.b.c.example.com", "example.com", "example.com"},
		{"www.example.co.uk", "example.co.uk", "co.uk"},
		{"x.y.demon.co.uk", "y.demon.co.uk", "co.uk"},
		{"example.com", "example.com", "example.com"},
		{"com", "com", "com"},
		{"localhost", "localhost", "localhost"},
		{"x.com.au", "x.com.au", "com.au"},
		{"www.foo.ca.us", "www.foo.ca.us", "www.foo.ca.us"},
		{"a.pvt.k12.ca.us", "a.pvt.k12.ca.us", "a.pvt.k12.ca.us"},
		{"x.y.ci.la.ca.us", "y.ci.la.ca.us", "y.ci.la.ca.us"},
	};
	struct fixture list, none;

	(void)state;
	fixture_load(&list, "util_rb_tld com au uk us\nutil_rb_2tld co.uk com.au\nutil_rb_3tld demon.co.uk\n");
	fixture_load(&none, "uri A /x/\n");
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_str host = gp_str(cases[i].host);

		assert_str(gp_rule_host_trim(list.set, host), cases[i].with_list);
		assert_str(gp_rule_host_trim(none.set, host), cases[i].without);
	}
	fixture_done(&none);
	fixture_done(&list);
}

static void hostile(void **state)
{
	static const char *const pieces[] = {"a.", "a@", "a,", "http:", "www.", "(", "x.com/", "%41", "&#97;"};
	struct gp_rule_input in = {.bayes = -1};
	struct fixture f;

	(void)state;
	fixture_load(&f, "util_rb_tld com net\nuri A /x/\n");
	for (size_t i = 0; i < GP_ARRAY_SIZE(pieces); i++) {
		struct gp_buf mail = GP_BUF_INIT(1 << 20);
		struct gp_rule_subject s;
		int64_t start;

		gp_buf_add_cstr(&mail, "Subject: x\n\n");
		while (mail.len < 500000)
			gp_buf_add_cstr(&mail, pieces[i]);
		in.message = gp_message_parse(f.arena, NULL, gp_buf_str(&mail));
		gp_message_finish(in.message);
		start = gp_clock_cpu_us();
		gp_rule_subject_build(GP_RULE_URI, f.set, &in, NULL, NULL, f.arena, &s);
		assert_true(gp_clock_cpu_us() - start < 1000000);
		gp_buf_done(&mail);
	}
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(html),
		cmocka_unit_test(no_list),
		cmocka_unit_test(registered),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
