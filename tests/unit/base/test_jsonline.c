/*
 * JSON put together value by value: valid whatever comes, whole whatever does not fit.
 */
#include "lib/base/jsonline.h"

#include <math.h>

#include "tests/unit/test.h"

static void values(void **state)
{
	struct gp_jsonline j;

	(void)state;
	gp_jsonline_begin(&j, 1000);
	gp_jsonline_str(&j, "s", GP_STR("a\"b\\\n\0\xff\xe2\x80\xae"), 100);
	gp_jsonline_int(&j, "i", -5);
	gp_jsonline_open(&j, "list", '[');
	gp_jsonline_num(&j, NULL, 1.5, 2);
	gp_jsonline_num(&j, NULL, (double)NAN, 2);
	gp_jsonline_open(&j, NULL, '{');
	gp_jsonline_bool(&j, "b", true);
	gp_jsonline_close(&j);
	gp_jsonline_open(&j, NULL, '[');
	assert_str(gp_jsonline_finish(&j),
		   "{\"s\":\"a\\\"b\\\\\\u000a\\u0000\xef\xbf\xbd\\u202e\",\"i\":-5,\"list\":"
		   "[1.50,null,{\"b\":true},[]]}");
	assert_false(j.is_cut);
	gp_jsonline_done(&j);
}

static void long_values_are_cut(void **state)
{
	struct gp_jsonline j;

	(void)state;
	gp_jsonline_begin(&j, 1000);
	gp_jsonline_str(&j, "a", GP_STR("abcdef"), 3);
	gp_jsonline_str(&j, "b", GP_STR("ab\xc3\xa4"), 3); /* not through a character */
	gp_jsonline_str(&j, "c", GP_STR("abc"), 3);
	assert_str(gp_jsonline_finish(&j), "{\"a\":\"abc...\",\"b\":\"ab...\",\"c\":\"abc\"}");
	gp_jsonline_done(&j);
}

static struct gp_str fill(struct gp_jsonline *j, size_t max)
{
	gp_jsonline_begin(j, max);
	gp_jsonline_open(j, "list", '[');
	for (int i = 0; i < 12; i++) {
		gp_jsonline_open(j, NULL, '{');
		gp_jsonline_cstr(j, "name", "one");
		gp_jsonline_open(j, "inner", '{');
		gp_jsonline_int(j, "n", 1000);
		gp_jsonline_close(j);
		gp_jsonline_close(j);
	}
	gp_jsonline_close(j);
	gp_jsonline_bool(j, "end", true);
	return gp_jsonline_finish(j);
}

/* With every ceiling: brackets balance, the ceiling holds, what stands there is whole. */
static void nothing_half(void **state)
{
	struct gp_jsonline j;
	size_t full;

	(void)state;
	full = fill(&j, 1000).len;
	gp_jsonline_done(&j);
	for (size_t max = 64; max < full + 10; max++) {
		struct gp_str text = fill(&j, max);
		int depth = 0;

		assert_in_range(text.len, 2, max);
		assert_int_equal(j.is_cut, max < full);
		for (size_t i = 0; i < text.len; i++) {
			char c = text.ptr[i];

			depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
		}
		assert_int_equal(depth, 0);
		assert_int_equal(gp_str_find(text, GP_STR("{}"), 0), text.len);
		assert_int_equal(gp_str_find(text, GP_STR("one\"}"), 0), text.len);
		gp_jsonline_done(&j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(long_values_are_cut),
		cmocka_unit_test(nothing_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
