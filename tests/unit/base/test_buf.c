/*
 * Growing buffers: the ceiling, the sticky error, the NUL behind.
 */
#include "lib/base/buf.h"

#include "lib/base/err.h"
#include "tests/unit/test.h"

static void test_append(void **state)
{
	GP_BUF_AUTO b = GP_BUF_INIT(1 << 20);

	(void)state;
	assert_string_equal(gp_buf_cstr(&b), "");
	gp_buf_add_cstr(&b, "one ");
	gp_buf_add_str(&b, GP_STR("two "));
	gp_buf_add_chr(&b, '3');
	gp_buf_printf(&b, " %04d", 4);
	assert_string_equal(b.data, "one two 3 0004");
	for (int i = 0; i < 10000; i++)
		gp_buf_add(&b, "0123456789", 10);
	assert_int_equal(b.len, 14 + 100000);
	assert_int_equal(b.data[b.len], 0);
	assert_int_equal(gp_buf_error(&b), GP_OK);
	gp_buf_printf(&b, "%*d", 3000, 1); /* longer than any first guess */
	assert_int_equal(b.len, 14 + 103000);
	gp_buf_consume(&b, 4);
	assert_memory_equal(b.data, "two 3", 5);
	gp_buf_reset(&b);
	assert_string_equal(gp_buf_cstr(&b), "");
}

static void test_ceiling(void **state)
{
	GP_BUF_AUTO b = GP_BUF_INIT(10);

	(void)state;
	gp_buf_add(&b, "0123456789", 10);
	assert_int_equal(gp_buf_error(&b), GP_OK);
	gp_buf_add_chr(&b, 'x');
	assert_int_equal(gp_buf_error(&b), GP_ELIMIT);
	assert_string_equal(b.data, "0123456789");
	gp_buf_reset(&b);
	gp_buf_add(&b, "01234567890", 11); /* whole or not at all */
	assert_int_equal(b.len, 0);
	gp_buf_add_chr(&b, 'y'); /* sticks, though it would fit */
	assert_int_equal(b.len, 0);
	assert_int_equal(gp_buf_error(&b), GP_ELIMIT);
	gp_buf_reset(&b);
	gp_buf_printf(&b, "%d", 1234567890);
	assert_string_equal(b.data, "1234567890");
	gp_buf_printf(&b, "%d", 1);
	assert_string_equal(b.data, "1234567890");
	assert_int_equal(gp_buf_error(&b), GP_ELIMIT);
}

static void test_reserve(void **state)
{
	GP_BUF_AUTO b = GP_BUF_INIT(100);
	char *p = gp_buf_reserve(&b, 60);

	(void)state;
	assert_non_null(p);
	memset(p, 'z', 60);
	b.len += 60;
	assert_null(gp_buf_reserve(&b, 41));
	assert_int_equal(gp_buf_error(&b), GP_ELIMIT);
	assert_int_equal(gp_buf_str(&b).len, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_reserve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
