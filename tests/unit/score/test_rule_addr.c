/*
 * Addresses and names of malformed headers as SpamAssassin has them: every expectation was
 * seen with version 4.0.1.
 */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/score/rule_addr.h"

static struct gp_arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_freep(&arena);
	return 0;
}

static void join(struct gp_buf *out, struct gp_str s)
{
	if (!s.ptr)
		return;
	if (out->len)
		gp_buf_add_chr(out, '|');
	gp_buf_add_str(out, s);
}

static void test_headers(void **state)
{
	static const struct {
		const char *in, *addrs, *names; /* joined by | */
	} cases[] = {
		{" zvfjenphuq@[1086695621], [ufa]@netnoteinc.com", "zvfjenphuq@[1086695621]",
		 "[ufa]@netnoteinc.com"},
		{" Pharmacy Program@allsortsstore.com", "", "Pharmacy Program@allsortsstore.com"},
		{" \"Penny Stocks VIP Team\" <Penny Stocks VIP Team@opertunitiestoday2.com>", "",
		 "Penny Stocks VIP Team"},
		{" \"RK Hendrick Esq.\" <RK Hendrick Esq.@brandsends.com>", "", "RK Hendrick Esq."},
		{" Paul smith<hdtrade@dreamwiz.com>", "hdtrade@dreamwiz.com", "Paul smith"},
		{" ndtuftrzzsglsvnz@uksyz@21cn.com", "ndtuftrzzsglsvnz@uksyz", ""},
		{" \"Alonzo Fischer\" <\"\"@MYFROMADDY>", "", "Alonzo Fischer"},
		{" =?iso-2022-jp?B?cml0ZTFAcmVzZXQuanA=?=@p6044-ipad22marunouchi.tokyo.ocn.ne.jp", "=?iso-2022-jp?B?cml0ZTFAcmVzZXQuanA=?=@p6044-ipad22marunouchi.tokyo.ocn.ne.jp",
		 ""},
		{" a@b.c", "a@b.c", ""},
		{" foo bar baz@x.org", "", "foo bar baz@x.org"},
		{" <foo bar@x.org>", "", ""},
		{" foo <a b@x.org>", "", "foo"},
		{" foo <ab@x.org", "", ""},
		{" foo ab@x.org>", "", "foo ab@x.org>"},
		{" foo [ufa]@x.org", "", "foo [ufa]@x.org"},
		{" a@[1.2.3.4]", "a@[1.2.3.4]", ""},
		{" a@b, c@d", "a@b|c@d", ""},
		{" x a@b.org, y c@d.org", "", "x a@b.org|y c@d.org"},
		{" a@b.org (name one)", "a@b.org", "name one"},
		{" \"a b\"@x.org", "\"a b\"@x.org", ""},
		{" \"a b\" c@x.org", "", "a b c@x.org"},
		{" a@b.org, Foo Bar", "a@b.org", "Foo Bar"},
		{" Foo Bar", "", "Foo Bar"},
		{" foo", "", "foo"},
		{" foo, bar <x@y.org>", "x@y.org", "foo|bar"},
		{" grp: a@b.org, c@d.org;", "a@b.org|c@d.org", ""},
		{" a@b.org; c@d.org", "a@b.org|c@d.org", ""},
		{" <a@b.org> foo", "a@b.org", ""},
		{" \"x@y.org\" <a@b.org>", "a@b.org", "x@y.org"},
		{" x@y.org <a@b.org>", "a@b.org", "x@y.org"},
		{" <a@b.org> <c@d.org>", "a@b.org", ""},
		{" a@b@c.org", "a@b", ""},
		{" 'foo' <a@b.org>", "a@b.org", "foo"},
		{" 'a@b.org'", "'a@b.org'", ""},
		{" \"a@b.org\"", "a@b.org", ""},
		{" <\"a@b.org\">", "", ""},
		{" (c) a@b.org", "", "a@b.org"},
		{" a (x) @b.org", "", "a @b.org"},
		{" foo (comment) <a@b.org>", "a@b.org", "foo"},
		{" <@r:a@b.org>", "", ""},
		{" mailto:a@b.org", "a@b.org", ""},
		{" <mailto:a@b.org>", "", ""},
		{" a@b.org.", "a@b.org.", ""},
		{" a @ b.org", "", "a @ b.org"},
		{" a@ b.org", "", "a@ b.org"},
		{" \"foo \\\"bar\\\" baz\" <a@b.org>", "a@b.org", "foo \"bar\" baz"},
		{" \"foo <a@b.org>", "a@b.org", ""},
		{" foo\" <a@b.org>", "a@b.org", ""},
		{" =?utf-8?Q?foo=2C_bar?= <a@b.org>", "a@b.org", "foo, bar"},
		{" =?utf-8?Q?foo_<x@y.org>?= <a@b.org>", "x@y.org|a@b.org", ""},
		{" =?utf-8?Q?a=40b.org?=", "", "a@b.org"},
		{" , a@b.org", "a@b.org", " "},
		{" a@b.org,,c@d.org", "a@b.org", ""},
		{" <>", "", ""},
		{" \"\"", "", ""},
		{" @b.org", "", "@b.org"},
		{" a@", "", "a@"},
		{" <a@b>", "a@b", ""},
		{" foo <a@b.org> bar <c@d.org>", "a@b.org|c@d.org", ""},
		{" foo <a@b.org>, bar", "a@b.org", "foo|bar"},
		{" \"Foo, Bar\" <a@b.org>, baz <c@d.org>", "a@b.org|c@d.org", "Foo, Bar|baz"},
		{" undisclosed-recipients:;", "", ""},
		{" a@b.org\n c@d.org", "", "a@b.org c@d.org"},
		{" \"foo\"\n <a@b.org>", "a@b.org", "foo"},
		{" foo\\t<a@b.org>", "a@b.org", "foo\\t"},
		{" <foo.@x.org>", "foo.@x.org", ""},
		{" foo <a@b.org>baz", "a@b.org", ""},
		{" <a,b@x.org>", "", ""},
		{" <a@x.org,b@x.org>", "", ""},
		{" \"a\".\"b\"@x.org", "\"a\".\"b\"@x.org", ""},
		{" <<a@b.org>>", "", ""},
		{" [a@b.org]", "", "[a@b.org]"},
		{" {a@b.org}", "{a@b.org}", ""},
		{" a@b.org]", "", "a@b.org]"},
		{" a@b_c.org", "a@b_c.org", ""},
		{" \xc3\xa4@b.org", "\xc3\xa4@b.org", ""},
		{" J\xc3\xbcrgen <j@x.org>", "j@x.org", "J\xc3\xbcrgen"},
		{" foo @bar <a@b.org>", "a@b.org", "foo @bar"},
		{" http://x.org/ <a@b.org>", "a@b.org", "//x.org/"},
		{" a!b!c@x.org", "a!b!c@x.org", ""},
		{" a%b@x.org", "a%b@x.org", ""},
		{" foo <a@b.org;c@d.org>", "", "foo"},
		{" foo at bar.org", "", "foo at bar.org"},
		{" <foo>", "", ""},
		{" Foo <foo>", "", "Foo"},
		{" foo.bar", "", "foo.bar"},
		{" Foo Bar <", "", ""},
		{" \"Foo Bar <a@b.org>", "a@b.org", ""},
		{" \"Foo\" \"Bar\" <a@b.org>", "a@b.org", "Foo Bar"},
		{" Foo \\(Bar\\) <a@b.org>", "a@b.org", "Foo \\(Bar\\)"},
		{" a@b.org (x (y) z)", "", "a@b.org (x z)"},
		{" \"\" <a@b.org>", "a@b.org", " "},
		{" <a@b.org> (name)", "a@b.org", "name"},
		{" foo:bar <a@b.org>", "a@b.org", "bar"},
		{" Re: foo bar@x.org baz", "", "foo bar@x.org baz"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		GP_BUF_AUTO addrs = GP_BUF_INIT(1000);
		GP_BUF_AUTO names = GP_BUF_INIT(1000);
		struct gp_rule_addrs list;

		gp_rule_addr_parse(arena, gp_str(cases[i].in), &list);
		for (size_t k = 0; k < list.len; k++) {
			join(&addrs, list.items[k].addr);
			if (list.items[k].name.ptr)
				join(&names, gp_rule_addr_decode(arena, list.items[k].name));
		}
		assert_string_equal(gp_buf_cstr(&addrs), cases[i].addrs);
		assert_string_equal(gp_buf_cstr(&names), cases[i].names);
	}
}

/* No input may take long or yield more than the limit. */
static void test_hostile(void **state)
{
	static const char *const pieces[] = {"(", "\"", "<", "<@>", "a@b,", "(\"<", "\\", ";:", "\" ", ">", "@"};
	struct gp_rule_addrs list;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(pieces); i++) {
		GP_BUF_AUTO in = GP_BUF_INIT(GP_MAX_HEADER_SIZE);

		while (in.len + 4 < in.max)
			gp_buf_add_cstr(&in, pieces[i]);
		gp_rule_addr_parse(arena, gp_buf_str(&in), &list);
		assert_true(list.len <= GP_MAX_ADDRESSES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
