/* Languages: sequences of a text, models, guesses, and what rules see of them. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/score/language.h"
#include "lib/score/language_ngram.h"
#include "lib/score/language_text.h"
#include "lib/score/rule_field.h"
#include "tests/unit/score/rule_fixture.h"

#define PLUGIN "loadplugin Mail::SpamAssassin::Plugin::TextCat\n"

/* The sequences of a text with a blank behind each, their NUL as '|'. */
static const char *list_of(struct gp_arena *a, struct gp_str text, size_t max, unsigned above)
{
	GP_BUF_AUTO out = GP_BUF_INIT(4000);
	uint64_t *keys;
	size_t n = gp_ngram_list(a, text, max, above, &keys);

	for (size_t i = 0; i < n; i++) {
		for (unsigned k = 0; k < (keys[i] & 255); k++) {
			char c = (char)(keys[i] >> (40 - 8 * k) & 255);

			gp_buf_add_chr(&out, c ? c : '|');
		}
		gp_buf_add_chr(&out, ' ');
	}
	return gp_arena_cstr(a, gp_buf_str(&out));
}

static void sequences(void **state)
{
	static const struct {
		struct gp_str text;
		size_t max;
		unsigned above;
		const char *list;
	} table[] = {
		{GP_STR(""), 99, 0, ""},
		{GP_STR(" 12-34 ?! {}"), 99, 0, ""},
		{GP_STR("a"), 99, 0, "| |a |a| a a| "},
		{GP_STR("a b"), 1, 0, "| "},
		{GP_STR("ab,ab"), 99, 1, "| |a |ab |ab| a ab ab| b b| "},
		{GP_STR("a.b_a"), 99, 1, "| |a |a| a a| "}, /* words end at punctuation */
		{GP_STR("bbbb bb"), 3, 0, "b | bb "},
		{GP_STR("'\x01\x7f"), 4, 0, "| |' |'\x01 |'\x01\x7f "},
		{GP_STR("abcdef"), 0, 0, ""},
		/* Capitals stay where there are no four letters in a row, else they go, and those of
		 * ISO 8859-1 with them. */
		{GP_STR("NaN"), 3, 0, "| N |N "},
		{GP_STR("NONON"), 3, 0, "n | no "},
		{GP_STR("BBB\xc4"), 2, 0, "b | "},
		{GP_STR("\xc4\xc4\xc4\xc4"), 1, 0, "\xc4 "},
		{GP_STR("A\xc4\xc4\xc4\xc4"), 1, 0, "\xe4 "},
		{GP_STR("A\xd7\xd7\xd7\xd7"), 1, 0, "\xd7 "},
	};
	struct gp_arena *a = gp_arena_new(0);

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++)
		assert_string_equal(list_of(a, table[i].text, table[i].max, table[i].above),
				    table[i].list);
	gp_arena_free(a);
}

/* They compare as the bytes do, shorter ones first. */
static void keys_in_order(void **state)
{
	static const struct gp_str ordered[] = {GP_STR("\0"), GP_STR("\0\0"), GP_STR("a"), GP_STR("a\0"),
						GP_STR("aaaaa"), GP_STR("ab"), GP_STR("\xff")};

	for (size_t i = 1; i < GP_ARRAY_SIZE(ordered); i++)
		assert_true(gp_ngram_key(ordered[i - 1]) < gp_ngram_key(ordered[i]));
}

static void text_without_links(void **state)
{
	static const struct {
		const char *text, *left;
	} table[] = {
		{"", ""},
		{"plain words", "plain words"},
		{"Re: Fwd:AW:\n  hello: there", "there"}, /* a word and a colon, whatever it says */
		{"Re : no", "Re : no"},
		{"x: no", "x: no"},
		{"abcdefghijklm: no", "abcdefghijklm: no"},
		{"a: b http://example.com/x c", "a: b   c"},
		{"see(https://example.com) c", "see(  c"},
		{"xhttps%3A%2F%2Fexample.com c", "x  c"},
		{"1 http:&#x2F;&#x2F;e c", "1   c"},
		{"1 http:// c HTTP://e httpx://e", "1 http:// c HTTP://e httpx://e"},
		{"http://example.com c", "//example.com c"}, /* that word again */
		{"write joe@example.com now", "write   now"},
		{"@joe joe@ joe@e a@1b", "@joe joe@ joe@e a@1b"},
		{"a@bc", " "},
		{"joe@x@example.com", " "},
		{"at www.example.com c", "at   c"},
		{"awww.example.com www. c", "awww.example.com www. c"},
		{"(www.example.com c", "(  c"},
		{"www.example.com/joe@example.com", " "},
		{"one\n\ntwo", "one\n\ntwo"},
	};
	struct gp_arena *a = gp_arena_new(0);

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct gp_str left = gp_language_text(a, gp_str(table[i].text));

		if (!gp_str_eq(left, gp_str(table[i].left)))
			fail_msg("%s: \"%.*s\"", table[i].text, GP_STR_FMT(left));
	}
	gp_arena_free(a);
}

/* How much of a link goes, and where the text ends. */
static void bounds_of_text(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	size_t n = 3 * GP_LANGUAGE_TEXT_MAX;
	char *text = gp_arena_alloc(a, n);

	memset(text, 'x', n);
	assert_int_equal(gp_language_text(a, gp_str_n(text, n)).len, GP_LANGUAGE_TEXT_MAX);
	memcpy(text, " http://", 8);
	assert_int_equal(gp_language_text(a, gp_str_n(text, 2000)).len, 2 + 2000 - 8 - 1024);
	text[0] = 'x';
	memcpy(text, "xxxwww.x", 8);
	assert_int_equal(gp_language_text(a, gp_str_n(text + 3, 2000)).len, 1 + 2000 - 4 - 128);
	memcpy(text, "xxxxxxx", 7);
	text[100] = '@';
	assert_int_equal(gp_language_text(a, gp_str_n(text, 2000)).len, 36 + 1 + 2000 - 102 - 128);
	gp_arena_free(a);
}

static void malformed_models(void **state)
{
	static const struct {
		struct gp_str text;
		const char *reason;
	} table[] = {
		{GP_STR(""), "there is no model in it"},
		{GP_STR("a\nb\n0 \n"), "there is no model in it"},
		{GP_STR("a\n0 .x\n"), "line 2: malformed name of a language"},
		{GP_STR("a\n0 en\nb\n0 a b\n"), "line 4: malformed name of a language"},
		{GP_STR("0 en\0\n"), "line 1: malformed name of a language"},
		{GP_STR("0 en\r\n"), "line 1: malformed name of a language"},
		{GP_STR("0 abcdefghijklmnopqrstuvwxy\n"), "line 1: malformed name of a language"},
	};
	struct gp_arena *a = gp_arena_new(0);
	GP_BUF_AUTO many = GP_BUF_INIT(GP_MAX_LANGUAGE_FILE);
	struct gp_language_models *m = NULL;
	struct gp_diag diag;

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		assert_int_equal(gp_language_models_parse(table[i].text, a, &m, &diag), GP_EINVAL);
		assert_string_equal(diag.text, table[i].reason);
		assert_null(m);
	}
	for (unsigned i = 0; i <= GP_MAX_LANGUAGES; i++)
		gp_buf_printf(&many, "0 l%u\n", i);
	assert_int_equal(gp_language_models_parse(gp_buf_str(&many), a, &m, &diag), GP_ELIMIT);
	assert_null(m);
	gp_arena_free(a);
}

/* The names and results of a guess over these models. */
static const char *guess(struct gp_arena *a, struct gp_str models, const char *skipped,
			 struct gp_language_settings settings, const char *text)
{
	struct gp_language_models *m;
	struct gp_language_guess g;

	assert_int_equal(gp_language_models_parse(models, a, &m, NULL), GP_OK);
	for (size_t i = 0; i < m->languages.len; i++)
		m->languages.items[i].is_skipped = gp_str_eq(m->languages.items[i].code, gp_str(skipped));
	gp_language_guess(m, &settings, a, gp_str(text), &g);
	return gp_arena_printf(a, "%u [%.*s] %.*s", g.n, GP_STR_FMT(g.names), GP_STR_FMT(g.results));
}

static void guesses(void **state)
{
	/* The text "a" has the list NUL, NUL a, NUL a NUL, a, a NUL. */
	static const struct gp_str models = GP_STR("a\n\0\n0 aa\nb\nlonger\n\na\n0 bb\n0 cc.x\nrest\n");
	static const struct gp_str twice = GP_STR("\0\n0 de\nb\n0 fr\na\n0 de.utf8\n0 ab.utf8\n");
	static const struct gp_str repeated = GP_STR("a\nb\nb\na\n0 aa\nb\na\n0 bb\n");
	struct gp_language_settings s = {.ngrams_max = 10, .acceptable = 1.02, .languages_max = 3};
	struct gp_arena *a = gp_arena_new(0);

	/* 50 less 2 × 10, and |2 - 0| + |1 - 3|; of bb |4 - 3| for 10. */
	assert_string_equal(guess(a, models, "", s, "a"), "1 [aa] aa:34(1.00) bb:41(1.21) cc.x:50(1.47)");
	assert_string_equal(guess(a, models, "aa", s, "a"), "1 [bb] bb:41(1.00) cc.x:50(1.22)");
	assert_string_equal(guess(a, models, "", s, "1 2"), "0 [] ");
	/* Of two models of one name the nearer one: |1 - 0| for 10, not |1 - 3|. */
	assert_string_equal(guess(a, twice, "", s, "a"), "1 [de] de:41(1.00) fr:50(1.22) ab:50(1.22)");
	assert_string_equal(guess(a, twice, "de", s, "a"), "2 [fr ab] fr:50(1.00) ab:50(1.00)");
	s.languages_max = 1;
	assert_string_equal(guess(a, twice, "de", s, "a"), "0 [] fr:50(1.00) ab:50(1.00)");
	s.languages_max = 3;
	s.acceptable = 1.25;
	assert_string_equal(guess(a, twice, "", s, "a"), "3 [de fr ab] de:41(1.00) fr:50(1.22) ab:50(1.22)");
	/* What a model has twice stands where it stood last; as good as the best is not good enough. */
	s.acceptable = 1;
	assert_string_equal(guess(a, repeated, "", s, "a"), "1 [aa] aa:41(1.00) bb:41(1.00)");
	s.ngrams_max = 0;
	assert_string_equal(guess(a, models, "", s, "a"), "0 [] ");
	gp_arena_free(a);
}

static void write_file(const char *folder, const char *name, struct gp_str text)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(gp_file_replace(path, text.ptr, text.len, 0600, NULL), GP_OK);
}

static void remove_file(const char *folder, const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

/* Loads a folder with these rules and models (NULL: none). */
static void load_folder(struct fixture *f, const char *rules, const struct gp_str *models)
{
	char folder[] = "/tmp/gp_language_XXXXXX";
	const char *paths[] = {folder};

	*f = (struct fixture){.arena = gp_arena_new(0), .input = {.bayes = -1}};
	gp_rule_report_init(&f->report);
	assert_non_null(mkdtemp(folder));
	write_file(folder, "10.cf", gp_str(rules));
	if (models)
		write_file(folder, "languages", *models);
	assert_int_equal(gp_rule_set_load(paths, 1, NULL, &f->report, &f->set, NULL), GP_OK);
	remove_file(folder, "10.cf");
	remove_file(folder, "languages");
	rmdir(folder);
}

/* "xyz" is of the language xx, "lmn" of yy. */
static const struct gp_str two_models = GP_STR("x\ny\nz\nxyz\n0 xx.utf8\nl\nm\nn\nlmn\n0 yy\n");

/* A mail of 300 such words. */
static const char *mail_of(struct gp_arena *a, const char *word)
{
	GP_BUF_AUTO b = GP_BUF_INIT(10000);

	gp_buf_add_cstr(&b, "Subject: Re: s\n\n");
	for (unsigned i = 0; i < 300; i++)
		gp_buf_printf(&b, "%s ", word);
	return gp_arena_cstr(a, gp_buf_str(&b));
}

static void rules_see_the_guess(void **state)
{
	static const char rules[] =
		PLUGIN "ok_languages xx\ntextcat_max_languages 1\nbody OTHER eval:check_language()\n"
		"header XX X-Languages =~ /^xx$/\nheader YY x-languages =~ /\\Ayy\\z/\n"
		"header NONE X-Languages =~ /^$/\nheader HAS exists:X-Languages\n"
		"header LONG X-Languages-Length =~ /^12\\d\\d$/\nheader ADDR X-Languages:addr =~ /./\n"
		"header ABC ABC =~ /^(?<ABC>abc)/\nheader TAG ABC =~ /%{LANGUAGES}/\n";
	static const struct {
		const char *word, *hits;
	} table[] = {
		{"xyz", "XX HAS LONG"},
		{"lmn", "OTHER YY HAS LONG TAG"},
		{"1-2", "NONE HAS LONG"},
	};
	struct fixture f;

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		load_folder(&f, rules, &two_models);
		assert_string_equal(fixture_problem(&f, GP_RULE_INERT), "");
		fixture_scan(&f, gp_arena_printf(f.arena, "ABC: yy\n%s", mail_of(f.arena, table[i].word)));
		assert_string_equal(fixture_hits(&f), table[i].hits);
		fixture_done(&f);
	}
	load_folder(&f, rules, &two_models);
	fixture_scan(&f, "Subject: short\n\nxyz xyz\n");
	assert_string_equal(fixture_hits(&f), "NONE HAS");
	fixture_done(&f);
	load_folder(&f, rules, &two_models); /* a header of that name comes first */
	fixture_scan(&f, gp_arena_printf(f.arena, "X-Languages: yy\n%s", mail_of(f.arena, "xyz")));
	assert_string_equal(fixture_hits(&f), "HAS LONG");
	fixture_done(&f);
}

/* What other plugins note is read as before. */
static void other_notes(void **state)
{
	struct gp_relay_path relays = {.asn = GP_STR("7")};
	struct fixture f;

	load_folder(&f, PLUGIN "header R X-Languages =~ /./\n", &two_models);
	f.input.message = gp_message_parse(f.arena, NULL, GP_STR("Subject: x\n\ny\n"));
	assert_str(gp_field_read(GP_STR("X-ASN"), f.set, &f.input, &relays, f.arena), "7");
	assert_null(gp_field_read(GP_STR("X-Languages"), f.set, &f.input, &relays, f.arena).ptr);
	gp_message_note(f.input.message, GP_STR("X-Languages"), GP_STR(""));
	assert_non_null(gp_field_read(GP_STR("X-Languages"), f.set, &f.input, &relays, f.arena).ptr);
	fixture_done(&f);
}

/* Which languages are all right, and which are looked for at all. */
static void wanted_languages(void **state)
{
	static const struct {
		const char *settings, *word;
		bool hits;
	} table[] = {
		{"", "xyz", false},
		{"ok_languages all", "xyz", false},
		{"ok_languages en all", "xyz", false},
		{"ok_languages en", "xyz", true},
		{"ok_languages xx yy", "xyz", false},
		{"ok_languages xx\nok_languages en", "xyz", true},
		{"ok_languages en\ninactive_languages xx yy", "xyz", false}, /* none is left: no guess */
		{"ok_languages yy\ninactive_languages xx", "xyz", false},    /* nor is it xx */
		{"ok_languages en\ntextcat_max_languages 0", "xyz", false},
		{"ok_languages en\ntextcat_acceptable_score 9\ntextcat_max_languages 1", "xyz", false},
		{"ok_languages en\ntextcat_optimal_ngrams 1000", "xyz", false},
		{"ok_languages en\ntextcat_max_ngrams 0", "xyz", false},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct gp_arena *a = gp_arena_new(0);
		struct fixture f;

		load_folder(&f, gp_arena_printf(a, PLUGIN "%s\nbody R eval:check_language()\n", table[i].settings),
			    &two_models);
		assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
		fixture_scan(&f, mail_of(a, table[i].word));
		if ((gp_rule_scan_hits(f.scan, "R") != 0) != table[i].hits)
			fail_msg("%s: %s", table[i].settings, table[i].hits ? "missed" : "hit");
		fixture_done(&f);
		gp_arena_free(a);
	}
}

/* Scots is English as long as there is little text. */
static void scots(void **state)
{
	static const struct gp_str models = GP_STR("x\ny\nz\nxyz\n0 sco\nl\nm\nn\nlmn\n0 yy\n");
	struct fixture f;

	for (unsigned is_long = 0; is_long < 2; is_long++) {
		GP_BUF_AUTO b = GP_BUF_INIT(10000);

		load_folder(&f, PLUGIN "ok_languages en\ninactive_languages yy\nbody R eval:check_language()\n",
			    &models);
		gp_buf_add_cstr(&b, "Subject: s\n\n");
		for (unsigned i = 0; i < (is_long ? 300 : 200); i++)
			gp_buf_add_cstr(&b, "xyz ");
		fixture_scan(&f, gp_arena_cstr(f.arena, gp_buf_str(&b)));
		assert_string_equal(fixture_hits(&f), is_long ? "R" : "");
		fixture_done(&f);
	}
}

static void eight_bit_runs(void **state)
{
	static const struct {
		const char *wanted, *text;
		bool hits;
	} table[] = {
		{"en", "abc \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 def", true},
		{"en", "abc \xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xa4 def", false},
		{"en de", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", true},
		{"en ru", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", false},
		{"all", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", false},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct gp_arena *a = gp_arena_new(0);
		struct fixture f;

		load_folder(&f, gp_arena_printf(a, PLUGIN "ok_languages %s\nbody R eval:check_body_8bits()\n",
						table[i].wanted), NULL);
		fixture_scan(&f, gp_arena_printf(a, "Content-Type: text/plain; charset=utf-8\n\n%s\n",
						 table[i].text));
		if ((gp_rule_scan_hits(f.scan, "R") != 0) != table[i].hits)
			fail_msg("%zu: %s", i, table[i].hits ? "missed" : "hit");
		fixture_done(&f);
		gp_arena_free(a);
	}
}

/* Models are read only where something asks for them: others may be malformed. */
static void when_it_runs(void **state)
{
	static const struct gp_str malformed = GP_STR("a\nb\n");
	static const char reason[] = "there is no model in it";
	static const struct {
		const char *rules;
		enum gp_rule_problem_kind kind;
		const char *problem; /* its end */
	} table[] = {
		{"body R eval:check_language()", GP_RULE_INERT,
		 "1 R: check_language() wants loadplugin Mail::SpamAssassin::Plugin::TextCat"},
		{"body R eval:check_body_8bits()", GP_RULE_INERT,
		 "1 R: check_body_8bits() wants loadplugin Mail::SpamAssassin::Plugin::TextCat"},
		{PLUGIN "body R eval:check_language()", GP_RULE_INERT, ""}, /* all are all right */
		{PLUGIN "header R Subject =~ /x/", GP_RULE_WARNING, ""},
		{PLUGIN "ok_languages en\nbody R eval:check_language()", GP_RULE_INERT, reason},
		{PLUGIN "header R X-Languages =~ /x/", GP_RULE_WARNING, reason},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct gp_str problem, end = gp_str(table[i].problem);
		struct fixture f;

		load_folder(&f, table[i].rules, &malformed);
		problem = gp_str(fixture_problem(&f, table[i].kind));
		if (!gp_str_iends(problem, end) || (problem.len && !end.len))
			fail_msg("%s: \"%.*s\"", table[i].rules, GP_STR_FMT(problem));
		fixture_scan(&f, "Subject: y\n\nz\n");
		assert_string_equal(fixture_hits(&f), "");
		fixture_done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences),
		cmocka_unit_test(keys_in_order),
		cmocka_unit_test(text_without_links),
		cmocka_unit_test(bounds_of_text),
		cmocka_unit_test(malformed_models),
		cmocka_unit_test(guesses),
		cmocka_unit_test(rules_see_the_guess),
		cmocka_unit_test(other_notes),
		cmocka_unit_test(wanted_languages),
		cmocka_unit_test(scots),
		cmocka_unit_test(eight_bit_runs),
		cmocka_unit_test(when_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
