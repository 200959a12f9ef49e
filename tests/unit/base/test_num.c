/*
 * Strict numbers.
 */
#include "lib/base/num.h"

#include "lib/base/err.h"
#include "tests/unit/test.h"

static void test_int(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t value;
	} cases[] = {
		{"0", GP_OK, 0},
		{"-12", GP_OK, -12},
		{"007", GP_OK, 7},
		{"9223372036854775807", GP_OK, INT64_MAX},
		{"9223372036854775808", GP_ELIMIT, 0},
		{"99999999999999999999", GP_ELIMIT, 0},
		{"", GP_EINVAL, 0},
		{"-", GP_EINVAL, 0},
		{"+1", GP_EINVAL, 0},
		{" 1", GP_EINVAL, 0},
		{"1 ", GP_EINVAL, 0},
		{"1a", GP_EINVAL, 0},
		{"--1", GP_EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		int64_t value = 0;

		assert_int_equal(gp_num_parse_int(gp_str(cases[i].text), &value), cases[i].result);
		assert_int_equal(value, cases[i].value);
	}
}

static void test_uint(void **state)
{
	uint64_t value = 1;

	(void)state;
	assert_int_equal(gp_num_parse_uint(GP_STR("fFfF"), 16, &value), GP_OK);
	assert_int_equal(value, 0xffff);
	assert_int_equal(gp_num_parse_uint(GP_STR("18446744073709551615"), 10, &value), GP_OK);
	assert_true(value == UINT64_MAX);
	assert_int_equal(gp_num_parse_uint(GP_STR("18446744073709551616"), 10, &value), GP_ELIMIT);
	assert_int_equal(gp_num_parse_uint(GP_STR("0x1"), 16, &value), GP_EINVAL);
	assert_int_equal(gp_num_parse_uint(GP_STR("-1"), 10, &value), GP_EINVAL);
	assert_int_equal(gp_num_parse_uint(GP_STR("f"), 10, &value), GP_EINVAL);
}

static void test_double(void **state)
{
	static const struct {
		struct gp_str text;
		int result;
		double value;
	} cases[] = {
		{GP_STR("4.5"), GP_OK, 4.5},	{GP_STR("-0.25"), GP_OK, -0.25},
		{GP_STR("+3"), GP_OK, 3},	{GP_STR("1e3"), GP_OK, 1000},
		{GP_STR(".5"), GP_OK, 0.5},	{GP_STR("nan"), GP_EINVAL, 0},
		{GP_STR("inf"), GP_EINVAL, 0},	{GP_STR("1e999"), GP_EINVAL, 0},
		{GP_STR("0x10"), GP_EINVAL, 0}, {GP_STR("1,5"), GP_EINVAL, 0},
		{GP_STR(""), GP_EINVAL, 0},	{GP_STR("."), GP_EINVAL, 0},
		{GP_STR("1\0" "5"), GP_EINVAL, 0}, {GP_STR("1 "), GP_EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		double value = 0;

		assert_int_equal(gp_num_parse_double(cases[i].text, &value), cases[i].result);
		assert_true(value <= cases[i].value && value >= cases[i].value);
	}
}

static void test_units(void **state)
{
	static const struct {
		const char *text;
		int64_t ms, bytes; /* -1: malformed, -2: too large */
	} cases[] = {
		{"90s", 90000, -1},	{"250ms", 250, -1},    {"15m", 900000, 15 << 20},
		{"2h", 7200000, -1},	{"1d", 86400000, -1},  {"1w", 604800000, -1},
		{"7", 7000, 7},		{"10M", 600000, 10 << 20}, {"64k", -1, 65536},
		{"2G", -1, (int64_t)2 << 30}, {"", -1, -1},	       {"s", -1, -1},
		{"1.5s", -1, -1},	{"-1s", -1, -1},       {"1 s", -1, -1},
		{"9223372036854775807", -2, INT64_MAX},	       {"9000000000000T", -1, -2},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		int64_t ms = -1, bytes = -1;
		int r = gp_num_parse_duration(gp_str(cases[i].text), &ms);

		assert_int_equal(r == GP_ELIMIT ? -2 : ms, cases[i].ms);
		r = gp_num_parse_size(gp_str(cases[i].text), &bytes);
		assert_int_equal(r == GP_ELIMIT ? -2 : bytes, cases[i].bytes);
	}
}

/* What is formatted parses back to the same, and is short. */
static void test_format(void **state)
{
	static const int64_t values[] = {0, 1, 250, 999, 1000, 90000, 86400000, 604800000,
					 1024, 1048576, 10485760, 1073741824, 12345678901};
	char text[GP_NUM_TEXT];
	int64_t back;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(values); i++) {
		gp_num_format_duration(values[i], text);
		assert_int_equal(gp_num_parse_duration(gp_str(text), &back), GP_OK);
		assert_int_equal(back, values[i]);
		gp_num_format_size(values[i], text);
		assert_int_equal(gp_num_parse_size(gp_str(text), &back), GP_OK);
		assert_int_equal(back, values[i]);
	}
	assert_string_equal(gp_num_format_duration(90000, text), "90s");
	assert_string_equal(gp_num_format_size(10 << 20, text), "10M");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_int),    cmocka_unit_test(test_uint),
		cmocka_unit_test(test_double), cmocka_unit_test(test_units),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
