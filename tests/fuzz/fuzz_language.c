/*
 * A file of language models, and behind a line "=" a text.  Models that are taken are in order, of
 * languages with names, each sequence once a language; a guess names as many as it says, none of
 * those left out, and is the same again; a text loses what looks like links and gains nothing.
 */
#include "lib/score/language.h"
#include "lib/score/language_text.h"
#include "tests/fuzz/fuzz.h"

static void check_models(const struct gp_language_models *m)
{
	FUZZ_CHECK(m->languages.len > 0);
	for (size_t i = 0; i < m->languages.len; i++) {
		const struct gp_language *l = &m->languages.items[i];

		FUZZ_CHECK(l->name.len > 0 && l->name.len <= GP_LANGUAGE_NAME_MAX && l->code.len > 0);
		FUZZ_CHECK(l->first <= i && gp_str_eq(m->languages.items[l->first].name, l->name));
	}
	for (size_t i = 0; i < m->n_ranks; i++) {
		const struct gp_language_rank *r = &m->ranks[i];

		FUZZ_CHECK(r->language < m->languages.len && r->rank > 0);
		FUZZ_CHECK(i == 0 || r[-1].key < r->key ||
			   (r[-1].key == r->key && r[-1].language < r->language));
	}
}

static void check_guess(const struct gp_language_models *m, struct gp_arena *a, struct gp_str text)
{
	static const struct gp_language_settings settings[] = {
		{400, 0, 1.02, 3}, {10, 1, 2, 1000}, {0, 0, 1, 1}};

	for (size_t i = 0; i < GP_ARRAY_SIZE(settings); i++) {
		struct gp_language_guess one, two;
		struct gp_str rest, word;
		unsigned n = 0;

		gp_language_guess(m, &settings[i], a, text, &one);
		gp_language_guess(m, &settings[i], a, text, &two);
		FUZZ_CHECK(gp_str_eq(one.names, two.names) && gp_str_eq(one.results, two.results));
		for (rest = one.names; gp_str_next_word(&rest, &word); n++)
			FUZZ_CHECK(!gp_str_eq(word, m->languages.items[0].name));
		FUZZ_CHECK(n == one.n && n <= settings[i].languages_max);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_str all = gp_str_n(data, size), text, left;
	size_t end = gp_str_find(all, GP_STR("\n=\n"), 0);
	struct gp_language_models *m = NULL;

	text = gp_str_sub(all, end + 3, SIZE_MAX);
	left = gp_language_text(a, text);
	FUZZ_CHECK(left.len <= text.len && left.len <= GP_LANGUAGE_TEXT_MAX);
	FUZZ_CHECK(gp_str_find(left, GP_STR("http://a"), 0) == left.len);
	if (gp_language_models_parse(gp_str_sub(all, 0, end), a, &m, NULL) == GP_OK) {
		check_models(m);
		for (size_t i = 0; i < m->languages.len; i++)
			m->languages.items[i].is_skipped = m->languages.items[i].first == 0;
		check_guess(m, a, left);
	} else {
		FUZZ_CHECK(m == NULL);
	}
	gp_arena_free(a);
	return 0;
}
