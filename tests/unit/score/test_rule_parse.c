/* Lines, conditions, definitions: what parses, what is reported, and where. */
#include "tests/unit/score/rule_fixture.h"

static void bad_lines(void **state)
{
	static const struct {
		const char *rules;
		const char *problem; /* "LINE RULE: …", a prefix */
	} table[] = {
		{"body A", "1 A: a pattern is missing"},
		{"body", "1 : a rule name is missing"},
		{"\nbody 1A /x/", "2 1A: a rule name consists of"},
		{"body A-B /x/", "1 A-B: a rule name consists of"},
		{"body A x", "1 A: a pattern must be written"},
		{"body A /x", "1 A: the pattern does not end in '/'"},
		{"body A /x/q", "1 A: unknown pattern flag 'q'"},
		{"body A /x/y/", "1 A: '/' within the pattern"},
		{"body A m\\x\\", "1 A: a pattern cannot be delimited by '\\'"},
		{"body A /(?{1})/", "1 A: code in a pattern"},
		{"# c\nbody A /(x/", "2 A: pattern, byte 2: missing closing parenthesis"},
		{"body A /[z-a]/", "1 A: pattern, byte"},
		{"header A Subject", "1 A: wants HEADER =~"},
		{"header A Subject /x/", "1 A: wants HEADER =~"},
		{"header A Subject:wrong =~ /x/", "1 A: unknown header modifier \":wrong\""},
		{"header A =~ /x/", "1 A: a header name is missing"},
		{"header A eval:f", "1 A: eval: wants a call"},
		{"header A eval:check_bayes('1')", "1 A: the eval function wants more"},
		{"header A eval:check_bayes('1', 'x)", "1 A: the arguments"},
		{"meta A", "1 A: an expression is missing"},
		{"meta A B &&", "1 A: a rule name, a number"},
		{"meta A (B", "1 A: ')' is missing"},
		{"meta A B C", "1 A: \"C\" is not understood"},
		{"meta A 1..2", "1 A: malformed number"},
		{"meta A B ? C", "1 A: ':' is missing"},
		{"meta A B & C", "1 A: \"& C\" is not understood"},
		{"score A", "1 A: wants one score or four"},
		{"score A 1 2", "1 A: wants one score or four"},
		{"score A x", "1 A: a score is a number"},
		{"score A 1e2", "1 A: a score is a number"},
		{"score A .5", "1 A: a score is a number"},
		{"score A 5.", "1 A: a score is a number"},
		{"score A +5", "1 A: a score is a number"},
		{"score A -", "1 A: a score is a number"},
		{"score A 1.2.3", "1 A: a score is a number"},
		{"tflags A", "1 A: a flag is missing"},
		{"describe A", "1 A: a description is missing"},
		{"body A /x/g", "1 A: the pattern flag 'g'"},
		{"header A X =~ /x/ [if-unset:x]", "1 A: the pattern does not end"},
		{"score A 1 2 3 4 5", "1 A: a score is a number"},
		{"score A (1)", "1 A: a relative score"},
		{"score A 1e400", "1 A: a score is a number"},
		{"score A inf", "1 A: a score is a number"},
		{"priority A x", "1 A: priority wants an integer"},
		{"tflags A maxhits=x", "1 A: maxhits= wants a number"},
		{"replace_tag A", "1 : wants a tag name"},
		{"replace_rules A 1", "1 1: malformed rule name"},
		{"if", "1 : a condition is missing"},
		{"if (version", "1 : condition: ')' is missing"},
		{"if version >= 3 x\nendif", "1 : condition: text after"},
		{"if foo\nendif", "1 : condition: neither a number"},
		{"else", "1 : else without if"},
		{"endif", "1 : endif without if"},
		{"if 1\nelse\nelse\nendif", "3 : a second else"},
		{"\nif version > 1\nbody A /x/", "3 : the condition of line 2 is not closed"},
		{"include", "1 : include wants a file"},
		{"include /dev/null", "1 : /dev/null: neither a file nor a directory"},
		{"include /nonexistent/x.cf", "1 : /nonexistent/x.cf: No such file"},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct fixture f;
		const char *got;

		fixture_load(&f, table[i].rules);
		got = fixture_problem(&f, GP_RULE_ERROR);
		if (!gp_str_starts(gp_str(got), gp_str(table[i].problem)))
			fail_msg("%s\n  got \"%s\"\n  not \"%s\"", table[i].rules, got,
				 table[i].problem);
		assert_true(f.report.errors > 0);
		fixture_done(&f);
	}
}

/* Errors that cost more than their line are told from those that do not. */
static void broken_files(void **state)
{
	static const struct {
		const char *rules;
		unsigned errors, broken;
	} table[] = {
		{"body A /a/\nif 1\nbody B /b/\nendif", 0, 0},
		{"body A /(/\nscore A x\nif foo\nendif", 3, 0},
		{"if 1\nif 1\nendif", 1, 1},
		{"if 1\nif 1", 2, 2},
		{"else\nendif", 2, 2},
		{"if 1\nelse\nelse\nendif", 1, 1},
		{"include", 1, 0},
		{"include /nonexistent/x.cf\nbody A /(/", 2, 1},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct fixture f;
		unsigned marked = 0;

		fixture_load(&f, table[i].rules);
		for (size_t k = 0; k < f.report.problems.len; k++)
			marked += f.report.problems.items[k].is_broken;
		if (f.report.errors != table[i].errors || f.report.broken != table[i].broken ||
		    marked != table[i].broken)
			fail_msg("%s: %u errors, %u broken, %u marked", table[i].rules,
				 f.report.errors, f.report.broken, marked);
		fixture_done(&f);
	}
}

static void nul_byte(void **state)
{
	struct gp_rule_set *set;
	struct gp_rule_report report;

	gp_rule_report_init(&report);
	gp_rule_set_load_text("t.cf", gp_str_n("body A /a\0b/\nbody B /x/\n", 24), NULL, &report,
			      &set);
	assert_int_equal(report.errors, 1);
	assert_int_equal(report.rules, 1);
	gp_rule_report_done(&report);
	gp_rule_set_unref(set);
}

static void a_bad_line_costs_only_itself(void **state)
{
	struct fixture f;

	fixture_load(&f, "body A /one/\nbody B /(two/\nbody A /(bad/\nbody C /three/\n"
			 "body D /four/\nbody D four\n");
	assert_int_equal(f.report.errors, 3);
	assert_int_equal(f.report.files.items[0].errors, 3);
	assert_int_equal(f.report.rules, 4);
	fixture_scan(&f, "Subject: s\n\none two three four\n");
	/* A stays as it was before a pattern that PCRE2 refuses, D before what is no pattern at all. */
	assert_string_equal(fixture_hits(&f), "A C D");
	fixture_done(&f);
}

static void conditions(void **state)
{
	static const struct {
		const char *condition;
		bool holds;
	} table[] = {
		{"if 1", true},
		{"if (version >= 4.000000)", true},
		{"if (version >= 4.000002)", false},
		{"if !(version >= 4.000002)", true},
		{"if version != 3 && 1 < 2", true},
		{"if 0 || (1 && !0)", true},
		{"if 3 < version < 5", true},
		{"if 5 > version > 4.5", false},
		{"if 3 > 2 > 1", true},
		{"if 1 < 2 == 1", true},
		{"if 2 == 2 == 2", true},
		{"if can(Mail::SpamAssassin::Conf::feature_bug6558_free)", true},
		{"if has(Mail::SpamAssassin::Plugin::MIMEHeader::has_all_header)", true},
		{"if can(Mail::SpamAssassin::Conf::feature_of_the_future)", false},
		{"if plugin(Mail::SpamAssassin::Plugin::MIMEHeader)", true},
		{"if !plugin ( Mail::SpamAssassin::Plugin::ReplaceTags )", false},
		{"ifplugin Mail::SpamAssassin::Plugin::ReplaceTags", true},
		{"ifplugin Mail::SpamAssassin::Plugin::DCC", false},
		{"ifplugin Gatepost", true},
		{"if can(Mail::SpamAssassin::Conf::compat_old)", false},
		{"enable_compat old\nif can(Mail::SpamAssassin::Conf::compat_old)", true},
		{"enable_compat old\nif can(Mail::SpamAssassin::Conf::compat_other)", false},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct fixture f;
		char rules[256];

		snprintf(rules, sizeof(rules), "%s # why\nbody YES /x/\nelse\nbody NO /x/\nendif\n",
			 table[i].condition);
		fixture_load(&f, rules);
		assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
		fixture_scan(&f, "Subject: s\n\nx\n");
		if (strcmp(fixture_hits(&f), table[i].holds ? "YES" : "NO") != 0)
			fail_msg("%s: %s", table[i].condition, fixture_hits(&f));
		fixture_done(&f);
	}
}

static void nested_conditions(void **state)
{
	struct fixture f;

	fixture_load(&f, "if 0\n if 1\n  body A /x/\n else\n  body B /x/\n endif\n body C /x/\n"
			 "else\n if 0\n  body D /x/\n else\n  body E /x/\n endif\nendif\n"
			 "body F /x/\n");
	assert_int_equal(f.report.errors, 0);
	fixture_scan(&f, "Subject: s\n\nx\n");
	assert_string_equal(fixture_hits(&f), "E F");
	fixture_done(&f);
}

static void unknown_directives(void **state)
{
	struct fixture f;

	fixture_load(&f, "bdy A /x/\nbdy B /x/\nrazor_timeout 5\nreport x\n");
	assert_int_equal(f.report.errors, 0);
	assert_int_equal(f.report.ignored, 3);
	assert_string_equal(fixture_problem(&f, GP_RULE_IGNORED),
			    "1 : unknown directive \"bdy\"; is \"body\" meant?");
	assert_string_equal(fixture_problem(&f, GP_RULE_UNUSED),
			    "3 : razor_timeout is not used: needs a service that is not asked here");
	assert_int_equal(f.report.problems.len, 2);
	fixture_done(&f);
}

static void inert_rules(void **state)
{
	struct fixture f;

	fixture_load(&f, "body A eval:check_razor2()\n"
			 "body D /(?<=a{1,9})b/\nbody E /%{FOO}/\n"
			 "meta F !A\n");
	assert_int_equal(f.report.errors, 0);
	assert_int_equal(f.report.inert, 2);
	assert_int_equal(f.report.active, 2);
	assert_string_equal(fixture_problem(&f, GP_RULE_INERT), "1 A: no eval function check_razor2(): needs a service that is not asked here");
	fixture_scan(&f, "Subject: s\n\nx\n");
	assert_string_equal(fixture_hits(&f), "F");
	fixture_done(&f);
}

static void properties(void **state)
{
	struct fixture f;
	struct gp_rule_info info;

	fixture_load(&f, "score A 1 2 3 4\ndescribe A Later\nlang de describe A Deutsch\n"
			 "body A /\\#x/ # comment\nscore A (0.5)\nbody T_B /x/\n"
			 "body NICE /x/\ntflags NICE nice\nbody-x\n");
	assert_true(gp_rule_set_info(f.set, 0, &info));
	assert_string_equal(info.name, "A");
	assert_string_equal(info.type, "body");
	assert_int_equal(info.line, 4);
	assert_string_equal(info.description, "Later");
	assert_true(info.score[0] == 1.5 && info.score[3] == 4.5);
	assert_true(gp_rule_set_info(f.set, 1, &info));
	assert_true(info.score[1] == 0.01);
	assert_true(gp_rule_set_info(f.set, 2, &info));
	assert_true(info.score[2] == -1);
	assert_false(gp_rule_set_info(f.set, 3, &info));
	fixture_done(&f);
}

static void unreadable(void **state)
{
	static const char *const paths[] = {"/nonexistent/rules"};
	struct gp_rule_set *set = NULL;
	struct gp_diag diag;

	assert_int_equal(gp_rule_set_load(paths, 1, NULL, NULL, &set, &diag), GP_ESYS);
	assert_non_null(strstr(diag.text, "/nonexistent/rules"));
	assert_null(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(broken_files),
		cmocka_unit_test(nul_byte),
		cmocka_unit_test(a_bad_line_costs_only_itself),
		cmocka_unit_test(conditions),
		cmocka_unit_test(nested_conditions),
		cmocka_unit_test(unknown_directives),
		cmocka_unit_test(inert_rules),
		cmocka_unit_test(properties),
		cmocka_unit_test(unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
