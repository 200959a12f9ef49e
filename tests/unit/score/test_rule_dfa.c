/* Trees of patterns and automata made of them: whatever PCRE2 matches, they find. */
#include "tests/unit/score/rule_fixture.h"

#include "lib/score/rule_dfa.h"
#include "lib/score/rule_dfa_bank.h"
#include "lib/score/rule_dfa_search.h"
#include "lib/score/rule_pcre.h"
#include "lib/score/rule_regex.h"

struct tried {
	struct gp_arena *arena;
	struct gp_regex re;
	struct gp_dfas dfas;
	struct gp_dfa_memory *memory;
	struct gp_dfa_search *search;
	size_t ends[4096];
	size_t n;
};

/* False: the pattern has no automaton. */
static bool try_pattern(struct tried *t, const char *pattern)
{
	struct gp_dfa_pattern p = {.limit = UINT32_MAX - 1};
	struct gp_diag diag;

	t->arena = gp_arena_new(0);
	t->memory = NULL;
	t->search = NULL;
	assert_int_equal(gp_regex_parse(t->arena, gp_str(pattern), &t->re, &diag), GP_OK);
	p.tree = gp_tree_parse(t->arena, t->re.text, t->re.flags);
	p.lines = gp_tree_parse_lines(t->arena, t->re.text, t->re.flags);
	gp_dfa_make(t->arena, &p, 1, &t->dfas);
	if (t->dfas.of[0] >= 0)
		t->memory = gp_dfa_memory_new(t->dfas.items[0], GP_DFA_STATES_MAX);
	if (t->memory)
		t->search = gp_dfa_search_new(
			gp_dfa_make_search(t->arena, p.lines ? p.lines : p.tree));
	return t->memory != NULL;
}

static void done(struct tried *t)
{
	gp_dfa_memory_free(t->memory);
	gp_dfa_search_free(t->search);
	gp_arena_free(t->arena);
}

static bool on_end(void *arg, unsigned pattern, size_t end)
{
	struct tried *t = arg;

	assert_int_equal(pattern, 0);
	if (t->n < GP_ARRAY_SIZE(t->ends))
		t->ends[t->n++] = end;
	return true;
}

static size_t found(struct tried *t, struct gp_str text)
{
	t->n = 0;
	gp_dfa_scan(t->memory, text, on_end, t);
	return t->n;
}

static const struct {
	const char *pattern;
	const char *text;
	bool is_found;
} table[] = {
	{"/m[o0]n[e3]y/", "no m0n3y here", true},
	{"/m[o0]n[e3]y/", "no M0N3Y here", false},
	{"/m[o0]n[e3]y/i", "no M0N3Y here", true},
	{"/m(?i:on)ey/", "mONey", true},
	{"/(?:a|\\xc3[\\xa0-\\xa5])x/", "\303\243x", true},
	{"/(?:a|\\xc3[\\xa0-\\xa5])x/", "ox", false},
	{"/a[^b]c/", "abc", false},
	{"/a[^b]c/i", "aBc", false},
	{"/a(?i)[^b]c/", "aBc", true}, /* not known whether B is meant */
	{"/a[[:punct:]]b/", "a+b", true},
	{"/a[[:punct:]]b/", "a1b", false},
	{"/a[^[:alpha:]]b/", "axb", false},
	{"/a[[:^alpha:]]b/", "a1b", true},
	{"/a[]x]b/", "a]b", true},
	{"/a[^]x]b/", "a]b", false},
	{"/a[\\w-]b/", "a-b", true},
	{"/a[+--]b/", "a,b", true},
	{"/a\\db/", "a5b", true},
	{"/a\\Db/", "a5b", false},
	{"/a\\x41\\0101b/", "aA\b1b", true}, /* \010, then 1 */
	{"/a[\\101]b/", "a b", false},
	{"/a\\tb/", "a\tb", true},
	{"/a.b/", "a\nb", true}, /* lets more through */
	{"/(?=.*z)abc(?!d)/", "abcd", true},
	{"/^\\s*abc/", "xabc", false},
	{"/^\\s*abc/", "abc", true},
	{"/^\\s*abc/", "x\nabc", true},
	{"/\\Aabc/", "xabc", false},
	{"/(?:^|x)abc/", "yabc", false},
	{"/(?:^|x)abc/", "xabc", true},
	{"/(?:^abc){2}/", "abcabc", true}, /* not known there */
	{"/(?:^a\n){2}bc/m", "a\na\nbc", true},
	{"/a?^bc/m", "abc", true},
	{"/(?=^)abc/", "xabc", true},
	{"/^^abc/", "abc", true},
	{"/(?:\\b|\\s)_{0,3}abc/", "abc", true},
	{"/ab{3}c/", "abbc", false},
	{"/ab{3}c/", "abbbc", true},
	{"/ab{1,9}c/", "abbbbc", true},
	{"/ab?c/", "ac", true},
	{"/(?:ab){2,3}c/", "abababc", true},
	{"/(?:ab){2,3}c/", "abc", false},
	{"/a b # c\n d/x", "abd", true},
	{"/a b # c\n d/x", "a b", false},
	{"/(a)b\\1c/", "abac", true},
	{"/xa{,3}b/", "xaab", true},
	{"/xa{,3}b/", "xacb", false},
	{"/(?:x(?&N)y)(?(DEFINE)(?<N>b|d))/", "xdy", true},
	{"/(?:x(?&N)y)(?(DEFINE)(?<N>b|d))/", "xcy", false},
};

static void what_is_found(void **state)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct tried t;

		if (!try_pattern(&t, table[i].pattern)) {
			if (table[i].is_found || strcmp(table[i].pattern, "/a[\\101]b/") != 0)
				fail_msg("%s: no automaton", table[i].pattern);
		} else if ((found(&t, gp_str(table[i].text)) > 0) != table[i].is_found) {
			fail_msg("%s on %s", table[i].pattern, table[i].text);
		}
		done(&t);
	}
}

/* What is not understood has no tree: nothing is said about it. */
static void what_is_not_understood(void **state)
{
	static const char *const patterns[] = {
		"/a\\Qb\\E/", "/a(?1)(b)/", "/a\\p{L}/", "/a(?x) b/", "/a[[:blank:]]b/", "/(?^:a b)/x",
		"/a\\k<x>(?<x>b)/", "/(*UTF)a/", "/x*/", "/(?:a|)/", "/(?:^|a)b*/m", "/^/", "/(?(DEFINE)(?<N>x(?&N)))(?&N)/"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(patterns); i++) {
		struct tried t;

		if (try_pattern(&t, patterns[i]))
			fail_msg("%s", patterns[i]);
		done(&t);
	}
}

static uint32_t seed = 7;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void random_pattern(struct gp_buf *out, unsigned depth)
{
	static const char *const atoms[] = {
		"a", "b", "\\xe4", "\\xc3[\\xa0-\\xa5]", "[ab\\xe4]", "[^a]", ".", "\\b", "\\w", "\\W", "(?=a)",
		"(?!b)", "(?i:A)", "^", "$", "[[:alpha:]]", "\\S", "(?:a|\\xe4|\\xc3\\xa4|\\xce\\xb1)"};
	static const char *const quantifiers[] = {"", "", "", "?", "*", "+", "{2}", "{0,3}", "{3,}",
						  "{1,2}", "+?", "?+"};

	for (unsigned i = 1 + random_below(5); i > 0; i--) {
		if (depth < 3 && random_below(4) == 0) {
			gp_buf_add_cstr(out, "(?:");
			random_pattern(out, depth + 1);
			if (random_below(2)) {
				gp_buf_add_chr(out, '|');
				random_pattern(out, depth + 1);
			}
			gp_buf_add_chr(out, ')');
		} else {
			gp_buf_add_cstr(out, atoms[random_below(GP_ARRAY_SIZE(atoms))]);
		}
		if (!gp_str_iends(gp_buf_str(out), GP_STR("^")) &&
		    !gp_str_iends(gp_buf_str(out), GP_STR("$")) &&
		    !gp_str_iends(gp_buf_str(out), GP_STR("\\b")))
			gp_buf_add_cstr(out, quantifiers[random_below(GP_ARRAY_SIZE(quantifiers))]);
	}
}

/* For every match there is a report within it, no further from its beginning than the span. */
static void compare(struct tried *t, struct gp_pcre *pcre, struct gp_str text, const char *pattern)
{
	bool limited = false;
	struct gp_str first = {0};
	size_t start, n = found(t, text), i = 0;

	if (gp_dfa_is_lost(t->memory) || !gp_pcre_count(pcre, &t->re, text, 1, &first, &limited))
		return;
	start = (size_t)(first.ptr - text.ptr);
	while (i < n && t->ends[i] <= start)
		i++;
	if (i == n || t->ends[i] > start + first.len || t->ends[i] - start > t->dfas.spans[0])
		fail_msg("%s on \"%.*s\", match at %zu", pattern, GP_STR_FMT(text), start);
}

/* Where PCRE2 finds a match that begins in a range, the search finds one. */
static void compare_search(struct tried *t, struct gp_pcre *pcre, struct gp_str text,
			   const char *pattern)
{
	size_t from = random_below((uint32_t)text.len), to;
	bool limited = false;

	to = from + 1 + random_below((uint32_t)(text.len - from));
	if (gp_pcre_begins(pcre, &t->re, text, from, to - 1, &limited) &&
	    !gp_dfa_search_finds(t->search, text, from, to))
		fail_msg("%s on \"%.*s\", from %zu to %zu", pattern, GP_STR_FMT(text), from, to);
}

static void no_match_is_missed(void **state)
{
	static const char letters[] = "aaabbbAB \n\344\303\244\240\316\261";
	struct gp_pcre *pcre = gp_pcre_new(0);
	unsigned with = 0;

	for (unsigned round = 0; round < 1500; round++) {
		GP_BUF_AUTO pattern = GP_BUF_INIT(1 << 16);
		struct gp_diag diag;
		struct tried t;

		gp_buf_add_chr(&pattern, '/');
		random_pattern(&pattern, 0);
		gp_buf_add_cstr(&pattern, (const char *[]){"/", "/i", "/m", "/im"}[random_below(4)]);
		if (try_pattern(&t, gp_buf_cstr(&pattern)) &&
		    gp_pcre_compile(t.arena, &t.re, &diag) == GP_OK) {
			with++;
			for (unsigned i = 0; i < 20; i++) {
				char text[60];
				size_t n = random_below(sizeof(text));

				for (size_t k = 0; k < n; k++)
					text[k] = letters[random_below(sizeof(letters) - 1)];
				compare(&t, pcre, gp_str_n(text, n), gp_buf_cstr(&pattern));
				if (n)
					compare_search(&t, pcre, gp_str_n(text, n),
						       gp_buf_cstr(&pattern));
			}
		}
		done(&t);
	}
	gp_pcre_free(pcre);
	assert_true(with > 500);
}

/* Texts made to need a state a byte are given up; the memory forgets when it is full, and works on. */
static void states_are_bounded(void **state)
{
	struct tried t;
	char text[6000];
	bool was_lost = false;

	/* The sample has a row of dashes: the pattern is followed to its end. */
	assert_true(try_pattern(&t, "/[q-][qx-]{13}j/"));
	for (unsigned round = 0; round < 60; round++) {
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = "qx"[random_below(2)];
		assert_int_equal(found(&t, gp_str_n(text, sizeof(text))), 0);
		was_lost |= gp_dfa_is_lost(t.memory);
		assert_true(gp_dfa_memory_states(t.memory) <= GP_DFA_STATES_MAX);
		memcpy(text, "qqxqxxqxqxxqxqj", 15);
		assert_int_equal(found(&t, gp_str_n(text, 15)), 1);
		assert_false(gp_dfa_is_lost(t.memory));
	}
	assert_true(was_lost);
	done(&t);
}

/* A match is found where it begins, wherever it ends. */
static void search_in_a_range(void **state)
{
	static const struct {
		const char *pattern, *text;
		size_t from, to;
		bool is_found;
	} cases[] = {
		{"/abc/", "xxabcx", 0, 6, true},   {"/abc/", "xxabcx", 2, 3, true},
		{"/abc/", "xxabcx", 0, 2, false},  {"/abc/", "xxabcx", 3, 6, false},
		{"/abc/", "xxabx", 0, 5, false},   {"/(?:ab)+c/", "xababc", 1, 2, true},
		{"/(?:ab)+c/", "xababx", 1, 2, false}, {"/ {0,3}abc/", "x  abc", 1, 2, true},
		{"/a.*c/", "xabxxxxc", 1, 2, true}, {"/a.*c/", "xabxxxxc", 2, 8, false},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct tried t;

		assert_true(try_pattern(&t, cases[i].pattern));
		for (unsigned again = 0; again < 2; again++)
			if (gp_dfa_search_finds(t.search, gp_str(cases[i].text), cases[i].from,
						cases[i].to) != cases[i].is_found)
				fail_msg("%s on %s from %zu", cases[i].pattern, cases[i].text,
					 cases[i].from);
		done(&t);
	}
}

/* What leads to more states than there is room for is let through, and forgotten in the end. */
static void search_is_bounded(void **state)
{
	struct tried t;
	char text[3000];
	bool was_lost = false;

	assert_true(try_pattern(&t, "/[q-][qx-]{13}j/"));
	for (unsigned round = 0; round < 400; round++) {
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = "qx"[random_below(2)];
		was_lost |= gp_dfa_search_finds(t.search, gp_str_n(text, sizeof(text)), 0,
						sizeof(text) / 2);
		assert_true(gp_dfa_search_states(t.search) <= 2 * GP_DFA_STATES_MAX);
	}
	assert_true(was_lost);
	assert_true(gp_dfa_search_finds(t.search, GP_STR("-qqxqxxqxqxxqxqj"), 0, 4));
	assert_false(gp_dfa_search_finds(t.search, GP_STR("-qqxqxxq"), 0, 4));
	done(&t);
}

static bool count_pattern(void *arg, unsigned pattern, size_t end)
{
	*(size_t *)arg += 100 * (pattern + 1) + end;
	return true;
}

/* Several automata side by side, and patterns of different fields apart. */
static void several(void **state)
{
	static const char *const patterns[] = {"a[0o]x", "b[0o]x", "c[0o]x", "d[0o]x", "e[0o]x", "f[0o]x"};
	struct gp_dfa_pattern p[GP_ARRAY_SIZE(patterns)];
	struct gp_dfa_memory *m[GP_ARRAY_SIZE(patterns)];
	struct gp_arena *a = gp_arena_new(0);
	struct gp_dfa_bank *bank;
	struct tried t = {0};
	struct gp_dfas dfas;

	for (unsigned i = 0; i < GP_ARRAY_SIZE(patterns); i++)
		p[i] = (struct gp_dfa_pattern){.tree = gp_tree_parse(a, gp_str(patterns[i]), 0),
					       .group = i,
					       .limit = 100};
	gp_dfa_make(a, p, GP_ARRAY_SIZE(p), &dfas);
	assert_int_equal(dfas.len, GP_ARRAY_SIZE(patterns));
	for (unsigned i = 0; i < dfas.len; i++) {
		assert_int_equal(gp_dfa_group(dfas.items[i]), i);
		assert_int_equal(dfas.of[i], i);
		m[i] = gp_dfa_memory_new(dfas.items[i], GP_DFA_STATES_MAX);
	}
	bank = gp_dfa_bank_new(m, dfas.len);
	for (unsigned i = 0; i < dfas.len; i++) {
		char text[] = "--?0x--";

		text[2] = *patterns[i];
		assert_true(gp_dfa_bank_scan(bank, gp_str(text), count_pattern, &t.ends[i]));
		assert_int_equal(t.ends[i], 100 * (i + 1) + 5);
	}
	gp_dfa_bank_free(bank);
	for (unsigned i = 0; i < dfas.len; i++)
		gp_dfa_memory_free(m[i]);
	gp_arena_free(a);
}

/* What several patterns have reported: a sum for each. */
struct reports {
	size_t sums[GP_DFA_LANES_MAX], last, left;
};

static bool add_report(void *arg, unsigned pattern, size_t end)
{
	struct reports *r = arg;

	assert_true(end >= r->last);
	r->last = end;
	r->sums[pattern] = r->sums[pattern] * 31 + end;
	return --r->left > 0;
}

/* Alone and side by side, of any number: the same reports, also from states beyond those that the
 * bank has in its table, when memories forget, and when one is lost. */
static void a_bank_finds_the_same(void **state)
{
	static const char *const patterns[] = {"[q-][qx-]{9}j", "qx", "x[qj]x", "[q-][qx-]{13}j",
					       "jj", "q{4}", "[^q]x{3}", "j.x"};
	struct gp_dfa_memory *alone[GP_DFA_LANES_MAX], *m[GP_DFA_LANES_MAX];
	struct gp_arena *a = gp_arena_new(0);
	struct gp_dfa_pattern p[GP_DFA_LANES_MAX];
	struct gp_dfas dfas;
	bool was_lost = false;

	for (unsigned i = 0; i < GP_DFA_LANES_MAX; i++)
		p[i] = (struct gp_dfa_pattern){.tree = gp_tree_parse(a, gp_str(patterns[i]), 0),
					       .group = i,
					       .limit = 100};
	gp_dfa_make(a, p, GP_DFA_LANES_MAX, &dfas);
	assert_int_equal(dfas.len, GP_DFA_LANES_MAX);
	for (unsigned n = 1; n <= GP_DFA_LANES_MAX; n++) {
		struct gp_dfa_bank *bank;

		for (unsigned i = 0; i < n; i++) {
			alone[i] = gp_dfa_memory_new(dfas.items[i], 600);
			m[i] = gp_dfa_memory_new(dfas.items[i], 600);
		}
		bank = gp_dfa_bank_new(m, n);
		for (unsigned round = 0; round < 40; round++) {
			struct reports by_one = {.left = SIZE_MAX}, by_bank = {.left = SIZE_MAX};
			char text[3000];
			size_t len = random_below(2) ? 50 : random_below(sizeof(text));

			for (size_t i = 0; i < len; i++)
				text[i] = "qxqxqxj"[random_below(7)];
			assert_true(gp_dfa_bank_scan(bank, gp_str_n(text, len), add_report, &by_bank));
			for (unsigned i = 0; i < n; i++) {
				by_one.last = 0;
				assert_true(gp_dfa_scan(alone[i], gp_str_n(text, len), add_report,
							&by_one));
				assert_int_equal(gp_dfa_is_lost(m[i]), gp_dfa_is_lost(alone[i]));
				was_lost |= gp_dfa_is_lost(m[i]);
				assert_int_equal(by_one.sums[i], by_bank.sums[i]);
			}
		}
		gp_dfa_bank_free(bank);
		for (unsigned i = 0; i < n; i++) {
			gp_dfa_memory_free(alone[i]);
			gp_dfa_memory_free(m[i]);
		}
	}
	assert_true(was_lost);
	gp_arena_free(a);
}

/* Who is told something may say that it is enough. */
static void a_bank_stops(void **state)
{
	struct reports r = {.left = 2};
	struct gp_dfa_bank *bank;
	struct tried t;

	assert_true(try_pattern(&t, "/a[0o]x/"));
	bank = gp_dfa_bank_new(&t.memory, 1);
	assert_false(gp_dfa_bank_scan(bank, GP_STR("a0x aox a0x"), add_report, &r));
	assert_int_equal(r.last, 7);
	gp_dfa_bank_free(bank);
	done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_found),
		cmocka_unit_test(what_is_not_understood),
		cmocka_unit_test(no_match_is_missed),
		cmocka_unit_test(states_are_bounded),
		cmocka_unit_test(search_in_a_range),
		cmocka_unit_test(search_is_bounded),
		cmocka_unit_test(several),
		cmocka_unit_test(a_bank_finds_the_same),
		cmocka_unit_test(a_bank_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
