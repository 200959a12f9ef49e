/*
 * Eval functions, each with a message that it hits and one that it does not.  That they hit the
 * mail that SpamAssassin's hit is bench/sa-parity's business.
 */
#include "tests/unit/score/rule_evals.h"

#include "lib/score/rule_eval.h"

#define RELAY(helo, rdns, ip, by)                                                                  \
	"Received: from " helo " (" rdns " [" ip "]) by " by " (Postfix) with ESMTP id 4W1;\n"     \
	"\tSat, 21 Nov 2026 11:22:58 +0000\n"
#define OUTSIDE RELAY("a.example", "r.example", "192.0.2.7", "mx.example")
#define INSIDE RELAY("a.example", "r.example", "10.0.0.7", "mx.example")

static const struct eval_case cases[] = {
	/* relays */
	{"header R eval:check_all_trusted()", INSIDE "\nx\n", true},
	{"header R eval:check_all_trusted()", INSIDE OUTSIDE "\nx\n", false},
	{"header R eval:check_all_trusted()", INSIDE "Received: from who knows\n\nx\n", false},
	{"header R eval:check_all_trusted()", "\nx\n", false},
	{"header R eval:check_no_relays()", "\nx\n", true},
	{"header R eval:check_no_relays()", INSIDE "\nx\n", false},
	{"header R eval:check_relays_unparseable()", "Received: from who knows\n\nx\n", true},
	{"header R eval:check_relays_unparseable()", INSIDE "\nx\n", false},
	{"header R eval:check_for_numeric_helo()", RELAY("203.0.113.9", "r", "192.0.2.7", "mx") "\nx\n", true},
	{"header R eval:check_for_numeric_helo()", RELAY("10.0.0.9", "r", "192.0.2.7", "mx") "\nx\n", false},
	{"header R eval:helo_ip_mismatch()", RELAY("203.0.113.9", "r", "192.0.2.7", "mx") "\nx\n", true},
	{"header R eval:helo_ip_mismatch()", RELAY("192.0.2.9", "r", "192.0.2.7", "mx") "\nx\n", false},
	{"header R eval:check_for_sender_no_reverse()", OUTSIDE "\nx\n", true},
	{"header R eval:check_for_sender_no_reverse()", RELAY("a", "unknown", "192.0.2.7", "mx") "\nx\n", false},
	{"header R eval:check_for_no_rdns_dotcom_helo()", RELAY("mx.aol.com", "unknown", "192.0.2.7", "mx") "\nx\n", true},
	{"header R eval:check_for_no_rdns_dotcom_helo()", RELAY("mx.aol.com", "r", "192.0.2.7", "mx") "\nx\n", false},
	{"header R eval:check_for_forged_received_trail()",
	 RELAY("a.one.org", "a.one.org", "192.0.2.1", "mx.own.org") RELAY("b", "b.two.org", "192.0.2.2", "a.three.org")
	 RELAY("c", "c.four.org", "192.0.2.3", "b.five.org") "\nx\n", true},
	{"header R eval:check_for_forged_received_trail()",
	 RELAY("a.one.org", "a.one.org", "192.0.2.1", "mx.own.org") RELAY("b", "b.two.org", "192.0.2.2", "a.one.org")
	 RELAY("c", "c.four.org", "192.0.2.3", "b.two.org") "\nx\n", false},
	{"header R eval:check_for_forged_received_ip_helo()", RELAY("203.0.113.9", "r.org", "192.0.2.7", "mx.own.org") "\nx\n",
	 true},
	{"header R eval:check_for_forged_received_ip_helo()", RELAY("192.0.3.9", "r.org", "192.0.2.7", "mx.own.org") "\nx\n",
	 false},
	{"header R eval:check_for_from_domain_in_received_headers('r.example', 'true')",
	 RELAY("a", "m.r.example", "192.0.2.7", "mx.r.example") "From: a@r.example\n\nx\n", true},
	{"header R eval:check_for_from_domain_in_received_headers('r.example', 'false')", OUTSIDE "From: a@r.example\n\nx\n",
	 true},
	{"header R eval:check_for_from_domain_in_received_headers('r.example', 'false')", OUTSIDE "From: a@x.example\n\nx\n",
	 false},
	{"header R eval:check_mailfrom_matches_rcvd()", "Return-Path: <a@mail.r.example>\n" OUTSIDE "\nx\n", true},
	{"header R eval:check_mailfrom_matches_rcvd()", "Return-Path: <a@other.example>\n" OUTSIDE "\nx\n", false},
	{"util_rb_tld example\nheader R eval:check_mailfrom_matches_rcvd()", "Return-Path: <a@r.example>\n" OUTSIDE "\nx\n",
	 true},
	{"header R eval:have_any_bounce_relays()", "\nx\n", false},
	{"welcomelist_bounce_relays mx.own.org\nheader R eval:have_any_bounce_relays()", "\nx\n", true},
	{"whitelist_bounce_relays *.own.org\nbody R eval:check_whitelist_bounce_relays()",
	 "\n> Received: from mx.own.org by x.example\n", true},
	{"whitelist_bounce_relays *.own.org\nbody R eval:check_whitelist_bounce_relays()",
	 "\n> Received: from mx.other.org by x.example\n\nmx.own.org is here\n", false},
	/* free mailers */
	{"freemail_domains free.example\nheader R eval:check_freemail_from()", "From: A@Free.example\n\nx\n", true},
	{"freemail_domains fr*.example\nheader R eval:check_freemail_from()", "From: a@free.example\n\nx\n", true},
	{"freemail_domains fr*.example\nheader R eval:check_freemail_from()", "From: a@fr.un.example\n\nx\n", false},
	{"freemail_domains free.example\nheader R eval:check_freemail_from()", "From: support@free.example\n\nx\n", false},
	{"freemail_domains free.example\nfreemail_whitelist a@free.example\nheader R eval:check_freemail_from()",
	 "From: a@free.example\n\nx\n", false},
	{"freemail_domains free.example\nheader R eval:check_freemail_from('\\d@')", "From: a1@free.example\n\nx\n", true},
	{"freemail_domains free.example\nheader R eval:check_freemail_from('\\d@')", "From: a@free.example\n\nx\n", false},
	{"freemail_domains free.example\nheader R eval:check_freemail_header('Reply-To:addr')",
	 "Reply-To: a@free.example\n\nx\n", true},
	{"freemail_domains free.example\nheader R eval:check_freemail_header('Reply-To')", "From: a@free.example\n\nx\n",
	 false},
	{"freemail_domains free.example\nheader R eval:check_freemail_body()", "\nWrite to a@free.example now\n", true},
	{"freemail_domains free.example\nheader R eval:check_freemail_body()", "\nFrom: A <a@free.example>\n", false},
	{"freemail_domains free.example\nheader R eval:check_freemail_body()", "\nsee http://x/?a@free.example\n", false},
	{"freemail_domains free.example\nheader R eval:check_freemail_body()",
	 "Content-Type: text/html\n\n<a href='mailto:a@free.example'>mail us</a>\n", true},
	{"freemail_domains free.example\nheader R eval:check_freemail_body()",
	 "Content-Type: text/html\n\n<a href='mailto:a@free.example'>a@free.example</a> wrote: x\n", false},
	{"freemail_domains f.example\nheader R eval:check_freemail_body()",
	 "\na@x.example b@x.example c@x.example d@x.example e@f.example\n", false},
	{"freemail_domains free.example\nheader R eval:check_freemail_replyto('replyto')",
	 "From: a@free.example\nReply-To: b@free.example\n\nx\n", true},
	{"freemail_domains free.example\nheader R eval:check_freemail_replyto('replyto')",
	 "From: a@free.example\nReply-To: a@free.example\n\nx\n", false},
	{"freemail_domains free.example\nheader R eval:check_freemail_replyto('reply')",
	 "From: a@free.example\n\nwrite b@free.example\n", true},
	{"freemail_domains free.example\nheader R eval:check_freemail_replyto('reply')",
	 "From: a@free.example\nReply-To: a@x.example\n\nwrite b@free.example\n", false},
	{"freemail_domains free.example\nheader R eval:check_freemail_replyto('replyto')",
	 "Return-Path: <noreply@x.example>\nFrom: a@free.example\nReply-To: b@free.example\n\nx\n", false},
	/* lists */
	{"blacklist_from *@bad.example\nheader R eval:check_from_in_blocklist()", "From: a@bad.example\n\nx\n", true},
	{"blacklist_from *@bad.example\nheader R eval:check_from_in_blocklist()", "From: a@good.example\n\nx\n", false},
	{"blocklist_from *@bad.example\nheader R eval:check_from_in_blocklist()",
	 "Resent-From: a@good.example\nFrom: a@bad.example\n\nx\n", false},
	{"all_spam_to abuse@*\nheader R eval:check_to_in_all_spam()", "Cc: Abuse@x.example\n\nx\n", true},
	{"more_spam_to joe@x.example\nheader R eval:check_to_in_more_spam()",
	 "Received: from a (b [192.0.2.1]) by c (d) with ESMTP id 123 for <joe@x.example>; now\n\nx\n", true},
	{"welcomelist_subject *lunch*\nheader R eval:check_subject_in_welcomelist()", "Subject: Lunch at one\n\nx\n", true},
	{"blocklist_subject money f?st\nheader R eval:check_subject_in_blocklist()", "Subject: Make Money Fast now\n\nx\n", true},
	{"blocklist_subject money f*r\nheader R eval:check_subject_in_blocklist()", "Subject: Make Money Fast now\n\nx\n", false},
	{"util_rb_tld example\nenlist_uri_host (X) b.example\nheader R eval:check_uri_host_listed('X')",
	 "DKIM-Signature: v=1; bd=x.example; d = a.b.example; s=s\n\nx\n", true},
	{"util_rb_tld example\nenlist_uri_host (X) b.example\nheader R eval:check_uri_host_listed('X')",
	 "DKIM-Signature: v=1; bd=b.example; d=a.example; s=b.example\n\nx\n", false},
	{"util_rb_tld example\nenlist_uri_host (X) b.example\nheader R eval:check_uri_host_listed('X')",
	 "DomainKey-Signature: a=rsa-sha1; d=b.example\n\nx\n", true},
	{"util_rb_tld example\nenlist_uri_host (X) b.example\nheader R eval:check_uri_host_listed('X')",
	 "DKIM-Signature: v=1; d=a.example, d=b.example; s=s\n\nx\n", false},
	{"util_rb_tld example\nenlist_uri_host (X) b.example\nheader R eval:check_uri_host_listed('X')",
	 "DKIM-Signature: v=1; d; d d=b.example\n\nx\n", true},
	{"enlist_addrlist (BANK) *@bank.example\nheader R eval:check_from_in_list('BANK')", "From: a@bank.example\n\nx\n", true},
	{"enlist_addrlist (BANK) *@bank.example\nheader R eval:check_replyto_in_list('BANK')", "From: a@bank.example\n\nx\n",
	 false},
	{"welcomelist_from a@x.example\nheader R eval:check_from_in_whitelist()", "From: a@x.example\n\nx\n", true},
	{"welcomelist_from_rcvd *@x.example r.example\nheader R eval:check_from_in_welcomelist()",
	 OUTSIDE "From: a@x.example\n\nx\n", true},
	{"welcomelist_from_rcvd *@x.example [192.0.2]\nheader R eval:check_from_in_welcomelist()",
	 OUTSIDE "From: a@x.example\n\nx\n", true},
	{"welcomelist_from_rcvd *@x.example other.example\nheader R eval:check_from_in_welcomelist()",
	 OUTSIDE "From: a@x.example\n\nx\n", false},
	{"welcomelist_from_rcvd *@x.example other.example\nheader R eval:check_forged_in_welcomelist()",
	 OUTSIDE "From: a@x.example\n\nx\n", true},
	{"welcomelist_from_rcvd *@x.example other.example\nwelcomelist_allows_relays a@x.example\n"
	 "header R eval:check_forged_in_welcomelist()", OUTSIDE "From: a@x.example\n\nx\n", false},
	{"def_whitelist_from_rcvd *@x.example r.example\nheader R eval:check_from_in_default_whitelist()",
	 OUTSIDE "From: a@x.example\n\nx\n", true},
	{"def_whitelist_from_rcvd *@x.example r.example\nunwelcomelist_from_rcvd *@X.example\n"
	 "header R eval:check_from_in_default_whitelist()", OUTSIDE "From: a@x.example\n\nx\n", false},
	{"welcomelist_from_rcvd *@x.example r.example\nunwhitelist_from_rcvd *@x.example\n"
	 "header R eval:check_from_in_welcomelist()", OUTSIDE "From: a@x.example\n\nx\n", false},
	{"welcomelist_from a@x.example\nunwelcomelist_from\nheader R eval:check_from_in_whitelist()",
	 "From: a@x.example\n\nx\n", true},
};

static void each(void **state)
{
	check_eval_cases(cases, GP_ARRAY_SIZE(cases));
}

/* What authentication found decides about the lists that rely on it. */
static void authenticated(void **state)
{
	struct gp_dkim_result dkim = {.status = GP_AUTH_PASS, .domain = GP_STR("x.example")};
	struct gp_auth_result auth = {.mailfrom.status = GP_AUTH_PASS, .dkim = &dkim, .n_dkim = 1};
	struct fixture f;

	for (unsigned pass = 0; pass < 2; pass++) {
		fixture_load(&f, "welcomelist_auth *@x.example\nwelcomelist_from_dkim *@y.example x.example\n"
				 "def_whitelist_from_spf *@x.example\n"
				 "header A eval:check_for_spf_whitelist_from()\n"
				 "header B eval:check_for_def_spf_welcomelist_from()\n"
				 "header C eval:check_for_dkim_welcomelist_from()\n"
				 "header D eval:check_for_def_dkim_welcomelist_from()\n");
		auth.mailfrom.status = dkim.status = pass ? GP_AUTH_PASS : GP_AUTH_FAIL;
		f.input.auth = &auth;
		f.input.envelope_from = GP_STR("a@x.example");
		fixture_scan(&f, "From: a@y.example\n\nx\n");
		assert_string_equal(fixture_hits(&f), pass ? "A B C" : "");
		fixture_done(&f);
	}
}

/* Lists that rely on signatures want the very domain, and "un…" takes from what comes with the rules too. */
static void signed_lists(void **state)
{
	static const struct {
		const char *rules, *domain, *identity, *from, *hits;
	} mails[] = {
		{"welcomelist_auth *@*.y.example", "m.y.example", "", "a@m.y.example", "C"},
		{"welcomelist_auth *@*.y.example", "y.example", "", "a@m.y.example", ""},
		{"welcomelist_auth *@*.y.example", "y.example", "b@m.y.example", "a@m.y.example", "C"},
		{"welcomelist_from_dkim *@y.example", "y.example", "", "a@y.example", "C"},
		{"welcomelist_from_dkim *@y.example m.x.example", "x.example", "", "a@y.example", ""},
		{"welcomelist_from_dkim *@y.example *.x.example", "m.x.example", "", "a@y.example", "C"},
		{"welcomelist_from_dkim *@y.example .x.example", "x.example", "", "a@y.example", ""},
		{"welcomelist_from_dkim *@y.example who@x.example", "x.example", "", "a@y.example", "C"},
		{"def_welcomelist_auth *@y.example", "y.example", "", "a@y.example", "D"},
		{"def_welcomelist_auth *@y.example\nunwelcomelist_auth *@Y.example", "y.example", "", "a@y.example", ""},
		{"def_welcomelist_from_dkim *@y.example  x.example\nunwelcomelist_from_dkim *@y.example x.example",
		 "x.example", "", "a@y.example", ""},
		{"welcomelist_from_dkim *@y.example x.example\nunwelcomelist_from_dkim *@y.example z.example",
		 "x.example", "", "a@y.example", "C"},
		{"welcomelist_from_dkim *@y.example x.example\nunwelcomelist_from_dkim *@y.example", "x.example", "",
		 "a@y.example", "C"},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(mails); i++) {
		struct gp_dkim_result dkim = {.status = GP_AUTH_PASS,
					      .domain = gp_str(mails[i].domain),
					      .identity = gp_str(mails[i].identity)};
		struct gp_auth_result auth = {.dkim = &dkim, .n_dkim = 1};
		char rules[512];
		struct fixture f;

		snprintf(rules, sizeof(rules),
			 "%s\nheader C eval:check_for_dkim_welcomelist_from()\n"
			 "header D eval:check_for_def_dkim_welcomelist_from()\n", mails[i].rules);
		fixture_load(&f, rules);
		f.input.auth = &auth;
		fixture_scan(&f, gp_arena_printf(f.arena, "From: %s\n\nx\n", mails[i].from));
		assert_string_equal(fixture_hits(&f), mails[i].hits);
		fixture_done(&f);
	}
}

/* Who is trusted and internal: by the rule files, by the program's configuration, by both. */
static void networks(void **state)
{
	static const char rules[] = "header IN X-Spam-Relays-Internal =~ /ip=192\\.0\\.2\\.7/\n"
				    "header TR X-Spam-Relays-Trusted =~ /ip=192\\.0\\.2\\.7/\n";
	static const struct {
		const char *lines, *own, *trusted, *hits;
	} cfgs[] = {
		{"", NULL, NULL, ""},
		{"trusted_networks 192.0.2.0/24\n", NULL, NULL, "IN TR"},
		{"trusted_networks 192.0.2.\ninternal_networks 10.\n", NULL, NULL, "TR"},
		{"internal_networks 192.0.2.7\n", NULL, NULL, "IN TR"},
		{"", "192.0.2.0/24", NULL, "IN TR"},
		{"", NULL, "192.0.2.0/24", "IN TR"},
		{"", "10.0.0.0/8", "192.0.2.0/24", "TR"},
		{"trusted_networks 192.0.2.0/24\n", "10.0.0.0/8", NULL, "TR"},
		{"trusted_networks 192.0.2.0/24\nclear_trusted_networks\n", NULL, NULL, ""},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(cfgs); i++) {
		struct fixture f = {.arena = gp_arena_new(0), .input = {.bayes = -1}};
		struct gp_netset own = {0}, trusted = {0};
		struct gp_rule_options options = {.own_networks = cfgs[i].own ? &own : NULL,
						  .trusted_networks = cfgs[i].trusted ? &trusted : NULL};
		struct gp_cidr net;

		if (cfgs[i].own && gp_cidr_parse(gp_str(cfgs[i].own), &net) == GP_OK)
			gp_netset_add(f.arena, &own, net);
		if (cfgs[i].trusted && gp_cidr_parse(gp_str(cfgs[i].trusted), &net) == GP_OK)
			gp_netset_add(f.arena, &trusted, net);
		gp_rule_report_init(&f.report);
		gp_rule_set_load_text("t.cf", gp_str(gp_arena_printf(f.arena, "%s%s", cfgs[i].lines, rules)),
				      &options, &f.report, &f.set);
		assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
		fixture_scan(&f, OUTSIDE "\nx\n");
		assert_string_equal(fixture_hits(&f), cfgs[i].hits);
		fixture_done(&f);
	}
}

static void networks_in_error(void **state)
{
	struct fixture f;

	/* Of the line in error what is right counts; one cleared later was in error all the same. */
	fixture_load(&f, "internal_networks 10.0.0.1/33\n"
			 "clear_internal_networks\n"
			 "trusted_networks 192.0.2.0/24,example.com 198.51.100.7\n"
			 "header TR X-Spam-Relays-Trusted =~ /ip=192\\.0\\.2\\.7/\n"
			 "describe TR last line\n");
	assert_int_equal(f.report.errors, 2);
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR),
			    "1 : internal_networks: \"10.0.0.1/33\" is no network");
	assert_int_equal(f.report.problems.items[1].line, 3);
	assert_string_equal(f.report.problems.items[1].text,
			    "trusted_networks: \"example.com\" is no network");
	fixture_scan(&f, OUTSIDE "\nx\n");
	assert_string_equal(fixture_hits(&f), "TR");
	fixture_done(&f);
}

/* A name that stood twice would hide one of its functions. */
static void names_are_unique(void **state)
{
	for (size_t t = 0; gp_rule_eval_tables[t]; t++)
		for (const struct gp_rule_eval *e = gp_rule_eval_tables[t]; e->name; e++)
			if (gp_rule_eval_find(gp_str(e->name)) != e)
				fail_msg("%s stands twice", e->name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each), cmocka_unit_test(authenticated), cmocka_unit_test(signed_lists),
					   cmocka_unit_test(networks), cmocka_unit_test(networks_in_error),
					   cmocka_unit_test(names_are_unique)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
