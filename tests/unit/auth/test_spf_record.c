/*
 * SPF records: each rule of the grammar, kept and broken.
 */
#include "tests/unit/test.h"

#include "lib/auth/spf_int.h"

static void versions(void **state)
{
	assert_true(gp_spf_is_record(GP_STR("v=spf1")));
	assert_true(gp_spf_is_record(GP_STR("V=SPF1 all")));
	assert_false(gp_spf_is_record(GP_STR("v=spf10")));
	assert_false(gp_spf_is_record(GP_STR("v=spf1\tall")));
	assert_false(gp_spf_is_record(GP_STR(" v=spf1")));
	assert_false(gp_spf_is_record(GP_STR("v=spf")));
	assert_false(gp_spf_is_record(GP_STR("")));
}

static void valid_terms(void **state)
{
	static const struct {
		const char *text;
		enum gp_spf_kind kind;
		enum gp_auth_status qualifier;
		const char *domain;
		unsigned bits4, bits6;
	} CASES[] = {
		{"all", GP_SPF_ALL, GP_AUTH_PASS, "", 32, 128},
		{"-ALL", GP_SPF_ALL, GP_AUTH_FAIL, "", 32, 128},
		{"~all", GP_SPF_ALL, GP_AUTH_SOFTFAIL, "", 32, 128},
		{"?all", GP_SPF_ALL, GP_AUTH_NEUTRAL, "", 32, 128},
		{"+a", GP_SPF_A, GP_AUTH_PASS, "", 32, 128},
		{"a/24", GP_SPF_A, GP_AUTH_PASS, "", 24, 128},
		{"a//64", GP_SPF_A, GP_AUTH_PASS, "", 32, 64},
		{"a/0//0", GP_SPF_A, GP_AUTH_PASS, "", 0, 0},
		{"a:b.example/24//64", GP_SPF_A, GP_AUTH_PASS, "b.example", 24, 64},
		{"a:b/c.example", GP_SPF_A, GP_AUTH_PASS, "b/c.example", 32, 128},
		{"a:%{d}/32", GP_SPF_A, GP_AUTH_PASS, "%{d}", 32, 128},
		{"a:%{l/}", GP_SPF_A, GP_AUTH_PASS, "%{l/}", 32, 128},
		{"a:a%%", GP_SPF_A, GP_AUTH_PASS, "a%%", 32, 128},
		{"a:.example", GP_SPF_A, GP_AUTH_PASS, ".example", 32, 128},
		{"a:b.1-2.", GP_SPF_A, GP_AUTH_PASS, "b.1-2.", 32, 128},
		{"mx:b.example//128", GP_SPF_MX, GP_AUTH_PASS, "b.example", 32, 128},
		{"ptr", GP_SPF_PTR, GP_AUTH_PASS, "", 32, 128},
		{"ptr:b.example", GP_SPF_PTR, GP_AUTH_PASS, "b.example", 32, 128},
		{"include:_a.example", GP_SPF_INCLUDE, GP_AUTH_PASS, "_a.example", 32, 128},
		{"exists:%{i}.b.example", GP_SPF_EXISTS, GP_AUTH_PASS, "%{i}.b.example", 32, 128},
		{"Redirect=b.example", GP_SPF_REDIRECT, 0, "b.example", 0, 0},
		{"exp=b.example", GP_SPF_EXP, 0, "b.example", 0, 0},
		{"x-y_z.1=", GP_SPF_UNKNOWN, 0, "", 0, 0},
		{"all=1:2/%_", GP_SPF_UNKNOWN, 0, "1:2/%_", 0, 0},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct gp_str rest = gp_str(CASES[i].text);
		struct gp_spf_term term;

		assert_int_equal(gp_spf_term_next(&rest, &term, NULL), GP_OK);
		assert_str(term.text, CASES[i].text);
		assert_int_equal(term.kind, CASES[i].kind);
		assert_int_equal(term.qualifier, CASES[i].qualifier);
		assert_str(term.domain, CASES[i].domain);
		assert_int_equal(term.bits4, CASES[i].bits4);
		assert_int_equal(term.bits6, CASES[i].bits6);
		assert_int_equal(gp_spf_term_next(&rest, &term, NULL), GP_ENOENT);
	}
}

static void networks(void **state)
{
	static const struct {
		const char *term, *net; /* NULL: invalid */
	} CASES[] = {
		{"ip4:192.0.2.129", "192.0.2.129"},
		{"ip4:192.0.2.129/25", "192.0.2.128/25"},
		{"ip4:192.0.2.129/0", "0.0.0.0/0"},
		{"ip6:2001:DB8::1/33", "2001:db8::/33"},
		{"ip6:2001:db8::1", "2001:db8::1"},
		{"ip6:2001:db8::192.0.2.1", "2001:db8::c000:201"},
		{"ip6:::ffff:192.0.2.1/95", "::fffe:0:0/95"},
		{"ip4", NULL},
		{"ip4:", NULL},
		{"ip4/24", NULL},
		{"ip4:192.0.2", NULL},
		{"ip4:192.0.2.01", NULL},
		{"ip4:192.0.2.1/33", NULL},
		{"ip4:192.0.2.1/08", NULL},
		{"ip4:192.0.2.1/", NULL},
		{"ip4:192.0.2.1//24", NULL},
		{"ip4:192.0.2.1/24/24", NULL},
		{"ip4:2001:db8::1", NULL},
		{"ip4:[192.0.2.1]", NULL},
		{"ip4:%{i}", NULL},
		{"ip6:192.0.2.1", NULL},
		{"ip6:[2001:db8::1]", NULL},
		{"ip6:IPv6:2001:db8::1", NULL},
		{"ip6:2001:db8::1/129", NULL},
		{"ip6:2001:db8::1/99999999999999999999", NULL},
		{"ip6:2001:db8::1/4294967296", NULL},
		{"ip6:2001:db8::%1", NULL},
	};
	char text[GP_IP_TEXT];

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct gp_str rest = gp_str(CASES[i].term);
		struct gp_spf_term term;
		int r = gp_spf_term_next(&rest, &term, NULL);

		assert_int_equal(r, CASES[i].net ? GP_OK : GP_EINVAL);
		if (CASES[i].net)
			assert_string_equal(gp_cidr_format(&term.net, text), CASES[i].net);
	}
}

static void broken_terms(void **state)
{
	static const char *const CASES[] = {
		"all:x.example",
		"all/8",
		"all.",
		"-",
		"--all",
		"moo",
		"=all",
		"1up=x",
		"-redirect=x.y",
		"redirect:x.example",
		"include",
		"include:",
		"include/24",
		"include:x.y/24",
		"exists",
		"a:",
		"a/",
		"a/24/64",
		"a/33",
		"a//129",
		"a/024",
		"a//",
		"a///64",
		"a//33//64",
		"a24",
		"a:museum",
		"a:museum.",
		"a:x.123",
		"a:x.-com",
		"a:x.com-",
		"a:x.com..",
		"a:x.c_m",
		"a:%",
		"a:%x.y",
		"a:%{d",
		"a:%{d0}",
		"a:%{}.x.y",
		"a:%{x}.x.y",
		"a:%{c}.x.y",
		"a:%{d2!}.x.y",
		"a:%{d}x",
		"a:%{dr2}.x.y",
		"ptr/24",
		"ptr:",
		"redirect=",
		"redirect=x",
		"exp=",
		"exp=%{t}.x.y",
		"x=%",
		"x=%{r}",
		"a:x\x80.com",
		"a:x\t.com",
		"\x80",
		"x=\x01",
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct gp_str rest = gp_str(CASES[i]);
		struct gp_spf_term term = {.bits4 = 7};
		struct gp_diag diag = {""};

		assert_int_equal(gp_spf_term_next(&rest, &term, &diag), GP_EINVAL);
		assert_int_equal(term.bits4, 7);
		assert_true(diag.text[0] == '"');
	}
}

static int parse(const char *record, struct gp_spf_modifiers *ret)
{
	struct gp_str terms;

	return gp_spf_record_parse(gp_str(record), &terms, ret, NULL);
}

static void whole_records(void **state)
{
	struct gp_spf_modifiers m;
	struct gp_str nul = GP_STR("v=spf1 a:x.example\0 -all"), terms;

	assert_int_equal(parse("v=spf1", &m), GP_OK);
	assert_int_equal(parse("v=spf1   a  -all  ", &m), GP_OK);
	assert_int_equal(m.redirect.len + m.exp.len, 0);
	assert_int_equal(parse("v=spf1 exp=a.b redirect=c.d x=1 x=2 all", &m), GP_OK);
	assert_str(m.exp, "a.b");
	assert_str(m.redirect, "c.d");
	assert_int_equal(parse("v=spf1 exp=a.b all EXP=a.b", &m), GP_EINVAL);
	assert_int_equal(parse("v=spf1 redirect=a.b redirect=a.b", &m), GP_EINVAL);
	assert_int_equal(parse("v=spf1 +all moo", &m), GP_EINVAL);
	assert_int_equal(parse("v=spf1 a\tmx", &m), GP_EINVAL);
	assert_int_equal(gp_spf_record_parse(nul, &terms, &m, NULL), GP_EINVAL);
	assert_str(m.exp, "a.b"); /* untouched by failures */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),	 cmocka_unit_test(valid_terms),
		cmocka_unit_test(networks),	 cmocka_unit_test(broken_terms),
		cmocka_unit_test(whole_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
