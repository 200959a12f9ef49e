/* Rules that ask the DNS. */
#include "tests/unit/score/rule_fixture.h"

#include "lib/base/clock.h"
#include "tests/fakes/fake_dns.h"

#define MAIL "From: A <a@author.example>\n\nsee http://www.shop.example.co.uk/x\n"

/* What a message meets. */
struct world {
	const char *rules, *zone, *mail;
	const char *client, *helo, *from;
	const struct gp_auth_result *auth;
	bool no_network;
	int64_t wait_ms; /* 0: a minute */
};

struct seen {
	char hits[400], refusing[200];
	char details[400]; /* "NAME [DETAIL] …", in order of the set */
	unsigned asked, late;
};

static struct gp_str or_unknown(const char *s)
{
	return s ? gp_str(s) : (struct gp_str){0};
}

static void fill(struct fixture *f, const struct world *w, struct gp_resolver *dns)
{
	f->input.resolver = dns;
	f->input.has_network = !w->no_network;
	f->input.client_ip = gp_str(w->client ? w->client : "");
	f->input.helo = gp_str(w->helo ? w->helo : "");
	f->input.envelope_from = or_unknown(w->from);
	f->input.auth = w->auth;
	f->input.deadline_ms = gp_clock_mono_ms() + (w->wait_ms ? w->wait_ms : 60000);
}

static struct seen scan(struct fixture *f, const struct world *w, struct gp_resolver *dns)
{
	struct seen seen = {0};
	const struct gp_rule_scan_stats *stats;

	fill(f, w, dns);
	fixture_scan(f, w->mail ? w->mail : MAIL);
	stats = gp_rule_scan_stats(f->scan);
	gp_str_copy(seen.hits, sizeof(seen.hits), gp_str(fixture_hits(f)));
	gp_str_copy(seen.refusing, sizeof(seen.refusing), stats->refusing);
	for (size_t i = 0, n = 0; i < f->symbols.list.len && n < sizeof(seen.details); i++)
		n += (size_t)snprintf(seen.details + n, sizeof(seen.details) - n, "%s%s [%.*s]", i ? " " : "",
				      f->symbols.list.items[i].name,
				      GP_STR_FMT(f->symbols.list.items[i].detail));
	seen.asked = stats->asked;
	seen.late = stats->late;
	return seen;
}

static struct seen look(const struct world *w)
{
	struct gp_resolver *dns = gp_fake_dns_open(w->zone ? w->zone : "", NULL);
	struct fixture f;
	struct seen seen;

	fixture_load(&f, w->rules);
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
	f.input.trace = true;
	assert_true(gp_rule_set_asks(f.set));
	seen = scan(&f, w, dns);
	gp_resolver_close(&dns);
	fixture_done(&f);
	return seen;
}

#define RELAY(ip)                                                                                  \
	"Received: from h.example (mx.helo.example [" ip "])\n\tby b.example (Postfix) with ESMTP id "  \
	"4F2A1\n\tfor <u@b.example>; Sat, 21 Nov 2026 10:00:00 +0000 (UTC)\n"
#define TLDS "util_rb_tld example uk test\nutil_rb_2tld co.uk\n"
#define TRUST "trusted_networks 192.0.2.1 192.0.2.2\ninternal_networks 192.0.2.1\n"

static void sets_choose_the_addresses(void **state)
{
	struct seen s = look(&(struct world){
		.mail = RELAY("192.0.2.1") RELAY("192.0.2.2") RELAY("198.51.100.1")
			RELAY("10.0.0.1") RELAY("198.51.100.2") RELAY("198.51.100.3") MAIL,
		.rules = TRUST "header ALL_OF eval:check_rbl('x', 'all.test.')\n"
			 "header LAST eval:check_rbl('x-lastexternal', 'last.test.')\n"
			 "tflags LAST nice\n"
			 "header LASTBAD eval:check_rbl('xb-lastexternal', 'last.test.')\n"
			 "header NOTFIRST eval:check_rbl('x-notfirsthop', 'nf.test.')\n"
			 "tflags NOTFIRST nice\n"
			 "header FIRSTT eval:check_rbl('x-firsttrusted', 'ft.test')\n"
			 "header UNTR eval:check_rbl('x-untrusted', 'un.test')\n",
		.zone = "3.100.51.198.all.test A 127.0.0.2\n"
			"2.2.0.192.last.test A 127.0.0.2\n"
			"2.100.51.198.nf.test A 127.0.0.2\n"
			"1.100.51.198.ft.test A 127.0.0.2\n"
			"3.100.51.198.un.test A 127.0.0.2\n"});

	/* A trusted address counts in lists of the good only. */
	assert_string_equal(s.hits, "ALL_OF LAST NOTFIRST FIRSTT UNTR");
	/* 3 + 1 + (192.0.2.2, .1, .2) + 1 + 2; private ones and 192.0.2.1 never. */
	assert_int_equal(s.asked, 10);
}

/* What reports say in brackets. */
static void details(void **state)
{
	struct world w = {.rules = "header A eval:check_rbl('a', 'l.test.')\n"
				   "header B eval:check_rbl_sub('a', '127.0.0.2')\n"
				   "header C eval:check_rbl_txt('c', 't.test')\n"
				   "header D eval:check_rbl_from_host('d', 'd.test.')\n"
				   "util_rb_tld uk example\nutil_rb_2tld co.uk\nurirhssub E e.test. A 127.0.0.2\nbody E eval:check_uridnsbl('E')\n"
				   "askdns F _AUTHORDOMAIN_.f.test A /./\n",
			  .zone = "1.2.0.192.l.test A 127.0.0.2\n1.2.0.192.t.test TXT see our page\n"
				  "author.example.d.test A 127.0.0.2\nexample.co.uk.e.test A 127.0.0.2\n"
				  "author.example.f.test A 127.0.0.2\n",
			  .client = "192.0.2.1"};

	assert_string_equal(look(&w).details,
			    "A [192.0.2.1 listed in l.test] B [192.0.2.1 listed in l.test] "
			    "C [see our page] D [listed in author.example.d.test] "
			    "E [URI: example.co.uk] F [author.example.f.test A:127.0.0.2]");
}

static void the_client_stands_in_for_unknown_relays(void **state)
{
	struct world w = {.rules = "header L eval:check_rbl('x-lastexternal', 'l.test')\n"
				   "header T eval:check_rbl_txt('t', 't.test', '(?i:spam)')\n"
				   "header V6 eval:check_rbl('v', 'v6.test')\n",
			  .zone = "1.2.0.192.l.test A 127.0.0.2\n1.2.0.192.t.test TXT is SPAM\n"
				  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
				  ".v6.test A 127.0.0.2\n",
			  .client = "192.0.2.1"};

	assert_string_equal(look(&w).hits, "L T");
	w.client = "2001:db8::1";
	assert_string_equal(look(&w).hits, "V6");
	w.client = "10.0.0.1";
	assert_int_equal(look(&w).asked, 0);
	w.client = "192.0.2.1";
	w.no_network = true;
	assert_int_equal(look(&w).asked, 0);
}

static void hosts_in_headers(void **state)
{
	struct world w = {.rules = TLDS
			  "header H eval:check_rbl_headers('h', 'h.test.')\n"
			  "header OWN eval:check_rbl_headers('o', 'o.test', '127.0.0.2', 'X-Host,X-Ip')\n"
			  "header NAMES eval:check_rbl_headers('n', 'n.test', '', 'X-Ip')\n"
			  "tflags NAMES domains_only\n"
			  "header SUB eval:check_rbl_sub('h', '127.0.0.7')\n",
			  .from = "x@env.example",
			  .mail = "From: a@author.example\nReply-To: B <b@Reply.example.>, c@other.example\n"
				  "X-Host: host.example\nX-Host: no name\nX-Ip: 192.0.2.9\n\nx\n"};

	w.zone = "env.example.h.test A 127.0.0.2\n";
	assert_string_equal(look(&w).hits, "H");
	assert_int_equal(look(&w).asked, 4); /* two of H, two of OWN */
	w.zone = "reply.example.h.test A 127.0.0.7\nhost.example.o.test A 127.0.0.2\n"
		 "9.2.0.192.n.test A 127.0.0.2\n";
	assert_string_equal(look(&w).hits, "H OWN SUB");
	w.zone = "9.2.0.192.o.test A 127.0.0.2\n";
	assert_string_equal(look(&w).hits, "OWN");
	w.rules = TLDS "rbl_headers X-Ip\nheader H eval:check_rbl_headers('h', 'h.test')\n";
	w.zone = "9.2.0.192.h.test A 127.0.0.2\n";
	assert_string_equal(look(&w).hits, "H");
	assert_int_equal(look(&w).asked, 1);
}

/* Of the oldest relay that is not trusted: its address and all its names. */
static void hosts_in_received(void **state)
{
	struct world w = {.rules = TLDS TRUST "header R eval:check_rbl_rcvd('r', 'r.test')\n",
			  .mail = RELAY("192.0.2.1") RELAY("198.51.100.1") RELAY("198.51.100.2") MAIL};
	static const char *const listed[] = {"2.100.51.198", "b.example", "h.example", "mx.helo.example"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(listed); i++) {
		char zone[100];

		snprintf(zone, sizeof(zone), "%s.r.test A 127.0.0.2\n", listed[i]);
		w.zone = zone;
		if (strcmp(look(&w).hits, "R") != 0)
			fail_msg("%s: not asked for", listed[i]);
	}
	w.zone = "1.100.51.198.r.test A 127.0.0.2\n";
	assert_string_equal(look(&w).hits, "");
	assert_int_equal(look(&w).asked, 4);
	w.mail = RELAY("192.0.2.1") MAIL;
	assert_int_equal(look(&w).asked, 0);
}

static void answers_are_tested(void **state)
{
	struct world w = {.rules = "header __R eval:check_rbl('x', 'l.test')\n"
				   "header EQ eval:check_rbl_sub('x', '127.0.0.2')\n"
				   "header BIT eval:check_rbl_sub('x', '4')\n"
				   "header RE eval:check_rbl_sub('x', '^127\\.0\\.0\\.1[01]$')\n"
				   "header OTHER eval:check_rbl_sub('y', '127.0.0.2')\n"
				   "header BAD eval:check_rbl_sub('x', '(')\n",
			  .client = "192.0.2.1"};

	w.zone = "1.2.0.192.l.test A 127.0.0.2\n";
	assert_string_equal(look(&w).hits, "__R EQ");
	w.zone = "1.2.0.192.l.test A 127.0.0.10\n1.2.0.192.l.test A 127.0.0.4\n";
	assert_string_equal(look(&w).hits, "__R BIT RE");
	w.zone = "1.2.0.192.l.test A 192.0.2.7\n"; /* somebody bought the domain */
	assert_string_equal(look(&w).hits, "");
	assert_int_equal(look(&w).asked, 1);
	w.zone = "1.2.0.192.l.test * !servfail\n";
	assert_string_equal(look(&w).hits, "");
}

static void uri_names(void **state)
{
	struct world w = {.rules = TLDS
			  "urirhssub D dbl.test. A 127.0.1.2\nbody D eval:check_uridnsbl('D')\n"
			  "urirhssub M m.test A 4\nbody M eval:check_uridnsbl('M')\n"
			  "urirhsbl W w.test A\nbody W eval:check_uridnsbl('W')\ntflags W net notrim\n"
			  "urirhsbl I i.test A\nbody I eval:check_uridnsbl('I')\ntflags I ips_only\n"
			  "urirhssub R r.test A 127.0.1.2-127.0.1.9\nbody R eval:check_uridnsbl('R')\n"
			  "tflags R domains_only\n"
			  "body NONE eval:check_uridnsbl('NONE')\n"};

	w.zone = "example.co.uk.dbl.test A 127.0.1.2\nexample.co.uk.m.test A 127.0.0.5\n"
		 "www.shop.example.co.uk.w.test A 127.0.0.2\nexample.co.uk.r.test A 127.0.1.5\n";
	assert_string_equal(look(&w).hits, "D M W R");
	w.mail = "From: a@b.example\n\nhttp://192.0.2.9/ http://10.1.1.1/ http://x.nosuchtld/\n";
	w.zone = "9.2.0.192.i.test A 127.0.0.2\n9.2.0.192.r.test A 127.0.1.2\n";
	assert_string_equal(look(&w).hits, "I");
	assert_int_equal(look(&w).asked, 4);
	w.mail = MAIL;
	w.rules = TLDS "urirhsbl W w.test A\nbody W eval:check_uridnsbl('W')\n"
		       "uridnsbl_skip_domain example.co.uk other.example\n";
	assert_int_equal(look(&w).asked, 0);
	w.rules = TLDS "urirhsbl W w.test A\nbody W eval:check_uridnsbl('W')\n"
		       "uridnsbl_skip_domain example.co.uk\nclear_uridnsbl_skip_domain\n";
	assert_int_equal(look(&w).asked, 1);
	w.rules = TLDS "urirhsbl W w.test A\nbody W eval:check_uridnsbl('W')\nskip_uribl_checks 1\n";
	assert_int_equal(look(&w).asked, 0);
}

static void hosts_without_links(void **state)
{
	struct world w = {.rules = TLDS "urirhsbl W w.test A\nbody W eval:check_uridnsbl('W')\n",
			  .zone = "signer.example.w.test A 127.0.0.2\nsubject.example.w.test A 127.0.0.2\n"
				  "plain.example.w.test A 127.0.0.2\n"};

	w.mail = "DKIM-Signature: v=1; a=x;\n d = signer.example; s=y\n\nx\n";
	assert_string_equal(look(&w).hits, "W");
	w.mail = "Subject: see subject.example now\n\nx\n";
	assert_string_equal(look(&w).hits, "W");
	w.mail = "Subject: x\n\ngo to plain.example today\n";
	assert_string_equal(look(&w).hits, "W");
	w.rules = TLDS "urirhsbl W w.test A\nbody W eval:check_uridnsbl('W')\n"
		       "redirector_pattern m'^http://l\\.test/(.*)'\nuridnsbl_skip_domain l.test\n";
	w.mail = "Subject: x\n\nhttp://l.test/plain.example/?x\n";
	assert_string_equal(look(&w).hits, "W");
	w.mail = "Subject: x\n\nwrite to a@plain.example today\n"; /* addresses do not count */
	assert_int_equal(look(&w).asked, 0);
}

static void uri_addresses(void **state)
{
	struct world w = {.rules = TLDS
			  "uridnssub A z.test. A 127.0.0.2\nbody A eval:check_uridnsbl('A')\n"
			  "tflags A net a\n"
			  "uridnssub N z.test. A 127.0.0.3\nbody N eval:check_uridnsbl('N')\n"
			  "urinsrhsbl S s.test A\nbody S eval:check_uridnsbl('S')\n"
			  "urifullnsrhsbl F f.test A\nbody F eval:check_uridnsbl('F')\n",
			  .zone = "www.shop.example.co.uk A 192.0.2.5\nexample.co.uk NS ns1.host.example\n"
				  "ns1.host.example A 192.0.2.6\n5.2.0.192.z.test A 127.0.0.2\n"
				  "6.2.0.192.z.test A 127.0.0.3\nhost.example.s.test A 127.0.0.2\n"
				  "ns1.host.example.f.test A 127.0.0.2\n"};

	assert_string_equal(look(&w).hits, "A N S F");
	assert_int_equal(look(&w).asked, 7);
}

static void equal_questions_are_asked_once(void **state)
{
	struct world w = {.rules = TLDS
			  "urirhssub A u.test A 2\nbody A eval:check_uridnsbl('A')\n"
			  "urirhssub B u.test A 4\nbody B eval:check_uridnsbl('B')\n"
			  "header C eval:check_rbl('c-lastexternal', 'z.test', '127.0.0.2')\n"
			  "header D eval:check_rbl('d-lastexternal', 'z.test', '127.0.0.3')\n"
			  "header Z0 eval:check_rbl('d-lastexternal', 'off.test')\nscore Z0 0\n",
			  .zone = "example.co.uk.u.test A 127.0.0.6\n1.2.0.192.z.test A 127.0.0.3\n",
			  .client = "192.0.2.1"};
	struct seen s = look(&w);

	assert_string_equal(s.hits, "A B D");
	assert_int_equal(s.asked, 2);
}

static void questions_are_bounded(void **state)
{
	GP_BUF_AUTO mail = GP_BUF_INIT(1 << 20);
	GP_BUF_AUTO rules = GP_BUF_INIT(1 << 20);
	struct world w = {0};

	gp_buf_add_cstr(&mail, "From: a@b.example\n\n");
	for (int i = 0; i < 400; i++)
		gp_buf_printf(&mail, "http://h%d.example/\n", i);
	gp_buf_add_cstr(&rules, "uridnsbl_max_domains 1000000\n");
	for (int i = 0; i < 10; i++)
		gp_buf_printf(&rules, "urirhsbl R%d z%d.test A\nbody R%d eval:check_uridnsbl('R')\n",
			      i, i, i);
	w.rules = gp_buf_cstr(&rules);
	w.mail = gp_buf_cstr(&mail);
	assert_int_equal(look(&w).asked, 400);
}

static void senders(void **state)
{
	struct world w = {.rules = TLDS "header NODNS eval:check_dns_sender()\n"
				   "header E eval:check_rbl_envfrom('e', 'e.test')\n"
				   "header F eval:check_rbl_from_host('f', 'f.test', '127.0.0.2')\n",
			  .zone = "gone.example.e.test A 127.0.0.2\nauthor.example.f.test A 127.0.0.2\n",
			  .from = "x@gone.example"};

	assert_string_equal(look(&w).hits, "NODNS E F");
	w.from = "x@here.example";
	w.zone = "here.example A 192.0.2.1\nauthor.example.f.test A 127.0.0.3\n";
	assert_string_equal(look(&w).hits, "");
	w.zone = "here.example * !servfail\n";
	assert_string_equal(look(&w).hits, "");
	w.from = "";
	assert_int_equal(look(&w).asked, 1);
}

static void askdns(void **state)
{
	struct gp_dkim_result dkim[] = {
		{.status = GP_AUTH_PASS, .domain = GP_STR("d1.example")},
		{.status = GP_AUTH_FAIL, .domain = GP_STR("d2.example")},
		{.status = GP_AUTH_PASS, .domain = GP_STR("d3.example")}};
	struct gp_auth_result auth = {.dkim = dkim, .n_dkim = 3};
	struct world w = {
		.rules = "askdns A _AUTHORDOMAIN_.a.test. A /^127\\.2\\.0\\.(?:2|14)$/\n"
			 "askdns D _DKIMDOMAIN_.d.test\n"
			 "askdns T _SENDERDOMAIN_ TXT /^v=spf1 \\+ALL$/i\n"
			 "askdns Q _SENDERDOMAIN_ TXT \"v=spf1 +all\"\n"
			 "askdns H _LASTEXTERNALHELO_ A /./\n"
			 "askdns N no.such.test A [NXDOMAIN,ServFail]\n"
			 "askdns R _LASTEXTERNALREVIP_.r.test A 127.0.0.2/255.0.0.255\n"
			 "askdns U _NOSUCHTAG_.u.test A\n"
			 "askdns O o.test SOA\n",
		.zone = "author.example.a.test A 127.2.0.14\nd3.example.d.test A 192.0.2.1\n"
			"s.example TXT v=spf1 +all\nmx.helo.example A 192.0.2.1\n"
			"7.2.0.192.r.test A 127.9.9.2\n",
		.client = "192.0.2.7",
		.helo = "mx.helo.example",
		.from = "x@s.example",
		.auth = &auth};
	struct seen s = look(&w);

	assert_string_equal(s.hits, "A D T Q H N R");
	assert_int_equal(s.asked, 7);
}

static void refusals(void **state)
{
	const char *rules = "header R eval:check_rbl('x-lastexternal', 'l.test')\n"
			    "header S eval:check_rbl_sub('x-lastexternal', '2')\n"
			    "header BLOCKED eval:check_rbl_sub('x-lastexternal', '^127\\.255\\.')\n";
	struct world w = {.client = "192.0.2.1"};
	struct gp_resolver *dns = gp_fake_dns_open("1.2.0.192.l.test A 127.255.255.254\n", NULL);
	struct fixture f;
	struct seen s;

	fixture_load(&f, rules);
	s = scan(&f, &w, dns);
	assert_string_equal(s.hits, "BLOCKED"); /* a refusal is no listing */
	assert_string_equal(s.refusing, "l.test");
	s = scan(&f, &w, dns);
	assert_string_equal(s.hits, ""); /* left alone for a while */
	assert_string_equal(s.refusing, "");
	assert_int_equal(s.asked, 0);
	fixture_done(&f);
	gp_resolver_close(&dns);
}

static void block_rules(void **state)
{
	const char *rules = TLDS "urirhssub B u.test A 1\nbody B eval:check_uridnsbl('B')\n"
				 "urirhssub L u.test A 2\nbody L eval:check_uridnsbl('L')\n"
				 "dns_block_rule B test\n";
	struct world w = {0};
	struct gp_resolver *dns = gp_fake_dns_open("example.co.uk.u.test A 127.0.0.1\n", NULL);
	struct fixture f;

	fixture_load(&f, rules);
	assert_string_equal(scan(&f, &w, dns).hits, "B");
	assert_int_equal(scan(&f, &w, dns).asked, 0);
	fixture_done(&f);
	gp_resolver_close(&dns);
}

static void restrictions(void **state)
{
	struct world w = {.rules = "header A eval:check_rbl('a', 'a.x.test')\n"
				   "header B eval:check_rbl('b', 'b.y.test')\n"
				   "dns_query_restriction deny test\n"
				   "dns_query_restriction allow y.test\n",
			  .client = "192.0.2.1"};

	assert_int_equal(look(&w).asked, 1);
}

static void late_answers_have_not_hit(void **state)
{
	struct world w = {.rules = "header A eval:check_rbl('a', 'slow.test')\n"
				   "header B eval:check_rbl('b', 'fast.test')\n",
			  .zone = "1.2.0.192.slow.test A !timeout\n1.2.0.192.fast.test A 127.0.0.2\n",
			  .client = "192.0.2.1",
			  .wait_ms = 50};
	struct seen s = look(&w);

	assert_string_equal(s.hits, "B");
	assert_int_equal(s.late, 1);
}

/* rbl_timeout is the longest wait, whatever the message's deadline. */
static void lists_have_their_own_time(void **state)
{
	struct world w = {.rules = "header A eval:check_rbl('a', 'slow.test')\nrbl_timeout 0\n",
			  .zone = "1.2.0.192.slow.test A !timeout\n",
			  .client = "192.0.2.1",
			  .wait_ms = 60000};

	assert_int_equal(look(&w).late, 1);
}

static void errors(void **state)
{
	static const char *const texts[] = {
		"uridnsbl R zone.test\n",
		"urirhssub R zone.test A\n",
		"urirhssub R zone.test A x\n",
		"urirhssub R zone.test MX 2\n",
		"urirhsbl R zone.test A 2\n",
		"header R eval:check_rbl('a')\n",
		"askdns R\n",
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(texts); i++) {
		struct fixture f;

		fixture_load(&f, texts[i]);
		assert_string_not_equal(fixture_problem(&f, GP_RULE_ERROR), "");
		fixture_done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_choose_the_addresses),
		cmocka_unit_test(details),
		cmocka_unit_test(the_client_stands_in_for_unknown_relays),
		cmocka_unit_test(hosts_in_headers),
		cmocka_unit_test(hosts_in_received),
		cmocka_unit_test(answers_are_tested),
		cmocka_unit_test(uri_names),
		cmocka_unit_test(hosts_without_links),
		cmocka_unit_test(uri_addresses),
		cmocka_unit_test(equal_questions_are_asked_once),
		cmocka_unit_test(questions_are_bounded),
		cmocka_unit_test(senders),
		cmocka_unit_test(askdns),
		cmocka_unit_test(refusals),
		cmocka_unit_test(block_rules),
		cmocka_unit_test(restrictions),
		cmocka_unit_test(late_answers_have_not_hit),
		cmocka_unit_test(lists_have_their_own_time),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
