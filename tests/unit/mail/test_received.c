/*
 * Received headers of many programs, and our own one.
 */
#include "tests/unit/test.h"

#include "lib/mail/date.h"
#include "lib/mail/received.h"

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

static const struct {
	const char *in, *helo, *rdns, *ip, *ident, *by, *with, *id, *auth;
	bool is_tls;
} cases[] = {
	/* Postfix */
	{"from mail.a.example (rdns.a.example [192.0.2.7])\n\t(using TLSv1.3 with cipher X (256/256 bits)\n\t key-exchange "
	 "X25519)\n\t(No client certificate requested)\n\tby mx.b.example (Postfix) with ESMTPS id 4WxYz1\n\tfor "
	 "<joe@b.example>; Sat, 21 Nov 2026 11:22:58 +0000 (UTC)",
	 "mail.a.example", "rdns.a.example", "192.0.2.7", "", "mx.b.example", "ESMTPS", "4WxYz1", "", true},
	{"from [10.0.0.5] (unknown [IPv6:2001:DB8::7])\n\t(Authenticated sender: joe)\n\tby mx (Postfix) with ESMTPA id 1; x",
	 "[10.0.0.5]", "", "2001:db8::7", "", "mx", "ESMTPA", "1", "joe", false},
	{"by mx.b.example (Postfix, from userid 33)\n\tid 4Wx; Sat, 21 Nov 2026 11:22:58 +0000 (UTC)", "", "", "", "",
	 "mx.b.example", "", "4Wx", "", false},
	/* sendmail */
	{"from a.example (IDENT:joe@b.example [192.0.2.7] (may be forged)) by c.example (8.12.1/8.12.1) with ESMTP id "
	 "g1 for <x@y>; Thu, 8 Aug 2002 15:53:47 -0400",
	 "a.example", "b.example", "192.0.2.7", "joe", "c.example", "ESMTP", "g1", "", false},
	{"from a.example (b.example [192.0.2.7]) (authenticated bits=0) by c.example (8.14.4/8.14.4) with ESMTP id g1; x",
	 "a.example", "b.example", "192.0.2.7", "", "c.example", "ESMTP", "g1", "authenticated", false},
	/* Exim */
	{"from b.example ([192.0.2.7] helo=a.example)\n\tby c.example with esmtps (TLS1.3) tls "
	 "TLS_AES_256_GCM_SHA384\n\t(Exim 4.96)\n\t(envelope-from <joe@a.example>)\n\tid 1pX; x",
	 "a.example", "b.example", "192.0.2.7", "", "c.example", "esmtps", "1pX", "", true},
	{"from b.example ([192.0.2.7] ident=joe) by c.example with esmtp (Exim 4.96) id 1pX; x", "b.example",
	 "b.example", "192.0.2.7", "joe", "c.example", "esmtp", "1pX", "", false},
	{"from [192.0.2.7] (port=25 helo=a.example) by c.example with esmtpsa (Exim 4.96) id 1pX; x", "a.example", "",
	 "192.0.2.7", "", "c.example", "esmtpsa", "1pX", "authenticated", true},
	/* qmail */
	{"from unknown (HELO a.example) (192.0.2.7) by c.example with SMTP; 20 May 2000 01:55:02 -0000", "a.example", "",
	 "192.0.2.7", "", "c.example", "SMTP", "", "", false},
	{"from b.example (HELO a.example) (joe@192.0.2.7)\n  by c.example with SMTP; x", "a.example", "b.example",
	 "192.0.2.7", "joe", "c.example", "SMTP", "", "", false},
	{"from b.example (192.0.2.7) by c.example with SMTP; x", "b.example", "b.example", "192.0.2.7", "", "c.example",
	 "SMTP", "", "", false},
	{"(qmail 24486 invoked by uid 501); 20 May 2000 01:55:02 -0000", "", "", "", "", "", "", "", "", false},
	/* Exchange */
	{"from A.example.local (10.1.2.3) by C.example.local (10.1.2.4) with Microsoft SMTP Server (version=TLS1_2, "
	 "cipher=X) id 15.20.1; x",
	 "A.example.local", "", "10.1.2.3", "", "C.example.local", "Microsoft SMTP Server", "15.20.1", "", true},
	{"from a.example ([192.0.2.7]) by c.example with Microsoft SMTPSVC(5.0.2195.1600); x", "a.example", "",
	 "192.0.2.7", "", "c.example", "Microsoft SMTPSVC", "", "", false},
	/* Gmail and others */
	{"from a.example (b.example. [192.0.2.7])\n by mx.google.com with ESMTPS id x-y.z.2026.01; x", "a.example",
	 "b.example", "192.0.2.7", "", "mx.google.com", "ESMTPS", "x-y.z.2026.01", "", true},
	{"by 2002:a05:6214:1c42:b0:6 with SMTP id ab12; x", "", "", "", "", "2002:a05:6214:1c42:b0:6", "SMTP", "ab12", "",
	 false},
	{"from [192.0.2.7] by web1.mail.example via HTTP; x", "[192.0.2.7]", "", "192.0.2.7", "", "web1.mail.example", "",
	 "", "", false},
	{"from [192.0.2.7] (account joe@a.example HELO a.example) by c.example (CommuniGate Pro SMTP 6) with ESMTPA id 7; x",
	 "a.example", "", "192.0.2.7", "", "c.example", "ESMTPA", "7", "joe@a.example", false},
	{"from a.example (b.example [::ffff:192.0.2.7]) by c.example with esmtp; x", "a.example", "b.example",
	 "192.0.2.7", "", "c.example", "esmtp", "", "", false},
	/* clients that call themselves something, or that nobody knows */
	{"from [192.0.2.1] (unknown [unknown])\n\tby mx (Postfix) with ESMTP id 1; x", "[192.0.2.1]", "", "", "", "mx",
	 "ESMTP", "1", "", false},
	{"from a.example (authenticated.b.example [192.0.2.7])\n\tby mx (Postfix) with ESMTP id 1; x", "a.example",
	 "authenticated.b.example", "192.0.2.7", "", "mx", "ESMTP", "1", "", false},
	{"from a.example (authenticated [192.0.2.7])\n\tby mx (Postfix) with ESMTP id 1; x", "a.example",
	 "authenticated", "192.0.2.7", "", "mx", "ESMTP", "1", "", false},
	/* what is none */
	{"", "", "", "", "", "", "", "", "", false},
	{"from from from by by ((((", "from", "", "", "", "", "", "", "", false},
	{"from a (b [999.1.1.1]) by c", "a", "", "", "", "c", "", "", "", false},
};

static void test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_received r;

		gp_received_parse(arena, gp_str(cases[i].in), &r);
		assert_str(r.helo, cases[i].helo);
		assert_str(r.rdns, cases[i].rdns);
		assert_str(r.ip, cases[i].ip);
		assert_str(r.ident, cases[i].ident);
		assert_str(r.by, cases[i].by);
		assert_str(r.with, cases[i].with);
		assert_str(r.id, cases[i].id);
		assert_str(r.auth, cases[i].auth);
		assert_int_equal(r.is_authenticated, cases[i].auth[0] != 0);
		assert_int_equal(r.is_tls, cases[i].is_tls);
		assert_int_equal(r.has_from, cases[i].helo[0] != 0);
	}
}

static void test_rest(void **state)
{
	struct gp_received r;

	(void)state;
	gp_received_parse(arena, gp_str(cases[0].in), &r);
	assert_str(r.for_addr, "joe@b.example");
	assert_int_equal(r.time_s, 1795260178);
	gp_received_parse(arena, gp_str(cases[5].in), &r);
	assert_str(r.envelope_from, "joe@a.example");
	assert_int_equal(r.time_s, 0);
}

/* What we write is what Postfix would have written, and reads back. */
static void test_synthesise(void **state)
{
	struct gp_received_session s = {
		.by = GP_STR("mx.b.example"), .client_addr = GP_STR("2001:db8::7"),
		.client_name = GP_STR("rdns.a.example"), .helo = GP_STR("a (evil) [192.0.2.1]; x"),
		.queue_id = GP_STR("4Wx"), .auth_authen = GP_STR("joe)"), .tls_version = GP_STR("TLSv1.3"),
		.cipher = GP_STR("TLS_AES_256_GCM_SHA384"), .cipher_bits = GP_STR("256"),
		.rcpt = GP_STR("joe@b.example"), .time_s = 1795260178};
	struct gp_str value = gp_received_synthesise(arena, &s);
	struct gp_received r;

	(void)state;
	assert_str(value, " from a??evil??[192.0.2.1]??x (rdns.a.example [IPv6:2001:db8::7])\n"
			  "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256 bits))\n"
			  "\t(Authenticated sender: joe?)\n"
			  "\tby mx.b.example (Postfix) with ESMTPSA id 4Wx\n"
			  "\tfor <joe@b.example>; Sat, 21 Nov 2026 11:22:58 +0000 (UTC)");
	gp_received_parse(arena, value, &r);
	assert_str(r.helo, "a??evil??[192.0.2.1]??x");
	assert_str(r.ip, "2001:db8::7");
	assert_str(r.rdns, "rdns.a.example");
	assert_str(r.auth, "joe?");
	assert_true(r.is_tls);

	s = (struct gp_received_session){.client_addr = GP_STR("192.0.2.7"), .is_smtp = true};
	value = gp_received_synthesise(arena, &s);
	assert_str(value, " from unknown (unknown [192.0.2.7])\n\tby localhost (Postfix) with SMTP id NOQUEUE; "
			  "Thu, 1 Jan 1970 00:00:00 +0000 (UTC)");
}

static void test_dates(void **state)
{
	static const struct {
		const char *in;
		int64_t want; /* -1: no date */
	} dates[] = {
		{"Sat, 21 Nov 2026 11:22:58 +0000", 1795260178},
		{"21 Nov 2026 12:22:58 +0100 (CET)", 1795260178},
		{"Sat, 21-Nov-26 06:22:58 EST", 1795260178},
		{"Nov 21 11:22:58 2026", 1795260178},
		{"Sat, 21 November 2026 11:22 GMT", 1795260120},
		{"1 Jan 70 00:00:00 +0000", 0},
		{"29 Feb 2024 00:00:00 -0000", 1709164800},
		{"yesterday", -1},
		{"", -1},
		{"32 Nov 2026", -1},
		{"1 Nov 2026 25:00:00", -1},
	};
	char text[GP_DATE_TEXT];

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(dates); i++) {
		int64_t t = -1;

		assert_int_equal(gp_date_parse(gp_str(dates[i].in), &t), dates[i].want < 0 ? -2 : 0);
		assert_int_equal(t, dates[i].want);
	}
	assert_string_equal(gp_date_format(1795260178, text), "Sat, 21 Nov 2026 11:22:58 +0000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_synthesise, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dates, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
