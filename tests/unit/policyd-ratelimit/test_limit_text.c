/*
 * Texts of answers: what is filled in, what is refused, how long is how long.
 */
#include "policyd-ratelimit/limit_text.h"
#include "tests/unit/test.h"

static struct gp_arena *arena;

static void test_filled(void **state)
{
	static const struct {
		const char *text, *out;
	} cases[] = {
		{"", ""},
		{"nothing", "nothing"},
		{"{limit}", "out"},
		{"{limit}{max}{used}{window}{key}{account}", "out1007 1hk|2Joe"},
		{"a {{b}} {retry}.", "a {b} 20 minutes."},
		{"{{{max}}}", "{100}"},
	};
	struct limit_met met = {.limit = GP_STR("out"), .window = GP_STR(" 1h"), .key = GP_STR("k|2"),
				.account = GP_STR("Joe"), .max = 100, .used = 7, .retry_ms = 1199001};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		GP_BUF_AUTO out = GP_BUF_INIT(1000);
		struct limit_text text;

		assert_int_equal(limit_text_parse(gp_str(cases[i].text), arena, &text, NULL), GP_OK);
		limit_text_format(&text, &met, &out);
		assert_str(gp_buf_str(&out), cases[i].out);
	}
}

static void test_sizes(void **state)
{
	struct limit_met met = {.max = 500 << 20, .used = 1536, .is_size = true, .retry_ms = -1};
	GP_BUF_AUTO out = GP_BUF_INIT(1000);
	struct limit_text text;

	(void)state;
	assert_int_equal(limit_text_parse(GP_STR("{used} of {max}, {retry}"), arena, &text, NULL), GP_OK);
	limit_text_format(&text, &met, &out);
	assert_str(gp_buf_str(&out), "1536 of 500M, smaller parts");
}

static void test_wrong(void **state)
{
	static const char *const bad[] = {"{", "}", "a {max", "{nothing}", "{}", "{Max}", "{max}}", "{{max}"};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad); i++) {
		struct gp_diag diag = {""};
		struct limit_text text;

		assert_int_equal(limit_text_parse(gp_str(bad[i]), arena, &text, &diag), GP_EINVAL);
		assert_memory_equal(diag.text, "text: ", 6);
	}
}

static void test_durations(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{-1, "smaller parts"}, {0, "1 second"}, {1, "1 second"}, {1001, "2 seconds"},
		{89000, "89 seconds"}, {90000, "2 minutes"}, {3600000, "60 minutes"},
		{5400000, "2 hours"}, {86400000, "24 hours"}, {172800001, "3 days"},
		{INT64_MAX, "106751991168 days"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		GP_BUF_AUTO out = GP_BUF_INIT(1000);

		limit_text_duration(cases[i].ms, &out);
		assert_str(gp_buf_str(&out), cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filled),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_durations),
	};
	int r;

	arena = gp_arena_new(0);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	gp_arena_free(arena);
	return r;
}
