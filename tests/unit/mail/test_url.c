/*
 * URIs: how each spelling is normalised, what is found in text, what is not.
 */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/mail/url.h"

static const struct {
	const char *raw, *uri, *host;
} NORMAL[] = {
	{"http://a.example", "http://a.example/", "a.example"},
	{"HTTP://A.Example/Path?Q#F", "http://a.example/Path?Q#F", "a.example"},
	{"https://a.example:443/", "https://a.example/", "a.example"},
	{"http://a.example:8080", "http://a.example:8080/", "a.example"},
	{"ftp://a.example:21/x", "ftp://a.example/x", "a.example"},
	{"http:a.example", "http://a.example/", "a.example"},
	{"http:////a.example//x", "http://a.example//x", "a.example"},
	{"http:\\\\a.example\\x\\y?z\\", "http://a.example/x/y?z\\", "a.example"},
	{"//a.example/x", "http://a.example/x", "a.example"},
	{"hxxps://a[.]example/", "https://a.example/", "a.example"},
	{"h**p://a(.)example", "http://a.example/", "a.example"},
	{" http://a.exa\n mple/\tx y ", "http://a.example/x%20y", "a.example"},
	{"http://a.example/%41%2f%7e%zz%", "http://a.example/A%2F~%25zz%25", "a.example"},
	{"http://a.example/%%361", "http://a.example/%2561", "a.example"},
	{"http://a.example/\xc3\xa9", "http://a.example/%C3%A9", "a.example"},
	{"http://%61.ex%61mple/", "http://a.example/", "a.example"},
	{"http://good.example@bad.example/", "http://good.example@bad.example/", "bad.example"},
	{"http://u:p@x@bad.example:81?q", "http://u:p@x@bad.example:81/?q", "bad.example"},
	{"http://a.example./", "http://a.example/", "a.example"},
	{"http://b\xc3\xbc"
	 "cher.example/",
	 "http://xn--bcher-kva.example/", "xn--bcher-kva.example"},
	{"http://B\xc3\x9c"
	 "CHER.example/",
	 "http://xn--bcher-kva.example/", "xn--bcher-kva.example"},
	{"http://a\xe3\x80\x82"
	 "example/",
	 "http://a.example/", "a.example"},
	{"http://a\xef\xbc\x8e"
	 "example/",
	 "http://a.example/", "a.example"},
	{"http://\xef\xbd\x81\xef\xbd\x82.example/", "http://ab.example/", "ab.example"},
	{"http://ex\xc2\xad"
	 "ample.example/",
	 "http://example.example/", "example.example"},
	{"http://2130706433/", "http://127.0.0.1/", "127.0.0.1"},
	{"http://0x7f.1/", "http://127.0.0.1/", "127.0.0.1"},
	{"http://0177.0.0.01/", "http://127.0.0.1/", "127.0.0.1"},
	{"http://0X7F000001/", "http://127.0.0.1/", "127.0.0.1"},
	{"http://192.0.2.1:80/", "http://192.0.2.1/", "192.0.2.1"},
	{"http://1.2.3.256/", "http://1.2.3.256/", "1.2.3.256"},
	{"http://99999999999/", "http://99999999999/", "99999999999"},
	{"http://[2001:DB8::0:1]:8080/", "http://[2001:db8::1]:8080/", "2001:db8::1"},
	{"www.a.example", "http://www.a.example/", "www.a.example"},
	{"a.example.com/x", "http://a.example.com/x", "a.example.com"},
	{"example.com:81/x", "http://example.com:81/x", "example.com"},
	{"mailto:Joe@A.Example?subject=x y", "mailto:Joe@a.example?subject=x%20y", "a.example"},
	{"MAILTO:joe@b\xc3\xbc"
	 "cher.example",
	 "mailto:joe@xn--bcher-kva.example", "xn--bcher-kva.example"},
	{"mailto:?to=x", "mailto:?to=x", ""},
	{"joe@example.com", "mailto:joe@example.com", "example.com"},
	{"JavaScript:alert('x y')", "javascript:alert('x%20y')", ""},
	{"tel:+491234", "tel:+491234", ""},
	{"data:text/html,<b>", "data:text/html,%3Cb%3E", ""},
};

static void normalise(void **state)
{
	unsigned n_wrong = 0;

	for (size_t i = 0; i < GP_ARRAY_SIZE(NORMAL); i++) {
		struct gp_arena *a = gp_arena_new(0);
		struct gp_uri u = {0}, again = {0};
		int r = gp_url_normalise(a, gp_str(NORMAL[i].raw), &u);

		if (r || !gp_str_eq(u.uri, gp_str(NORMAL[i].uri)) ||
		    !gp_str_eq(u.host, gp_str(NORMAL[i].host))) {
			print_error("%s\n got %d %.*s host %.*s\nwant %s host %s\n", NORMAL[i].raw,
				    r, GP_STR_FMT(u.uri), GP_STR_FMT(u.host), NORMAL[i].uri,
				    NORMAL[i].host);
			n_wrong++;
		}
		/* what is normal stays as it is */
		assert_int_equal(gp_url_normalise(a, u.uri, &again), GP_OK);
		assert_str(again.uri, NORMAL[i].uri);
		gp_arena_free(a);
	}
	assert_int_equal(n_wrong, 0);
}

static void not_a_place(void **state)
{
	static const char *const RAW[] = {"",
					  " ",
					  "#top",
					  "page.html",
					  "/path",
					  "?q",
					  "cid:x@y",
					  "mid:z",
					  "http://",
					  "http:///",
					  "http:// /",
					  "http://[::g]/",
					  "http://a<b/",
					  "mailto:",
					  "mailto:joe@",
					  "C:\\x",
					  "http://\xff.example/",
					  "readme.txt",
					  "http://%2f/",
					  "//"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(RAW); i++) {
		struct gp_arena *a = gp_arena_new(0);
		struct gp_uri u;

		if (gp_url_normalise(a, gp_str(RAW[i]), &u) != GP_EINVAL)
			fail_msg("%s gives %.*s", RAW[i], GP_STR_FMT(u.uri));
		gp_arena_free(a);
	}
}

/* Text, and the URIs found, each behind a space. */
static const struct {
	const char *text, *uris;
} SCAN[] = {
	{"", ""},
	{"nothing here. Really nothing... e.g. this: x.", ""},
	{"see http://a.example/x.", " http://a.example/x"},
	{"(http://a.example/x)", " http://a.example/x"},
	{"http://a.example/x_(y) or <http://b.example/?q=1&r=2>,",
	 " http://a.example/x_(y) http://b.example/?q=1&r=2"},
	{"[http://a.example/x], \"http://b.example\"; 'http://c.example/'!?",
	 " http://a.example/x http://b.example/ http://c.example/"},
	{"texthttp://a.example HTTPS://B.example", " http://a.example/ https://b.example/"},
	{"hxxp://a[.]example/x h**p://b.example http:\\\\c.example\\",
	 " http://a.example/x http://b.example/ http://c.example/"},
	{"http://a.example/,http://b.example/;https://c.example/",
	 " http://a.example/ http://b.example/ https://c.example/"},
	{"www.a.example, WWW.B.example/x www. www.a",
	 " http://www.a.example/ http://www.b.example/x"},
	{"go to spam.com or www2.spam.co.uk/x?y.", " http://spam.com/ http://www2.spam.co.uk/x?y"},
	{"SPAM.COM spam.com:8080/x example.com?y",
	 " http://spam.com/ http://spam.com:8080/x http://example.com/?y"},
	{"The end.Top of the page. No.in GOOD PURPOSE.BEST OF ALL, XQuartz.app", ""},
	{"main.c readme.md script.pl a.txt 1.5 10.0.0.1 v1.2.com", " http://v1.2.com/"},
	{"buy.it buy.it/now", " http://buy.it/now"},
	{"..com -x.com a..com x_y.com $x.com", ""},
	{"joe@example.com, <Joe.Doe+x@Sub.Example.ORG>. mailto:m@example.net",
	 " mailto:joe@example.com mailto:Joe.Doe+x@sub.example.org mailto:m@example.net"},
	{"@example.com joe@ joe@localhost a@b.c", ""},
	{"a@example.com@b.example.com", " mailto:a@example.com"},
	{"\xe2\x80\x9chttp://a.example/\xe2\x80\x9d\xc2\xa0http://b.example",
	 " http://a.example/ http://b.example/"},
	{"\xe8\xa6\x8bhttp://a.example/\xe3\x80\x81\xe8\xa6\x8b", " http://a.example/"},
	{"b\xc3\xbc"
	 "cher.com",
	 " http://xn--bcher-kva.com/"},
	{"http://a.example/\xff http://b.example/", " http://a.example/ http://b.example/"},
	{"http://r.example/?u=http://t.example/&v=1",
	 " http://r.example/?u=http://t.example/&v=1 http://t.example/"},
	{"http://r.example/?u=http%3A%2F%2Ft.example%2Fx%3Fa%3D1%26b%3D2&v",
	 " http://r.example/?u=http%3A%2F%2Ft.example%2Fx%3Fa%3D1%26b%3D2&v "
	 "http://t.example/x?a=1&b=2"},
	{"http://r.example/https://t.example/x&y",
	 " http://r.example/https://t.example/x&y https://t.example/x&y"},
	{"http://r.example/?u=http%253A%252F%252Ft.example",
	 " http://r.example/?u=http%253A%252F%252Ft.example http://t.example/"},
	{"http://a/http://b/http://c/http://d/http://e/",
	 " http://a/http://b/http://c/http://d/http://e/ http://b/http://c/http://d/http://e/"
	 " http://c/http://d/http://e/ http://d/http://e/"},
	{"http://a.example/ http://A.example http://a.example:80/", " http://a.example/"},
	{"http:// http: // ://x.y", ""},
};

static void scan(void **state)
{
	unsigned n_wrong = 0;

	for (size_t i = 0; i < GP_ARRAY_SIZE(SCAN); i++) {
		struct gp_arena *a = gp_arena_new(0);
		GP_BUF_AUTO got = GP_BUF_INIT(10000);
		struct gp_url_set set;

		gp_url_set_init(&set, a, 0);
		gp_url_scan(&set, gp_str(SCAN[i].text), 3, GP_URI_TEXT);
		for (size_t j = 0; j < set.uris.len; j++) {
			const struct gp_uri *u = &set.uris.items[j];
			bool is_mail = gp_str_starts(u->uri, GP_STR("mailto:"));

			assert_int_equal(u->sources, GP_URI_TEXT | (is_mail ? GP_URI_MAILTO : 0));
			assert_int_equal(u->part, 3);
			gp_buf_printf(&got, " %.*s", GP_STR_FMT(u->uri));
		}
		if (strcmp(gp_buf_cstr(&got), SCAN[i].uris) != 0) {
			print_error("%s\n got%s\nwant%s\n", SCAN[i].text, gp_buf_cstr(&got),
				    SCAN[i].uris);
			n_wrong++;
		}
		gp_arena_free(a);
	}
	assert_int_equal(n_wrong, 0);
}

static void sources_join(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_url_set set;

	gp_url_set_init(&set, a, 0);
	gp_url_set_add(&set, GP_STR("HTTP://a.example"), GP_STR(""), 1, GP_URI_IMG);
	gp_url_set_add(&set, GP_STR("http://a.example/"), GP_STR("first"), 2, GP_URI_HREF);
	gp_url_set_add(&set, GP_STR("http://a.example/"), GP_STR("second"), 2, GP_URI_TEXT);
	assert_int_equal(set.uris.len, 1);
	assert_int_equal(set.uris.items[0].sources, GP_URI_IMG | GP_URI_HREF | GP_URI_TEXT);
	assert_int_equal(set.uris.items[0].part, 1);
	assert_str(set.uris.items[0].raw, "HTTP://a.example");
	assert_str(set.uris.items[0].text, "first");
	gp_arena_free(a);
}

static void cut_at_the_limits(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	char raw[2 * GP_MAX_URI_SIZE] = "http://a.example/";
	struct gp_url_set set;

	gp_url_set_init(&set, a, 2);
	gp_url_scan(&set, GP_STR("http://a.example/ http://b.example/ http://a.example/"), 0,
		    GP_URI_TEXT);
	assert_false(set.is_cut);
	gp_url_scan(&set, GP_STR("http://c.example/"), 0, GP_URI_TEXT);
	assert_true(set.is_cut);
	assert_int_equal(set.uris.len, 2);

	gp_url_set_init(&set, a, 0);
	memset(raw + strlen(raw), 'x', sizeof(raw) - strlen(raw));
	gp_url_set_add(&set, gp_str_n(raw, sizeof(raw)), GP_STR(""), 0, GP_URI_HREF);
	assert_int_equal(set.uris.len, 1);
	assert_in_range(set.uris.items[0].uri.len, GP_MAX_URI_SIZE - 3, GP_MAX_URI_SIZE);
	gp_arena_free(a);
}

static void hostile_text_is_linear(void **state)
{
	static const char *const HOSTILE[] = {
		"http://",
		"http",
		":",
		"://",
		"@",
		"a@",
		"@a.com",
		"a.",
		".",
		"www.",
		"a.com",
		"a.com ",
		"a.com,",
		"a.com/",
		"http://a/",
		"http://a.com,",
		"x",
		"\xc3\xa9",
		"\xff",
		"((((",
		"a@b.com ",
		"mailto:",
		"http://a.com/http://",
		"%",
		"http%3a%2f%2f",
		"[.]",
		"xn--",
		"1.",
		"http://a@a@",
		"a-",
		"http:\\",
	};
	size_t size = 1 << 20;
	char *text = malloc(size);

	assert_non_null(text);
	for (size_t i = 0; i < GP_ARRAY_SIZE(HOSTILE); i++) {
		struct gp_arena *a = gp_arena_new(0);
		int64_t begin = gp_clock_cpu_us();
		size_t n = strlen(HOSTILE[i]);
		struct gp_url_set set;

		for (size_t j = 0; j < size; j++)
			text[j] = HOSTILE[i][j % n];
		gp_url_set_init(&set, a, 0);
		gp_url_scan(&set, gp_str_n(text, size), 0, GP_URI_TEXT);
		assert_true(set.uris.len <= GP_MAX_URIS);
		if (gp_clock_cpu_us() - begin > 3000000)
			fail_msg("%s takes %lld us", HOSTILE[i],
				 (long long)(gp_clock_cpu_us() - begin));
		if (gp_arena_size(a) > 32u << 20)
			fail_msg("%s holds %zu bytes", HOSTILE[i], gp_arena_size(a));
		gp_arena_free(a);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normalise),
		cmocka_unit_test(not_a_place),
		cmocka_unit_test(scan),
		cmocka_unit_test(sources_join),
		cmocka_unit_test(cut_at_the_limits),
		cmocka_unit_test(hostile_text_is_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
