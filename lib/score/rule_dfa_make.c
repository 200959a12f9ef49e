/*
 * From trees to automata: how deep each pattern is followed, what bytes are
 * the same to all of them.
 */
#include "lib/base/hash.h"
#include "lib/score/rule_dfa_int.h"

/* Ordinary text: a pattern is followed until it finds nothing in there. */
static const char sample[] =
	"Dear Ms. Miller,\nthank you for your message of 12 May 2024. The parts that you have ordered "
	"(no. 4711-08, 25 pieces at $14.50) will leave our house on Friday and should arrive within "
	"a week; see https://www.example.com/orders/status?id=20391 for where they are. If anything "
	"is missing, please tell us at once: mail to sales@example.com or call +49 30 1234567.\n"
	"IMPORTANT: we don't work on Mondays!\nKind regards, J. Smith\n"
	"> On Tue, 3 Sep 2002 10:21:07 -0400, Peter wrote:\n> > I'd like to know how many of these "
	"machines you would give away; my time is short, and I have to make up my mind before the "
	"end of next month. With or without the new disks?\n> None as far as I can see. We sent them "
	"to the office in May, but it took until now to get an answer from the people there.\n"
	"The following packages were upgraded (version 1.4.2-3): libfoo, foo-utils, foo-doc.\n"
	"Click here to read more about our offer, from $99/month for 3 users. You are receiving this "
	"newsletter because you have asked for it at our web site; to be removed from the list, "
	"visit http://lists.example.org/mailman/listinfo/users_2 or write to the address below.\n"
	"Bitte beachten Sie, dass unser B\303\274ro in der Zeit vom 24. bis 31. Dezember geschlossen "
	"ist.  Nous vous remercions de votre commande et restons \303\240 votre disposition.\n"
	"------------------------------------------------------------------------\n"
	"if (n < 0 || buf[n - 1] != '\\n') return -1; /* it was the last one */\n"
	"Jane Doe | Head of Department | Tel. (555) 010-9876 | Fax -77 | jane.doe@example.net\n"
	"[ ip=203.0.113.25 rdns=mail.example.net helo=mail.example.net by=mx.example.com ident= envfrom= "
	"intl=0 id=9A3F0C28 auth= msa=0 ] [ ip=198.51.100.7 rdns= helo=pc by=mail.example.net ident= "
	"envfrom= intl=0 id=g8CKmPq02719 auth= msa=0 ]\n";

/* A pattern that needs more states than this for the sample is not followed so far. */
#define SAMPLE_STATES_MAX 200
/* States of patterns that share an automaton: theirs multiply, at worst. */
#define SAMPLE_STATES_SUM 40

/* Of an automaton that searches: the first depth at which it has no more positions. */
static const unsigned search_depths[] = {48, 24, 18, 12};
#define SEARCH_NODES_MAX 12000

/* Tried in this order. */
static const unsigned depths[] = {5, 7, 9, 12, 16, GP_DFA_DEPTH_MAX};

#define SEEN_SETS 64

/* Bytes that no set tells apart are one class. */
static void find_classes(struct gp_dfa *d)
{
	const struct gp_byte_set *seen[SEEN_SETS] = {0}; /* by hash: of many nodes a few differ */
	int fresh[512];

	d->n_classes = 1;
	for (size_t i = 0; i < d->nfa.nodes.len && d->n_classes < 256; i++) {
		const struct gp_byte_set *set = &d->nfa.nodes.items[i].set;
		const struct gp_byte_set **last = &seen[gp_hash_table(set, sizeof(*set)) % SEEN_SETS];
		unsigned n = 0;

		if (*last && memcmp(*last, set, sizeof(*set)) == 0)
			continue;
		*last = set;
		memset(fresh, -1, sizeof(fresh));
		for (unsigned c = 0; c < 256; c++) {
			int *is = &fresh[d->class_of[c] * 2u + gp_byte_set_has(set, (unsigned char)c)];

			if (*is < 0)
				*is = (int)n++;
			d->class_of[c] = (unsigned char)*is;
		}
		d->n_classes = n;
	}
	for (unsigned c = 256; c-- > 0;)
		d->example[d->class_of[c]] = (unsigned char)c;
}

/* Positions behind the starts, by class: they are part of every step. */
static void find_begun(struct gp_dfa *d, bool is_search)
{
	struct gp_arena *a = d->nfa.arena;
	const struct gp_nfa_node *nodes = d->nfa.nodes.items;
	bool *is_start = GP_ARENA_NEW_N(a, d->nfa.nodes.len, bool);
	unsigned *mark = GP_ARENA_NEW_N(a, d->nfa.nodes.len, unsigned);
	GP_VEC(unsigned) begun = {0};

	for (size_t i = 0; i < d->nfa.starts.len && !is_search; i++)
		is_start[d->nfa.starts.items[i]] = true;
	d->begun_at = GP_ARENA_NEW_N(a, d->n_classes + 1, unsigned);
	for (unsigned class = 0; class < d->n_classes; class++) {
		d->begun_at[class] = (unsigned)begun.len;
		for (size_t i = 0; i < d->nfa.starts.len; i++) {
			const struct gp_nfa_node *x = &nodes[d->nfa.starts.items[i]];

			if (!gp_byte_set_has(&x->set, d->example[class]))
				continue;
			for (unsigned k = 0; k < x->n_follow; k++) {
				unsigned to = d->nfa.follows.items[x->follow + k];

				if (is_start[to] || mark[to] == class + 1)
					continue;
				mark[to] = class + 1;
				*gp_vec_push(a, &begun) = to;
			}
		}
	}
	d->begun_at[d->n_classes] = (unsigned)begun.len;
	d->begun = begun.items;
	d->is_start = is_start;
}

static void prepare(struct gp_dfa *d, bool is_search)
{
	find_classes(d);
	find_begun(d, is_search);
}

static bool count(void *arg, unsigned pattern, size_t end)
{
	(void)pattern;
	(void)end;
	++*(unsigned *)arg;
	return true;
}

/* How often a pattern alone finds something in the sample when cut off there.  False when its
 * automaton would be too large. */
static bool try_sample(const struct gp_tree *tree, unsigned depth, unsigned *ret_hits,
		       unsigned *ret_states)
{
	struct gp_arena *a = gp_arena_new(64u << 10);
	struct gp_dfa *d = GP_ARENA_NEW(a, struct gp_dfa);
	struct gp_dfa_memory *m;
	bool is_good;

	*ret_hits = 0;
	gp_nfa_init(&d->nfa, a);
	d->n_patterns = 1;
	d->has_line_starts = tree->has_line_start;
	is_good = gp_nfa_add(&d->nfa, tree, 0, depth, false);
	if (is_good) {
		prepare(d, false);
		m = gp_dfa_memory_new(d, GP_DFA_STATES_MAX);
		gp_dfa_scan(m, gp_str_n(sample, sizeof(sample) - 1), count, ret_hits);
		is_good = !gp_dfa_is_lost(m);
		*ret_states = gp_dfa_memory_states(m);
		gp_dfa_memory_free(m);
	}
	gp_arena_free(a);
	return is_good;
}

/* The depth at which a pattern is of the most use; 0: none. */
static unsigned choose_depth(const struct gp_tree *tree, unsigned limit, unsigned *ret_states)
{
	unsigned best = 0, best_hits = limit + 1, hits, states;

	for (size_t i = 0; tree && tree->width && best_hits && i < GP_ARRAY_SIZE(depths); i++) {
		if (!try_sample(tree, depths[i], &hits, &states) || states > SAMPLE_STATES_MAX)
			break;
		if (hits >= best_hits)
			continue;
		best = depths[i];
		best_hits = hits;
		*ret_states = states;
	}
	return best;
}

/* Where lines begin, and with what, the sample hardly tells, so depths are chosen without line starts;
 * with them only for patterns that else are looked for by words that stand in ordinary text. */
static unsigned plan(struct gp_dfa_pattern *p, unsigned *ret_states)
{
	unsigned depth = choose_depth(p->tree, p->limit, ret_states);

	if (depth || p->limit || !p->lines)
		return depth;
	p->tree = p->lines;
	return choose_depth(p->lines, 0, ret_states);
}

/* Adds a pattern, with line starts if it has some.  Its span; 0: it is too large. */
static unsigned add_pattern(struct gp_dfa *d, const struct gp_dfa_pattern *p, unsigned i,
			    unsigned depth)
{
	if (p->lines && p->lines != p->tree && gp_nfa_add(&d->nfa, p->lines, i, depth + 1, false)) {
		d->has_line_starts = true;
		return gp_nfa_span(p->lines, depth + 1);
	}
	d->has_line_starts |= p->tree->has_line_start;
	return gp_nfa_add(&d->nfa, p->tree, i, depth, false) ? gp_nfa_span(p->tree, depth) : 0;
}

void gp_dfa_make(struct gp_arena *a, struct gp_dfa_pattern *patterns, size_t n,
		 struct gp_dfas *ret)
{
	GP_VEC(struct gp_dfa *) dfas = {0};
	int *of = GP_ARENA_NEW_N(a, n + 1, int);
	unsigned *spans = GP_ARENA_NEW_N(a, n + 1, unsigned);
	struct gp_dfa *d = NULL;
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned states = 0, depth = plan(&patterns[i], &states);

		of[i] = -1;
		if (!depth)
			continue;
		if (!d || d->group != patterns[i].group || sum + states > SAMPLE_STATES_SUM) {
			sum = 0;
			d = GP_ARENA_NEW(a, struct gp_dfa);
			d->group = patterns[i].group;
			gp_nfa_init(&d->nfa, a);
			*gp_vec_push(a, &dfas) = d;
		}
		sum += states;
		spans[i] = add_pattern(d, &patterns[i], i, depth);
		if (!spans[i])
			continue;
		of[i] = (int)dfas.len - 1;
		d->n_patterns = i + 1;
	}
	for (size_t i = 0; i < dfas.len; i++)
		prepare(dfas.items[i], false);
	*ret = (struct gp_dfas){
		.items = dfas.items, .len = dfas.len, .of = of, .spans = spans};
}

const struct gp_dfa *gp_dfa_make_search(struct gp_arena *a, const struct gp_tree *tree)
{
	struct gp_dfa *d = GP_ARENA_NEW(a, struct gp_dfa);
	bool is_good = false;

	for (size_t i = 0; i < GP_ARRAY_SIZE(search_depths) && !is_good; i++) {
		gp_nfa_init(&d->nfa, a);
		is_good = gp_nfa_add(&d->nfa, tree, 0, search_depths[i], true) &&
			  d->nfa.nodes.len <= SEARCH_NODES_MAX;
	}
	if (!is_good)
		return NULL;
	d->n_patterns = 1;
	d->has_line_starts = tree->has_line_start;
	prepare(d, true);
	return d;
}

unsigned gp_dfa_group(const struct gp_dfa *d)
{
	return d->group;
}

struct gp_str gp_dfa_sample(void)
{
	return gp_str_n(sample, sizeof(sample) - 1);
}
