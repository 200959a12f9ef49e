/* Lists of digests: what check_hashbl_… asks for. */
#include "tests/unit/score/rule_fixture.h"

#include "lib/base/clock.h"
#include "tests/fakes/fake_dns.h"

#define HEAD                                                                                       \
	"From: Joe <j.o.e+tag@sub.example.com>\nReply-To: reply@other.example.com\n"               \
	"X-Some-ID: 12345678901\nX-Client: [192.0.2.7]\n"
#define TEXT HEAD "\nsend to 1BoatSLRHtKNngkdXEeobR76b53LETtpyT or call +1 (555) 123-4567\n"          \
		  "http://www.shop.example.co.uk/Pay from Mail <quoted@example.com>\n"
#define FILES HEAD "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"          \
		   "Content-Type: application/x-thing; name=a.bin\nContent-Transfer-Encoding: "  \
		   "base64\n\nAAFmaWxlDQo=\n--b\nContent-Type: text/plain\n\nx\n--b--\n"

/* The hits of one rule (and what it needs) on a mail, where the zone is as given. */
static const char *look(const char *rules, const char *mail, const char *zone, unsigned *ret_asked)
{
	static char hits[200];
	struct gp_resolver *dns = gp_fake_dns_open(zone, NULL);
	struct fixture f;

	fixture_load(&f, rules);
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
	assert_string_equal(fixture_problem(&f, GP_RULE_INERT), "");
	f.input.resolver = dns;
	f.input.has_network = true;
	f.input.trace = true;
	f.input.deadline_ms = gp_clock_mono_ms() + 60000;
	fixture_scan(&f, mail);
	gp_str_copy(hits, sizeof(hits), gp_str(fixture_hits(&f)));
	if (ret_asked)
		*ret_asked = gp_rule_scan_stats(f.scan)->asked;
	gp_resolver_close(&dns);
	fixture_done(&f);
	return hits;
}

static void what_is_asked_for(void **state)
{
	static const struct {
		const char *rule, *name, *mail;
	} table[] = {
		{"body R eval:check_hashbl_bodyre('l.test', 'sha1/max=10/shuffle', "
		 "'\\b([13][a-km-zA-HJ-NP-Z1-9]{25,34})\\b')",
		 "5ff71056f5957ec4f568c23fa187b3436f625de4", TEXT},
		{"body R eval:check_hashbl_bodyre('l.test/A', 'sha1/num', 'call (\\S+ \\S+ \\S+)')",
		 "c9ae73c7e7ce775a5b8152f332e6a913bc1fe2b4", TEXT},
		{"header R eval:check_hashbl_emails('l.test', 'md5/nodot/notag', 'From')",
		 "a3312f319d20ffe71357ddeeb502e11f", TEXT},
		{"header R eval:check_hashbl_emails('l.test')", "bb2e611ee8b3bf53e4444684732c4c656d8e214f", TEXT},
		{"header R eval:check_hashbl_emails('l.test', 'raw/domain', 'From')", "example.com",
		 TEXT},
		{"header R eval:check_hashbl_emails('l.test', 'raw/user/notag', 'From')", "j.o.e",
		 TEXT},
		{"hashbl_email_domain_alias alias.test sub.example.com\n"
		 "header R eval:check_hashbl_emails('l.test', 'raw/host', 'From')",
		 "alias.test", TEXT},
		{"hashbl_email_regex [a-z]+@other\\.example\\._TLDS_\n"
		 "header R eval:check_hashbl_emails('l.test', 'raw', 'From/Reply-To')",
		 "reply\\064other.example.com", TEXT},
		{"hashbl_acl_mine sub.example.com\n"
		 "header R eval:check_hashbl_emails('l.test', 'raw/host', 'From', '', 'mine')",
		 "sub.example.com", TEXT},
		{"header R eval:check_hashbl_uris('l.test', 'sha1')", "c41501435a4fd6344527c5da5d336ad4caae1c0b", TEXT},
		{"header __ID X-Some-ID =~ /^(?<SOMEID>\\d+)$/m\n"
		 "header R eval:check_hashbl_tag('l.test', 'raw', 'SOMEID', '^127\\.')",
		 "12345678901", TEXT},
		{"header __C X-Client =~ /\\[(?<CLIENT>.+)\\]/\n"
		 "header R eval:check_hashbl_tag('l.test', 'raw/ip/revip', '_CLIENT_')",
		 "7.2.0.192", TEXT},
		{"body R eval:check_hashbl_attachments('l.test', 'sha256')", "z5nvx2ocprc3o5e2pvpwioqbflvxyy3qpjn4p5hkh6t72gq3u3ba", FILES},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct gp_arena *a = gp_arena_new(0);
		const char *rule = gp_arena_printf(a, "%s\n", table[i].rule);
		const char *zone = gp_arena_printf(a, "%s.l.test A 127.0.0.2\n", table[i].name);
		const char *hits = look(rule, table[i].mail, zone, NULL);

		if (!gp_str_iends(gp_str(hits), GP_STR("R")))
			fail_msg("%s: hits \"%s\"", table[i].rule, hits);
		gp_arena_free(a);
	}
}

static void what_is_not_asked_for(void **state)
{
	static const char *const rules[] = {
		"hashbl_ignore sub.example.com\n"
		"header R eval:check_hashbl_emails('l.test', 'raw/host', 'From')\n",
		"uridnsbl_skip_domain example.com\n"
		"header R eval:check_hashbl_emails('l.test', 'raw/host', 'From')\n",
		"hashbl_acl_mine other.test\n"
		"header R eval:check_hashbl_emails('l.test', 'raw', 'From', '', 'mine')\n",
		"hashbl_email_welcomelist ^j\n"
		"header R eval:check_hashbl_emails('l.test', 'raw', 'From')\n",
		"header R eval:check_hashbl_tag('l.test', 'raw/ip', 'SOMEID')\n"
		"header __ID X-Some-ID =~ /^(?<SOMEID>\\d+)$/m\n",
		"header R eval:check_hashbl_tag('l.test', 'raw', 'NOBODYS')\n",
		"header R eval:check_hashbl_attachments('l.test', 'sha1/minsize=1000')\n",
		"header R eval:check_hashbl_emails('l.test', 'sha1/noquote', 'body')\n",
	};
	unsigned asked;

	for (size_t i = 0; i < GP_ARRAY_SIZE(rules); i++) {
		look(rules[i], TEXT, "", &asked);
		if (asked)
			fail_msg("%s: %u questions", rules[i], asked);
	}
	look("header R eval:check_hashbl_emails('l.test', 'sha1/max=1', 'From/Reply-To')\n", TEXT, "",
	     &asked);
	assert_int_equal(asked, 1);
}

static void answers(void **state)
{
	assert_string_equal(look("header R eval:check_hashbl_emails('l.test', 'raw/user/notag', "
				 "'From', '^127\\.0\\.0\\.2$')\n", TEXT,
				 "j.o.e.l.test A 127.0.0.4\n", NULL), "");
	assert_string_equal(look("header R eval:check_hashbl_emails('l.test', 'raw/user/notag', "
				 "'From')\n", TEXT, "j.o.e.l.test A 10.0.0.1\n", NULL), "");
}

static void broken(void **state)
{
	static const char *const rules[] = {
		"body R eval:check_hashbl_bodyre('l.test', 'sha1', '(')\n",
		"body R eval:check_hashbl_bodyre('l.test', 'sha1', '(x)', '(')\n",
		"body R eval:check_hashbl_uris('l.test', 'raw')\n",
		"hashbl_email_welcomelist (\nbody R eval:check_hashbl_emails('l.test')\n",
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(rules); i++) {
		struct fixture f;

		fixture_load(&f, rules[i]);
		assert_string_not_equal(fixture_problem(&f, GP_RULE_INERT), "");
		fixture_done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_for),
		cmocka_unit_test(what_is_not_asked_for),
		cmocka_unit_test(answers),
		cmocka_unit_test(broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
