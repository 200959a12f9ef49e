/*
 * Option tables.
 */
#include "tests/unit/test.h"

#include "cli/opt.h"

struct values {
	bool flag, other;
	const char *text;
	struct gp_opt_list list;
	unsigned number;
};

static const struct gp_opt table[] = {
	{'f', "flag", NULL, "a flag", GP_OPT_FLAG, offsetof(struct values, flag)},
	{'o', "other", NULL, "another", GP_OPT_FLAG, offsetof(struct values, other)},
	{'t', "text", "TEXT", "a text", GP_OPT_STRING, offsetof(struct values, text)},
	{0, "list", "ITEM", "a list", GP_OPT_LIST, offsetof(struct values, list)},
	{'n', "number", "N", "a number", GP_OPT_UINT, offsetof(struct values, number)},
	GP_OPT_END,
};

static struct gp_arena *arena;
static struct values values;
static struct gp_opt_list operands;
static struct gp_diag diag;

static int parse(const char *line)
{
	char *argv[16] = {gp_arena_strdup(arena, "program")};
	struct gp_str rest = gp_str(line), word;
	int argc = 1;

	memset(&values, 0, sizeof(values));
	memset(&operands, 0, sizeof(operands));
	while (gp_str_next_word(&rest, &word))
		argv[argc++] = gp_arena_cstr(arena, word);
	return gp_opt_parse(table, arena, argc, argv, &values, &operands, &diag);
}

static void test_forms(void **state)
{
	(void)state;
	assert_int_equal(parse("-fo one --text=x --list a --list=b two -n7"), GP_OK);
	assert_true(values.flag && values.other);
	assert_string_equal(values.text, "x");
	assert_int_equal(values.list.len, 2);
	assert_string_equal(values.list.items[1], "b");
	assert_int_equal(values.number, 7);
	assert_int_equal(operands.len, 2);
	assert_string_equal(operands.items[1], "two");
	assert_int_equal(parse("-ft word -- --flag -"), GP_OK);
	assert_string_equal(values.text, "word");
	assert_int_equal(operands.len, 2);
	assert_string_equal(operands.items[0], "--flag");
	assert_int_equal(parse("-"), GP_OK);
	assert_int_equal(operands.len, 1);
}

static void test_errors(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"--flg", "did you mean --flag"}, {"--nonsense", "unknown option --nonsense"},
		{"-x", "unknown option -x"},	  {"--text", "--text needs TEXT"},
		{"-t", "-t needs TEXT"},	  {"--flag=1", "takes no value"},
		{"-n many", "not a whole number"}, {"--fla", "did you mean --flag"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].line), GP_EINVAL);
		assert_non_null(strstr(diag.text, cases[i].says));
	}
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms),
					   cmocka_unit_test(test_errors)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
