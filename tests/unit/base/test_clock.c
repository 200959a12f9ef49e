/*
 * The clock that tests set, and the system's.
 */
#include "lib/base/clock.h"

#include "tests/unit/test.h"

static void test_fixed(void **state)
{
	(void)state;
	gp_clock_set(5000, 1700000000);
	assert_int_equal(gp_clock_mono_ms(), 5000);
	assert_int_equal(gp_clock_mono_us(), 5000000);
	assert_int_equal(gp_clock_real_s(), 1700000000);
	gp_clock_set(0, 0); /* both are times like others */
	assert_int_equal(gp_clock_mono_ms(), 0);
	assert_int_equal(gp_clock_real_s(), 0);
	gp_clock_set(0, -1);
	assert_true(gp_clock_real_s() > 1700000000);
	assert_true(gp_clock_mono_us() > 0);
}

/* CPU time is the thread's own work, set clock or not. */
static void test_cpu(void **state)
{
	int64_t began = gp_clock_cpu_us();

	(void)state;
	gp_clock_set(1, 1);
	while (gp_clock_cpu_us() == began)
		continue;
	assert_true(gp_clock_cpu_us() > began);
	gp_clock_set(0, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
