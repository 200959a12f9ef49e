/*
 * "100 per 1h": what is read, what is refused, and values of overrides.
 */
#include "lib/store/limit.h"
#include "policyd-ratelimit/limit_window.h"
#include "tests/unit/test.h"

static const struct limit_window_form numbers = {.kind = GP_LIMIT_SLIDING};
static const struct limit_window_form sizes = {.kind = GP_LIMIT_SLIDING, .is_size = true};
static const struct limit_window_form even = {.kind = GP_LIMIT_GCRA, .burst = 20};

static void test_right(void **state)
{
	static const struct {
		const char *text;
		const struct limit_window_form *form;
		int64_t max, window_ms, burst;
		const char *name;
	} cases[] = {
		{"100 per 1h", &numbers, 100, 3600000, 0, "1h"},
		{"  100   per\t60m ", &numbers, 100, 3600000, 0, "1h"},
		{"5 per hour", &numbers, 5, 3600000, 0, "1h"},
		{"5 per d", &numbers, 5, 86400000, 0, "1d"},
		{"5 per 90", &numbers, 5, 90000, 0, "90s"},
		{"5 per 7d", &numbers, 5, 604800000, 0, "1w"},
		{"1000000000000 per 37d", &numbers, GP_LIMIT_MAX, GP_LIMIT_WINDOW_MS_MAX, 0, "37d"},
		{"500M per 1d", &sizes, 500 << 20, 86400000, 0, "1d"},
		{"100 per 1m", &even, 100, 60000, 20, "1m"},
		{"10 per 1m", &even, 10, 60000, 10, "1m"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct limit_window w;

		assert_int_equal(limit_window_parse(gp_str(cases[i].text), cases[i].form, &w, NULL), GP_OK);
		assert_int_equal(w.limit.kind, cases[i].form->kind);
		assert_int_equal(w.limit.max, cases[i].max);
		assert_int_equal(w.limit.window_ms, cases[i].window_ms);
		assert_int_equal(w.limit.burst, cases[i].burst);
		assert_string_equal(w.name, cases[i].name);
	}
}

static void test_wrong(void **state)
{
	static const char *const bad[] = {
		"", "100", "100 per", "per 1h", "100 in 1h", "100 per 1h more", "0 per 1h", "-1 per 1h",
		"1.5 per 1h", "100M per 1h", "1000000000001 per 1h", "100 per 0s", "100 per 999ms",
		"100 per 38d", "100 per fortnight", "x per 1h", "100per 1h", "100 Per 1h",
		"99999999999999999999 per 1h",
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad); i++) {
		struct limit_window w = {.name = "kept"};
		struct gp_diag diag = {""};

		assert_int_equal(limit_window_parse(gp_str(bad[i]), &numbers, &w, &diag), GP_EINVAL);
		assert_string_not_equal(diag.text, "");
		assert_string_equal(w.name, "kept");
	}
}

static void test_several(void **state)
{
	struct limit_windows w;
	struct gp_diag diag = {""};

	(void)state;
	assert_int_equal(limit_windows_parse(GP_STR("1 per 1m, 10 per 1h,100 per 1d"), &numbers, &w, &diag),
			 GP_OK);
	assert_int_equal(w.len, 3);
	assert_int_equal(w.items[2].limit.max, 100);
	assert_int_equal(limit_windows_parse(GP_STR(" unlimited "), &numbers, &w, &diag), GP_OK);
	assert_int_equal(w.len, 0);
	assert_int_equal(limit_windows_parse(GP_STR("1 per 60m, 2 per 1h"), &numbers, &w, &diag), GP_EINVAL);
	assert_string_equal(diag.text, "two windows of 1h");
	assert_int_equal(limit_windows_parse(GP_STR("1 per 1h,"), &numbers, &w, &diag), GP_EINVAL);
	assert_int_equal(limit_windows_parse(GP_STR(""), &numbers, &w, &diag), GP_EINVAL);
	assert_int_equal(limit_windows_parse(GP_STR("1 per 1s, 1 per 2s, 1 per 3s, 1 per 4s, 1 per 5s, "
						    "1 per 6s, 1 per 7s, 1 per 8s, 1 per 9s"),
					     &numbers, &w, &diag), GP_EINVAL);
	assert_string_equal(diag.text, "more than 8 windows");
}

/* Where it may be said. */
static void test_nothing(void **state)
{
	static const struct limit_window_form forms[] = {
		{.has_zero = true}, {.has_zero = true, .is_size = true},
		{.kind = GP_LIMIT_GCRA, .burst = 20, .has_zero = true},
	};
	struct limit_windows w;
	struct gp_diag diag = {""};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(forms); i++) {
		assert_int_equal(limit_windows_parse(GP_STR("5 per 1m, 0 per 1h"), &forms[i], &w, NULL), GP_OK);
		assert_string_equal(limit_windows_zero(&w)->name, "1h");
		assert_int_equal(limit_windows_parse(GP_STR("5 per 1m"), &forms[i], &w, NULL), GP_OK);
		assert_null(limit_windows_zero(&w));
	}
	assert_int_equal(limit_windows_parse(GP_STR("0"), &forms[0], &w, NULL), GP_EINVAL);
	assert_int_equal(limit_windows_parse(GP_STR("0 per 1h"), &numbers, &w, &diag), GP_EINVAL);
	assert_string_equal(diag.text, "0 (nothing at all) is for overrides alone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
