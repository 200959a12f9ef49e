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

/* A stranger's word of any length: what is around it is there. */
static void test_long_words(void **state)
{
	static char word[60000], wanted[LIMIT_TEXT_WORD_MAX + 1];
	struct limit_met met = {.limit = GP_STR("out"), .retry_ms = 1000};
	struct limit_text text;

	(void)state;
	memset(word, 'x', sizeof(word));
	memset(wanted, 'x', LIMIT_TEXT_WORD_MAX);
	assert_int_equal(limit_text_parse(GP_STR("{key}, {account}, {retry}"), arena, &text, NULL), GP_OK);
	for (size_t len = LIMIT_TEXT_WORD_MAX - 1; len <= sizeof(word); len = len < 200 ? len + 1 : len * 299) {
		GP_BUF_AUTO out = GP_BUF_INIT(4096), all = GP_BUF_INIT(4096);
		size_t shown = GP_MIN(len, (size_t)LIMIT_TEXT_WORD_MAX);

		memcpy(wanted + shown - 3, len > shown ? "..." : "xxx", 3);
		wanted[shown] = '\0';
		met.key = met.account = gp_str_n(word, len);
		limit_text_format(&text, &met, &out);
		gp_buf_printf(&all, "%s, %s, 1 second", wanted, wanted);
		assert_str(gp_buf_str(&out), gp_buf_cstr(&all));
		memset(wanted, 'x', LIMIT_TEXT_WORD_MAX);
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
		cmocka_unit_test(test_long_words),
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
