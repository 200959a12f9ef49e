/*
 * Strangers' text on a terminal.
 */
#include "tests/unit/test.h"

#include "cli/text.h"

static struct gp_arena *arena;

static const char *show(struct gp_str s)
{
	return gp_text_show(arena, s, 20);
}

static void test_controls(void **state)
{
	(void)state;
	assert_string_equal(show(GP_STR("a\x1b[2Jb\r\n\tc\x7f")), "a [2Jb   c ");
	assert_string_equal(show(GP_STR("a\xc2\x9b" "2J")), "a 2J");
}

static void test_invalid(void **state)
{
	(void)state;
	assert_string_equal(show(GP_STR("a\xff" "b\xc3")), "a\xef\xbf\xbd" "b\xef\xbf\xbd");
	assert_string_equal(show(GP_STR("gr\xc3\xbc\xc3\x9f" "e")), "gr\xc3\xbc\xc3\x9f" "e");
}

/* U+202E would show what follows backwards. */
static void test_direction(void **state)
{
	(void)state;
	assert_string_equal(show(GP_STR("a\xe2\x80\xae" "b")), "a\xef\xbf\xbd" "b");
}

static void test_cut(void **state)
{
	(void)state;
	assert_string_equal(show(GP_STR("01234567890123456789")), "01234567890123456789");
	assert_string_equal(show(GP_STR("012345678901234567890")), "01234567890123456789…");
	assert_string_equal(show(GP_STR("0123456789012345678\xff")), "0123456789012345678…");
}

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_controls), cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_direction), cmocka_unit_test(test_cut)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
