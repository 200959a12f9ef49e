/* Eval functions over headers, dates and what providers write, each with a message that it hits and one that it
 * does not. */
#include "tests/unit/score/rule_evals.h"

#define AT(date) "Received: from a (b [192.0.2.7]) by c (Postfix) with ESMTP id 4W1;\n " date "\n"
#define NOW AT("Sat, 21 Nov 2026 12:00:00 +0000")
#define SIX "To: aa@x.org, ab@x.org, ac@x.org, ad@x.org, ae@x.org, af@x.org"

#define MSN(to, server, id, hits)                                                                  \
	{"header R eval:check_for_msn_groups_headers()",                                           \
	 "Return-Path: <List-bounce@groups.msn.com>\nReceived: from mail pickup service by " server \
	 ".msn.com with Microsoft SMTPSVC; Fri, 2 Aug 2002 13:01:30 -0700\nMessage-ID: <" id ">\n"  \
	 to "\nx\n", hits}

static const struct eval_case cases[] = {
	/* dates */
	{"header R eval:check_for_shifted_date('3', '6')", NOW "Date: Sat, 21 Nov 2026 15:30:00 +0000\n\nx\n", true},
	{"header R eval:check_for_shifted_date('3', '6')", NOW "Date: Sat, 21 Nov 2026 18:00:00 +0000\n\nx\n", false},
	{"header R eval:check_for_shifted_date('undef', '-96')", NOW "Date: Sun, 1 Nov 2026 12:00:00 +0000\n\nx\n", true},
	{"header R eval:check_for_shifted_date('3', 'undef')", NOW AT("Sat, 21 Nov 2026 14:00:00 +0000")
	 "Date: Sat, 21 Nov 2026 15:30:00 +0000\n\nx\n", false},
	{"header R eval:check_for_shifted_date('3', 'undef')", NOW AT("Sat, 21 Nov 2026 15:30:00 +0000")
	 "Date: Sat, 21 Nov 2026 15:30:00 +0000\n\nx\n", true},
	{"header R eval:check_for_shifted_date('3', 'undef')", NOW "Resent-Date: Sat, 21 Nov 2026 12:00:00 +0000\n"
	 "Date: Sat, 21 Nov 2026 19:30:00 +0000\n\nx\n", false},
	{"header R eval:check_for_shifted_date('3', 'undef')", "Date: Sat, 21 Nov 2026 19:30:00 +0000\n\nx\n", false},
	{"header R eval:check_for_shifted_date('3', 'undef')",
	 "Received: from p.example [192.0.2.1] by localhost with POP3 (fetchmail-6.4); Sat, 21 Nov 2026 12:00:00 +0000\n"
	 AT("Sat, 21 Nov 2026 04:00:00 +0000") "Date: Sat, 21 Nov 2026 12:00:00 +0000\n\nx\n", true},
	{"header R eval:check_outlook_message_id()", NOW "Date: Sat, 21 Nov 2026 12:00:00 +0000\n"
	 "Message-Id: <000101c23e1f$00000000$00000000@a.example>\n\nx\n", true},
	{"header R eval:check_outlook_message_id()", NOW "Message-Id: <x@a.example>\n\nx\n", false},
	/* characters, counts, forms */
	{"header R eval:check_illegal_chars('Subject', '0.00', '2')", "Subject: a \xe4\xf6\xfc b\n\nx\n", true},
	{"header R eval:check_illegal_chars('Subject', '0.00', '2')", "Subject: a \xc3\xa4\xc3\xb6 b\n\nx\n", false},
	{"header R eval:check_illegal_chars('Subject', '0.50', '2')", "Subject: only two \xe4\xf6 of many\n\nx\n", false},
	{"header R eval:check_illegal_chars('ALL', '0.01', '2')", "From: \x01\x02@x\nSubject: a\n\nx\n", true},
	{"header R eval:check_header_count_range('Subject', '2', '9')", "Subject: a\nSubject: b\n\nx\n", true},
	{"header R eval:check_header_count_range('Subject', '2', '9')", "Subject: a\nSubject: a\n\nx\n", false},
	{"header R eval:subject_is_all_caps()", "Subject: Re: LOOK AT THIS NOW\n\nx\n", true},
	{"header R eval:subject_is_all_caps()", "Subject: RE: Look AT THIS NOW\n\nx\n", false},
	{"header R eval:subject_is_all_caps()", "Subject: ONEWORDONLY\n\nx\n", false},
	{"header R eval:subject_is_all_caps()", "Subject: 10 20 30 40 50 60\n\nx\n", false},
	{"header R eval:check_for_to_in_subject('user')", "To: joe@x.org\nSubject: joe, 80 % off\n\nx\n", true},
	{"header R eval:check_for_to_in_subject('user')", "To: joe@x.org\nSubject: about joe and me\n\nx\n", false},
	{"header R eval:check_for_to_in_subject('address')", "To: joe@x.org\nSubject: Hi JOE@x.org!\n\nx\n", true},
	{"header R eval:check_for_to_in_subject('address')", "To: joe@x.org\nSubject: Hi ajoe@x.org!\n\nx\n", false},
	{"header R eval:check_unresolved_template()", "X-Mailer: %RND_NAME\n\nx\n", true},
	{"header R eval:check_unresolved_template()", "Subject: 100%SURE\n\nx\n", false},
	{"header R eval:check_for_missing_to_header()", "Cc: a@x.org\n\nx\n", true},
	{"header R eval:check_for_missing_to_header()", "Apparently-To: a@x.org\n\nx\n", false},
	{"header R eval:check_for_matching_env_and_hdr_from()", "Return-Path: <A@x.org>\nFrom: a@x.org\n\nx\n", true},
	{"header R eval:check_for_matching_env_and_hdr_from()", "Return-Path: <b@x.org>\nFrom: a@x.org\n\nx\n", false},
	{"header R eval:check_equal_from_domains()", "Return-Path: <a@m.y.org>\nFrom: a@x.org\n\nx\n", true},
	{"header R eval:check_equal_from_domains()", "Return-Path: <a@m.x.org>\nFrom: a@x.org\n\nx\n", false},
	/* recipients */
	{"header R eval:sorted_recipients()", SIX ", ag@x.org\n\nx\n", true},
	{"header R eval:sorted_recipients()", SIX ", aa@x.org\n\nx\n", false},
	{"header R eval:sorted_recipients()", SIX "\n\nx\n", false},
	{"header R eval:similar_recipients('0.65', 'undef')", "To: joe1@x.org, joe2@x.org, joe3@x.org, joe4@x.org\n"
	 "Cc: jo@x.org\n\nx\n", true},
	{"header R eval:similar_recipients('0.65', 'undef')", "To: a@x.org, b@y.org, c@z.org, d@u.org, e@v.org\n\nx\n", false},
	/* marks of programs */
	{"header R eval:check_ratware_name_id()", "Message-Id: <ABCDEFGHIJKLMNOPQRSTUVWXYZAB.joe@x.org>\n"
	 "From: \"J\" <joe@x.org>\n\nx\n", true},
	{"header R eval:check_ratware_name_id()", "Message-Id: <ABCDEFGHIJKLMNOPQRSTUVWXYZA.joe@x.org>\n"
	 "From: \"J\" <joe@x.org>\n\nx\n", false},
	{"header R eval:check_ratware_envelope_from()", "Return-Path: <x.y.org.joe@z.org>\nTo: joe@y.org\n\nx\n", true},
	{"header R eval:check_ratware_envelope_from()", "Return-Path: <joe@z.org>\nTo: joe@y.org\n\nx\n", false},
	{"header R eval:gated_through_received_hdr_remover()", "Subject: a\n\nx\n", true},
	{"header R eval:gated_through_received_hdr_remover()", NOW "\nx\n", false},
	{"header R eval:check_messageid_not_usable()", NOW "List-Unsubscribe: <mailto:x-unsubscribe@y.org>\n\nx\n", true},
	{"header R eval:check_messageid_not_usable()", NOW "\nx\n", false},
	/* providers */
	{"header R eval:check_for_no_hotmail_received_headers()", NOW "From: a@hotmail.com\n\nx\n", true},
	{"header R eval:check_for_no_hotmail_received_headers()", NOW "From: a@nothotmail.com\n\nx\n", false},
	{"header R eval:check_for_forged_hotmail_received_headers()",
	 "Received: from hotmail.com (x [192.0.2.7]) by c (Postfix) with ESMTP id 4W1\n\nx\n", true},
	{"header R eval:check_for_forged_hotmail_received_headers()",
	 "Received: from x.hotmail.com (x.hotmail.com [192.0.2.7]) by c (Postfix) with ESMTP id 4W1\n"
	 "X-Originating-IP: [192.0.2.8]\n\nx\n", false},
	{"header R eval:check_for_forged_yahoo_received_headers()", NOW "From: a@yahoo.com\n\nx\n", true},
	{"header R eval:check_for_forged_yahoo_received_headers()",
	 "Received: from x (n1.bullet.yahoo.com [192.0.2.7]) by c (Postfix) with ESMTP id 4W1\nFrom: a@yahoo.com\n\nx\n", false},
	{"header R eval:check_for_forged_juno_received_headers()", NOW "From: a@juno.com\n\nx\n", true},
	{"header R eval:check_for_forged_juno_received_headers()", "Received: from a.juno.com (b [192.0.2.7]) by c (d) id 123\n"
	 "From: a@juno.com\nX-Originating-IP: 192.0.2.7\nX-Mailer: Juno 5\n\nx\n", false},
	{"header R eval:check_for_forged_gmail_received_headers()", NOW "From: a@gmail.com\n\nx\n", true},
	{"header R eval:check_for_forged_gmail_received_headers()", NOW "X-Received: by 10.1.2.3 with SMTP id abc\n"
	 "From: a@gmail.com\n\nx\n", false},
	{"header R eval:check_for_forged_eudoramail_received_headers()", NOW "From: a@eudoramail.com\n\nx\n", true},
	{"header R eval:check_for_forged_eudoramail_received_headers()", "Received: from a by x.whowhere.com; now\n"
	 "X-Sender-Ip: 192.0.2.7\nFrom: a@eudoramail.com\n\nx\n", false},
	{"header R eval:check_for_fake_aol_relay_in_rcvd()",
	 "Received: from x by rly-xw05.mx.aol.com (Postfix) with ESMTP id 1\n\nx\n", true},
	{"header R eval:check_for_fake_aol_relay_in_rcvd()",
	 "Received: from x by rly-xw05.mx.aol.com (v90.1) with ESMTP id RELAYIN1-1\n\nx\n", false},
	{"header R eval:check_for_forged_gw05_received_headers()",
	 NOW "Received: from m.example by gw05 with ESMTP; Thu, 21 Jun 2001 02:28:32 -0400\n\nx\n", true},
	{"header R eval:check_for_forged_gw05_received_headers()",
	 NOW "Received: from m.example by gw05.example with ESMTP; Thu, 21 Jun 2001 02:28:32 -0400\n\nx\n",
	 false},
	{"header R eval:check_for_forged_gw05_received_headers()",
	 "Received: from m.example by gw05 with ESMTP; Thu, 21 Jun 2001 02:28:32 -0400\n\nx\n", false},
	MSN("To: \"L\" <List@groups.msn.com>\n", "p05.groups", "List-1392@groups.msn.com", true),
	MSN("To: <x@y.org>, <List@GROUPS.msn.com>\n", "p05.groups", "List-1392@groups.msn.com", true),
	MSN("To: <<<x <<y, <List@groups.msn.com>\n", "p05.groups", "List-1392@groups.msn.com", true),
	MSN("To: List@groups.msn.com\n", "p05.groups", "List-1392@groups.msn.com", false),
	MSN("To: <@groups.msn.com>\n", "p05.groups", "-1392@groups.msn.com", false),
	MSN("To: <List@groups.msn.com>\n", "groups", "List-1392@groups.msn.com", false),
	MSN("To: <List@groups.msn.com>\n", "p05x.groups", "List-1392@groups.msn.com", false),
	MSN("To: <List@groups.msn.com>\n", "p05.groups", "List-@groups.msn.com", false),
	MSN("To: <List@groups.msn.com>\n", "p05.groups", "Liste-1@groups.msn.com", false),
	MSN("To: <Other@groups.msn.com>\n", "p05.groups", "Other-1392@groups.msn.com", false), /* bounces */
	MSN("To: <notifications@groups.msn.com>\n", "p05.groups", "1@p05.groups.msn.com", true),
	MSN("To: <notifications@groups.msn.com>\n", "p05.groups", "1@p06.groups.msn.com", false),
	MSN("To: <notifications@groups.msn.com>\n", "p05.groups", "notifications-1@groups.msn.com", false),
};

static void each(void **state)
{
	check_eval_cases(cases, GP_ARRAY_SIZE(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
