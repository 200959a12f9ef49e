/* Literals of patterns, and that searching by them finds what PCRE2 alone finds. */
#include "tests/unit/score/rule_fixture.h"

#include "lib/base/buf.h"
#include "lib/score/rule_literal.h"
#include "lib/score/rule_regex.h"

static const struct {
	const char *pattern;
	const char *literals; /* separated by spaces (a space itself as _); "" for none */
} table[] = {
	{"/money/", "money"},
	{"/Money/", "money"},
	{"/my/", ""},
	{"/a.money.b/", "money"},
	{"/abc\\d+longer/", "longer"},
	{"/(?:cheap|free) pills/", "cheap_pills free_pills"},
	{"/(?:cheap|free)\\s+pills/", "pills"},
	{"/cheap|free/", "cheap free"},
	{"/cheap|\\d\\d\\d/", ""},
	{"/cheap(?:er)?st/", "cheaperst cheapst"},
	{"/colou?r/", "colour color"},
	{"/col[ou]r/", "color colur"},
	{"/col[^u]rabc/", "rabc"},
	{"/col[a-z]rabc/", "rabc"},
	{"/x{3}abc/", "xabc"},
	{"/(?:abc){2,3}/", "abc"},
	{"/(?:abc){0,3}defg/", "defg"},
	{"/abc*defg/", "defg"},
	{"/abc+d/", "abc"},
	{"/ab+cde/", "bcde"},
	{"/(?:a|b)+cde/", "acde bcde"},
	{"/\\bword\\b/", "word"},
	{"/^start$/", "start"},
	{"/a(?i)BCD/", "abcd"},
	{"/a(?i:BCD)e/", "abcde"},
	{"/abc(?=def)ghi/", "abcghi"},
	{"/(?!nope)yes/", "yes"},
	{"/(?<!nope)yes/", "yes"},
	{"/(?<name>abc)def/", "abcdef"},
	{"/(?>abc)def/", "abcdef"},
	{"/(abc)\\1xyz/", "abc"},
	{"/a b c # d/x", "abc"},
	{"/(?x)abc d/", ""},
	{"/\\x41\\x42\\x43/", "abc"},
	{"/a\\.b\\@c/", "a.b@c"},
	{"/[[:alpha:]]xyz/", "xyz"},
	{"/[]x]abc/", "]abc xabc"},
	{"/[^]x]abc/", "abc"},
	{"/abc\\Q.\\Edef/", ""},
	{"/(?|abc|def)/", ""},
	{"/(?R)abc/", ""},
	{"/a{abc}/", "a{abc}"},
	{"/abc{,3}d/", ""},
	{"/abcd{ ,3 }efg/", "abc"},
	{"/(?:(?:a|b)(?:c|d)){1}(?:e|f)xyz/", "acexyz acfxyz adexyz adfxyz bcexyz bcfxyz bdexyz bdfxyz"},
	{"m{^https?://[^/]+\\.(?:cn|ru)$}", ".cn .ru"},
	{"m{^https?://\\d}", "https:// http://"},
	{"/\\xd0[\\xb0\\xb1]x?/", "\xd0\xb0x \xd0\xb0 \xd0\xb1x \xd0\xb1"},
	{"/[abcdef][abcdef][abcdef]/", ""},
	{"/abc|/", ""},
	{"/|abc/", ""},
	{"/(|gif)/", ""},
	{"/(?:|abc)defg/", "defg abcdefg"},
	{"/(?:abc||de)fgh/", "abcfgh fgh defgh"},
	{"/(?:)/", ""},
};

static void literals(void **state)
{
	struct gp_arena *a = gp_arena_new(0);

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct gp_regex re;
		struct gp_diag diag;
		GP_BUF_AUTO got = GP_BUF_INIT(4096);

		if (gp_regex_parse(a, gp_str(table[i].pattern), &re, &diag))
			fail_msg("%s: %s", table[i].pattern, diag.text);
		gp_regex_derive(a, &re);
		for (size_t k = 0; k < re.n_literals; k++) {
			if (k)
				gp_buf_add_chr(&got, ' ');
			for (size_t c = 0; c < re.literals[k].len; c++)
				gp_buf_add_chr(&got, re.literals[k].ptr[c] == ' '
							     ? '_'
							     : re.literals[k].ptr[c]);
		}
		if (strcmp(gp_buf_cstr(&got), table[i].literals) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", table[i].pattern, gp_buf_cstr(&got),
				 table[i].literals);
	}
	gp_arena_free(a);
}

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* A pattern from a small grammar, which now and then matches what random_text makes. */
static void random_pattern(struct gp_buf *out, unsigned depth)
{
	static const char *const atoms[] = {"a", "b", "c", "ab", "abc", "cab", ".", "[ab]", "[^a]", "\\b",
					    "\\w", "\\s", "bca", " ", "^", "$", "B", "(?i:C)", "[b-c]"};
	static const char *const quantifiers[] = {"", "", "", "", "?", "*", "+", "{2}", "{0,2}",
						  "{1,}", "+?", "*?"};
	unsigned n = depth ? random_below(5) : 1 + random_below(4); /* inner ones may be empty */

	for (unsigned i = 0; i < n; i++) {
		const char *atom = atoms[random_below(GP_ARRAY_SIZE(atoms))];

		if (depth < 3 && random_below(4) == 0) {
			gp_buf_add_cstr(out, random_below(4) ? "(?:" : "(");
			if (random_below(8) == 0)
				gp_buf_add_chr(out, '|'); /* a first branch that is empty */
			random_pattern(out, depth + 1);
			while (random_below(3) == 0) {
				gp_buf_add_chr(out, '|');
				random_pattern(out, depth + 1);
			}
			gp_buf_add_chr(out, ')');
		} else {
			gp_buf_add_cstr(out, atom);
			if (*atom == '^' || *atom == '$' || strcmp(atom, "\\b") == 0)
				continue;
		}
		gp_buf_add_cstr(out, quantifiers[random_below(GP_ARRAY_SIZE(quantifiers))]);
	}
}

static void random_text(struct gp_buf *out)
{
	static const char letters[] = "aaabbbcccABC  \n";
	unsigned n = 1 + random_below(120);

	gp_buf_add_cstr(out, "Subject: ");
	for (unsigned i = 0; i < 5; i++)
		gp_buf_add_chr(out, "abcABC"[random_below(6)]);
	gp_buf_add_cstr(out, "\n\n");
	for (unsigned i = 0; i < n; i++)
		gp_buf_add_chr(out, letters[random_below(sizeof(letters) - 1)]);
	gp_buf_add_chr(out, '\n');
}

static const char *hits_of(struct fixture *f, struct gp_rule_set *set, struct gp_str mail,
			   bool *is_limited)
{
	f->set = set;
	fixture_message(f, mail);
	gp_rule_scan_finish(f->scan, &f->symbols);
	*is_limited = *is_limited || gp_rule_scan_stats(f->scan)->limited.len;
	return fixture_hits(f);
}

/* Many patterns over many messages: with and without vectorscan the same rules hit equally often,
 * until a pattern meets a limit: where it is not run at all it does not. */
static void equal_to_pcre_alone(void **state)
{
	static const char *const kinds[] = {"body", "rawbody", "header", "full"};
	unsigned compared = 0;

	for (unsigned round = 0; round < 80; round++) {
		GP_BUF_AUTO rules = GP_BUF_INIT(1 << 20);
		struct gp_rule_set *with, *without;
		bool is_limited = false;

		for (unsigned i = 0; i < 150; i++) {
			const char *kind = kinds[random_below(GP_ARRAY_SIZE(kinds))];

			gp_buf_printf(&rules, "%s R%u %s/", kind, i,
				      *kind == 'h' ? (i % 2 ? "Subject =~ " : "ALL =~ ") : "");
			random_pattern(&rules, 0);
			gp_buf_printf(&rules, "/%s\n%s", random_below(2) ? "i" : "", "");
			if (random_below(3) == 0)
				gp_buf_printf(&rules, "tflags R%u multiple\n", i);
		}
		gp_rule_set_load_text("t.cf", gp_buf_str(&rules), NULL, NULL, &with);
		gp_rule_set_load_text("t.cf", gp_buf_str(&rules),
				      &(struct gp_rule_options){.engine = GP_RULE_ENGINE_PCRE2}, NULL, &without);
		for (unsigned i = 0; i < 10 && !is_limited; i++) {
			GP_BUF_AUTO mail = GP_BUF_INIT(4096);
			struct fixture f = {.arena = gp_arena_new(0), .input = {.bayes = -1}};
			const char *a, *b;

			random_text(&mail);
			a = hits_of(&f, with, gp_buf_str(&mail), &is_limited);
			b = hits_of(&f, without, gp_buf_str(&mail), &is_limited);
			compared += !is_limited;
			if (!is_limited && strcmp(a, b) != 0)
				fail_msg("%s\n%s\n%s\n%s", gp_buf_cstr(&rules), gp_buf_cstr(&mail),
					 a, b);
			gp_arena_free(f.arena);
		}
		gp_rule_set_unref(with);
		gp_rule_set_unref(without);
	}
	assert_true(compared >= 200);
}

/* What vectorscan 5.4.9 loses when it is given the pattern itself. */
static void more_than_64_states(void **state)
{
	struct fixture f;

	fixture_load(&f, "body R /%\\s(?:\\w+\\s)?(?:of the (?:total|sum|funds?|money|amount)|"
			 "will be (?:yours|set aside|mapped|for))/i\n");
	fixture_scan(&f, "Subject: s\n\nWe have agreed that 20% of the money will be for you.\n");
	assert_string_equal(fixture_hits(&f), "R");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals),
		cmocka_unit_test(equal_to_pcre_alone),
		cmocka_unit_test(more_than_64_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
