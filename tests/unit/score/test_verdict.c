/* Scores to actions, alone and for several recipients. */
#include "tests/unit/test.h"

#include <math.h>

#include "lib/score/symbol.h"
#include "lib/score/verdict.h"

static void one_recipient(void **state)
{
	static const struct {
		double score;
		const char *action;
	} table[] = {
		{-3, "accept"}, {3.999, "accept"}, {4, "greylist"}, {5.9, "greylist"},
		{6, "add header"}, {14.9, "add header"}, {15, "reject"}, {1000, "reject"},
	};
	struct gp_verdict v;

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		gp_verdict_decide(table[i].score, NULL, 0, &v);
		assert_string_equal(gp_action_name(v.action), table[i].action);
		assert_int_equal(v.decided_by, 0);
		assert_false(v.is_softened);
	}
}

#define N HUGE_VAL

static void several_recipients(void **state)
{
	/* greylist, add_header, quarantine, reject, discard */
	static const struct {
		double score;
		struct gp_thresholds r[3];
		enum gp_action action;
		size_t decided_by;
		bool is_softened;
		size_t softened_by;
	} table[] = {
		/* Reject only if everyone's settings say so. */
		{16, {{4, 6, N, 15, N}, {4, 6, N, 15.5, N}, {4, 6, N, 12, N}}, GP_ACTION_REJECT, 1, false, 0},
		{16, {{4, 6, N, 15, N}, {4, 6, N, 20, N}, {4, 6, N, 12, N}}, GP_ACTION_ADD_HEADER, 0, true, 1},
		{16, {{4, 6, N, 15, N}, {N, N, N, N, N}, {4, 6, N, 15, N}}, GP_ACTION_ADD_HEADER, 0, true, 1},
		/* Add header if anyone's do; the strictest is named. */
		{7, {{4, 6, N, 15, N}, {4, 5, N, 15, N}, {8, 9, N, 15, N}}, GP_ACTION_ADD_HEADER, 1, false, 0},
		/* Greylist only if everyone's say exactly that. */
		{5, {{4, 6, N, 15, N}, {4, 6, N, 15, N}, {4.5, 6, N, 15, N}}, GP_ACTION_GREYLIST, 2, false, 0},
		{5, {{4, 6, N, 15, N}, {9, 9, N, 15, N}, {4, 6, N, 15, N}}, GP_ACTION_ACCEPT, 0, true, 1},
		{5, {{4, 6, N, 15, N}, {4, 5, N, 15, N}, {4, 6, N, 15, N}}, GP_ACTION_ADD_HEADER, 1, false, 0},
		/* Discard, reject and quarantine: the hardest on which all agree. */
		{30, {{4, 6, N, 15, 20}, {4, 6, N, 15, 25}, {4, 6, N, 15, 30}}, GP_ACTION_DISCARD, 2, false, 0},
		{30, {{4, 6, N, 15, 20}, {4, 6, N, 15, N}, {4, 6, N, 15, 30}}, GP_ACTION_REJECT, 0, true, 1},
		{30, {{4, 6, 10, 15, N}, {4, 6, 10, N, N}, {4, 6, 10, 15, N}}, GP_ACTION_QUARANTINE, 0, true, 1},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct gp_verdict v;

		gp_verdict_decide(table[i].score, table[i].r, 3, &v);
		if (v.action != table[i].action || v.decided_by != table[i].decided_by ||
		    v.is_softened != table[i].is_softened || v.softened_by != table[i].softened_by)
			fail_msg("row %zu: %s by %zu, softened %d by %zu", i,
				 gp_action_name(v.action), v.decided_by, v.is_softened,
				 v.softened_by);
	}
}

static void symbols(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_symbols s;

	gp_symbols_init(&s, a);
	assert_true(gp_symbols_sum(&s) == 0);
	gp_symbols_sort(&s);
	gp_symbols_add(&s, "LOW", -0.1, "low");
	gp_symbols_add(&s, "HIGH", 3.3, NULL);
	gp_symbols_add(&s, "ALSO_HIGH", 3.3, "");
	gp_symbols_add(&s, "LOW", -0.2, NULL);
	assert_true(gp_symbols_sum(&s) == 6.3);
	gp_symbols_sort(&s);
	assert_string_equal(s.list.items[0].name, "ALSO_HIGH");
	assert_string_equal(s.list.items[2].name, "LOW");
	assert_string_equal(s.list.items[2].description, "low");
	assert_string_equal(s.list.items[1].description, "");
	assert_true(gp_symbols_find(&s, "LOW") == &s.list.items[2]);
	assert_null(gp_symbols_find(&s, "low"));
	gp_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_recipient),
		cmocka_unit_test(several_recipients),
		cmocka_unit_test(symbols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
