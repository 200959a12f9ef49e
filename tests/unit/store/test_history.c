/*
 * The history's place in the store: rings by program, totals by kind.
 */
#include "lib/store/history.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "tests/fakes/fake_store.h"
#include "tests/unit/test.h"

static int64_t soon(void)
{
	return gp_clock_mono_ms() + 10000;
}

static void names(void **state)
{
	(void)state;
	for (enum gp_history_program p = 0; p < GP_HISTORY_PROGRAMS; p++) {
		struct gp_str name = gp_str(gp_history_program_name(p));

		assert_int_equal(gp_history_program_of(name), p);
	}
	assert_int_equal(gp_history_program_of(GP_STR("cat")), GP_HISTORY_PROGRAMS);
}

static bool keep(void *arg, struct gp_str item)
{
	gp_str_copy(arg, 16, item);
	return true;
}

static bool total(void *arg, const struct gp_history_total *t)
{
	struct gp_history_total *want = arg;

	if (t->kind == want->kind && gp_str_eq(t->name, want->name)) {
		want->count = t->count;
		want->score = t->score;
	}
	assert_true(t->kind == GP_HISTORY_ACTION || t->kind == GP_HISTORY_SYMBOL);
	return true;
}

static void items_and_totals(void **state)
{
	struct gp_store *store = gp_fake_store_new();
	struct gp_history_total want = {.kind = GP_HISTORY_SYMBOL, .name = GP_STR("BAYES_99")};
	struct gp_str spam = gp_history_table(GP_HISTORY_SPAM);
	char name[GP_TALLY_NAME_MAX], item[16] = "";
	struct gp_tally tally = {
		.name = gp_history_tally(GP_HISTORY_SYMBOL, GP_STR("BAYES_99"), name),
		.count = 2,
		.sum = gp_history_tally_sum(-0.25),
	};
	int64_t since_s;

	(void)state;
	assert_int_equal(gp_store_ring_push(store, spam, GP_STR("x"), 9, soon()), GP_OK);
	assert_int_equal(gp_history_each(store, GP_HISTORY_DKIM, 9, soon(), keep, item), GP_OK);
	assert_string_equal(item, "");
	assert_int_equal(gp_history_each(store, GP_HISTORY_SPAM, 9, soon(), keep, item), GP_OK);
	assert_string_equal(item, "x");
	assert_int_equal(gp_store_tally_add(store, spam, &tally, 1, soon()), GP_OK);
	tally.name = GP_STR("z:of a later version");
	assert_int_equal(gp_store_tally_add(store, spam, &tally, 1, soon()), GP_OK);
	assert_int_equal(gp_history_totals(store, GP_HISTORY_SPAM, soon(), total, &want, &since_s),
			 GP_OK);
	assert_int_equal(want.count, 2);
	assert_true(want.score == -0.25);
	assert_int_not_equal(since_s, 0);
	gp_store_close(&store);
}

static void odd_values(void **state)
{
	char buf[GP_TALLY_NAME_MAX], name[1000];

	(void)state;
	memset(name, 'n', sizeof(name));
	assert_int_equal(gp_history_tally(GP_HISTORY_SYMBOL, gp_str_n(name, sizeof(name)), buf).len,
			 GP_TALLY_NAME_MAX);
	assert_str(gp_history_tally(GP_HISTORY_ACTION, GP_STR("reject"), buf), "a:reject");
	assert_int_equal(gp_history_tally_sum((double)NAN), 0);
	assert_int_equal(gp_history_tally_sum(0.1), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(items_and_totals),
		cmocka_unit_test(odd_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
