/*
 * $name expansion.  Expected is what Postfix 3.7's postconf -x says; tests/conformance/test_postconf.py
 * asks the one that is installed.
 */
#include "tests/unit/test.h"

#include <stdio.h>

#include "cli/postfix_expand.h"
#include "lib/base/buf.h"

static const char *look_up(const void *arg, struct gp_str name)
{
	static const char *const names[][2] = {{"a", "A"},    {"empty", ""},  {"level", "3.6"},
					       {"list", "$a, ${a?{b}}"}, {"loop", "$pool"}, {"pool", "${loop}"},
					       {"twice", "$thrice$thrice"}, {"thrice", "$twice$twice"}};

	(void)arg;
	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (gp_str_eq(name, gp_str(names[i][0])))
			return names[i][1];
	return NULL;
}

static const struct {
	const char *text, *expanded; /* NULL: an error */
} cases[] = {
	{"plain", "plain"},
	{"$a ${a} $(a) $a.b $a_b|", "A A A A.b |"},
	{"$nope|$$a|$$$$", "|$a|$$"},
	{"$list", "A, b"},
	{"${a?yes}${nope?yes}${empty?yes}", "yes"},
	{"${a:no}${nope:no}${empty:no}", "nono"},
	{"|${a?{ x }}|${a?y }|${a? {z} }|${ a ? {b}}|", "| x |y |z|b|"},
	{"${a?{x y}:{ z }}|${nope?{x y}:{ z }}", "x y| z "},
	{"${nope ? {x}:{${a?{nested $a}:{n}}}}", "nested A"},
	{"${a?b:c}|${a?{b}:c}|${nope?{b}:c}|${nope:{b}}", "b:c|b|c|b"},
	{"${a?{b}:}|${a?(}|$(a?(x))|$a?{b}", "b|(|(x)|A?{b}"},
	{"${{$a} == {A} ? {eq} : {ne}}${{$a}!={A}?{ne}:{eq}}", "eqeq"},
	{"|${{$a} == {A}}|${{$a} != {A}}|${{$a} != {A}:not}|", "|true||not|"},
	{"${{2} < {10}?{l}:{g}}${{10} < {9a}?{l}:{g}}${{09} == {9}?{e}:{n}}", "lle"},
	{"${{} < {1}?{l}:{g}}${{ 10 } == {10}?{e}:{n}}${{ab} < {abc}?{l}:{g}}", "lnl"},
	{"${{2}<={2}?{1}:{0}}${{2}>={3}?{1}:{0}}${{3}>{2}?{1}:{0}}", "101"},
	{"${{$level} <level {3.10}?{l}:{g}}${{3.6} ==level {3.6.0}?{e}:{n}}", "le"},
	{"${{1.2.3} <level {1.10}?{y}:{n}}${{2} >=level {1.10}?{y}:{n}}", "yy"},
	{"x$", NULL}, {"$-", NULL}, {"${}", NULL}, {"${-}", NULL}, {"${a", NULL}, {"$((a))", NULL},
	{"${a?{x} y}", NULL}, {"$(a?{b)", NULL}, {"${a?{b}:{c}:d}", NULL}, {"${a-b}", NULL},
	{"${{a}?x}", NULL}, {"${{a} = {b}?x}", NULL}, {"${{1} < level {2}?x}", NULL},
	{"${{1} < {2}}x}", "true" "x}"}, {"${{1} < {2} x}", NULL}, {"${{1} < {2", NULL},
	{"${{$a} ==level {1}?x}", NULL}, {"${{4.} <level {4}?x}", NULL}, {"${{} <level {4}?x}", NULL},
	{"${{3.7.1.2} <level {4}?x}", NULL}, {"$loop", NULL}, {"$twice", NULL},
};

static void test_expand(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		GP_BUF_AUTO out = GP_BUF_INIT(GP_POSTFIX_VALUE_MAX);
		struct gp_diag diag = {""};
		int r = gp_postfix_expand(gp_str(cases[i].text), look_up, NULL, &out, &diag);

		print_message("%s\n", cases[i].text);
		assert_int_equal(r, cases[i].expanded ? GP_OK : GP_EINVAL);
		if (cases[i].expanded)
			assert_string_equal(gp_buf_cstr(&out), cases[i].expanded);
		assert_int_equal(*diag.text != '\0', !cases[i].expanded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_expand)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
