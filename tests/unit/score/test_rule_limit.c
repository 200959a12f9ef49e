/* Patterns that cost too much: bounded within a message, switched off after several. */
#include "tests/unit/score/rule_fixture.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"

#define MS 1000

/* 60 a's and what no pattern here ends with. */
static const char bad[] = "Subject: s\n\nfirst words\n\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			  "aaaaaaaaaa!\n\nmore words\n";

static const char rules[] = "body SLOW /^(a+)+\\s*$/\n"
			    "body ALSO_SLOW /^(a|aa)+\\s*$/\n"
			    "header NOT_SLOW Subject !~ /other/\n"
			    "body FINE /more words/\n"
			    "meta ON_SLOW SLOW || FINE > 1\n"
			    "meta WITHOUT FINE && !SLOW\n";

/* Another message of the same set. */
static void next_message(struct fixture *f, struct gp_str mail)
{
	gp_arena_free(f->arena);
	f->arena = gp_arena_new(0);
	fixture_message(f, mail);
	gp_rule_scan_finish(f->scan, &f->symbols);
}

/* "SLOW:1@5": the rules stopped in this message, with line and number of the message. */
static const char *limited(struct fixture *f)
{
	const struct gp_rule_scan_stats *stats = gp_rule_scan_stats(f->scan);
	const char *text = "";

	for (size_t i = 0; i < stats->limited.len; i++) {
		const struct gp_rule_limited *l = &stats->limited.items[i];

		assert_string_equal(l->file, "t.cf");
		text = gp_arena_printf(f->arena, "%s%s%s:%u@%u", text, *text ? " " : "", l->name,
				       l->line, l->messages);
	}
	return text;
}

static const char *switched_off(struct fixture *f, size_t expected)
{
	GP_BUF_AUTO names = GP_BUF_INIT(256);

	assert_int_equal(gp_rule_set_switched_off(f->set, &names), expected);
	return gp_arena_strdup(f->arena, gp_buf_cstr(&names));
}

static void off_after_some_messages(void **state)
{
	struct fixture f;

	fixture_load(&f, rules);
	for (unsigned i = 1; i <= GP_RULE_LIMITED_MAX; i++) {
		assert_string_equal(switched_off(&f, 0), "");
		next_message(&f, gp_str(bad));
		assert_string_equal(limited(&f), gp_arena_printf(f.arena, "SLOW:1@%u ALSO_SLOW:2@%u",
								 i, i));
		assert_string_equal(fixture_hits(&f), "NOT_SLOW FINE WITHOUT");
	}
	assert_string_equal(switched_off(&f, 2), "SLOW ALSO_SLOW");
	next_message(&f, GP_STR("Subject: s\n\naaa\n"));
	assert_string_equal(fixture_hits(&f), "NOT_SLOW"); /* SLOW would */
	assert_string_equal(limited(&f), "");
	next_message(&f, gp_str(bad));
	assert_string_equal(limited(&f), "");
	fixture_done(&f);
	/* Loaded anew they are on. */
	fixture_load(&f, rules);
	next_message(&f, GP_STR("Subject: s\n\naaa\n"));
	assert_string_equal(fixture_hits(&f), "SLOW ALSO_SLOW NOT_SLOW ON_SLOW");
	fixture_done(&f);
}

/* Neither a pattern nor its negation hits when nobody knows. */
static void undecided_is_no_hit(void **state)
{
	static const char mail[] = "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\n\nb\n";
	struct fixture f;

	fixture_load(&f, "header IS X-A =~ /^(a+)+$/\nheader IS_NOT X-A !~ /^(a+)+$/\n");
	for (unsigned i = 0; i <= GP_RULE_LIMITED_MAX; i++) {
		next_message(&f, gp_str(mail));
		assert_string_equal(fixture_hits(&f), "");
	}
	assert_string_equal(switched_off(&f, 2), "IS IS_NOT");
	next_message(&f, GP_STR("X-A: b\n\nb\n")); /* off is off, for both */
	assert_string_equal(fixture_hits(&f), "");
	fixture_done(&f);
}

/* Tried once on a message that is full of what is slow. */
static void once_a_message(void **state)
{
	GP_BUF_AUTO mail = GP_BUF_INIT(1 << 20);
	struct fixture f;
	int64_t start_us;

	gp_buf_add_cstr(&mail, "Subject: s\n\n");
	for (unsigned i = 0; i < 1000; i++)
		gp_buf_add_cstr(&mail, bad + strlen("Subject: s\n\n"));
	fixture_load(&f, "body SLOW /^(*NO_JIT)?^(a+)+$/\nbody SLOWER /(*NO_JIT)^(a+)+$/\n");
	start_us = gp_clock_cpu_us();
	next_message(&f, gp_buf_str(&mail));
	assert_true(gp_clock_cpu_us() - start_us < 1000 * MS);
	assert_int_equal(gp_rule_scan_stats(f.scan)->limit_exceeded, 1);
	assert_string_equal(limited(&f), "SLOWER:2@1");
	fixture_done(&f);
}

/* By the JIT and by the interpreter; steps, stack and memory each have their limit. */
static void kinds_of_catastrophe(void **state)
{
	static const char *const patterns[] = {
		"^(a+)+$", "^(?:a|aa)+$", "(?:a*)*b", "((a+)+)+x", "^(?:a?){40}a{40}c",
		"^(?:(a)|(aa)|(aaa))*$", "(?:[a!]+)*\\d", "^(a(?1)?a?)+$", "(.+)+=", "(?=(a+))(?:\\1)*b",
	};

	for (size_t i = 0; i < 2 * GP_ARRAY_SIZE(patterns); i++) {
		const char *pattern = patterns[i / 2];
		struct fixture f;
		char text[256];
		int64_t start_us;

		snprintf(text, sizeof(text), "body X /%s%s/\nbody FINE /more words/\n",
			 i % 2 ? "(*NO_JIT)" : "", pattern);
		fixture_load(&f, text);
		if (f.report.errors)
			fail_msg("%s", fixture_problem(&f, GP_RULE_ERROR));
		start_us = gp_clock_cpu_us();
		next_message(&f, gp_str(bad));
		if (gp_clock_cpu_us() - start_us > 300 * MS)
			fail_msg("%s took %ld us", text, (long)(gp_clock_cpu_us() - start_us));
		assert_string_equal(fixture_hits(&f), "FINE");
		fixture_done(&f);
	}
}

/* Over a long text a step may be as long as the text: the budget ends it all the same. */
static void long_texts(void **state)
{
	/* Of simpler ones, /a+[bc]/, the JIT sees that no later place will do. */
	static const char *const patterns[] = {"/(?=[ab]*[cd])a/", "/(?:a*!)?(?:a*=)?f[^ ]/",
					       "/(*NO_JIT)a+[bc]/"};
	GP_BUF_AUTO mail = GP_BUF_INIT(16 << 20);

	gp_buf_add_cstr(&mail, "Subject: s\n\n");
	memset(gp_buf_reserve(&mail, 2 << 20), 'a', 2 << 20);
	mail.len += 2 << 20;
	gp_buf_add_cstr(&mail, "\n\nmore words, def and @\n");
	for (size_t i = 0; i < GP_ARRAY_SIZE(patterns); i++) {
		struct fixture f;
		char text[256];
		int64_t start_us;

		snprintf(text, sizeof(text), "full X %s\nfull FINE /more words/\n", patterns[i]);
		fixture_load(&f, text);
		f.input.cpu_budget_ms = 300;
		start_us = gp_clock_cpu_us();
		next_message(&f, gp_buf_str(&mail));
		if (gp_clock_cpu_us() - start_us > 2000 * MS)
			fail_msg("%s took %ld us", text, (long)(gp_clock_cpu_us() - start_us));
		assert_string_equal(limited(&f), "X:1@1");
		fixture_done(&f);
	}
}

/* Patterns among the arguments of evals. */
static void evals(void **state)
{
	static const char mail[] = "Content-Type: text/html\n\n<title>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"
				   "</title><p>x</p>\n";
	struct fixture f;

	fixture_load(&f, "body IS eval:html_text_match('title', '^(a+)+$')\n"
			 "body NOT eval:html_text_not_match('title', '^(a+)+$')\n"
			 "body FINE eval:html_text_match('title', 'a!$')\n"
			 "meta NEITHER !IS && !NOT && FINE\n");
	for (unsigned i = 1; i <= GP_RULE_LIMITED_MAX; i++) {
		next_message(&f, gp_str(mail));
		assert_string_equal(limited(&f),
				    gp_arena_printf(f.arena, "IS:1@%u NOT:2@%u", i, i));
		assert_string_equal(fixture_hits(&f), "FINE NEITHER");
	}
	assert_string_equal(switched_off(&f, 2), "IS NOT");
	next_message(&f, GP_STR("Content-Type: text/html\n\n<title>aaa</title><title>b</title>x\n"));
	assert_string_equal(fixture_hits(&f), "");
	fixture_done(&f);
}

/* Many matches, each below the match limit: the rule that ate the budget is found. */
static void budget_names_the_culprit(void **state)
{
	GP_BUF_AUTO mail = GP_BUF_INIT(1 << 20);
	struct fixture f;

	gp_buf_add_cstr(&mail, "Subject: s\n\n");
	for (unsigned i = 0; i < 2000; i++)
		gp_buf_printf(&mail, "aaaaaaaaaaaaaaa! word%u more text\n\n", i);
	fixture_load(&f, "body A /word\\d/\nbody SLOW /^(a+)+$/\nbody B /\\w\\s\\w/\nbody C /m\\w+e/\n");
	f.input.cpu_budget_ms = 60;
	next_message(&f, gp_buf_str(&mail));
	assert_true(gp_rule_scan_stats(f.scan)->budget_exceeded);
	assert_int_equal(gp_rule_scan_stats(f.scan)->limit_exceeded, 0);
	assert_string_equal(limited(&f), "SLOW:2@1");
	fixture_done(&f);
}

/* A match is found wherever it begins and ends, in texts that are searched by windows too. */
static void windows_lose_nothing(void **state)
{
	static const size_t places[] = {0, 1, 63, 64, 65, 319, 320, 5000, 16383, 16384, 16385, 50000,
					99990};
	GP_BUF_AUTO mail = GP_BUF_INIT(1 << 20);
	struct fixture f;
	char *text;

	gp_buf_add_cstr(&mail, "Subject: s\n\n");
	text = gp_buf_reserve(&mail, 100000);
	memset(text, '.', 100000);
	mail.len += 100000;
	fixture_load(&f, "full FAR /x(?:.{45000}){2}/s\nfull BACK /(?<=\\.)xy|^xy/m\nfull ONCE /\\Axy/\n"
			 "full ALL /\\bx[y.]|\\w/\ntflags ALL multiple\nfull G /\\Gxy/\n");
	for (size_t i = 0; i < GP_ARRAY_SIZE(places); i++) {
		memcpy(text + places[i], "xy", 2);
		next_message(&f, gp_buf_str(&mail));
		memcpy(text + places[i], "..", 2);
		/* 8 letters in "Subject: s" */
		assert_string_equal(fixture_hits(&f), places[i] < 9000 ? "FAR BACK ALL=9"
								       : "BACK ALL=9");
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(places); i++)
		memcpy(text + places[i] / 3 * 3, "xy", 2);
	next_message(&f, gp_buf_str(&mail));
	assert_string_equal(fixture_hits(&f), "FAR BACK ALL=15"); /* some fall together */
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_after_some_messages),
		cmocka_unit_test(undecided_is_no_hit),
		cmocka_unit_test(once_a_message),
		cmocka_unit_test(kinds_of_catastrophe),
		cmocka_unit_test(long_texts),
		cmocka_unit_test(evals),
		cmocka_unit_test(budget_names_the_culprit),
		cmocka_unit_test(windows_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
