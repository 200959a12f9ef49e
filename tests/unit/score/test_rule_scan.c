/* What rules hit: headers and their variants, text, links, parts, metas, counts, limits. */
#include "tests/unit/score/rule_fixture.h"

#include <math.h>

#include <pthread.h>

#include "config.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"

static const char mail[] =
	"Received: from a (b [192.0.2.1])\n\tby c; Mon, 2 Jan 2023 00:00:00 +0000\n"
	"From: =?UTF-8?Q?J=C3=BCrgen?= \"Q.\" Public <J@Example.COM>\n"
	"To: one@example.com, \"Two, Too\" <two@example.net>\n"
	"Cc: three@example.org\n"
	"Subject:  a folded\n subject\n"
	"X-Twice: first\n"
	"X-Twice: second\n"
	"X-Empty:\n"
	"Message-ID: <1@example.com>\n"
	"MIME-Version: 1.0\n"
	"Content-Type: multipart/mixed; boundary=b\n"
	"\n"
	"--b\n"
	"Content-Type: text/plain; charset=utf-8\n"
	"\n"
	"First paragraph with\nfree money free.\n\nSecond paragraph, http://Example.com/%7Ex here.\n"
	"--b\n"
	"Content-Type: application/pdf; name=\"a.pdf\"\n"
	"Content-Disposition: attachment\n"
	"\n"
	"x\n"
	"--b--\n";

/* One rule each: it must hit (or not) the message above. */
static const struct {
	const char *rule;
	double hits;
} table[] = {
	/* Header values. */
	{"header R Subject =~ /^a folded subject$/", 1},
	{"header R subject =~ /^A FOLDED/i", 1},
	{"header R Subject =~ /A FOLDED/", 0},
	{"header R Subject =~ /subject\\n\\z/", 1},
	{"header R Subject:raw =~ /folded\\n subject\\n\\z/", 1},
	{"header R Subject:raw =~ /^  a folded/", 1},
	{"header R Subject !~ /folded/", 0},
	{"header R Subject !~ /other/", 1},
	{"header R From =~ /^J\\xc3\\xbcrgen/", 1},
	{"header R From:addr =~ /^J\\@Example\\.COM$/", 1},
	{"header R From:name =~ /^J\\xc3\\xbcrgen Q\\. Public$/", 1},
	{"header R From:name:raw =~ /^=\\?/", 1},
	{"header R To:addr =~ /^one\\@example\\.com\\ntwo\\@example\\.net$/", 1},
	{"header R To:addr:first =~ /two/", 1},
	{"header R To:name =~ /^Two, Too$/", 1},
	{"header R X-Twice =~ /^first\\nsecond\\n$/", 1},
	{"header R X-Twice =~ /^second/m", 1},
	{"header R X-Twice =~ /^second/", 0},
	{"header R X-Twice:first =~ /second/", 0},
	{"header R X-Twice:last =~ /^second$/", 1},
	{"header R X-Empty =~ /^$/", 1},
	{"header R X-Missing =~ /^$/", 1},
	{"header R X-Missing =~ /./", 0},
	{"header R X-Missing !~ /./", 1},
	{"header R X-Missing =~ /^none$/ [if-unset: none]", 1},
	{"header R Subject =~ /^none$/ [if-unset: none]", 0},
	{"header R eval:check_for_missing_to_header('x')", 0}, /* what is too much does nothing */
	{"header R exists:Subject", 1},
	{"header R exists:X-Missing", 0},
	{"header R exists:X-Empty", 1},
	/* Pseudo-headers. */
	{"header R ALL =~ /^X-Twice: first\\nX-Twice: second\\n/m", 1},
	{"header R ALL:raw =~ /^Subject:  a folded\\n subject\\n/m", 1},
	{"header R ToCc =~ /one.*\\nthree/", 1},
	{"header R MESSAGEID =~ /^<1\\@example\\.com>$/m", 1},
	{"header R EnvelopeFrom =~ /^env\\@example\\.com$/", 1},
	{"header R X-Spam-Relays-External =~ /^\\[ ip=192\\.0\\.2\\.1 rdns=b helo=a by=c /", 1},
	{"header R X-Spam-Relays-External !~ /x/", 1},
	/* Text: paragraph by paragraph, the Subject first. */
	{"body R /^a folded subject$/", 1},
	{"body R /paragraph with free money/", 1},
	{"body R /free\\.\\s+Second/s", 0},
	{"body R /^Second/", 1},
	{"body R /\\ASecond/", 1},
	{"body R /here\\. \\z/", 1}, /* the line end of the part's last line */
	{"body R m{second paragraph}i", 1},
	{"body R m,second paragraph,", 0},
	{"body R /f r e e/x", 1},
	{"body R /fr?e{,3} money/", 1},
	{"body R /fre{ 2 , 3 } money/", 1},
	{"body R /fre{3,} money/", 0},
	{"body R /fr[e{,3}] money/", 0},
	{"body R /fr(?:e\\{,3}|ee) m{1}oney/", 1},
	{"body R /(?i)SECOND/", 1},
	{"body R /(?aai:SECOND)/", 1},
	{"body R /(fre)e.*\\1e/", 1},
	{"body R /free(?= money)/", 1},
	{"body R /(?<!ee )money/", 0},
	{"body R /free/\ntflags R multiple", 2},
	{"body R /free/\ntflags R multiple maxhits=1", 1},
	{"body R /a?/\ntflags R multiple maxhits=7", 7},
	{"body R /folded/\ntflags R nosubject", 0},
	{"body R /money/\ntflags R nosubject", 1},
	/* Raw text keeps its lines; full has everything. */
	{"rawbody R /with\\nfree money/", 1},
	{"rawbody R /^free money/m", 1},
	{"full R /Content-Disposition: attachment\\n\\nx\\n--b--/", 1},
	/* Links. */
	{"uri R m{^http://example\\.com/~x$}i", 1},
	{"uri R /ftp:/", 0},
	/* Parts. */
	{"mimeheader R Content-Type =~ /name=\"a\\.pdf\"/", 1},
	{"mimeheader R Content-Disposition =~ /^attachment$/", 1},
	{"mimeheader R Content-Type !~ /pdf/", 0},
	{"mimeheader R Content-Type !~ /jpeg/", 1},
	{"mimeheader R Content-Type =~ /multipart/\ntflags R range=2-", 0},
	{"mimeheader R Content-Type =~ /pdf/\ntflags R range=2-", 1},
	{"mimeheader R Content-Type =~ /multipart.*text.*pdf/s\ntflags R concat", 1},
	{"mimeheader R X-Missing =~ /^none$/ [if-unset: none]", 1},
	{"mimeheader R Content-Type:raw =~ /^ multipart/", 1},
	{"mimeheader R Content-Type:raw =~ /^application/", 1},
	{"mimeheader R Content-Type:raw =~ /^ application/", 0},
	/* Tags. */
	{"replace_tag EE [e3]\nreplace_rules R\nbody R /fr<EE><EE>/", 1},
	{"replace_tag EE [e3]\nbody R /fr<EE><EE>/", 0},
	{"replace_tag F f\nreplace_tag R r\nreplace_inter I .?\nreplace_post P {1,2}\n"
	 "replace_rules R\nbody R /<inter I><post P>\\b<F><R>ee/", 1},
	{"replace_tag FREE fr<EE><EE>\nreplace_tag EE [e3]\nreplace_rules R\nbody R /<FREE> money/", 1},
};

static void rules(void **state)
{
	for (unsigned engine = 0; engine < 2; engine++) {
		struct gp_rule_options options = {.engine = engine ? GP_RULE_ENGINE_PCRE2
								   : GP_RULE_ENGINE_AUTO};

		for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
			struct fixture f = {.arena = gp_arena_new(0), .input = {.bayes = -1}};

			gp_rule_report_init(&f.report);
			gp_rule_set_load_text("t.cf", gp_str(table[i].rule), &options, &f.report,
					      &f.set);
			f.input.envelope_from = GP_STR("env@example.com");
			assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
			fixture_scan(&f, mail);
			if (gp_rule_scan_hits(f.scan, "R") != table[i].hits)
				fail_msg("%s: %g hits, not %g", table[i].rule,
					 gp_rule_scan_hits(f.scan, "R"), table[i].hits);
			fixture_done(&f);
		}
	}
}

static void metas(void **state)
{
	static const struct {
		const char *expression;
		double value;
	} metas[] = {
		{"A", 1}, {"N", 0}, {"!N", 1}, {"!A", 0}, {"A && N", 0}, {"A || N", 1},
		{"A && !N", 1}, {"A + TWO", 3}, {"A + TWO > 2", 1}, {"TWO >= 3", 0},
		{"(A + TWO) * 2", 6}, {"A + TWO * 2", 5}, {"TWO / 4", 0.5}, {"A / N", 0},
		{"TWO - A - A", 0}, {"TWO == 2", 1}, {"TWO != 2", 0}, {"A < TWO", 1},
		{"TWO || A", 2}, {"N || TWO", 2}, {"A && TWO", 2}, {"TWO && A", 1},
		{"A ? TWO : N", 2}, {"N ? TWO : A", 1}, {"A ^ TWO", 3}, {"-A + TWO", 1},
		{"A - TWO", 1}, /* negative: a hit is worth 1 */
		{"UNKNOWN", 0}, {"!UNKNOWN", 1}, {"FACT", 4}, {"OFF", 0}, {"!OFF", 1},
		{"LATER", 2}, {"rules_matching(T?O)", 2}, {"rules_matching(NOTHING*)", 0},
		{"local_tests_only", 1}, {"1.5", 1.5}, {"()", 0}, {"((((A))))", 1},
		{"A+TWO>2&&!N", 1},
		/* comparisons in a row */
		{"3 > TWO > 1", 1}, {"3 > TWO > A", 1}, {"1 < A < 3", 0}, {"0 < A < 3", 1}, {"0 < A + TWO < 3", 0},
		{"N < A < TWO < 3", 1}, {"N < A < TWO < 2", 0}, {"N < TWO < A < 3", 0}, {"3 > TWO > 1 == A", 1},
		{"A == A == A", 1}, {"TWO == TWO == TWO", 1}, {"A == TWO == N", 0}, {"A != TWO != A", 1},
		{"(0 < A < 3) + (0 < TWO < 3)", 2}, {"0 < A < 3 && 0 < TWO < 3", 1}, {"1 + (3 > TWO > 1) * 4", 5},
		/* chains of &&, of which each part must be able to hold */
		{"!N && A", 1}, {"!N && !OFF", 1}, {"!N && !A", 0}, {"!N && OFF", 0},
		{"A && (N || TWO)", 2}, {"(A || N) && TWO", 2}, {"(N && A) || TWO", 2},
		{"N || A && TWO", 2}, {"(A && TWO) && LATER", 2}, {"A && !(N && TWO)", 1},
		{"A && (TWO ? LATER : N)", 2}, {"N ? A && N : TWO && LATER", 2},
		{"!N && (A ? N : TWO)", 0}, {"A && rules_matching(T?O) && LATER > 1", 1},
		{"LATER && 2", 2}, {"0 && A", 0}, {"(A && TWO) + N > 1 && !OFF", 1},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(metas); i++) {
		struct fixture f;
		char text[512];

		snprintf(text, sizeof(text),
			 "meta M %s\nbody A /First/\nbody N /nothing/\nbody TWO /free/\n"
			 "tflags TWO multiple\nbody OFF /First/\nscore OFF 0\n"
			 "meta LATER TWO\nmeta USES_FACT FACT\n", metas[i].expression);
		fixture_load(&f, text);
		assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
		fixture_message(&f, gp_str(mail));
		assert_true(gp_rule_scan_set(f.scan, "FACT", 4));
		assert_false(gp_rule_scan_set(f.scan, "NOBODY_KNOWS", 4));
		gp_rule_scan_finish(f.scan, &f.symbols);
		if (gp_rule_scan_hits(f.scan, "M") != metas[i].value)
			fail_msg("%s: %g, not %g", metas[i].expression,
				 gp_rule_scan_hits(f.scan, "M"), metas[i].value);
		fixture_done(&f);
	}
}

/* More parts in a chain than are looked at one by one. */
static void long_meta(void **state)
{
	struct fixture f;
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 16);

	(void)state;
	gp_buf_add_cstr(&text, "body A /First/\nbody N /nothing/\nmeta YES A");
	for (unsigned i = 0; i < 40; i++)
		gp_buf_add_cstr(&text, " && A");
	gp_buf_add_cstr(&text, "\nmeta NO A");
	for (unsigned i = 0; i < 40; i++)
		gp_buf_add_cstr(&text, " && A");
	gp_buf_add_cstr(&text, " && N\n");
	gp_buf_add(&text, "", 1);
	fixture_load(&f, text.data);
	fixture_message(&f, gp_str(mail));
	gp_rule_scan_finish(f.scan, &f.symbols);
	assert_true(gp_rule_scan_hits(f.scan, "YES") == 1);
	assert_true(gp_rule_scan_hits(f.scan, "NO") == 0);
	fixture_done(&f);
}

static void meta_cycles(void **state)
{
	struct fixture f;

	fixture_load(&f, "meta A B\nmeta B A\nmeta C A || D\nbody D /First/\nmeta E !F\nmeta F F\n"
			 "meta G D\n");
	assert_int_equal(f.report.errors, 5);
	assert_non_null(strstr(fixture_problem(&f, GP_RULE_ERROR),
			       ": the expression depends on itself, or on one that does"));
	fixture_scan(&f, mail);
	assert_string_equal(fixture_hits(&f), "D G");
	fixture_done(&f);
}

static void scores(void **state)
{
	struct fixture f;
	const struct gp_symbol *s;

	fixture_load(&f, "body __SUB /First/\nbody A /First/\nscore A 1 2 3 4\ndescribe A An A\n"
			 "body M /free/\ntflags M multiple\nscore M 0.5\nmeta SUM M * 10\nscore SUM -1\n"
			 "body ZERO /First/\nscore ZERO 0 0 0 1\nscore FACT 2.5\n"
			 "body B50 eval:check_bayes('0.4', '0.6')\nbody B99 eval:check_bayes('0.99', undef)\n"
			 "tflags B99 learn\n");
	f.input.has_network = true;
	fixture_message(&f, gp_str(mail));
	gp_rule_scan_set_evidence(f.scan, "FACT", 1, GP_STR("seen"));
	f.input.has_bayes = true;
	f.input.bayes = 0.995;
	gp_rule_scan_finish(f.scan, &f.symbols);
	assert_null(gp_symbols_find(&f.symbols, "__SUB"));
	assert_true(gp_rule_scan_hits(f.scan, "__SUB") == 1);
	s = gp_symbols_find(&f.symbols, "A");
	assert_true(s->score == 4);
	assert_string_equal(s->description, "An A");
	s = gp_symbols_find(&f.symbols, "M");
	assert_true(s->score == 1 && s->hits == 2);
	s = gp_symbols_find(&f.symbols, "SUM");
	assert_true(s->score == -1 && s->hits == 20);
	assert_non_null(gp_symbols_find(&f.symbols, "ZERO"));
	assert_true(gp_symbols_find(&f.symbols, "FACT")->score == 2.5);
	assert_non_null(gp_symbols_find(&f.symbols, "B99"));
	assert_null(gp_symbols_find(&f.symbols, "B50"));
	fixture_done(&f);

	fixture_load(&f, "body B99 eval:check_bayes('0.99', '1.00')\ntflags B99 learn\n"
			 "body LOW eval:check_bayes('0', '0.01')\nscore LOW 1\nbody Z /First/\n"
			 "score Z 0 0 0 1\n");
	f.input.bayes = 0;
	fixture_scan(&f, mail);
	assert_string_equal(fixture_hits(&f), "LOW"); /* set 0: Z is off there */
	fixture_done(&f);
}

static void evidence(void **state)
{
	struct fixture f;
	size_t i = 0;
	struct gp_symbol s;

	fixture_load(&f, "body A /m[on]+ey/\nheader B Subject !~ /x/\n");
	f.input.trace = true;
	fixture_scan(&f, mail);
	assert_true(gp_rule_scan_next_hit(f.scan, &i, &s));
	assert_str(s.evidence, "money");
	assert_true(gp_rule_scan_next_hit(f.scan, &i, &s));
	assert_str(s.evidence, "(no match)");
	assert_false(gp_rule_scan_next_hit(f.scan, &i, &s));
	assert_str(gp_symbols_find(&f.symbols, "A")->evidence, "money");
	fixture_done(&f);
}

static void evidence_of_functions(void **state)
{
	static const struct {
		const char *call, *seen;
	} calls[] = {
		{"header R eval:check_equal_from_domains()",
		 "From: A <a@one.example>, EnvelopeFrom: b@two.example"},
		{"header R eval:check_for_missing_to_header()", "To: (none), Cc: (none)"},
		{"header R eval:check_header_count_range('X-Two', '2', '9')", "X-Two: 1\n2"},
		{"header R eval:check_illegal_chars('ALL', '0', '0')",
		 "check_illegal_chars('ALL', '0', '0')"},
		{"body R eval:html_range('length', '0', 'inf')", "length 53"},
		{"body R eval:html_test('html')", "53 bytes of HTML, 0 pixels of images, 2 tags"},
		{"body R eval:check_https_ip_mismatch()", "http://192.0.2.1/"},
	};
	struct fixture f;

	for (size_t i = 0; i < GP_ARRAY_SIZE(calls); i++) {
		fixture_load(&f, calls[i].call);
		f.input.trace = true;
		fixture_scan(&f, "Return-Path: <b@two.example>\nFrom: A <a@one.example>\nX-Two: 1\n"
				 "X-Two: 2\nX-Odd: \xe4\xe4\xe4\nContent-Type: text/html\n\n"
				 "<a href=\"http://192.0.2.1/\">https://bank.example</a>\n");
		if (!gp_symbols_find(&f.symbols, "R"))
			fail_msg("%s does not hit", calls[i].call);
		assert_str(gp_symbols_find(&f.symbols, "R")->evidence, calls[i].seen);
		fixture_done(&f);
	}
}

/* Patterns that take exponential time are stopped, and counted. */
static void limits(void **state)
{
	static const char *const patterns[] = {
		"/^(a+)+$/", "/^(a|aa)+$/", "/(a*)*b/", "/^(?:a?){30}a{30}c/", "/((a+)+)+x/s",
		"/(?:(?:a+)+)+!/", "/^(([a-z])+.)+[A-Z]([a-z])+$/",
	};
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);

	gp_buf_add_cstr(&text, "Subject: s\n\n");
	for (unsigned i = 0; i < 1500; i++)
		gp_buf_add_chr(&text, 'a');
	gp_buf_add_cstr(&text, "!b\n");
	for (size_t i = 0; i < GP_ARRAY_SIZE(patterns); i++) {
		struct fixture f;
		char rule[128];
		int64_t start = gp_clock_cpu_us();

		snprintf(rule, sizeof(rule), "body R %s\n", patterns[i]);
		fixture_load(&f, rule);
		fixture_message(&f, gp_buf_str(&text));
		gp_rule_scan_finish(f.scan, &f.symbols);
		if (gp_clock_cpu_us() - start > 1000000)
			fail_msg("%s took %ld us", patterns[i], (long)(gp_clock_cpu_us() - start));
		fixture_done(&f);
	}
	/* The first of them for sure needs the limit. */
	struct fixture f;

	fixture_load(&f, "body R /^(a+)+$/\n");
	fixture_message(&f, gp_buf_str(&text));
	gp_rule_scan_finish(f.scan, &f.symbols);
	assert_int_equal(gp_rule_scan_stats(f.scan)->limit_exceeded, 1);
	assert_false(gp_rule_scan_stats(f.scan)->budget_exceeded);
	assert_true(gp_rule_scan_hits(f.scan, "R") == 0);
	fixture_done(&f);
}

/* Many slow patterns together meet the budget of the message. */
static void budget(void **state)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);
	GP_BUF_AUTO set = GP_BUF_INIT(1 << 20);
	struct fixture f;
	int64_t start;

	for (unsigned i = 0; i < 500; i++)
		gp_buf_printf(&set, "body R%u /^(%ua?|a+)+$/\n", i, i);
	gp_buf_add_cstr(&text, "Subject: s\n\n");
	for (unsigned i = 0; i < 50; i++)
		gp_buf_add_cstr(&text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\n\n");
	fixture_load(&f, gp_buf_cstr(&set));
	f.input.cpu_budget_ms = 50;
	start = gp_clock_cpu_us();
	fixture_message(&f, gp_buf_str(&text));
	gp_rule_scan_finish(f.scan, &f.symbols);
	assert_true(gp_rule_scan_stats(f.scan)->budget_exceeded);
	assert_true(gp_clock_cpu_us() - start < 1000000);
	fixture_done(&f);
}

static void envelope_sender(void **state)
{
	static const struct {
		const char *mail;
		const char *hits;
	} mails[] = {
		{"Return-Path: <a@example.com>\nSubject: s\n\nx\n", "A"},
		{"Return-Path: a@example.com\nReturn-Path: <>\nSubject: s\n\nx\n", "A"},
		{"Return-Path: <>\nSubject: s\n\nx\n", "EMPTY"},
		{"Return-Path: >\nSubject: s\n\nx\n", "EMPTY"},
		{"Return-Path: nobody\nReturn-Path: <a@example.com>\nSubject: s\n\nx\n", "EMPTY"},
		{"Received: from x (y [192.0.2.1]) by z (Postfix)\nReturn-Path: <a@example.com>\nSubject: s\n\nx\n", "EMPTY"},
		{"X-Envelope-From: <a@example.com>\nReturn-Path: <b@example.com>\nSubject: s\n\nx\n", "A"},
		{"Received: from x (y [192.0.2.1]) (envelope-sender <a@example.com>) by z (Postfix) with SMTP\n"
		 "Subject: s\n\nx\n", "A"},
		{"Subject: s\n\nx\n", "EMPTY"},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(mails); i++) {
		struct fixture f;

		fixture_load(&f, "header A EnvelopeFrom =~ /^a\\@example\\.com$/\n"
				 "header EMPTY EnvelopeFrom =~ /^$/\n");
		fixture_scan(&f, mails[i].mail);
		assert_string_equal(fixture_hits(&f), mails[i].hits);
		fixture_done(&f);
	}
}

/* The relays are those of the message, the headers above and below them can be asked for. */
static void relays(void **state)
{
	static const char *const hop = "Received: from h (%s [%s]) by %s (Postfix) with ESMTP id 1234\n";
	struct fixture f;
	struct gp_buf text = GP_BUF_INIT(1 << 16);

	fixture_load(&f, "header IN X-Spam-Relays-Internal =~ /^\\[ ip=10\\.0\\.0\\.1 rdns=in\\.example helo=h "
			 "by=mx\\.example ident= envfrom= intl=1 id=1234 auth= msa=0 \\]$/\n"
			 "header OUT X-Spam-Relays-External =~ /^\\[ ip=192\\.0\\.2\\.1 rdns=out\\.example .* intl=0/\n"
			 "header TOP ALL-INTERNAL =~ /X-Top: .*by mx\\.example.*by b\\.example.*\\n\\z/s\n"
			 "header TOP_ONLY ALL-TRUSTED =~ /X-Low/\n"
			 "header LOW ALL-EXTERNAL =~ /^Received: .*by b\\.example[^\\n]*\\nX-Low: x\\n/\n"
			 "header LOW_ONLY ALL-UNTRUSTED =~ /X-Top|by mx\\.example/\n");
	gp_buf_add_cstr(&text, "X-Top: x\n");
	gp_buf_printf(&text, hop, "in.example", "10.0.0.1", "mx.example");
	gp_buf_printf(&text, hop, "out.example", "192.0.2.1", "b.example");
	gp_buf_add_cstr(&text, "X-Low: x\nSubject: x\n\ny\n");
	fixture_scan(&f, gp_buf_cstr(&text));
	assert_string_equal(fixture_hits(&f), "IN OUT TOP LOW");
	gp_buf_done(&text);
	fixture_done(&f);
}

/* rawbody sees the bytes that were sent, body sees UTF-8. */
static void charset_of_raw_text(void **state)
{
	struct fixture f;

	fixture_load(&f, "rawbody RAW /caf\\xe9/\nbody TEXT /caf\\xc3\\xa9/\nrawbody REPORT /^Action: failed/m\n");
	fixture_scan(&f, "Content-Type: multipart/report; boundary=b\n\n--b\n"
			 "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n"
			 "caf=E9\n--b\nContent-Type: message/delivery-status\n\nAction: failed\n--b--\n");
	assert_string_equal(fixture_hits(&f), "RAW TEXT REPORT");
	fixture_done(&f);
}

/* What PCRE2 finds too large is compiled with subroutines: "{9}" multiplies what it repeats. */
static void large_repetition(void **state)
{
	struct fixture f;
	struct gp_buf rules = GP_BUF_INIT(1 << 20);

	gp_buf_add_cstr(&rules, "replace_tag WORD (?:first|paragraph|with|free|money");
	for (unsigned i = 0; i < 600; i++)
		gp_buf_printf(&rules, "|no%useldom", i);
	gp_buf_add_cstr(&rules, ")\nreplace_rules R S\nbody R /^(?:<WORD>\\s){5}(?:<WORD>){1,9}\\./i\n"
				"body S /^(?:<WORD>\\s){6}<WORD>/\n");
	fixture_load(&f, gp_buf_cstr(&rules));
	assert_string_equal(fixture_problem(&f, GP_RULE_INERT), "");
	fixture_scan(&f, mail);
	assert_string_equal(fixture_hits(&f), "R");
	gp_buf_done(&rules);
	fixture_done(&f);
}

static void *scan_often(void *arg)
{
	struct gp_rule_set *set = arg;

	for (unsigned i = 0; i < 100; i++) {
		struct fixture f = {.arena = gp_arena_new(0), .set = set, .input = {.bayes = -1}};

		fixture_scan(&f, mail);
		assert_string_equal(fixture_hits(&f), "A=2 B C");
		gp_arena_free(f.arena);
	}
	return NULL;
}

/* Threads share a set; the last reference may be a scan's. */
static void threads(void **state)
{
	struct fixture f;
	pthread_t thread[4];

	fixture_load(&f, "body A /free/\ntflags A multiple\nheader B Subject =~ /folded/\nmeta C A && B\n");
	for (size_t i = 0; i < GP_ARRAY_SIZE(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, scan_often, f.set), 0);
	for (size_t i = 0; i < GP_ARRAY_SIZE(thread); i++)
		pthread_join(thread[i], NULL);
	fixture_done(&f);
}

/* A scan that is never finished gives everything back with its arena; the set outlives it. */
static void abandoned(void **state)
{
	struct fixture f;

	fixture_load(&f, "body A /x/\n");
	fixture_message(&f, gp_str(mail));
	gp_rule_set_unref(f.set);
	f.set = NULL;
	fixture_done(&f);
}

/* What would have run later does not count. */
static void short_circuits(void **state)
{
	static const char rules[] =
		"loadplugin Mail::SpamAssassin::Plugin::Shortcircuit\n"
		"header SHORTCIRCUIT eval:check_shortcircuit()\n"
		"header FIRST Subject =~ /first/\npriority FIRST -300\n"
		"body __B /circuit/\nmeta M __B\npriority M -200\n"
		"header SAME Subject =~ /s/\npriority SAME -200\nfull LATER_KIND /s/\n"
		"priority LATER_KIND -200\nbody LATER /s/\nscore LATER 3\n"
		"body C /circuit/\nscore C -2\n"
		"body SOFT /soft/\nshortcircuit SOFT on\npriority SOFT -400\nscore SOFT -1\n";
	static const struct {
		const char *type, *mail, *hits;
		double score; /* of SHORTCIRCUIT */
	} rows[] = {
		{"shortcircuit C spam\n", "Subject: first s\n\na circuit is here\n",
		 "SHORTCIRCUIT FIRST __B SAME C", 100},
		{"shortcircuit C ham\nshortcircuit_ham_score -7\n", "Subject: s\n\na circuit is here\n",
		 "SHORTCIRCUIT __B SAME C", -7},
		{"shortcircuit C spam\n", "Subject: s\n\nnothing is here\n", "SAME LATER_KIND LATER", 0},
		{"shortcircuit C spam\nshortcircuit C off\n", "Subject: s\n\na circuit is here\n",
		 "__B M SAME LATER_KIND LATER C", 0},
		{"shortcircuit C on\n", "Subject: s\n\na circuit is soft\n", "SHORTCIRCUIT SOFT", -0.0001},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++) {
		struct fixture f;
		const struct gp_symbol *symbol;
		char text[2048];

		snprintf(text, sizeof(text), "%s%s", rules, rows[i].type);
		fixture_load(&f, text);
		assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
		fixture_scan(&f, rows[i].mail);
		assert_string_equal(fixture_hits(&f), rows[i].hits);
		symbol = gp_symbols_find(&f.symbols, "SHORTCIRCUIT");
		assert_true(fabs((symbol ? symbol->score : 0) - rows[i].score) < 1e-9);
		fixture_done(&f);
	}
}

/* A pattern that PCRE2 looks for in vain again and again gets an automaton of its own, and hits as
 * it did. */
static void looked_for_in_vain(void **state)
{
	static const char rules[] = "body GOOD /\\w+ wonderful \\w{2,20} offer\\b/i\n";
	static const char vain[] = "Subject: x\n\nA message of some length that says wonderful things "
				   "about this and that, and then offers nothing.\n";
	static const char there[] = "Subject: x\n\nA message of some length that says wonderful things "
				    "about this, and a wonderful cheap offer.\n";
	struct fixture f;

	fixture_load(&f, rules);
	for (unsigned i = 0; i < 6; i++) {
		fixture_scan(&f, vain);
		assert_string_equal(fixture_hits(&f), "");
		if (i == 0)
			assert_true(gp_rule_scan_stats(f.scan)->confirmed > 0);
	}
	/* Without vectorscan PCRE2 looks at every text itself: it has no place to confirm. */
	if (GP_HAVE_VECTORSCAN)
		assert_int_equal(gp_rule_scan_stats(f.scan)->confirmed, 0);
	fixture_scan(&f, there);
	assert_string_equal(fixture_hits(&f), "GOOD");
	fixture_scan(&f, vain);
	assert_string_equal(fixture_hits(&f), "");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),  cmocka_unit_test(metas),    cmocka_unit_test(meta_cycles),
		cmocka_unit_test(long_meta),
		cmocka_unit_test(scores), cmocka_unit_test(evidence),
		cmocka_unit_test(evidence_of_functions), cmocka_unit_test(limits),
		cmocka_unit_test(budget), cmocka_unit_test(abandoned), cmocka_unit_test(threads),
		cmocka_unit_test(envelope_sender),
		cmocka_unit_test(large_repetition),
		cmocka_unit_test(charset_of_raw_text),
		cmocka_unit_test(relays),
		cmocka_unit_test(short_circuits),
		cmocka_unit_test(looked_for_in_vain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
