/*
 * Header fields: sections, folds, encoded words, parameters.
 */
#include "tests/unit/test.h"

#include "lib/mail/header.h"
#include "lib/mail/param.h"

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

static void test_section(void **state)
{
	struct gp_str in = GP_STR("A: 1\r\nB : 2\n\t3\r\n \r\nC:\n\nbody"), name, raw;
	size_t pos = 0;

	(void)state;
	assert_true(gp_header_next(in, &pos, &name, &raw));
	assert_str(name, "A");
	assert_str(raw, " 1");
	assert_true(gp_header_next(in, &pos, &name, &raw));
	assert_str(name, "B");
	assert_str(raw, " 2\n\t3\r\n ");
	assert_true(gp_header_next(in, &pos, &name, &raw));
	assert_str(name, "C");
	assert_str(raw, "");
	assert_false(gp_header_next(in, &pos, &name, &raw));
	assert_str(gp_str_sub(in, pos, in.len), "body");
}

/* Where a section ends without an empty line. */
static void test_section_end(void **state)
{
	static const struct {
		const char *in;
		size_t fields, rest;
	} cases[] = {
		{"", 0, 0},	       {"A: b", 1, 0},	      {"A: b\nno field\n", 1, 9}, {"\nA: b", 0, 4},
		{"\r\nA: b", 0, 4},    {": b\n", 0, 4},	      {"A b: c\n", 0, 7},	  {" A: b\n", 0, 6},
		{"\xc3\xbc: b", 0, 5}, {"A:\r\n\r\n", 1, 0}, {"A:b\n\r\r\n", 1, 3},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_str in = gp_str(cases[i].in), name, raw;
		size_t pos = 0, n = 0;

		while (gp_header_next(in, &pos, &name, &raw))
			n++;
		assert_int_equal(n, cases[i].fields);
		assert_int_equal(in.len - pos, cases[i].rest);
	}
}

static void test_decode(void **state)
{
	static const struct {
		struct gp_str in;
		const char *want;
	} cases[] = {
		{GP_STR(" plain"), "plain"},
		{GP_STR("\t a\r\n\t b\n c "), "a b c"},
		{GP_STR("a\rb\0c"), "a b c"},
		{GP_STR("raw \xc3\xbc"), "raw \xc3\xbc"},
		{GP_STR("raw \xfc"), "raw \xc3\xbc"},
		{GP_STR("=?utf-8?Q?gr=C3=BC=C3=9Fe_an?= alle"), "gr\xc3\xbc\xc3\x9f" "e an alle"},
		{GP_STR("=?UTF-8?b?Z3LDvMOfZQ?="), "gr\xc3\xbc\xc3\x9f" "e"},
		{GP_STR("=?iso-8859-1*de?q?=FC?="), "\xc3\xbc"},
		{GP_STR("a =?utf-8?q?b?= =?utf-8?q?c?=\n =?koi8-r?q?=F0?= d"), "a bc\xd0\x9f d"},
		{GP_STR("=?utf-8?B?w7?= =?utf-8?B?w?="), "\xef\xbf\xbd"},
		{GP_STR("=?utf-8?Q?=C3?= =?utf-8?Q?=BC?="), "\xc3\xbc"}, /* cut inside a character */
		{GP_STR("=?utf-8?Q?with space?="), "with space"},
		{GP_STR("x=?utf-8?Q?a?=y"), "xay"},
		{GP_STR("=?utf-8?Q?" "?="), ""},
		{GP_STR("=?utf-8?Q?=00=0Aa=ZZ=?="), "  a=ZZ="},
		{GP_STR("=?no-such?Q?=FC?="), "\xc3\xbc"},
		{GP_STR("=?utf-8?X?a?= =?utf-8?Q?a"), "=?utf-8?X?a?= =?utf-8?Q?a"},
		{GP_STR("=?=?=?utf-8?Q?a?="), "=?=?a"},
		{GP_STR("=?iso-2022-jp?B?GyRCJUYbKEI=?="), "\xe3\x83\x86"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++)
		assert_str(gp_header_decode(arena, cases[i].in), cases[i].want);
}

static void test_borrows(void **state)
{
	struct gp_str raw = GP_STR(" nothing to decode");

	(void)state;
	assert_ptr_equal(gp_header_decode(arena, raw).ptr, raw.ptr + 1);
}

static void test_params(void **state)
{
	static const struct {
		const char *in, *main, *name;
	} cases[] = {
		{"text/plain", "text/plain", ""},
		{"Text / Plain ; NAME = a.txt ", "text/plain", "a.txt"},
		{"a/b; name=\"a \\\"b\\\" ; c\"; x=y", "a/b", "a \"b\" ; c"},
		{"a/b (c; name=no) ; (x) name=yes", "a/b", "yes"},
		{"a/b; name=a b.txt; x", "a/b", "a b.txt"},
		{"a/b; name=a (note)", "a/b", "a"},
		{"a/b; name=a (1).txt", "a/b", "a (1).txt"},
		{"a/b; name=\"open", "a/b", "open"},
		{"a/b; name; name=x", "a/b", ""},
		{"a/b;;; ;name=x;name=y", "a/b", "x"},
		{"a/b; name*=utf-8''%C3%BC%zz", "a/b", "\xc3\xbc%zz"},
		{"a/b; name*=iso-8859-1'de'%FC", "a/b", "\xc3\xbc"},
		{"a/b; name*=plain", "a/b", "plain"},
		{"a/b; name*1=\"b c\"; name*0*=utf-8''%C3%BC; name*2*=%C3%BC; name*4=no", "a/b",
		 "\xc3\xbc" "b c\xc3\xbc"},
		{"a/b; name=\"=?utf-8?Q?=C3=BC?=.txt\"", "a/b", "\xc3\xbc.txt"},
		{"; name=x", "", "x"},
		{"name=x", "name=x", ""},
		{"", "", ""},
		{"(unclosed; name=x", "(unclosed", "x"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		assert_str(gp_param_main(arena, gp_str(cases[i].in)), cases[i].main);
		assert_str(gp_param_get(arena, gp_str(cases[i].in), "name"), cases[i].name);
	}
	assert_str(gp_param_get_n(arena, GP_STR("a/b; x=1; y=2; x=3"), "x", 1), "3");
	assert_str(gp_param_get_n(arena, GP_STR("a/b; x=1; y=2; x=3"), "x", 2), "");
}

/* Long hostile values take linear time; quadratic ones would not end here. */
static void test_hostile(void **state)
{
	static const char *const pieces[] = {"=?", "=?a?q?", "=?utf-8?q?a?= ", "?=", "a;", "name*0=a;", "(", "\"", "\n "};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(pieces); i++) {
		GP_BUF_AUTO in = GP_BUF_INIT(64 << 10);

		while (in.len + 16 < in.max)
			gp_buf_add_cstr(&in, pieces[i]);
		for (int k = 0; k < 20; k++) {
			assert_true(gp_header_decode(arena, gp_buf_str(&in)).len <= 3 * in.len);
			assert_true(gp_param_get(arena, gp_buf_str(&in), "name").len <= in.len);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_section, setup, teardown),
		cmocka_unit_test_setup_teardown(test_section_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_decode, setup, teardown),
		cmocka_unit_test_setup_teardown(test_borrows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_params, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
