/*
 * What is forgotten at which level.
 */
#include "controller/expire.h"

#include "tests/unit/test.h"

static void levels(void **state)
{
	const struct gp_conf_bayes conf = {
		.expire_age_ms = INT64_C(91) * 86400000,
		.expire_count_max = 2,
		.expire_seen_age_ms = INT64_C(364) * 86400000,
	};
	static const struct {
		unsigned level, age, count;
	} want[] = {{0, 91, 2}, {1, 45, 2}, {2, 22, 2}, {6, 1, 2}, {7, 1, 5}, {8, 1, 11}, {16, 1, 3071}};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(want); i++) {
		struct gp_bayes_expiry e = expire_terms(&conf, want[i].level);

		assert_int_equal(e.age_days, want[i].age);
		assert_int_equal(e.count_max, want[i].count);
		assert_int_equal(e.seen_days, 364);
	}
	assert_int_equal(expire_terms(&conf, 1000).count_max, GP_BAYES_COUNT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(levels)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
