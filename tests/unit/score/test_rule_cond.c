/* What can() and has() answer, and the tables of eval functions, are the same: a rule that is guarded by one of
 * them never stands there without its function. */
#include "tests/unit/score/rule_fixture.h"

#include "lib/score/rule_cond.h"
#include "lib/score/rule_eval.h"

static bool holds(const char *condition)
{
	struct fixture f;
	bool ret;

	fixture_load(&f, condition);
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
	ret = gp_rule_set_find(f.set, GP_STR("YES"), &(size_t){0});
	fixture_done(&f);
	return ret;
}

static bool confirms(const char *name)
{
	char text[256];

	snprintf(text, sizeof(text), "if can(Mail::SpamAssassin::%s)\nbody YES /x/\nendif\n", name);
	return holds(text);
}

static void what_is_promised_is_there(void **state)
{
	const char *name, *function;

	for (size_t i = 0; gp_rule_cond_feature(i, &name, &function); i++) {
		/* Two of these want their loadplugin. */
		if (!confirms(name) && !strstr(name, "OLEVBMacro") && !strstr(name, "Plugin::ASN"))
			fail_msg("%s: listed, and denied", name);
		if (function && !gp_rule_eval_find(gp_str(function)))
			fail_msg("%s: there is no %s()", name, function);
		if (strstr(name, "has_check_") && !function)
			fail_msg("%s promises a function and names none", name);
	}
}

static void what_is_there_is_confirmed(void **state)
{
	for (size_t t = 0; gp_rule_eval_tables[t]; t++)
		for (const struct gp_rule_eval *e = gp_rule_eval_tables[t]; e->name; e++) {
			char name[128];

			if (gp_rule_eval_find(gp_str(e->name)) != e)
				fail_msg("%s() is there twice", e->name);
			snprintf(name, sizeof(name), "Plugin::SPF::%s", e->name);
			if (!confirms(name))
				fail_msg("%s() is there, and denied", e->name);
		}
}

static void only_of_loaded_plugins(void **state)
{
	assert_false(confirms("Plugin::SPF::check_of_the_future"));
	assert_false(confirms("Plugin::PDFInfo::pdf_count"));
	assert_true(holds("loadplugin Mail::SpamAssassin::Plugin::PDFInfo\n"
			  "if has(Mail::SpamAssassin::Plugin::PDFInfo::pdf_count)\nbody YES /x/\nendif\n"));
}

static void reasons(void **state)
{
	static const struct {
		const char *rules;
		enum gp_rule_problem_kind kind;
		const char *problem;
	} rows[] = {
		{"full A eval:check_pyzor()", GP_RULE_INERT,
		 "1 A: no eval function check_pyzor(): needs a service that is not asked here"},
		{"body A eval:short_url_code('1')", GP_RULE_INERT,
		 "1 A: no eval function short_url_code(): short links are not followed: that would be a "
		 "request to a stranger's host"},
		{"body A eval:check_of_the_future()", GP_RULE_INERT,
		 "1 A: no eval function check_of_the_future()"},
		{"loadplugin Mail::SpamAssassin::Plugin::SpamCop", GP_RULE_UNUSED,
		 "1 : loadplugin Mail::SpamAssassin::Plugin::SpamCop is not used: spam is not reported from here"},
		{"loadplugin Our::Plugin", GP_RULE_UNUSED,
		 "1 : loadplugin Our::Plugin is not used: its directives are not understood here"},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++) {
		struct fixture f;

		fixture_load(&f, rows[i].rules);
		assert_string_equal(fixture_problem(&f, rows[i].kind), rows[i].problem);
		fixture_done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_promised_is_there),
		cmocka_unit_test(what_is_there_is_confirmed),
		cmocka_unit_test(only_of_loaded_plugins),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
