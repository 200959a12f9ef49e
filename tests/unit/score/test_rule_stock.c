/* SpamAssassin's own rules, where they are installed: everything parses, and loads in sane time. */
#include "tests/unit/score/rule_fixture.h"

#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/score/rule_vs.h"

#define STOCK "/usr/share/spamassassin"

static void stock_rules(void **state)
{
	static const char *const paths[] = {STOCK};
	struct fixture f = {.arena = gp_arena_new(0), .input = {.bayes = -1}};
	struct gp_diag diag;
	int64_t start = gp_clock_cpu_us();

	gp_rule_report_init(&f.report);
	if (access(STOCK "/72_active.cf", F_OK)) {
		print_message("skipped: no " STOCK "\n");
		gp_rule_report_done(&f.report);
		gp_arena_free(f.arena);
		skip();
	}
	if (gp_rule_set_load(paths, 1, NULL, &f.report, &f.set, &diag))
		fail_msg("%s", diag.text);
	print_message("# %u rules, %u active, %u inert, %ld ms of CPU to load\n", f.report.rules,
		      f.report.active, f.report.inert, (long)(gp_clock_cpu_us() - start) / 1000);
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
	assert_string_equal(fixture_problem(&f, GP_RULE_IGNORED), "");
	assert_true(f.report.rules > 2000);
	assert_true(f.report.active * 10 > f.report.rules * 8);
	assert_true(gp_clock_cpu_us() - start < 20000000);
	for (size_t i = 0; i < GP_RULE_TARGETS; i++) {
		assert_true(f.report.targets[i].patterns > 0);
		assert_true(f.report.targets[i].has_database == !gp_vs_obstacle());
	}
	fixture_scan(&f, "From: a@example.com\nSubject: x\n\nXJS*C4JDBQADN1.NSBN3*2IDNEN*"
			 "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n");
	assert_true(gp_rule_scan_hits(f.scan, "GTUBE") == 1);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(stock_rules)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
