/*
 * Log lines: what a stranger's bytes cannot do, both formats.
 */
#include "lib/base/log.h"

#include <math.h>

#include "tests/unit/test.h"

static char last[GP_LOG_LINE_MAX + 1];
static size_t n_lines;

static void keep(enum gp_log_level level, struct gp_str line)
{
	(void)level;
	gp_str_copy(last, sizeof(last), line);
	n_lines++;
}

static void test_levels(void **state)
{
	(void)state;
	gp_log_setup(GP_LOG_WARNING, GP_LOG_TEXT, keep);
	n_lines = 0;
	gp_log_info("no");
	gp_log_debug("no");
	assert_int_equal(n_lines, 0);
	gp_log_error("yes %d", 1);
	assert_string_equal(last, "error: yes 1");
	assert_true(gp_log_enabled(GP_LOG_ERROR));
	assert_false(gp_log_enabled(GP_LOG_INFO));
}

static void test_forged_fields(void **state)
{
	struct gp_logline l;

	(void)state;
	gp_log_setup(GP_LOG_INFO, GP_LOG_TEXT, keep);
	gp_logline_begin(&l, GP_LOG_INFO);
	gp_logline_cstr(&l, "qid", "4ABC");
	gp_logline_str(&l, "from", GP_STR("a@b action=accept\nqid=5"));
	gp_logline_cstr(&l, "empty", "");
	gp_logline_str(&l, "bytes", gp_str_n("\"\\\x01\xff\x7f", 5));
	gp_logline_int(&l, "n", -5);
	gp_logline_num(&l, "score", 6.25, 1);
	gp_logline_emit(&l);
	assert_string_equal(last, "qid=4ABC from=a@b\\x20action=accept\\x0aqid=5 empty= "
				  "bytes=\\\"\\\\\\x01\\xff\\x7f n=-5 score=6.2");
}

/* What Python's split() or a terminal would take for a blank or an order: no-break space, line
 * separator, ideographic space, right-to-left override, next line. Letters stay. */
static void test_other_blanks(void **state)
{
	static const char text[] = "a\xc2\xa0\xe2\x80\xa8\xe3\x80\x80\xe2\x80\xae\xc2\x85"
				   "\xc3\xbc\xe2\x82\xac";
	static const char escaped[] = "a\\u00a0\\u2028\\u3000\\u202e\\u0085\xc3\xbc\xe2\x82\xac";

	(void)state;
	for (int json = 0; json < 2; json++) {
		GP_BUF_AUTO out = GP_BUF_INIT(200);

		gp_log_escape(&out, gp_str(text), json ? GP_LOG_JSON : GP_LOG_TEXT);
		assert_string_equal(gp_buf_cstr(&out), escaped);
	}
}

static void test_json(void **state)
{
	struct gp_logline l;

	(void)state;
	gp_log_setup(GP_LOG_INFO, GP_LOG_JSON, keep);
	gp_logline_begin(&l, GP_LOG_INFO);
	gp_logline_str(&l, "from", gp_str_n("\"\n\xff\xc3\xa9", 5));
	gp_logline_int(&l, "n", 7);
	gp_logline_emit(&l);
	assert_string_equal(last, "{\"level\":\"info\",\"from\":\"\\\"\\u000a\xef\xbf\xbd\xc3\xa9\",\"n\":7}");
	gp_logline_begin(&l, GP_LOG_INFO);
	gp_logline_num(&l, "score", (double)INFINITY, 1);
	gp_logline_emit(&l);
	assert_string_equal(last, "{\"level\":\"info\",\"score\":null}");
	/* A reload that changes the format does not break the line at hand. */
	gp_logline_begin(&l, GP_LOG_INFO);
	gp_log_setup(GP_LOG_INFO, GP_LOG_TEXT, keep);
	gp_logline_cstr(&l, "a", "b c");
	gp_logline_emit(&l);
	assert_string_equal(last, "{\"level\":\"info\",\"a\":\"b c\"}");
	gp_log_setup(GP_LOG_INFO, GP_LOG_JSON, keep);
	gp_log_error("it \"broke\"");
	assert_string_equal(last, "{\"level\":\"error\",\"message\":\"it \\\"broke\\\"\"}");
	gp_log_setup(GP_LOG_INFO, GP_LOG_TEXT, keep);
}

/* Values and lines are cut; a line stays whole in form. */
static void test_bounds(void **state)
{
	static char big[10000];
	struct gp_logline l;

	(void)state;
	memset(big, 'x', sizeof(big));
	for (int json = 0; json < 2; json++) {
		gp_log_setup(GP_LOG_INFO, json ? GP_LOG_JSON : GP_LOG_TEXT, keep);
		gp_logline_begin(&l, GP_LOG_INFO);
		for (int i = 0; i < 20; i++)
			gp_logline_str(&l, "k", gp_str_n(big, sizeof(big)));
		gp_logline_cstr(&l, "z", "end");
		gp_logline_emit(&l);
		assert_true(strlen(last) <= GP_LOG_LINE_MAX);
		assert_non_null(strstr(last, "xxx..."));
		if (json)
			assert_string_equal(last + strlen(last) - 2, "\"}");
	}
	gp_log_setup(GP_LOG_INFO, GP_LOG_TEXT, keep);
	gp_log_error("%.*s", 9999, big);
	assert_true(strlen(last) <= GP_LOG_LINE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_forged_fields),
		cmocka_unit_test(test_other_blanks),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
