/*
 * Whether an automaton helps is counted, not guessed: of the first texts that
 * it reads it must rule out half.
 */
#include "lib/score/rule_sieve.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/score/rule_dfa_search.h"

/* Where a match may begin at no more bytes before the place found, PCRE2 is as quick. */
#define LEAD_QUICK 64u
/* Texts after which an automaton is judged. */
#define TRIAL 64
/* States of all automata together, a few hundred bytes each; with more they begin anew. */
#define STATES_SUM 60000

struct gp_sieve_store {
	pthread_mutex_t lock; /* held while one is made */
	struct gp_arena *arena;
	_Atomic(const struct gp_dfa *) *dfas; /* by rule */
	const struct gp_dfa *none;	      /* stands where a pattern has none */
};

struct entry {
	struct gp_dfa_search *search; /* NULL: none (yet, or any more) */
	unsigned char vain; /* to GP_SIEVE_VAIN_MIN */
	unsigned texts, ruled_out; /* to TRIAL */
};

struct gp_sieve {
	struct gp_sieve_store *store;
	size_t n_rules;
	unsigned n_states; /* of all automata */
	struct entry entries[]; /* by rule */
};

static void store_free(void *store)
{
	struct gp_sieve_store *s = store;

	pthread_mutex_destroy(&s->lock);
	gp_arena_free(s->arena);
}

static bool is_slow(const struct gp_rule *r)
{
	bool has_calls = gp_str_find(r->regex.text, GP_STR("(?&"), 0) < r->regex.text.len;

	return has_calls || (r->type == GP_RULE_BODY && r->regex.lead > LEAD_QUICK);
}

void gp_sieve_prepare(struct gp_rule_set *set)
{
	struct gp_sieve_store *s = GP_ARENA_NEW(set->arena, struct gp_sieve_store);

	pthread_mutex_init(&s->lock, NULL);
	s->arena = gp_arena_new(0);
	s->none = gp_arena_alloc(set->arena, 1);
	s->dfas = gp_arena_zalloc_n(set->arena, set->rules.len + 1, sizeof(*s->dfas));
	gp_arena_on_end(set->arena, store_free, s);
	set->sieves = s;
	for (size_t i = 0; i < set->rules.len; i++) {
		struct gp_rule *r = set->rules.items[i];

		r->may_sift = r->type < GP_RULE_TARGETS && !r->is_exists && !r->inert &&
			      !r->template && is_slow(r);
	}
}

struct gp_sieve *gp_sieve_new(const struct gp_rule_set *set)
{
	size_t n = set->rules.len;
	struct gp_sieve *s = gp_xcalloc(1, sizeof(*s) + n * sizeof(*s->entries));

	s->store = set->sieves;
	s->n_rules = n;
	return s;
}

void gp_sieve_free(struct gp_sieve *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_rules; i++)
		gp_dfa_search_free(s->entries[i].search);
	free(s);
}

static const struct gp_dfa *make(struct gp_sieve_store *s, const struct gp_rule *r)
{
	struct gp_arena *scratch = gp_arena_new(64u << 10);
	const struct gp_tree *tree = gp_tree_parse_lines(scratch, r->regex.text, r->regex.flags);
	const struct gp_dfa *d;

	if (!tree)
		tree = gp_tree_parse(scratch, r->regex.text, r->regex.flags);
	d = tree ? gp_dfa_make_search(s->arena, tree) : NULL;

	gp_arena_free(scratch);
	return d ? d : s->none;
}

/* The rule's automaton; NULL: it has none. */
static const struct gp_dfa *automaton_of(struct gp_sieve_store *s, const struct gp_rule *r)
{
	const struct gp_dfa *d = atomic_load_explicit(&s->dfas[r->index], memory_order_acquire);

	if (!d) {
		pthread_mutex_lock(&s->lock);
		d = atomic_load_explicit(&s->dfas[r->index], memory_order_relaxed);
		if (!d)
			d = make(s, r);
		atomic_store_explicit(&s->dfas[r->index], d, memory_order_release);
		pthread_mutex_unlock(&s->lock);
	}
	return d == s->none ? NULL : d;
}

static void give_up(struct gp_sieve *s, struct entry *e)
{
	s->n_states -= gp_dfa_search_states(e->search);
	gp_dfa_search_free(e->search);
	e->search = NULL;
}

void gp_sieve_note_vain(struct gp_sieve *s, const struct gp_rule *r)
{
	struct entry *e = &s->entries[r->index];
	const struct gp_dfa *d;

	if (e->vain >= GP_SIEVE_VAIN_MIN || ++e->vain < GP_SIEVE_VAIN_MIN)
		return;
	d = automaton_of(s->store, r);
	e->search = d ? gp_dfa_search_new(d) : NULL;
}

/* Back to where nothing has been tried. */
static void forget(struct gp_sieve *s)
{
	for (size_t i = 0; i < s->n_rules; i++) {
		gp_dfa_search_free(s->entries[i].search);
		s->entries[i] = (struct entry){0};
	}
	s->n_states = 0;
}

bool gp_sieve_lets_through(struct gp_sieve *s, const struct gp_rule *r, struct gp_str text,
			   size_t from, size_t to)
{
	struct entry *e = &s->entries[r->index];
	bool passes;

	if (!e->search)
		return true;
	s->n_states -= gp_dfa_search_states(e->search);
	passes = gp_dfa_search_finds(e->search, text, from, to);
	s->n_states += gp_dfa_search_states(e->search);
	if (e->texts < TRIAL) {
		e->texts++;
		e->ruled_out += !passes;
		if (e->texts == TRIAL && e->ruled_out < TRIAL / 2)
			give_up(s, e);
	}
	if (s->n_states > STATES_SUM)
		forget(s);
	return passes;
}
