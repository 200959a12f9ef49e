/* Autonomous systems: what lists answer, and the rules and tags that it reaches. */
#include "tests/unit/score/rule_fixture.h"

#include "lib/base/clock.h"
#include "lib/score/rule_markup.h"
#include "lib/score/rule_tag.h"
#include "tests/fakes/fake_dns.h"

#define LOAD "loadplugin Mail::SpamAssassin::Plugin::ASN\n"
#define CLIENT "192.0.2.1"
#define MAIL "From: a@b.example\n\nx\n"

struct world {
	const char *rules, *zone, *mail, *client, *template;
	int64_t wait_ms; /* 0: five seconds */
	bool no_network;
};

struct seen {
	char hits[300], text[300], numbers[100];
	unsigned asked, late;
};

static void expand(const struct fixture *f, const char *template, struct seen *seen)
{
	struct gp_markup m = {.set = f->set, .scan = f->scan, .symbols = &f->symbols, .bayes = -1};
	GP_BUF_AUTO out = GP_BUF_INIT(sizeof(seen->text));

	gp_markup_expand(&m, gp_str(template), &out);
	gp_str_copy(seen->text, sizeof(seen->text), gp_buf_str(&out));
}

/* A scan of which, for Bayes, the autonomous systems may be asked for before its end. */
static struct seen look_when(const struct world *w, bool is_early)
{
	struct gp_resolver *dns = gp_fake_dns_open(w->zone ? w->zone : "", NULL);
	struct seen seen = {0};
	struct fixture f;
	struct gp_str numbers = {0};

	fixture_load(&f, w->rules);
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
	f.input.trace = true;
	f.input.resolver = dns;
	f.input.has_network = !w->no_network;
	f.input.client_ip = gp_str(w->client ? w->client : CLIENT);
	f.input.deadline_ms = gp_clock_mono_ms() + (w->wait_ms ? w->wait_ms : 5000);
	fixture_message(&f, gp_str(w->mail ? w->mail : MAIL));
	if (is_early)
		numbers = gp_rule_scan_asn(f.scan);
	gp_rule_scan_finish(f.scan, &f.symbols);
	if (is_early)
		assert_true(gp_str_eq(numbers, gp_rule_scan_asn(f.scan)));
	gp_str_copy(seen.numbers, sizeof(seen.numbers), gp_rule_scan_asn(f.scan));
	gp_str_copy(seen.hits, sizeof(seen.hits), gp_str(fixture_hits(&f)));
	seen.asked = gp_rule_scan_stats(f.scan)->asked;
	seen.late = gp_rule_scan_stats(f.scan)->late;
	expand(&f, w->template ? w->template : "_ASN_ _ASNCIDR_", &seen);
	gp_resolver_close(&dns);
	fixture_done(&f);
	return seen;
}

static struct seen look(const struct world *w)
{
	struct seen late = look_when(w, false), early = look_when(w, true);

	assert_string_equal(early.hits, late.hits);
	assert_string_equal(early.text, late.text);
	return late;
}

static void forms_of_answers(void **state)
{
	static const struct {
		const char *records, *text, *numbers;
	} cases[] = {
		/* One record of several strings, of one, of fields in another order. */
		{"L TXT \"1103\" \"192.0.2.0\" \"24\"\n", "AS1103 192.0.2.0/24", "1103"},
		{"L TXT \"1103\" \"192.0.2.0/25\" \"24\"\n", "AS1103 192.0.2.0/25", "1103"},
		{"L TXT \"1103\" \"192.0.2.0\" \"x\"\n", "AS1103 192.0.2.0", "1103"},
		{"L TXT 559 1103 | 192.0.2.0/24 | CH | x | 2001-06-01\n",
		 "AS559 AS1103 192.0.2.0/24", "559 1103"},
		{"L TXT 192.0.2.0/24 | AS1103 | A Name, Here | EU\n", "AS1103 192.0.2.0/24", "1103"},
		{"L TXT \"1103 | 192.0\" \".2.0/24\"\n", "AS1103 192.0 .2.0/24", "1103"},
		{"L TXT as1103\n", "AS1103 ", "1103"},
		/* Several records; what is said twice counts once. */
		{"L TXT 1680 | 89.138.0.0/15 | IL\nL TXT 1680 | 89.139.0.0/16 | IL\n",
		 "AS1680 89.138.0.0/15 89.139.0.0/16", "1680"},
		{"L TXT 1 | 192.0.2.0/24\nL TXT 2 | 192.0.2.0/24\n", "AS1 AS2 192.0.2.0/24", "1 2"},
		/* Space of nobody. */
		{"L TXT \"4294967295\" \"0.0.0.0\" \"0\"\n", " ", ""},
		{"L TXT 0 | 192.0.2.0/24\n", " 192.0.2.0/24", ""},
		/* Nonsense. */
		{"L TXT hello world\n", " ", ""},
		{"L TXT \"\"\n", " ", ""},
		{"L TXT |||\n", " ", ""},
		{"L TXT \"1103 \"\n", " ", ""},
		{"L TXT \"7 \\007\\255 | a\\001b c\"\n", " ", ""},
		{"L TXT \"\\027[2J 7 | a\\001b c\"\n", "AS7 c", "7"},
		{"L TXT ASASAS | 12x\nL TXT \"x\" \"y\" \"z\"\n", " ", ""},
		{"L A 127.0.0.2\n", " ", ""},
		{"L * !nxdomain\n", " ", ""},
		{"L * !servfail\n", " ", ""},
		{"L * !bogus\n", " ", ""},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		GP_BUF_AUTO zone = GP_BUF_INIT(1000);
		struct gp_str rest = gp_str(cases[i].records), line;
		struct seen s;

		while (gp_str_next(&rest, '\n', &line))
			if (line.len)
				gp_buf_printf(&zone, "1.2.0.192.l.test%.*s\n",
					      GP_STR_FMT(gp_str_sub(line, 1, SIZE_MAX)));
		s = look(&(struct world){.rules = LOAD "asn_lookup l.test.\n",
					 .zone = gp_buf_cstr(&zone)});
		if (strcmp(s.text, cases[i].text) != 0 || strcmp(s.numbers, cases[i].numbers) != 0)
			fail_msg("%s: \"%s\", \"%s\"", cases[i].records, s.text, s.numbers);
	}
}

static void many_values_are_cut(void **state)
{
	GP_BUF_AUTO zone = GP_BUF_INIT(100000);
	GP_BUF_AUTO wide = GP_BUF_INIT(1000);
	struct world w = {.rules = LOAD "asn_lookup l.test\n", .template = "_ASN_"};

	for (unsigned i = 1; i <= 90; i++)
		gp_buf_printf(&zone, "1.2.0.192.l.test TXT %u | 192.0.2.0/24\n", i);
	w.zone = gp_buf_cstr(&zone);
	assert_string_equal(look(&w).text, "AS1 AS2 AS3 AS4 AS5 AS6 AS7 AS8 AS9 AS10 AS11 AS12 AS13 "
					   "AS14 AS15 AS16 AS17 AS18 AS19 AS20");
	gp_buf_add_cstr(&wide, "1.2.0.192.l.test TXT ");
	for (unsigned i = 0; i < 65; i++)
		gp_buf_add_chr(&wide, '1');
	w.zone = gp_buf_cstr(&wide);
	assert_string_equal(look(&w).text, "");
}

static void tags_have_the_names_that_lines_give(void **state)
{
	struct world w = {.zone = "1.2.0.192.a.test TXT 7 | 192.0.2.0/24\n"
				  "1.2.0.192.b.test TXT 8 | 192.0.0.0/16\n",
			  .template = "_ASN_;_ASNCIDR_;_MYASN_;_MY_ROUTE_"};

	w.rules = LOAD "asn_lookup a.test\nasn_lookup b.test _MyASN_ _MY_ROUTE_\n";
	assert_string_equal(look(&w).text, "AS7;192.0.2.0/24;AS8;192.0.0.0/16");
	assert_string_equal(look(&w).numbers, "8");
	w.rules = LOAD "asn_lookup a.test _MYASN_ _MY_ROUTE_\nasn_lookup b.test _MYASN_ _MY_ROUTE_\n";
	assert_string_equal(look(&w).text, "_ASN_;_ASNCIDR_;AS7 AS8;192.0.2.0/24 192.0.0.0/16");
	assert_string_equal(look(&w).numbers, "7 8");
	w.rules = LOAD "asn_lookup a.test _MYASN_ _MYASN_\n";
	assert_string_equal(look(&w).text, "_ASN_;_ASNCIDR_;AS7 192.0.2.0/24;_MY_ROUTE_");
	w.rules = LOAD "asn_prefix ''\nasn_lookup a.test\n";
	assert_string_equal(look(&w).text, "7;192.0.2.0/24;_MYASN_;_MY_ROUTE_");
	w.rules = LOAD "asn_prefix \"AS \"\nasn_lookup a.test\n";
	assert_string_equal(look(&w).text, "AS 7;192.0.2.0/24;_MYASN_;_MY_ROUTE_");
	w.rules = LOAD "asn_prefix\nasn_lookup a.test\n";
	assert_string_equal(look(&w).text, "7;192.0.2.0/24;_MYASN_;_MY_ROUTE_");
}

static void who_is_asked_for(void **state)
{
	struct world w = {.rules = LOAD "asn_lookup a.test\nasn_lookup_ipv6 b.test\n",
			  .zone = "1.2.0.192.a.test TXT 7\n"
				  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
				  ".b.test TXT 8\n"
				  "9.2.0.192.a.test TXT 9\n"};

	assert_string_equal(look(&w).text, "AS7 ");
	assert_int_equal(look(&w).asked, 1);
	w.client = "2001:db8::1";
	assert_string_equal(look(&w).text, "AS8 ");
	assert_int_equal(look(&w).asked, 1);
	w.client = "10.0.0.1";
	assert_int_equal(look(&w).asked, 0);
	assert_string_equal(look(&w).text, " ");
	w.client = "";
	assert_int_equal(look(&w).asked, 0);
	w.client = CLIENT; /* that of the message's trace comes first */
	w.mail = "Received: from h.example (h.example [192.0.2.9])\n\tby b.example (Postfix) with ESMTP id "
		 "4F2A1\n\tfor <u@b.example>; Sat, 21 Nov 2026 10:00:00 +0000 (UTC)\n" MAIL;
	assert_string_equal(look(&w).text, "AS9 ");
	w.no_network = true;
	assert_int_equal(look(&w).asked, 0);
}

static void settings_say_whether_anybody_is_asked(void **state)
{
	static const struct {
		const char *rules;
		unsigned asked;
	} cases[] = {
		{"asn_lookup a.test\n", 0}, /* no loadplugin */
		{LOAD, 0},
		{LOAD "asn_lookup a.test\nasn_use_dns 0\n", 0},
		{LOAD "asn_use_dns no\nasn_use_dns 1\nasn_lookup a.test\n", 1},
		{LOAD "asn_lookup a.test\nclear_asn_lookups\n", 0},
		{LOAD "asn_lookup a.test\nclear_asn_lookups\nasn_lookup b.test\nasn_lookup c.test\n", 2},
		{LOAD "asn_lookup a.test\ndns_query_restriction deny test\n", 0},
		{LOAD "asn_lookup a.test\nskip_rbl_checks 1\n", 1},
		{LOAD "asn_lookup a.test _A_ _B_\nasn_lookup a.test _C_ _D_\n", 1}, /* one question */
		{"if can(Mail::SpamAssassin::Plugin::ASN::has_check_asn)\nasn_lookup a.test\nendif\n", 0},
		{LOAD "if can(Mail::SpamAssassin::Plugin::ASN::has_check_asn_tag) && "
		      "!can(Mail::SpamAssassin::Plugin::ASN::has_asn_geodb)\nasn_lookup a.test\nendif\n", 1},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct seen s = look(&(struct world){.rules = cases[i].rules});

		if (s.asked != cases[i].asked)
			fail_msg("%s: %u", cases[i].rules, s.asked);
	}
}

static void lines_that_are_wrong(void **state)
{
	static const char *const lines[] = {
		"asn_lookup", "asn_lookup a.test _ASN_", "asn_lookup a.test ASN ASNCIDR",
		"asn_lookup a.test _A_ _B_ _C_", "asn_lookup_ipv6 a.test __ _B_", "asn_use_dns maybe",
		"clear_asn_lookups a.test",
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(lines); i++) {
		GP_BUF_AUTO rules = GP_BUF_INIT(1000);
		struct fixture f;

		gp_buf_printf(&rules, LOAD "%s\n", lines[i]);
		fixture_load(&f, gp_buf_cstr(&rules));
		if (!*fixture_problem(&f, GP_RULE_ERROR) || gp_rule_set_asks(f.set))
			fail_msg("%s: taken", lines[i]);
		fixture_done(&f);
	}
}

static void rules_see_them(void **state)
{
	struct world w = {
		.rules = LOAD "asn_lookup a.test\nasn_lookup b.test _MYASN_ _MYROUTE_\n"
			      "header BARE eval:check_asn('^AS7$')\n"
			      "header SLASH eval:check_asn('/^as7$/i')\n"
			      "header BRACE eval:check_asn('m{^AS7$}')\n"
			      "header CASE eval:check_asn('/^as7$/')\n"
			      "header MINE eval:check_asn('/S8$/', 'MYASN')\n"
			      "header ROUTE eval:check_asn('/^192\\.0\\.2\\./', 'asncidr')\n"
			      "header IP eval:check_asn('/^192\\.0\\.2\\.1$/', 'LASTEXTERNALIP')\n"
			      "header NEVER eval:check_asn('//', 'NOSUCHTAG')\n"
			      "header X X-ASN =~ /^8$/\n"
			      "header NOTX X-ASN !~ /^7$/\n"
			      "header XRAW X-Asn:raw =~ /^8\\z/\n"
			      "header XIS exists:X-ASN\n"
			      "header UNSET X-ASN =~ /none/ [if-unset: none]\n"
			      "header __WHO X-ASN =~ /(?<WHO>\\d+)/\n"
			      "header TAG X-Sys =~ /^%{ASN}$/\n"
			      "header ALLOF ALL =~ /X-ASN/i\n"
			      "askdns ASK _MYASN_.c.test A 127.0.0.2\n"
			      "header HASH eval:check_hashbl_tag('d.test', 'raw', 'ASN', '^127')\n"
			      "meta BOTH SLASH && X && ASK\n",
		.mail = "X-Sys: AS7\n" MAIL,
		.zone = "1.2.0.192.a.test TXT 7 | 192.0.2.0/24\n1.2.0.192.b.test TXT 8\n"
			"as8.c.test A 127.0.0.2\nas7.d.test A 127.0.0.2\n",
	};

	assert_string_equal(look(&w).hits, "BARE SLASH BRACE MINE ROUTE IP X NOTX XRAW XIS __WHO TAG "
					   "ASK HASH BOTH");
	/* A header of that name stands before what was found out. */
	w.mail = "X-ASN: 7\n" MAIL;
	assert_string_equal(look(&w).hits, "BARE SLASH BRACE MINE ROUTE IP XIS __WHO ALLOF ASK HASH");
	w.zone = "";
	w.mail = MAIL;
	assert_string_equal(look(&w).hits, "IP NOTX UNSET");
	w.zone = "1.2.0.192.a.test * !servfail\n1.2.0.192.b.test * !refused\n";
	assert_string_equal(look(&w).hits, "IP NOTX UNSET");
	assert_int_equal(look(&w).late, 2);
}

static void bad_patterns_are_inert(void **state)
{
	struct fixture f;

	fixture_load(&f, LOAD "header A eval:check_asn('/(/')\nheader B eval:check_asn('(')\n"
			      "header C eval:check_asn('/x/y')\n");
	assert_int_equal(f.report.inert, 3);
	fixture_done(&f);
}

/* One list is silent: the message does not wait beyond its time, and has what others said. */
static void silence(void **state)
{
	struct world w = {.rules = LOAD "asn_lookup slow.test\nasn_lookup fast.test\n"
				   "header A eval:check_asn('/^AS7$/')\nheader X X-ASN =~ /^7$/\n",
			  .zone = "1.2.0.192.slow.test TXT !timeout\n1.2.0.192.fast.test TXT 7\n",
			  .wait_ms = 50};
	int64_t began_ms = gp_clock_mono_ms();
	struct seen s = look_when(&w, false);

	assert_true(gp_clock_mono_ms() - began_ms >= 50);
	assert_string_equal(s.hits, "A X");
	assert_true(s.late >= 1);
	assert_string_equal(look_when(&w, true).hits, "A X");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_of_answers),
		cmocka_unit_test(many_values_are_cut),
		cmocka_unit_test(tags_have_the_names_that_lines_give),
		cmocka_unit_test(who_is_asked_for),
		cmocka_unit_test(settings_say_whether_anybody_is_asked),
		cmocka_unit_test(lines_that_are_wrong),
		cmocka_unit_test(rules_see_them),
		cmocka_unit_test(bad_patterns_are_inert),
		cmocka_unit_test(silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
