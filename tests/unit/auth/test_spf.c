/*
 * SPF: identities, and what mechanisms and modifiers make of the DNS, where the public
 * suite (tests/conformance/test_auth.py) does not look.
 */
#include "tests/unit/auth/spf_fixture.h"

#include "lib/base/limits.h"

#define BUECHER     \
	"b\xc3\xbc" \
	"cher"

static void who_is_checked(void **state)
{
	static const struct {
		const char *mailfrom, *helo;
		const char *domain, *sender;
		enum gp_auth_status status;
	} CASES[] = {
		{"a@EXAMPLE.org", "h.example", "example.org", "a@example.org", GP_AUTH_PASS},
		{"a@example.org.", "h.example", "example.org", "a@example.org", GP_AUTH_PASS},
		{"@example.org", "h.example", "example.org", "postmaster@example.org",
		 GP_AUTH_PASS},
		{"\"a@b\"@example.org", "h.example", "example.org", "\"a@b\"@example.org",
		 GP_AUTH_PASS},
		{"@r.example,@s.example:a@example.org", "h.example", "example.org", "a@example.org",
		 GP_AUTH_PASS},
		{"", "Example.ORG", "example.org", "postmaster@example.org", GP_AUTH_PASS},
		{"a@" BUECHER ".example", "h.example", "xn--bcher-kva.example",
		 "a@xn--bcher-kva.example", GP_AUTH_SOFTFAIL},
		{"",
		 "B\xc3\x9c"
		 "CHER.example",
		 "xn--bcher-kva.example", "postmaster@xn--bcher-kva.example", GP_AUTH_SOFTFAIL},
		{"a", "h.example", "", "postmaster@", GP_AUTH_NONE},
		{"a@", "h.example", "", "a@", GP_AUTH_NONE},
		{"a@[192.0.2.1]", "h.example", "[192.0.2.1]", "a@[192.0.2.1]", GP_AUTH_NONE},
		{"", "192.0.2.1", "192.0.2.1", "postmaster@192.0.2.1", GP_AUTH_NONE},
		{"", "localhost", "localhost", "postmaster@localhost", GP_AUTH_NONE},
		{"", "", "", "postmaster@", GP_AUTH_NONE},
		{"a@x\\032y.example", "h.example", "x\\032y.example", "a@x\\032y.example",
		 GP_AUTH_NONE},
		{"a@\xff.example", "h.example", "\xff.example", "a@\xff.example", GP_AUTH_NONE},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct fixture f;

		fixture_open(&f, "example.org TXT v=spf1 +all\n"
				 "xn--bcher-kva.example TXT v=spf1 ~all\n"
				 "192.0.2.1 TXT v=spf1 +all\n"
				 "localhost TXT v=spf1 +all\n"
				 "x\\032y.example TXT v=spf1 +all\n");
		f.q.helo = gp_str(CASES[i].helo);
		assert_int_equal(fixture_check(&f, CASES[i].mailfrom), CASES[i].status);
		assert_false(f.r.is_helo);
		assert_str(f.r.domain, CASES[i].domain);
		assert_str(f.r.sender, CASES[i].sender);
		assert_true(f.r.reason.len > 0);
		assert_int_equal(f.asker.seen.len, CASES[i].status != GP_AUTH_NONE);
		fixture_close(&f);
	}
}

static void helo(void **state)
{
	struct fixture f;

	fixture_open(&f, "mail.example.org TXT v=spf1 a -all\n"
			 "mail.example.org A 192.0.2.1\n"
			 "example.org TXT v=spf1 -all\n");
	f.q.mailfrom = GP_STR("a@example.org");
	gp_spf_check_helo(&f.asker, &f.q, &f.r);
	assert_int_equal(f.r.status, GP_AUTH_PASS);
	assert_true(f.r.is_helo);
	assert_str(f.r.sender, "postmaster@mail.example.org");
	assert_str(f.r.mechanism, "a");
	f.q.helo = GP_STR("[192.0.2.1]");
	gp_spf_check_helo(&f.asker, &f.q, &f.r);
	assert_int_equal(f.r.status, GP_AUTH_NONE);
	assert_true(f.r.is_helo);
	fixture_close(&f);
}

static void addresses(void **state)
{
	struct gp_ip mapped = {.family = 6, .bytes = {[10] = 0xff, 0xff, 192, 0, 2, 1}};
	struct fixture f;

	fixture_open(&f, "example.org TXT v=spf1 ip6:::/0 ip4:192.0.2.1 -all\n");
	f.q.client = mapped;
	assert_int_equal(fixture_check(&f, "a@example.org"), GP_AUTH_PASS);
	assert_str(f.r.mechanism, "ip4:192.0.2.1");
	f.q.client = spf_ip("2001:db8::1");
	assert_int_equal(fixture_check(&f, "a@example.org"), GP_AUTH_PASS);
	assert_str(f.r.mechanism, "ip6:::/0");
	f.q.client = spf_ip("");
	assert_int_equal(fixture_check(&f, "a@example.org"), GP_AUTH_NONE);
	assert_str(f.r.reason, "the client has no IP address");
	fixture_close(&f);
}

/* Record, what else is in the zone, and what comes out for a@example.org from 192.0.2.1. */
static void outcomes(void **state)
{
	static const struct {
		const char *record, *more;
		enum gp_auth_status status;
		const char *mechanism, *reason;
	} CASES[] = {
		{"v=spf1 ip4:192.0.2.0/24 -all", "", GP_AUTH_PASS, "ip4:192.0.2.0/24",
		 "matched \"ip4:192.0.2.0/24\""},
		{"v=spf1 ?a:none.example ~all", "", GP_AUTH_SOFTFAIL, "~all", "matched \"~all\""},
		{"v=spf1", "", GP_AUTH_NEUTRAL, "default", "no mechanism of example.org matched"},
		{"v=spf2 -all", "", GP_AUTH_NONE, "", "example.org has no SPF record"},
		{"v=spf1 a", "example.org TXT v=spf1 mx\n", GP_AUTH_PERMERROR, "",
		 "example.org has 2 records"},
		{"!nxdomain", "", GP_AUTH_NONE, "", "example.org does not exist"},
		{"!servfail", "", GP_AUTH_TEMPERROR, "", "the DNS did not answer for example.org"},
		{"!timeout", "", GP_AUTH_TEMPERROR, "", "the DNS did not answer for example.org"},
		{"!bogus", "", GP_AUTH_TEMPERROR, "", "DNSSEC validation failed for example.org"},
		{"v=spf1 a:a.example -all", "a.example * !bogus\n", GP_AUTH_TEMPERROR, "",
		 "DNSSEC validation failed for a.example"},
		{"v=spf1 -all moo", "", GP_AUTH_PERMERROR, "",
		 "record of example.org: \"moo\" is no mechanism"},
		/* include, RFC 7208, 5.2 */
		{"v=spf1 ~include:i.example -all", "i.example TXT v=spf1 ip4:192.0.2.1\n",
		 GP_AUTH_SOFTFAIL, "~include:i.example",
		 "matched \"~include:i.example\", which matched \"ip4:192.0.2.1\""},
		{"v=spf1 include:i.example -all",
		 "i.example TXT v=spf1 -all exp=e.example\n"
		 "e.example TXT not this\n",
		 GP_AUTH_FAIL, "-all", "matched \"-all\""},
		{"v=spf1 include:i.example ?all", "i.example TXT v=spf1 a:x\n", GP_AUTH_PERMERROR,
		 "", "record of i.example: \"a:x\" is no valid a"},
		{"v=spf1 include:i.example ?all", "", GP_AUTH_PERMERROR, "",
		 "\"include:i.example\" leads nowhere: i.example does not exist"},
		{"v=spf1 include:i..example ?all", "", GP_AUTH_PERMERROR, "",
		 "\"include:i..example\" leads nowhere: \"i..example\" is no domain"},
		{"v=spf1 include:i.example +all", "i.example * !servfail\n", GP_AUTH_TEMPERROR, "",
		 "the DNS did not answer for i.example"},
		/* redirect, 6.1 */
		{"v=spf1 redirect=r.example", "r.example TXT v=spf1 -all\n", GP_AUTH_FAIL, "-all",
		 "redirected to r.example: matched \"-all\""},
		{"v=spf1 redirect=r.example", "", GP_AUTH_PERMERROR, "",
		 "redirected to r.example: r.example does not exist"},
		{"v=spf1 redirect=r.example ?all", "r.example TXT v=spf1 -all\n", GP_AUTH_NEUTRAL,
		 "?all", "matched \"?all\""},
		/* mx, 5.4 */
		{"v=spf1 mx ~all", "example.org MX 0 .\n", GP_AUTH_SOFTFAIL, "~all",
		 "matched \"~all\""},
		{"v=spf1 mx ~all",
		 "example.org MX 5 a.example\nexample.org MX 9 b.example\n"
		 "a.example A 192.0.2.9\nb.example A 192.0.2.1\n",
		 GP_AUTH_PASS, "mx", "matched \"mx\""},
		{"v=spf1 mx ~all",
		 "example.org MX 5 a.example\nexample.org MX 9 b.example\n"
		 "a.example A 192.0.2.1\nb.example A !servfail\n",
		 GP_AUTH_PASS, "mx", "matched \"mx\""},
		{"v=spf1 mx ~all",
		 "example.org MX 5 a.example\nexample.org MX 9 b.example\n"
		 "a.example A !servfail\nb.example A 192.0.2.1\n",
		 GP_AUTH_TEMPERROR, "", "the DNS did not answer for a.example"},
		/* ptr, 5.5: errors are no match */
		{"v=spf1 ptr ~all", "1.2.0.192.in-addr.arpa * !servfail\n", GP_AUTH_SOFTFAIL,
		 "~all", "matched \"~all\""},
		{"v=spf1 ptr ~all",
		 "1.2.0.192.in-addr.arpa PTR a.example.org\n1.2.0.192.in-addr.arpa PTR "
		 "b.example.org\na.example.org * !servfail\nb.example.org A 192.0.2.1\n",
		 GP_AUTH_PASS, "ptr", "matched \"ptr\""},
		{"v=spf1 ptr ~all",
		 "1.2.0.192.in-addr.arpa PTR badexample.org\nbadexample.org A 192.0.2.1\n",
		 GP_AUTH_SOFTFAIL, "~all", "matched \"~all\""},
		/* a, exists: names that are none, networks that hold none */
		{"v=spf1 a:a..example exists:%{h}..x ~all", "", GP_AUTH_SOFTFAIL, "~all",
		 "matched \"~all\""},
		{"v=spf1 a:none.example/0 ~all", "", GP_AUTH_SOFTFAIL, "~all", "matched \"~all\""},
		{"v=spf1 exists:a.example ~all", "a.example AAAA ::1\n", GP_AUTH_SOFTFAIL, "~all",
		 "matched \"~all\""},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct fixture f;

		assert_int_equal(fixture_record(&f, CASES[i].record, CASES[i].more),
				 CASES[i].status);
		assert_str(f.r.mechanism, CASES[i].mechanism);
		assert_str(f.r.reason, CASES[i].reason);
		assert_int_equal(f.r.explanation.len, 0);
		fixture_close(&f);
	}
}

/* RFC 8616, 4: terms with such a local-part match nothing, and ask nothing. */
static void internationalised_local_parts(void **state)
{
	static const char ZONE[] =
		"example.org TXT v=spf1 -exists:%{l}.x.example -a:%{s} -include:%{l1r}.x.example "
		"ip4:192.0.2.9 redirect=%{l}.example\n"
		"e.example TXT v=spf1 -all exp=text.example\n"
		"text.example TXT %{l} may not\n";
	struct fixture f;

	fixture_open(&f, ZONE);
	assert_int_equal(fixture_check(&f, BUECHER "@example.org"), GP_AUTH_NEUTRAL);
	assert_int_equal(f.asker.seen.len, 1);
	assert_int_equal(fixture_check(&f, BUECHER "@e.example"), GP_AUTH_FAIL);
	assert_int_equal(f.r.explanation.len, 0);
	assert_int_equal(fixture_check(&f, "a@e.example"), GP_AUTH_FAIL);
	assert_str(f.r.explanation, "a may not");
	fixture_close(&f);
}

static void internationalised_helo(void **state)
{
	struct fixture f;

	fixture_open(&f, "example.org TXT v=spf1 a:%{h} -all\n"
			 "mail.xn--bcher-kva.example A 192.0.2.1\n");
	f.q.helo = GP_STR("mail." BUECHER ".example");
	assert_int_equal(fixture_check(&f, "a@example.org"), GP_AUTH_PASS);
	fixture_close(&f);
}

static void explanations(void **state)
{
	static const struct {
		const char *record, *more, *explanation;
	} CASES[] = {
		{"v=spf1 -all exp=e.example", "e.example TXT %{i} is %_not%- %% %{d}'s\n",
		 "192.0.2.1 is  not%20 % example.org's"},
		{"v=spf1 redirect=r.example exp=e.example",
		 "r.example TXT v=spf1 exp=%{d} -all\nr.example TXT %{d}\n", ""},
		{"v=spf1 redirect=r.example exp=x.example",
		 "r.example TXT v=spf1 exp=e.%{d} -all\ne.r.example TXT from %{d} by %{r}\n",
		 "from r.example by mx.example.net"},
		{"v=spf1 -all exp=e.example", "e.example TXT \"two \" \"strings\"\n",
		 "two strings"},
		{"v=spf1 -all exp=e.example", "e.example TXT a\ne.example TXT b\n", ""},
		{"v=spf1 -all exp=e.example", "e.example TXT \"a\\010b\"\n", ""},
		{"v=spf1 -all exp=e.example", "e.example TXT \"a\\255\"\n", ""},
		{"v=spf1 -all exp=e.example", "e.example TXT %{x}\n", ""},
		{"v=spf1 -all exp=e.example", "e.example * !servfail\n", ""},
		{"v=spf1 -all exp=e.example", "e.example TXT !bogus\n", ""},
		{"v=spf1 -all exp=e..example", "", ""},
		{"v=spf1 ~all exp=e.example", "e.example TXT only for fail\n", ""},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct fixture f;

		fixture_record(&f, CASES[i].record, CASES[i].more);
		assert_str(f.r.explanation, CASES[i].explanation);
		fixture_close(&f);
	}
}

/* What a HELO holds does not get through as it is, nor without end. */
static void explanations_are_printable(void **state)
{
	struct fixture f;

	fixture_open(&f, "example.org TXT v=spf1 -all exp=e.example\n"
			 "e.example TXT helo %{h}, url %{H}\n"
			 "long.example TXT v=spf1 -all exp=l.example\n"
			 "l.example TXT %{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}\n");
	f.q.helo = GP_STR("a\r\n250 b\x7f");
	assert_int_equal(fixture_check(&f, "a@example.org"), GP_AUTH_FAIL);
	assert_str(f.r.explanation, "helo a??250 b?, url a%0D%0A250%20b%7F");
	f.q.helo = GP_STR("12345678901234567890123456789012345678901234567890");
	assert_int_equal(fixture_check(&f, "a@long.example"), GP_AUTH_FAIL);
	assert_int_equal(f.r.explanation.len, GP_MAX_SPF_EXPLANATION);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_checked),
		cmocka_unit_test(helo),
		cmocka_unit_test(addresses),
		cmocka_unit_test(outcomes),
		cmocka_unit_test(internationalised_local_parts),
		cmocka_unit_test(internationalised_helo),
		cmocka_unit_test(explanations),
		cmocka_unit_test(explanations_are_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
