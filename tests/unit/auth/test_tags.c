/*
 * Tag lists: the grammar, its breaches, and the caps.
 */
#include "tests/unit/test.h"

#include "lib/auth/tags.h"
#include "lib/base/buf.h"
#include "lib/base/limits.h"

static struct gp_arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_freep(&arena);
	return 0;
}

static void test_values(void **state)
{
	static const char text[] = " v=1; a = rsa-sha256 ;\n\tb=ab c\n\td=; n_1=x=y; e=";
	struct gp_tags tags;

	(void)state;
	assert_int_equal(gp_tags_parse(arena, gp_str(text), &tags, NULL), GP_OK);
	assert_int_equal(tags.len, 5);
	assert_str(gp_tags_value(&tags, "v", NULL), "1");
	assert_str(gp_tags_value(&tags, "a", NULL), "rsa-sha256");
	assert_str(gp_tags_value(&tags, "b", NULL), "ab c\n\td=");
	assert_str(gp_tags_packed(arena, &tags, "b"), "abcd=");
	assert_str(gp_tags_packed(arena, &tags, "a"), "rsa-sha256");
	assert_str(gp_tags_value(&tags, "n_1", NULL), "x=y");
	assert_str(gp_tags_value(&tags, "e", "default"), "");
	assert_str(gp_tags_value(&tags, "q", "dns/txt"), "dns/txt");
	assert_int_equal(gp_tags_value(&tags, "q", NULL).len, 0);
	assert_int_equal(gp_tags_packed(arena, &tags, "q").len, 0);
	assert_null(gp_tags_get(&tags, "V"));
}

static void test_where_values_stand(void **state)
{
	static const char text[] = "a=1; b= x y ;c=2";
	struct gp_tags tags;
	const struct gp_tag *b;

	(void)state;
	assert_int_equal(gp_tags_parse(arena, gp_str(text), &tags, NULL), GP_OK);
	b = gp_tags_get(&tags, "b");
	assert_str(gp_str_n(text + b->begin, b->end - b->begin), " x y ");
	b = gp_tags_get(&tags, "c");
	assert_int_equal(b->end, sizeof(text) - 1);
}

static void test_accepted(void **state)
{
	static const char *const cases[] = {
		"a=1", "a=1;", "a=1; \n\t", "a=;", "A=1;a=2", "a=j\xc3\xb6rg", "a=1;\r\n b=2",
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_tags tags;

		if (gp_tags_parse(arena, gp_str(cases[i]), &tags, NULL))
			fail_msg("refused: %s", cases[i]);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{"", "no tags"},
		{" \n\t", "malformed tag"},
		{";", "malformed tag"},
		{"a=1;;", "malformed tag"},
		{"a=1;;b=2", "malformed tag"},
		{"a", "malformed tag"},
		{"a=1; b", "malformed tag"},
		{"=1", "malformed tag"},
		{"1a=1", "malformed tag"},
		{"_a=1", "malformed tag"},
		{"a-b=1", "malformed tag"},
		{"a b=1", "malformed tag"},
		{"a=1; a=1", "duplicate tag \"a\""},
		{"a=\x01", "control character in tag \"a\""},
		{"a=\x7f", "control character in tag \"a\""},
		{"a=x\vy", "control character in tag \"a\""},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_diag diag = {0};
		struct gp_tags tags;

		assert_int_equal(gp_tags_parse(arena, gp_str(cases[i].text), &tags, &diag),
				 GP_EINVAL);
		assert_string_equal(diag.text, cases[i].reason);
	}
}

static void test_nul_is_a_control_character(void **state)
{
	struct gp_tags tags;

	(void)state;
	assert_int_equal(gp_tags_parse(arena, gp_str_n("a=\0", 3), &tags, NULL), GP_EINVAL);
}

static void test_caps(void **state)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);
	struct gp_diag diag = {0};
	struct gp_tags tags;

	(void)state;
	for (int i = 0; i < GP_MAX_TAGS; i++)
		gp_buf_printf(&text, "t%d=%d;", i, i);
	assert_int_equal(gp_tags_parse(arena, gp_buf_str(&text), &tags, NULL), GP_OK);
	assert_int_equal(tags.len, GP_MAX_TAGS);
	gp_buf_add_cstr(&text, " last=1");
	assert_int_equal(gp_tags_parse(arena, gp_buf_str(&text), &tags, &diag), GP_ELIMIT);
	assert_string_equal(diag.text, "more than 50 tags");

	gp_buf_reset(&text);
	gp_buf_add_cstr(&text, "a=");
	for (int i = 0; i < 65536; i++)
		gp_buf_add_chr(&text, 'x');
	gp_buf_add_cstr(&text, "; b=1");
	assert_int_equal(gp_tags_parse(arena, gp_buf_str(&text), &tags, NULL), GP_OK);
	assert_int_equal(gp_tags_value(&tags, "a", NULL).len, 65536);
}

static void test_long_name_is_cut_in_the_reason(void **state)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);
	struct gp_diag diag = {0};
	struct gp_tags tags;

	(void)state;
	for (int i = 0; i < 1000; i++)
		gp_buf_add_chr(&text, 'n');
	gp_buf_add_cstr(&text, "=\x01");
	assert_int_equal(gp_tags_parse(arena, gp_buf_str(&text), &tags, &diag), GP_EINVAL);
	assert_true(strlen(diag.text) < 80);
}

static void test_numbers(void **state)
{
	static const char text[] = "a=12; b=-1; c=; d=x; e=99999999999999999999; f=1 2; g=+1; h=0";
	static const struct {
		const char *name;
		int result;
	} cases[] = {
		{"a", GP_OK},	  {"b", GP_EINVAL}, {"c", GP_EINVAL},
		{"d", GP_EINVAL}, {"e", GP_ELIMIT}, {"f", GP_EINVAL},
		{"g", GP_EINVAL}, {"h", GP_OK},	    {"i", GP_ENOENT},
	};
	struct gp_tags tags;
	int64_t n = 0;

	(void)state;
	assert_int_equal(gp_tags_parse(arena, gp_str(text), &tags, NULL), GP_OK);
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++)
		assert_int_equal(gp_tags_number(&tags, cases[i].name, &n), cases[i].result);
	assert_int_equal(gp_tags_number(&tags, "a", &n), GP_OK);
	assert_int_equal(n, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_where_values_stand, setup, teardown),
		cmocka_unit_test_setup_teardown(test_accepted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nul_is_a_control_character, setup, teardown),
		cmocka_unit_test_setup_teardown(test_caps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_name_is_cut_in_the_reason, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
