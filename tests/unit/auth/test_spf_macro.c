/*
 * SPF macros: the examples of RFC 7208, 7.4, and what strangers put into them.
 */
#include "tests/unit/auth/spf_fixture.h"

#include "lib/auth/spf_int.h"
#include "lib/base/limits.h"

#define DOMAIN GP_STR("email.example.com")

static const char ZONE[] = "3.2.0.192.in-addr.arpa PTR mx.example.org\n"
			   "mx.example.org         A   192.0.2.3\n"
			   "4.2.0.192.in-addr.arpa PTR any.example.org\n"
			   "4.2.0.192.in-addr.arpa PTR b.email.example.com\n"
			   "4.2.0.192.in-addr.arpa PTR c.email.example.com\n"
			   "c.email.example.com    A   192.0.2.4\n"
			   "any.example.org        A   192.0.2.4\n"
			   "b.email.example.com    A   192.0.2.4\n"
			   "5.2.0.192.in-addr.arpa PTR b.email.example.com\n"
			   "5.2.0.192.in-addr.arpa PTR Email.Example.com\n"
			   "b.email.example.com    A   192.0.2.5\n"
			   "email.example.com      A   192.0.2.5\n"
			   "6.2.0.192.in-addr.arpa PTR forged.email.example.com\n"
			   "forged.email.example.com A 192.0.2.7\n"
			   "7.2.0.192.in-addr.arpa *   !servfail\n";

static struct gp_spf_eval evaluation(struct fixture *f, const char *ip)
{
	return (struct gp_spf_eval){.asker = &f->asker,
				    .query = &f->q,
				    .client = spf_ip(ip),
				    .sender = GP_STR("strong-bad@email.example.com"),
				    .local = GP_STR("strong-bad"),
				    .domain = DOMAIN,
				    .helo = GP_STR("mail.example.org")};
}

static int expand(struct gp_spf_eval *e, const char *text, struct gp_str *ret)
{
	GP_BUF_AUTO out = GP_BUF_INIT(GP_MAX_SPF_EXPANSION);
	int r = gp_spf_macro_expand(e, gp_str(text), DOMAIN, &out);

	*ret = gp_arena_str(e->asker->arena, gp_buf_str(&out));
	return r;
}

static void examples(void **state)
{
	static const struct {
		const char *text, *expanded;
	} CASES[] = {
		{"%{s}", "strong-bad@email.example.com"},
		{"%{o}", "email.example.com"},
		{"%{d}", "email.example.com"},
		{"%{d4}", "email.example.com"},
		{"%{d3}", "email.example.com"},
		{"%{d2}", "example.com"},
		{"%{d1}", "com"},
		{"%{dr}", "com.example.email"},
		{"%{d2r}", "example.email"},
		{"%{l}", "strong-bad"},
		{"%{l-}", "strong.bad"},
		{"%{lr}", "strong-bad"},
		{"%{lr-}", "bad.strong"},
		{"%{l1r-}", "strong"},
		{"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
		{"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
		{"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
		 "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
		{"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
		 "3.2.0.192.in-addr.strong.lp._spf.example.com"},
		{"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
		/* and what they leave open */
		{"%%%_%-", "% %20"},
		{"%{D2R}%{DR}", "example.emailcom.example.email"},
		{"%{d99999999999999999999}", "email.example.com"},
		{"%{d4294967298}", "email.example.com"},
		{"%{d3r.}", "com.example.email"},
		{"%{o.-+,/_=}", "email.example.com"},
		{"%{lr.-}", "bad.strong"},
		{"%{S}", "strong-bad%40email.example.com"},
		{"%{h} %{c} %{r} %{t}", "mail.example.org 192.0.2.3 mx.example.net 1700000000"},
		{"%{p}", "mx.example.org"},
		{"", ""},
	};
	struct fixture f;
	struct gp_spf_eval e;

	fixture_open(&f, ZONE);
	e = evaluation(&f, "192.0.2.3");
	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct gp_str out;

		assert_true(gp_spf_macro_is_valid(gp_str(CASES[i].text), GP_SPF_IN_EXPLANATION));
		assert_int_equal(expand(&e, CASES[i].text, &out), GP_OK);
		assert_str(out, CASES[i].expanded);
	}
	fixture_close(&f);
}

static void ipv6(void **state)
{
	struct fixture f;
	struct gp_spf_eval e;
	struct gp_str out;

	fixture_open(&f, ZONE);
	e = evaluation(&f, "2001:db8::cb01");
	assert_int_equal(expand(&e, "%{ir}.%{v}._spf.%{d2}", &out), GP_OK);
	assert_str(out, "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf."
			"example.com");
	assert_int_equal(expand(&e, "%{c} %{i4}", &out), GP_OK);
	assert_str(out, "2001:db8::cb01 C.B.0.1");
	fixture_close(&f);
}

/* RFC 7208, 7.3: the domain itself, a name below it, any name; validated ones only. */
static void the_client_s_name(void **state)
{
	static const struct {
		const char *ip, *name;
	} CASES[] = {
		{"192.0.2.3", "mx.example.org"},    {"192.0.2.4", "b.email.example.com"},
		{"192.0.2.5", "email.example.com"}, {"192.0.2.6", "unknown"},
		{"192.0.2.7", "unknown"},	    {"192.0.2.8", "unknown"},
	};
	struct fixture f;

	fixture_open(&f, ZONE);
	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct gp_spf_eval e = evaluation(&f, CASES[i].ip);
		struct gp_str out;

		assert_int_equal(expand(&e, "%{p}", &out), GP_OK);
		assert_str(out, CASES[i].name);
	}
	fixture_close(&f);
}

/* RFC 8616, 4; and values longer than any name. */
static void unusable_values(void **state)
{
	char local[GP_MAX_SPF_MACRO + 2] = "";
	struct fixture f;
	struct gp_spf_eval e;
	struct gp_str out;

	fixture_open(&f, ZONE);
	e = evaluation(&f, "192.0.2.3");
	e.local = GP_STR("b\xc3\xbc"
			 "cher");
	e.sender = GP_STR("b\xc3\xbc"
			  "cher@email.example.com");
	assert_int_equal(expand(&e, "%{l}.x", &out), GP_ENOENT);
	assert_int_equal(expand(&e, "%{L1r}.x", &out), GP_ENOENT);
	assert_int_equal(expand(&e, "%{s}.x", &out), GP_ENOENT);
	assert_int_equal(expand(&e, "%{o}.x", &out), GP_OK);
	memset(local, 'l', GP_MAX_SPF_MACRO);
	e.local = gp_str(local);
	assert_int_equal(expand(&e, "%{l}", &out), GP_OK);
	local[GP_MAX_SPF_MACRO] = 'l';
	e.local = gp_str(local);
	assert_int_equal(expand(&e, "%{l}", &out), GP_ENOENT);
	fixture_close(&f);
}

static void targets(void **state)
{
	static const struct {
		const char *spec, *helo, *name;
	} CASES[] = {
		{"", "h", "email.example.com"},
		{"%{d}.", "h", "email.example.com"},
		{"a.example..", "h", "a.example."},
		{"%{h}.example", "two words", "two\\032words.example"},
		{"%{h}.example", "a\\b\"c@d", "a\\092b\\034c\\064d.example"},
		{"%{H}.example", "a b.c", "a%20b.c.example"},
	};
	struct fixture f;
	struct gp_spf_eval e;
	struct gp_str name;

	fixture_open(&f, ZONE);
	e = evaluation(&f, "192.0.2.3");
	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		e.helo = gp_str(CASES[i].helo);
		assert_int_equal(gp_spf_macro_target(&e, gp_str(CASES[i].spec), DOMAIN, &name),
				 GP_OK);
		assert_str(name, CASES[i].name);
	}
	fixture_close(&f);
}

/* RFC 7208, 7.3: labels go from the left until 253 bytes are left. */
static void long_targets(void **state)
{
	static const char LABEL[] = "123456789.";
	struct gp_buf spec = GP_BUF_INIT(4096);
	struct fixture f;
	struct gp_spf_eval e;
	struct gp_str name;

	fixture_open(&f, ZONE);
	e = evaluation(&f, "192.0.2.3");
	for (int i = 0; i < 24; i++)
		gp_buf_add_cstr(&spec, LABEL);
	gp_buf_add_cstr(&spec, "tail.example.");
	assert_int_equal(spec.len, 253);
	assert_int_equal(gp_spf_macro_target(&e, gp_buf_str(&spec), DOMAIN, &name), GP_OK);
	assert_int_equal(name.len, 252);
	spec.len--;
	gp_buf_add_cstr(&spec, "xx");
	assert_int_equal(gp_spf_macro_target(&e, gp_buf_str(&spec), DOMAIN, &name), GP_OK);
	assert_int_equal(name.len, 254 - 10);
	gp_buf_reset(&spec);
	for (int i = 0; i < 300; i++)
		gp_buf_add_chr(&spec, 'x');
	gp_buf_add_cstr(&spec, ".example");
	assert_int_equal(gp_spf_macro_target(&e, gp_buf_str(&spec), DOMAIN, &name), GP_OK);
	assert_str(name, "example");
	gp_buf_done(&spec);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples),	     cmocka_unit_test(ipv6),
		cmocka_unit_test(the_client_s_name), cmocka_unit_test(unusable_values),
		cmocka_unit_test(targets),	     cmocka_unit_test(long_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
