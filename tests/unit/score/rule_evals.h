/* For tests of eval functions: rules, a message, and whether the rule R hits it. */
#ifndef GP_TEST_RULE_EVALS_H
#define GP_TEST_RULE_EVALS_H

#include "tests/unit/score/rule_fixture.h"

struct eval_case {
	const char *rules; /* R is the one that is looked at */
	const char *mail;
	bool hits;
};

static inline void check_eval_cases(const struct eval_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct fixture f;

		fixture_load(&f, cases[i].rules);
		if (*fixture_problem(&f, GP_RULE_ERROR) || *fixture_problem(&f, GP_RULE_INERT))
			fail_msg("%s: %s%s", cases[i].rules, fixture_problem(&f, GP_RULE_ERROR),
				 fixture_problem(&f, GP_RULE_INERT));
		fixture_scan(&f, cases[i].mail);
		if ((gp_rule_scan_hits(f.scan, "R") != 0) != cases[i].hits)
			fail_msg("%s\n%s: %s", cases[i].rules, cases[i].mail, cases[i].hits ? "missed" : "hit");
		fixture_done(&f);
	}
}

#endif
