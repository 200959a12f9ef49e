/*
 * The path of a message as rules see it: lines of many programs, who is trusted, bounds.
 */
#include "tests/unit/test.h"

#include "lib/base/clock.h"
#include "lib/mail/relay.h"

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

static struct gp_relays relays_of(const char *headers, const struct gp_netset *trusted)
{
	struct gp_message *m = gp_message_parse(
		arena, NULL, gp_str(gp_arena_printf(arena, "%sSubject: x\n\ny\n", headers)));
	struct gp_relays r;

	gp_message_finish(m);
	gp_relays_parse(arena, m, trusted, &r);
	return r;
}

static const char *text_of(const struct gp_relays *r, enum gp_relay_group group)
{
	struct gp_buf b = GP_BUF_INIT(1 << 20);
	const char *text;

	gp_relays_add_text(r, group, &b);
	text = gp_arena_strdup(arena, gp_buf_cstr(&b));
	gp_buf_done(&b);
	return text;
}

/* What a line comes to: the text without "[ " and the end that is always the same. */
static const struct {
	const char *line;
	const char *text; /* NULL: skipped, "": unparseable */
} lines[] = {
	/* Postfix */
	{"from mail.a.example (rdns.a.example [192.0.2.7]) by mx.b.example (Postfix) with ESMTP id 4WxYz1 for <j@b.example>; "
	 "Sat, 21 Nov 2026 11:22:58 +0000 (UTC)",
	 "ip=192.0.2.7 rdns=rdns.a.example helo=mail.a.example by=mx.b.example ident= envfrom= intl=0 id=4WxYz1 auth="},
	{"from x (unknown [192.0.2.7]) by mx (Postfix) with SMTP id 1234; Sat, 21 Nov 2026 11:22:58 +0000 (UTC)",
	 "ip=192.0.2.7 rdns= helo=x by=mx ident= envfrom= intl=0 id=1234 auth="},
	{"from x (unknown[192.0.2.7])by mx (Postfix) with SMTP id 1234",
	 "ip=192.0.2.7 rdns= helo=x by=mx ident= envfrom= intl=0 id=1234 auth="},
	/* sendmail */
	{"from h.example (IDENT:joe@r.example [192.0.2.7] (may be forged))\n\tby mx.example (8.11/8.11) with ESMTP id abcd1;"
	 "\n\tThu, 8 Aug 2002 15:53:47 -0400",
	 "ip=192.0.2.7 rdns=r.example helo=h.example by=mx.example ident=joe envfrom= intl=0 id=abcd1 auth="},
	{"from h.example (joe@[192.0.2.7]) by mx.example (8.11/8.11) with SMTP id abcd1",
	 "ip=192.0.2.7 rdns= helo=h.example by=mx.example ident=joe envfrom= intl=0 id=abcd1 auth="},
	{"from h.example ([192.0.2.7]) by mx.example (8.11/8.11) with SMTP id abcd1",
	 "ip=192.0.2.7 rdns= helo=h.example by=mx.example ident= envfrom= intl=0 id=abcd1 auth="},
	/* Exim */
	{"from [192.0.2.7] (helo=h.example ident=joe) by mx.example with smtp (Exim 4.92) id 1aB-00; x",
	 "ip=192.0.2.7 rdns= helo=h.example by=mx.example ident=joe envfrom= intl=0 id=1aB-00 auth="},
	{"from r.example ([192.0.2.7]) by mx.example with esmtp (Exim 4.92) (envelope-from <joe@a.example>) id 1aB-00",
	 "ip=192.0.2.7 rdns=r.example helo=r.example by=mx.example ident= envfrom=joe@a.example intl=0 id=1aB-00 auth="},
	{"from joe by mx.example with local (Exim 4.92) id 1aB-00", NULL},
	/* qmail */
	{"from unknown (HELO h.example) (joe@192.0.2.7) by mx.example with SMTP; 14 Nov 2003 08:05:50 -0000",
	 "ip=192.0.2.7 rdns= helo=h.example by=mx.example ident=joe envfrom= intl=0 id= auth="},
	{"from r.example (192.0.2.7) by mx.example with SMTP; 14 Nov 2003 08:05:50 -0000",
	 "ip=192.0.2.7 rdns=r.example helo=r.example by=mx.example ident= envfrom= intl=0 id= auth="},
	/* Microsoft, with an address in IPv6 and its zone */
	{"from h.example ([192.0.2.7] unverified) by mx.example with Microsoft SMTPSVC(5.0.2195.5329); x",
	 "ip=192.0.2.7 rdns= helo=h.example by=mx.example ident= envfrom= intl=0 id= auth="},
	{"from h.example ([2001:db8::7%4]) by mx.example ([2001:db8::8]) with mapi id 15.20.1943.023; x",
	 "ip=2001:db8::7 rdns= helo=h.example by=mx.example ident= envfrom= intl=0 id= auth="},
	{"from mail pickup service by mx.example with Microsoft SMTPSVC; Thu, 13 Feb 2003 19:05:39 -0500", NULL},
	/* others */
	{"from h (host.example[192.0.2.7]) by mx.example (mx) with SMTP id <2003abc>",
	 "ip=192.0.2.7 rdns=host.example helo=h by=mx.example ident= envfrom= intl=0 id=2003abc auth="},
	{"from [192.0.2.7] by web.example via HTTP; Wed, 12 Feb 2003 14:22:21 PST",
	 "ip=192.0.2.7 rdns= helo= by=web.example ident= envfrom= intl=0 id= auth="},
	{"from h.example (::ffff:192.0.2.7) by mx.example with SMTP; x",
	 "ip=192.0.2.7 rdns=h.example helo=h.example by=mx.example ident= envfrom= intl=0 id= auth="},
	{"FROM h.example (r.example [192.0.2.7]) BY mx.example ID 434B508E.1 ; 11 Oct 2005 01:41:34 -0400",
	 "ip=192.0.2.7 rdns=r.example helo=h.example by=mx.example ident= envfrom= intl=0 id=434B508E.1 auth="},
	/* authenticated */
	{"from h (r.example [192.0.2.7]) (Authenticated sender: joe) by mx (Postfix) with ESMTP id 1234",
	 "ip=192.0.2.7 rdns=r.example helo=h by=mx ident= envfrom= intl=1 id=1234 auth=Postfix"},
	{"from h (r.example [192.0.2.7]) by mx.example (Postfix) with ESMTPSA id 1234",
	 "ip=192.0.2.7 rdns=r.example helo=h by=mx.example ident= envfrom= intl=1 id=1234 auth=ESMTPSA"},
	{"from h ([192.0.2.7]) (authenticated bits=0) by mx.example (8.12/8.12) with ESMTP id abcd",
	 "ip=192.0.2.7 rdns= helo=h by=mx.example ident= envfrom= intl=1 id=abcd auth=Sendmail"},
	/* stray bytes */
	{"from [h]|x (r.example [192.0.2.7]) by mx.example (8.12/8.12) with ESMTP id abcd",
	 "ip=192.0.2.7 rdns=r.example helo=!h!!x by=mx.example ident= envfrom= intl=0 id=abcd auth="},
	/* nothing to learn */
	{"by mx.example (Postfix, from userid 33) id 4Wx; Sat, 21 Nov 2026 11:22:58 +0000 (UTC)", NULL},
	{"(from joe@localhost) by mx.example (8.11/8.11) id abcd", NULL},
	{"from a.example by b.example ; Thu, 20 Feb 2003 23:32:58 +0100", NULL},
	{"from a.example by b.example with ESMTP id 12345", NULL},
	{"from somewhere over the rainbow", ""},
};

static void each_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(lines); i++) {
		struct gp_relays r =
			relays_of(gp_arena_printf(arena, "Received: %s\n", lines[i].line), NULL);
		bool is_in = r.items.len && r.items.items[0].is_trusted; /* authenticated */
		const char *found = text_of(&r, is_in ? GP_RELAYS_TRUSTED : GP_RELAYS_UNTRUSTED);
		const char *wanted = lines[i].text && *lines[i].text
					     ? gp_arena_printf(arena, "[ %s msa=0 ]", lines[i].text)
					     : "";

		if (strcmp(found, wanted))
			fail_msg("%s\nwanted %s\nfound  %s", lines[i].line, wanted, found);
		assert_int_equal(r.unparseable, lines[i].text && !*lines[i].text);
	}
}

#define HOP(ip, by) "Received: from h (r.example [" ip "]) by " by " (Postfix) with ESMTP id 1234\n"

static void trust_is_guessed(void **state)
{
	struct gp_relays r = relays_of(HOP("127.0.0.1", "a") HOP("10.0.0.1", "b") HOP("192.0.2.1", "c")
					       HOP("10.0.0.2", "d"), NULL);

	(void)state;
	assert_int_equal(r.items.len, 4);
	assert_true(r.items.items[1].is_trusted && r.items.items[1].is_internal);
	assert_false(r.items.items[2].is_trusted);
	assert_false(r.items.items[3].is_trusted); /* behind a stranger nobody is */
	assert_int_equal(r.trusted_lines, 2);
	assert_true(strstr(text_of(&r, GP_RELAYS_EXTERNAL), "by=c") != NULL);
	assert_true(strstr(text_of(&r, GP_RELAYS_INTERNAL), "by=c") == NULL);
}

static void trust_is_configured(void **state)
{
	struct gp_netset set = {0};
	struct gp_cidr net;
	struct gp_relays r;

	(void)state;
	assert_int_equal(gp_cidr_parse(GP_STR("192.0.2.0/24"), &net), GP_OK);
	gp_netset_add(arena, &set, net);
	gp_netset_seal(&set);
	r = relays_of(HOP("192.0.2.1", "a") HOP("10.0.0.1", "b"), &set);
	assert_true(r.items.items[0].is_trusted);
	assert_false(r.items.items[1].is_trusted);
}

static void mailbox_begins_anew(void **state)
{
	struct gp_relays r = relays_of(HOP("127.0.0.1", "a")
				       "Received: from pop.example [192.0.2.9] by localhost with POP3 (fetchmail-6)\n"
				       HOP("192.0.2.1", "b"), NULL);

	(void)state;
	assert_int_equal(r.items.len, 1);
	assert_true(strstr(text_of(&r, GP_RELAYS_EXTERNAL), "by=b") != NULL);
}

static void web_mail_names_its_user(void **state)
{
	struct gp_relays r = relays_of(HOP("192.0.2.1", "a") "X-Originating-IP: [198.51.100.7]\n", NULL);

	(void)state;
	assert_int_equal(r.items.len, 2);
	assert_string_equal(r.items.items[1].ip.ptr ? gp_arena_cstr(arena, r.items.items[1].ip) : "",
			    "198.51.100.7");
}

/* Lines made to be matched in many ways cost no more than a bounded number of steps. */
static void hostile_lines(void **state)
{
	struct gp_buf b = GP_BUF_INIT(1 << 20);
	int64_t start = gp_clock_cpu_us();
	struct gp_relays r;

	(void)state;
	for (unsigned n = 0; n < 50; n++) {
		gp_buf_add_cstr(&b, "Received: from ");
		for (unsigned i = 0; i < 500; i++)
			gp_buf_add_cstr(&b, n % 2 ? "x (y@" : "a ([1.2.3.4]) by ");
		gp_buf_add_chr(&b, '\n');
	}
	r = relays_of(gp_buf_cstr(&b), NULL);
	assert_true(r.items.len <= 50);
	assert_true(gp_clock_cpu_us() - start < 2000000);
	gp_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_line, setup, teardown),
		cmocka_unit_test_setup_teardown(trust_is_guessed, setup, teardown),
		cmocka_unit_test_setup_teardown(trust_is_configured, setup, teardown),
		cmocka_unit_test_setup_teardown(mailbox_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(web_mail_names_its_user, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_lines, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
