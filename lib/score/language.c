/*
 * Models, and how far a text is from each: for every sequence of the text's list how far its place
 * is from that in the model, or the list's greatest length where the model lacks it.
 */
#include "lib/score/language.h"

#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/score/language_ngram.h"

#define RESULTS_MAX 20
#define TEXT_OUT_MAX 4096 /* of names, or of results */

struct parser {
	struct gp_arena *a;
	struct gp_language_models *m;
	GP_VEC(struct gp_language_rank) ranks;
	uint32_t rank;
	unsigned line;
	struct gp_diag *diag;
};

struct distance {
	int64_t value;
	size_t language;
};

static bool is_name(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!gp_is_alnum(s.ptr[i]) &&
		    (i == 0 || gp_str_find_chr(GP_STR("._-"), s.ptr[i], 0) == 3))
			return false;
	return s.len && s.len <= GP_LANGUAGE_NAME_MAX;
}

/* "0 NAME": what stood before it was that model. */
static int end_model(struct parser *p, struct gp_str name)
{
	struct gp_language_models *m = p->m;
	struct gp_language l = {.first = m->languages.len};
	size_t utf8 = gp_str_find(name, GP_STR(".utf8"), 0);

	if (!is_name(name)) {
		gp_diag_set(p->diag, "line %u: malformed name of a language", p->line);
		return GP_EINVAL;
	}
	if (m->languages.len == GP_MAX_LANGUAGES) {
		gp_diag_set(p->diag, "line %u: more than %u models", p->line, GP_MAX_LANGUAGES);
		return GP_ELIMIT;
	}
	name = gp_arena_str(p->a, name);
	l.code = gp_str_sub(name, 0, gp_str_find_chr(name, '.', 0));
	l.name = utf8 < name.len ? l.code : name;
	for (size_t i = m->languages.len; i; i--)
		if (gp_str_eq(m->languages.items[i - 1].name, l.name))
			l.first = i - 1;
	*gp_vec_push(p->a, &m->languages) = l;
	p->rank = 0;
	return GP_OK;
}

static int parse_line(struct parser *p, struct gp_str line)
{
	p->line++;
	if (gp_str_starts(line, GP_STR("0 ")) && line.len > 2)
		return end_model(p, gp_str_sub(line, 2, SIZE_MAX));
	p->rank++;
	if (line.len && line.len <= GP_NGRAM_LEN_MAX) /* longer ones never stand in a text's list */
		*gp_vec_push(p->a, &p->ranks) = (struct gp_language_rank){
			.key = gp_ngram_key(line), .language = (uint32_t)p->m->languages.len, .rank = p->rank};
	return GP_OK;
}

/* By key, then by language, then the last one first. */
static int compare_ranks(const void *a, const void *b)
{
	const struct gp_language_rank *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	if (x->language != y->language)
		return x->language < y->language ? -1 : 1;
	return (x->rank < y->rank) - (x->rank > y->rank);
}

/* Those of models that have an end, each sequence once a model: the last one counts. */
static void take_ranks(struct parser *p, struct gp_arena *a)
{
	size_t n = 0;

	if (p->ranks.len)
		qsort(p->ranks.items, p->ranks.len, sizeof(*p->ranks.items), compare_ranks);
	for (size_t i = 0; i < p->ranks.len; i++) {
		const struct gp_language_rank *r = &p->ranks.items[i];

		if (r->language >= p->m->languages.len ||
		    (n && r->key == p->ranks.items[n - 1].key &&
		     r->language == p->ranks.items[n - 1].language))
			continue;
		p->ranks.items[n++] = *r;
	}
	p->m->n_ranks = n;
	if (n)
		p->m->ranks = gp_arena_dup(a, p->ranks.items, n * sizeof(*p->ranks.items));
}

static struct gp_language_models *copy_models(struct gp_arena *a, const struct gp_language_models *m)
{
	struct gp_language_models *copy = GP_ARENA_NEW(a, struct gp_language_models);

	for (size_t i = 0; i < m->languages.len; i++) {
		struct gp_language *l = gp_vec_push(a, &copy->languages);

		*l = m->languages.items[i];
		l->name = gp_arena_str(a, l->name);
		l->code = gp_arena_str(a, l->code);
	}
	return copy;
}

int gp_language_models_parse(struct gp_str text, struct gp_arena *a,
			     struct gp_language_models **ret, struct gp_diag *diag)
{
	struct gp_arena *scratch = gp_arena_new(1u << 20);
	struct gp_language_models m = {0};
	struct parser p = {.a = scratch, .m = &m, .diag = diag};
	struct gp_str line;
	int r = GP_OK;

	while (r == GP_OK && gp_str_next(&text, '\n', &line))
		r = parse_line(&p, line);
	if (r == GP_OK && m.languages.len == 0) {
		gp_diag_set(diag, "there is no model in it");
		r = GP_EINVAL;
	}
	if (r == GP_OK) {
		p.m = *ret = copy_models(a, &m);
		take_ranks(&p, a);
	}
	gp_arena_free(scratch);
	return r;
}

/* The first rank of that key, or where it would stand. */
static size_t find_key(const struct gp_language_models *m, uint64_t key)
{
	size_t low = 0, high = m->n_ranks;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->ranks[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The nearer first; equal ones in the order of the file. */
static int compare_distances(const void *a, const void *b)
{
	const struct distance *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->language > y->language) - (x->language < y->language);
}

/* Of each name the nearest model, sorted; their number. */
static size_t measure(const struct gp_language_models *m, const uint64_t *keys, size_t n,
		      unsigned missing, struct distance *d)
{
	size_t names = 0;

	for (size_t i = 0; i < m->languages.len; i++)
		d[i] = (struct distance){.value = (int64_t)n * missing, .language = i};
	for (size_t i = 0; i < n; i++)
		for (size_t k = find_key(m, keys[i]); k < m->n_ranks && m->ranks[k].key == keys[i]; k++)
			d[m->ranks[k].language].value += llabs((int64_t)m->ranks[k].rank - (int64_t)i) -
							 (int64_t)missing;
	for (size_t i = m->languages.len; i-- > 0;) { /* first <= i */
		struct distance *first = &d[m->languages.items[i].first];

		if (!m->languages.items[i].is_skipped && d[i].value < first->value)
			first->value = d[i].value;
	}
	for (size_t i = 0; i < m->languages.len; i++)
		if (!m->languages.items[i].is_skipped && m->languages.items[i].first == i)
			d[names++] = d[i];
	qsort(d, names, sizeof(*d), compare_distances);
	return names;
}

static struct gp_str format_results(const struct gp_language_models *m, const struct distance *d,
				    size_t n, struct gp_arena *a)
{
	GP_BUF_AUTO out = GP_BUF_INIT(TEXT_OUT_MAX);

	for (size_t i = 0; i < n && i < RESULTS_MAX; i++) {
		gp_buf_printf(&out, "%s%.*s:%lld", i ? " " : "",
			      GP_STR_FMT(m->languages.items[d[i].language].name), (long long)d[i].value);
		if (d[0].value)
			gp_buf_printf(&out, "(%.2f)", (double)d[i].value / (double)d[0].value);
		else
			gp_buf_add_cstr(&out, "(unknown)");
	}
	return gp_arena_str(a, gp_buf_str(&out));
}

void gp_language_guess(const struct gp_language_models *m, const struct gp_language_settings *s,
		       struct gp_arena *a, struct gp_str text, struct gp_language_guess *ret)
{
	struct distance *d = GP_ARENA_NEW_N(a, m->languages.len + 1, struct distance);
	GP_BUF_AUTO names = GP_BUF_INIT(TEXT_OUT_MAX);
	uint64_t *keys;
	size_t n_keys = gp_ngram_list(a, text, s->ngrams_max, s->ngrams_above, &keys);
	size_t n = measure(m, keys, n_keys, s->ngrams_max, d), good = n > 0;

	*ret = (struct gp_language_guess){0};
	if (n_keys == 0) /* as far from one as from the other */
		return;
	ret->results = format_results(m, d, n, a);
	while (good < n && (double)d[good].value < s->acceptable * (double)d[0].value)
		good++;
	if (good == 0 || (double)good > s->languages_max)
		return;
	for (size_t i = 0; i < good; i++)
		gp_buf_printf(&names, "%s%.*s", i ? " " : "",
			      GP_STR_FMT(m->languages.items[d[i].language].name));
	ret->names = gp_arena_str(a, gp_buf_str(&names));
	ret->n = (unsigned)good;
}
