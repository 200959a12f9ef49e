/*
 * The front of the store, seen through the fake: failures, breaker, deadlines.
 */
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/fakes/fake_store.h"
#include "tests/unit/test.h"

static int64_t in_ms(int64_t ms)
{
	return gp_clock_mono_ms() + ms;
}

static void answers_what_was_set(void **state)
{
	struct gp_store *st = gp_fake_store_new();
	uint64_t tokens[] = {5, 6};
	struct gp_bayes_count counts[2];
	struct gp_bayes_totals totals;

	gp_fake_store_set_totals(st, 100, 200);
	gp_fake_store_set_count(st, 6, 7, 8);
	assert_int_equal(gp_store_bayes_get(st, GP_STR(""), tokens, 2, in_ms(30000), counts, &totals),
			 GP_OK);
	assert_int_equal(totals.ham, 200);
	assert_int_equal(counts[0].spam, 0);
	assert_int_equal(counts[1].spam, 7);
	assert_int_equal(counts[1].ham, 8);
	gp_store_close(&st);
	assert_null(st);
}

static void breaker_spares_a_failing_store(void **state)
{
	struct gp_store *st = gp_fake_store_new();
	struct gp_bayes_totals totals;
	struct gp_diag diag;
	unsigned calls;

	gp_fake_store_fail(st, GP_ETEMP, 3);
	for (int i = 0; i < 10; i++)
		assert_int_equal(gp_store_bayes_totals(st, GP_STR(""), in_ms(30000), &totals),
				 GP_ETEMP);
	calls = gp_fake_store_calls(st);
	assert_int_equal(calls, 3);
	assert_false(gp_store_is_up(st));
	/* Who pings wants to know now. */
	gp_fake_store_fail(st, GP_ETEMP, 1);
	assert_int_equal(gp_store_ping(st, in_ms(30000), &diag), GP_ETEMP);
	assert_string_equal(diag.text, "told to fail");
	usleep(120000); /* its rest */
	assert_int_equal(gp_store_bayes_totals(st, GP_STR(""), in_ms(30000), &totals), GP_OK);
	assert_true(gp_store_is_up(st));
	gp_store_close(&st);
}

static void slow_store_costs_the_deadline(void **state)
{
	struct gp_store *st = gp_fake_store_new();
	struct gp_batch *batch = gp_batch_new(in_ms(60));
	const int64_t long_ms = 30000;
	struct gp_bayes_totals totals;
	struct gp_bayes_lookup *l;
	int64_t begun = gp_clock_mono_ms(), value;

	gp_fake_store_delay(st, long_ms);
	l = gp_store_bayes_begin(st, batch, GP_STR(""), NULL, 0);
	assert_int_equal(gp_store_bayes_finish(l, NULL, &totals), GP_ETEMP);
	assert_in_range(gp_clock_mono_ms() - begun, 60, long_ms - 1);
	gp_batch_free(&batch);
	assert_int_equal(gp_store_counter_add(st, GP_STR("t"), GP_STR("k"), 1, 60, in_ms(20), &value),
			 GP_ETEMP);
	gp_fake_store_delay(st, 10);
	assert_int_equal(gp_store_counter_add(st, GP_STR("t"), GP_STR("k"), 1, 60, in_ms(long_ms),
					      &value),
			 GP_OK);
	gp_store_close(&st);
}

/* An asker who is in a hurry does not condemn the store. */
static void impatience_is_no_failure(void **state)
{
	struct gp_store *st = gp_fake_store_new();
	int64_t value;

	gp_fake_store_delay(st, 20);
	for (int i = 0; i < 5; i++)
		assert_int_equal(gp_store_counter_add(st, GP_STR("t"), GP_STR("k"), 1, 60, in_ms(2),
						      &value),
				 GP_ETEMP);
	assert_int_equal(gp_store_counter_add(st, GP_STR("t"), GP_STR("k"), 1, 60, in_ms(30000),
					      &value),
			 GP_OK);
	gp_store_close(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_what_was_set),
		cmocka_unit_test(breaker_spares_a_failing_store),
		cmocka_unit_test(slow_store_costs_the_deadline),
		cmocka_unit_test(impatience_is_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
