/*
 * Spans.
 */
#include "lib/base/str.h"

#include "tests/unit/test.h"

static void test_compare(void **state)
{
	(void)state;
	assert_true(gp_str_eq(GP_STR("a"), GP_STR("a")));
	assert_false(gp_str_eq(GP_STR("a"), GP_STR("A")));
	assert_true(gp_str_ieq(GP_STR("aBc"), GP_STR("AbC")));
	assert_false(gp_str_ieq(GP_STR("ab"), GP_STR("abc")));
	assert_true(gp_str_eq((struct gp_str){0}, GP_STR("")));
	assert_true(gp_str_eq(gp_str(NULL), GP_STR("")));
	assert_false(gp_str_eq(GP_STR("a\0b"), GP_STR("a\0c")));
	assert_true(gp_str_cmp(GP_STR("a"), GP_STR("ab")) < 0);
	assert_true(gp_str_cmp(GP_STR("b"), GP_STR("ab")) > 0);
	assert_int_equal(gp_str_cmp((struct gp_str){0}, GP_STR("")), 0);
	assert_true(gp_str_starts(GP_STR("abc"), GP_STR("ab")));
	assert_true(gp_str_starts(GP_STR("abc"), (struct gp_str){0}));
	assert_false(gp_str_starts(GP_STR("a"), GP_STR("ab")));
	assert_true(gp_str_istarts(GP_STR("Subject:"), GP_STR("sUBJECT")));
	assert_true(gp_str_iends(GP_STR("x.COM"), GP_STR(".com")));
	assert_false(gp_str_iends(GP_STR("om"), GP_STR(".com")));
}

static void test_find(void **state)
{
	struct gp_str s = GP_STR("abcabc");

	(void)state;
	assert_int_equal(gp_str_find_chr(s, 'c', 0), 2);
	assert_int_equal(gp_str_find_chr(s, 'c', 3), 5);
	assert_int_equal(gp_str_find_chr(s, 'x', 0), 6);
	assert_int_equal(gp_str_find_chr(s, 'a', 99), 6);
	assert_int_equal(gp_str_find_last(GP_STR("a@b@c"), '@'), 3);
	assert_int_equal(gp_str_find_last(GP_STR("@"), '@'), 0);
	assert_int_equal(gp_str_find_last(s, 'x'), 6);
	assert_int_equal(gp_str_find_last((struct gp_str){0}, 'x'), 0);
	assert_true(gp_str_eq(gp_str_after_last(GP_STR("a@b@c"), '@'), GP_STR("c")));
	assert_true(gp_str_eq(gp_str_after_last(GP_STR("a@"), '@'), GP_STR("")));
	assert_true(gp_str_eq(gp_str_after_last(GP_STR("abc"), '@'), GP_STR("abc")));
	assert_true(gp_str_is_digits(GP_STR("0123456789")));
	assert_false(gp_str_is_digits(GP_STR("12a")));
	assert_false(gp_str_is_digits(GP_STR("")));
	assert_int_equal(gp_str_find(s, GP_STR("ca"), 0), 2);
	assert_int_equal(gp_str_find(s, GP_STR("ca"), 3), 6);
	assert_int_equal(gp_str_find(s, GP_STR("abcabcd"), 0), 6);
	assert_int_equal(gp_str_ifind(s, GP_STR("BCA"), 0), 1);
	assert_int_equal(gp_str_ifind(s, GP_STR("x"), 0), 6);
	assert_int_equal(gp_str_find((struct gp_str){0}, GP_STR("a"), 0), 0);
}

static size_t find_slowly(struct gp_str s, struct gp_str needle, bool is_folded)
{
	for (size_t i = 0; i < s.len && needle.len <= s.len - i; i++) {
		struct gp_str there = gp_str_sub(s, i, needle.len);

		if (is_folded ? gp_str_ieq(there, needle) : gp_str_eq(there, needle))
			return i;
	}
	return s.len;
}

/* Texts around the width of a step, of few letters, so that needles stand there nearly; '@' and
 * '`' differ by the bit by which letter case does. */
static void test_find_everywhere(void **state)
{
	static const char letters[] = "aAb@`";
	char text[80], needle[8];
	unsigned random = 1;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct gp_str s = gp_str_n(text, round % sizeof(text));
		struct gp_str n = gp_str_n(needle, 1 + round / 80 % sizeof(needle));
		size_t as = 0;

		for (size_t i = 0; i < s.len + n.len; i++) {
			random = random * 1103515245 + 12345;
			*(i < s.len ? text + i : needle + i - s.len) =
				letters[(random >> 16) % (2 + round % 4)];
		}
		for (size_t i = 0; i < s.len; i++)
			as += text[i] == 'a';
		assert_int_equal(gp_str_count(s, 'a'), as);
		assert_int_equal(gp_str_find(s, n, 0), find_slowly(s, n, false));
		assert_int_equal(gp_str_ifind(s, n, 0), find_slowly(s, n, true));
	}
}

static void test_is_ascii(void **state)
{
	char text[20];

	(void)state;
	memset(text, 0x7f, sizeof(text));
	assert_true(gp_str_is_ascii(gp_str_n(text, sizeof(text))));
	assert_true(gp_str_is_ascii((struct gp_str){0}));
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] = (char)0x80;
		assert_false(gp_str_is_ascii(gp_str_n(text, sizeof(text))));
		assert_true(gp_str_is_ascii(gp_str_n(text, i)));
		text[i] = 0;
	}
}

/* Where nearly every place looks like the needle, the rest is searched in another way. */
static void test_find_in_hostile_text(void **state)
{
	static char text[100000];
	struct gp_str s = gp_str_n(text, sizeof(text));

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 3] = 'b';
	assert_int_equal(gp_str_find(s, GP_STR("aaaaaaaaaaaaaaaabaa"), 0), sizeof(text) - 19);
	assert_int_equal(gp_str_find(s, GP_STR("aaaaaaaaaaaaaaabaaa"), 0), sizeof(text));
}

static void test_parts(void **state)
{
	struct gp_str rest = GP_STR("a,,b"), piece;
	struct gp_str words = GP_STR(" \tone\r\n two ");
	char fixed[4];

	(void)state;
	assert_str(gp_str_sub(GP_STR("hello"), 1, 3), "ell");
	assert_str(gp_str_sub(GP_STR("hello"), 3, SIZE_MAX), "lo");
	assert_str(gp_str_sub(GP_STR("hello"), 9, 1), "");
	assert_str(gp_str_trim(GP_STR(" \r\n x y\t ")), "x y");
	assert_str(gp_str_trim(GP_STR("  ")), "");
	assert_true(gp_str_next(&rest, ',', &piece));
	assert_str(piece, "a");
	assert_true(gp_str_next(&rest, ',', &piece));
	assert_str(piece, "");
	assert_true(gp_str_next(&rest, ',', &piece));
	assert_str(piece, "b");
	assert_false(gp_str_next(&rest, ',', &piece));
	assert_true(gp_str_next_word(&words, &piece));
	assert_str(piece, "one");
	assert_true(gp_str_next_word(&words, &piece));
	assert_str(piece, "two");
	assert_false(gp_str_next_word(&words, &piece));
	assert_true(gp_str_copy(fixed, sizeof(fixed), GP_STR("abc")));
	assert_false(gp_str_copy(fixed, sizeof(fixed), GP_STR("defg")));
	assert_string_equal(fixed, "def");
}

static void test_glob(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{"*", "", true},	{"", "", true},		  {"", "a", false},
		{"a*c", "abbc", true},	{"a*c", "abcd", false},	  {"*@example.*", "x@EXAMPLE.org", true},
		{"?b", "ab", true},	{"?", "", false},	  {"*a*b*", "xxaxxbxx", true},
		{"a**b", "ab", true},	{"*.ab", "x.ab.ab", true}, {"[a]", "a", false},
	};
	static char many[5000], stars[200];

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++)
		assert_int_equal(gp_str_glob(gp_str(cases[i].pattern), gp_str(cases[i].text)),
				 cases[i].matches);
	/* Hostile input ends in time. */
	memset(many, 'a', sizeof(many) - 1);
	for (size_t i = 0; i + 2 < sizeof(stars); i += 2)
		memcpy(stars + i, "*a", 2);
	stars[sizeof(stars) - 2] = 'b';
	assert_false(gp_str_glob(gp_str(stars), gp_str(many)));
}

static void test_distance(void **state)
{
	static const char long_name[65];

	(void)state;
	assert_int_equal(gp_str_distance(GP_STR("kitten"), GP_STR("sitting")), 3);
	assert_int_equal(gp_str_distance(GP_STR(""), GP_STR("abc")), 3);
	assert_int_equal(gp_str_distance(GP_STR("same"), GP_STR("same")), 0);
	/* Longer than 64 bytes: as far away as can be, even from itself. */
	assert_int_equal(gp_str_distance(gp_str_n(long_name, 64), gp_str_n(long_name, 64)), 0);
	assert_int_equal(gp_str_distance(gp_str_n(long_name, 64), (struct gp_str){0}), 64);
	assert_int_equal(gp_str_distance(gp_str_n(long_name, 65), gp_str_n(long_name, 65)), 64);
	assert_int_equal(gp_str_distance(GP_STR("tresholds"), GP_STR("thresholds")), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare), cmocka_unit_test(test_find),
		cmocka_unit_test(test_find_everywhere), cmocka_unit_test(test_is_ascii), cmocka_unit_test(test_find_in_hostile_text),
		cmocka_unit_test(test_parts),	cmocka_unit_test(test_glob),
		cmocka_unit_test(test_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
