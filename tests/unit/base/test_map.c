/*
 * Hash maps: growth, replacement, folding, order.
 */
#include "lib/base/map.h"

#include "tests/unit/test.h"

static void test_many(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_map m;
	static int values[5000];
	size_t i = 0;

	(void)state;
	gp_map_init(&m, a, false);
	assert_null(gp_map_get(&m, GP_STR("none")));
	for (int k = 0; k < 5000; k++) {
		values[k] = k;
		assert_null(gp_map_set(&m, gp_str(gp_arena_printf(a, "key%d", k)), &values[k]));
	}
	assert_int_equal(m.len, 5000);
	for (int k = 0; k < 5000; k++) {
		const int *v = gp_map_get(&m, gp_str(gp_arena_printf(a, "key%d", k)));

		assert_non_null(v);
		assert_int_equal(*v, k);
	}
	assert_null(gp_map_get(&m, GP_STR("key5000")));
	GP_MAP_EACH(&m, e)
		assert_ptr_equal(e->value, &values[i++]); /* in order of insertion */
	assert_int_equal(i, 5000);
	gp_arena_free(a);
}

static void test_replace_and_fold(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_map plain, folded;
	int one = 1, two = 2;

	(void)state;
	gp_map_init(&plain, a, false);
	gp_map_init(&folded, a, true);
	gp_map_set(&plain, GP_STR("Key"), &one);
	gp_map_set(&folded, GP_STR("Key"), &one);
	assert_null(gp_map_get(&plain, GP_STR("kEY")));
	assert_ptr_equal(gp_map_get(&folded, GP_STR("kEY")), &one);
	assert_ptr_equal(gp_map_set(&folded, GP_STR("KEY"), &two), &one);
	assert_int_equal(folded.len, 1);
	assert_ptr_equal(gp_map_get(&folded, GP_STR("key")), &two);
	gp_map_set(&plain, (struct gp_str){0}, &two); /* the empty key is one */
	assert_ptr_equal(gp_map_get(&plain, GP_STR("")), &two);
	gp_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_replace_and_fold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
