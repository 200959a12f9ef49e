/* Received lines as relays, and the path of trust (SpamAssassin's agreement: tests/conformance/test_relays.py). */
#include "tests/unit/test.h"

#include "lib/mail/received.h"
#include "lib/mail/relay.h"
#include "lib/mail/relay_form.h"

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
	for (size_t i = 0; i < GP_ARRAY_SIZE(lines); i++) {
		struct gp_relay r = {0};
		enum gp_relay_reading reading = gp_relay_read(arena, gp_str(lines[i].line), &r);

		if (!lines[i].text || !*lines[i].text) {
			assert_int_equal(reading, lines[i].text ? GP_RELAY_UNREADABLE : GP_RELAY_SKIPPED);
			continue;
		}
		r.is_internal = r.auth.len;
		gp_relay_format(arena, &r);
		assert_str(r.text, gp_arena_printf(arena, "[ %s msa=0 ]", lines[i].text));
	}
}

static const struct {
	const char *line, *text; /* NULL: not read */
	enum gp_relay_reading reading;
} cases[] = {
	{"from a.example (r.example [192.0.2.7])\n\tby mx.example (Postfix) with ESMTP id 4Wx; Sat, 21 Nov 2026 "
	 "11:22:58 +0000 (UTC)",
	 "[ ip=192.0.2.7 rdns=r.example helo=a.example by=mx.example ident= envfrom= intl=0 id=4Wx auth= msa=0 ]",
	 GP_RELAY_READ},
	{"from [10.0.0.5] (unknown [IPv6:2001:db8::7]) (Authenticated sender: joe) by mx.example (Postfix) with ESMTPA "
	 "id 4Wx; x",
	 "[ ip=2001:db8::7 rdns= helo=!10.0.0.5! by=mx.example ident= envfrom= intl=0 id=4Wx auth=ESMTPA msa=0 ]",
	 GP_RELAY_READ},
	{"from r.example ([192.0.2.7] helo=a.example ident=joe) by mx.example with esmtp (Exim 4.96) (envelope-from "
	 "<s@a.example>) id 1a-b",
	 "[ ip=192.0.2.7 rdns=r.example helo=a.example by=mx.example ident=joe envfrom=s@a.example intl=0 id=1a-b auth= "
	 "msa=0 ]",
	 GP_RELAY_READ},
	{"by mx.example (Postfix, from userid 33) id 4Wx", NULL, GP_RELAY_SKIPPED},
	{"from pop.example [192.0.2.7] by localhost with IMAP (fetchmail-6.4) for joe", NULL, GP_RELAY_FETCHED},
	{"from pop.example (joe) by localhost with POP3 (x) for joe", NULL, GP_RELAY_FETCHED},
	{"from nowhere in particular", NULL, GP_RELAY_UNREADABLE},
};

static void readings(void **state)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_relay r = {0};

		assert_int_equal(gp_relay_read(arena, gp_str(cases[i].line), &r), cases[i].reading);
		if (!cases[i].text)
			continue;
		gp_relay_format(arena, &r);
		assert_str(r.text, cases[i].text);
	}
}

static void missing_name_is_told_apart(void **state)
{
	struct gp_relay r;

	assert_int_equal(gp_relay_read(arena, GP_STR("from a (unknown [192.0.2.7]) by b (Postfix) with SMTP"), &r),
			 GP_RELAY_READ);
	assert_true(r.has_no_rdns);
	assert_int_equal(gp_relay_read(arena, GP_STR("from a ([192.0.2.7]) by b (Lotus Domino R) with SMTP"), &r),
			 GP_RELAY_READ);
	assert_false(r.has_no_rdns);
}

/* A stranger's line of one kind of character takes a bounded number of steps. */
static void hostile_lines_end(void **state)
{
	static const char *const pieces[] = {"(", "a ", "[1.2.3.4] ", "(x [1.2.3.4]) by a ", ") by x (", "with "};

	for (size_t i = 0; i < GP_ARRAY_SIZE(pieces); i++) {
		const size_t n = strlen(pieces[i]), total = 60000 / n * n;
		char *line = gp_arena_alloc(arena, total + 5);
		struct gp_relay r;

		memcpy(line, "from ", 5);
		for (size_t at = 5; at + n <= total; at += n)
			memcpy(line + at, pieces[i], n);
		assert_in_range(gp_relay_read(arena, gp_str_n(line, total), &r), GP_RELAY_READ, GP_RELAY_UNREADABLE);
	}
}

static void addresses(void **state)
{
	static const struct {
		const char *text;
		size_t at, len;
	} ips[] = {
		{"192.0.2.7]", 0, 9},	 {"x192.0.2.7", 1, 0},	{"192.0.2.256", 0, 0},	{"192.0.2.07", 0, 0},
		{"192.0.2.7.25", 0, 9},	 {"192.0.2.7a", 0, 0},	{"2001:db8::7]", 0, 11}, {"IPv6:::1)", 0, 8},
		{"::ffff:192.0.2.7", 0, 16}, {"a2001:db8::7", 1, 0}, {"12:34:56", 0, 0}, {"", 0, 0},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(ips); i++)
		assert_int_equal(gp_relay_ip_len(gp_str(ips[i].text), ips[i].at), ips[i].len);
}

static void networks(void **state)
{
	static const struct {
		const char *ip;
		bool is_in;
	} ips[] = {{"192.0.2.1", true}, {"192.0.2.9", false}, {"10.1.2.3", true}, {"11.1.2.3", false},
		   {"2001:db8::1", true}, {"2001:db9::1", false}, {"198.51.100.1", true},
		   {"198.51.101.1", false}, {"203.0.113.250", true}, {"203.0.112.1", false}};
	struct gp_relay_nets nets = {0};
	struct gp_ip ip;

	assert_int_equal(gp_relay_nets_add(arena, &nets, GP_STR("!192.0.2.9")), GP_OK);
	assert_int_equal(gp_relay_nets_add(arena, &nets, GP_STR("192.0.2.77/24")), GP_OK);
	assert_int_equal(gp_relay_nets_add(arena, &nets, GP_STR("10.")), GP_OK);
	assert_int_equal(gp_relay_nets_add(arena, &nets, GP_STR("[2001:db8::]/32")), GP_OK);
	assert_int_equal(gp_relay_nets_add(arena, &nets, GP_STR("198.51.100.77/255.255.255.0")), GP_OK);
	assert_int_equal(gp_relay_nets_add(arena, &nets, GP_STR("::ffff:203.0.113.7/120")), GP_OK);
	assert_int_equal(gp_relay_nets_add(arena, &nets, GP_STR("192.0.2.1/255.0.255.0")), GP_EINVAL);
	assert_int_equal(gp_relay_nets_add(arena, &nets, GP_STR("2001:db8::/255.0.0.0")), GP_EINVAL);
	assert_int_equal(gp_relay_nets_add(arena, &nets, GP_STR("::ffff:192.0.2.1/129")), GP_EINVAL);
	assert_int_equal(gp_relay_nets_add(arena, &nets, GP_STR("192.0.2.1/33")), GP_EINVAL);
	assert_int_equal(gp_relay_nets_add(arena, &nets, GP_STR("example.com")), GP_EINVAL);
	assert_int_equal(gp_relay_nets_add(arena, &nets, GP_STR("")), GP_EINVAL);
	for (size_t i = 0; i < GP_ARRAY_SIZE(ips); i++) {
		assert_int_equal(gp_ip_parse(gp_str(ips[i].ip), &ip), GP_OK);
		assert_int_equal(gp_relay_nets_has(&nets, &ip), ips[i].is_in);
	}
}

static const char mail[] = "Received: from b.example (b.example [192.0.2.2]) by a.example (Postfix) with ESMTP id 111\n"
			   "Received: from c.example (c.example [192.0.2.3]) by b.example (Postfix) with ESMTP id 222\n"
			   "Received: from d.example (d.example [192.0.2.4]) by c.example (Postfix) with ESMTP id 333\n"
			   "X-Originating-IP: [203.0.113.9]\n\nx\n";

/* How many hops each list has, in order. */
static const char *counts(const struct gp_relay_trust *trust, const char *text)
{
	struct gp_relay_path path;

	gp_relay_path_make(arena, gp_message_parse(arena, NULL, gp_str(text)), trust, &path);
	return gp_arena_printf(arena, "%zu %zu %zu %zu %u %ld %ld", path.lists[0].items.len,
			       path.lists[1].items.len, path.lists[2].items.len, path.lists[3].items.len,
			       path.unreadable, path.last_trusted, path.last_internal);
}

static void paths(void **state)
{
	static const struct gp_str origin = GP_STR("x-originating-ip");
	struct gp_relay_trust t = {0};

	assert_string_equal(counts(&t, mail), "0 3 0 3 0 -1 -1");
	assert_int_equal(gp_relay_nets_add(arena, &t.trusted, GP_STR("192.0.2.2/31")), GP_OK);
	t.has_trusted = true;
	assert_string_equal(counts(&t, mail), "2 1 2 1 0 1 1");
	assert_int_equal(gp_relay_nets_add(arena, &t.internal, GP_STR("192.0.2.2")), GP_OK);
	t.has_internal = true;
	assert_string_equal(counts(&t, mail), "2 1 1 2 0 1 0");
	assert_int_equal(gp_relay_nets_add(arena, &t.msa, GP_STR("192.0.2.3")), GP_OK);
	assert_string_equal(counts(&t, mail), "3 0 1 2 0 2 0");
	t.origin_headers = &origin;
	t.n_origin_headers = 1;
	assert_string_equal(counts(&t, mail), "4 0 1 3 0 3 0");
}

/* Without configuration private addresses and authenticated clients are trusted. */
static void inferred(void **state)
{
	struct gp_relay_trust t = {0};

	assert_string_equal(counts(&t, "Received: from b (b [10.0.0.2]) by a (Postfix) with ESMTP id 111\n"
				       "Received: from c (c [192.0.2.3]) by b (Postfix) with ESMTPSA id 222\n"
				       "Received: from d (d [192.0.2.4]) by c (Postfix) with ESMTP id 333\n"
				       "Received: from who knows\n\nx\n"),
			    "2 1 2 1 1 1 1");
}

/* The line that milter-spam puts before a message, as Postfix does not show its own. */
static void our_own_line(void **state)
{
	struct gp_received_session s = {.by = GP_STR("mx.example"), .client_addr = GP_STR("IPv6:2001:db8::7"),
					.client_name = GP_STR("r.example"), .helo = GP_STR("[10.0.0.1]"),
					.queue_id = GP_STR("4W1"), .time_s = 1795260178};
	struct gp_relay r;

	assert_int_equal(gp_relay_read(arena, gp_received_synthesise(arena, &s), &r), GP_RELAY_READ);
	gp_relay_format(arena, &r);
	assert_str(r.text, "[ ip=2001:db8::7 rdns=r.example helo=!10.0.0.1! by=mx.example ident= envfrom= intl=0 "
			   "id=4W1 auth= msa=0 ]");
	s.client_name = GP_STR("");
	s.auth_authen = GP_STR("joe");
	assert_int_equal(gp_relay_read(arena, gp_received_synthesise(arena, &s), &r), GP_RELAY_READ);
	assert_true(r.has_no_rdns);
	assert_str(r.auth, "ESMTPA");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line), cmocka_unit_test(readings), cmocka_unit_test(missing_name_is_told_apart),
		cmocka_unit_test(hostile_lines_end), cmocka_unit_test(addresses),
		cmocka_unit_test(networks),  cmocka_unit_test(paths),
		cmocka_unit_test(inferred),  cmocka_unit_test(our_own_line),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
