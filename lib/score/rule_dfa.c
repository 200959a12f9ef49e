/*
 * A state is the set of positions that the text may be at, without those at
 * which patterns begin: a match may begin anywhere, so these are in every set.
 * Behind the end of a pattern its other positions are of no interest: the
 * text has been found, and what is found next begins anew.  In one that is
 * to search the set has those at which it begins too, where they are come to again: its
 * states can be followed when no match begins any more.
 */
#include "lib/score/rule_dfa.h"

#include <limits.h>
#include <stdlib.h>

#include "lib/base/hash.h"
#include "lib/base/mem.h"
#include "lib/score/rule_dfa_int.h"

#define LISTS_MAX (64 * GP_DFA_STATES_MAX) /* positions in all states together */

static uint16_t *table_of(struct gp_dfa_memory *m)
{
	return (uint16_t *)(m->columns + 256);
}

/* Room for the table, all of it unknown. */
static unsigned *columns_new(const struct gp_dfa *d, unsigned room)
{
	size_t entries = (size_t)d->n_classes * room;
	unsigned *columns = gp_xrealloc(NULL, 256 * sizeof(*columns) + entries * sizeof(uint16_t));

	for (unsigned c = 0; c < 256; c++)
		columns[c] = d->class_of[c] * room;
	memset(columns + 256, 0xff, entries * sizeof(uint16_t));
	return columns;
}

static void forget(struct gp_dfa_memory *m)
{
	if (m->room)
		memset(table_of(m), 0xff, (size_t)m->dfa->n_classes * m->room * sizeof(uint16_t));
	m->n_states = m->n_lists = 0;
	m->forgotten++;
	memset(m->slots, 0, 2 * m->room * sizeof(*m->slots));
}

struct gp_dfa_memory *gp_dfa_memory_new(const struct gp_dfa *d, unsigned states_max)
{
	struct gp_dfa_memory *m = gp_xcalloc(1, sizeof(*m));

	m->dfa = d;
	m->states_max = states_max;
	m->stamp = UINT_MAX; /* wraps at once: what is rare later on happens in every test */
	m->mark = gp_xcalloc(d->nfa.nodes.len, sizeof(*m->mark));
	m->set = gp_xcalloc(d->nfa.nodes.len, sizeof(*m->set));
	m->ended = gp_xcalloc(d->n_patterns, sizeof(*m->ended));
	return m;
}

void gp_dfa_memory_free(struct gp_dfa_memory *m)
{
	if (!m)
		return;
	free(m->columns);
	free(m->states);
	free(m->slots);
	free(m->lists);
	free(m->mark);
	free(m->set);
	free(m->ended);
	free(m);
}

unsigned gp_dfa_memory_states(const struct gp_dfa_memory *m)
{
	return m->n_states;
}

/* The slot of a set of n positions with that hash: its state's, or the empty one where it belongs. */
static uint16_t *slot_of(struct gp_dfa_memory *m, const unsigned *set, unsigned n, uint32_t hash)
{
	unsigned mask = 2 * m->room - 1, i = hash & mask;

	for (; m->slots[i]; i = (i + 1) & mask) {
		const struct gp_dfa_state *s = &m->states[m->slots[i] - 1];

		if (s->hash == hash && s->n == n &&
		    (n == 0 || memcmp(&m->lists[s->nodes], set, n * sizeof(*set)) == 0))
			break;
	}
	return &m->slots[i];
}

/* Twice the room for states. */
static void grow(struct gp_dfa_memory *m)
{
	unsigned old_room = m->room, *old = m->columns;

	m->room = m->room ? 2 * m->room : 32;
	m->columns = columns_new(m->dfa, m->room);
	for (size_t class = 0; old && class < m->dfa->n_classes; class++)
		memcpy(table_of(m) + class * m->room, gp_dfa_table(old) + class * old_room,
		       m->n_states * sizeof(uint16_t));
	free(old);
	m->states = gp_xrealloc(m->states, sizeof(*m->states) * m->room);
	m->slots = gp_xrealloc(m->slots, sizeof(*m->slots) * 2 * m->room);
	memset(m->slots, 0, 2 * m->room * sizeof(*m->slots));
	for (unsigned i = 0; i < m->n_states; i++) {
		const struct gp_dfa_state *s = &m->states[i];

		*slot_of(m, &m->lists[s->nodes], s->n, s->hash) = (uint16_t)(i + 1);
	}
}

/* What a state being made reports; its positions are in m->set. */
static void note_ends(const struct gp_dfa_memory *m, struct gp_dfa_state *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct gp_nfa_node *x = &m->dfa->nfa.nodes.items[m->set[i]];

		s->ends += x->is_end;
		s->pattern = x->is_end ? x->pattern : s->pattern;
	}
}

/* Remembers the set of n positions; false when it is full. */
static bool add_state(struct gp_dfa_memory *m, unsigned n, uint32_t hash)
{
	if (m->n_states >= m->states_max || m->n_lists + n > LISTS_MAX)
		return false;
	if (m->n_states >= m->room)
		grow(m);
	if (m->n_lists + n > m->lists_room) {
		m->lists_room = GP_MAX(2 * m->lists_room, m->n_lists + n + 256);
		m->lists = gp_xrealloc(m->lists, sizeof(*m->lists) * m->lists_room);
	}
	m->states[m->n_states] = (struct gp_dfa_state){.nodes = m->n_lists, .n = n, .hash = hash};
	note_ends(m, &m->states[m->n_states]);
	if (n)
		memcpy(&m->lists[m->n_lists], m->set, n * sizeof(*m->set));
	m->n_lists += n;
	*slot_of(m, m->set, n, hash) = (uint16_t)(m->n_states + 1);
	m->n_states++;
	return true;
}

/* Shell's: mostly a few, sometimes hundreds. */
static void sort(unsigned *a, unsigned n)
{
	static const unsigned gaps[] = {301, 132, 57, 23, 10, 4, 1};

	for (size_t g = 0; g < GP_ARRAY_SIZE(gaps); g++) {
		for (unsigned i = gaps[g]; i < n; i++) {
			unsigned x = a[i], k = i;

			for (; k >= gaps[g] && a[k - gaps[g]] > x; k -= gaps[g])
				a[k] = a[k - gaps[g]];
			a[k] = x;
		}
	}
}

/* The entry for the set of n positions; GP_DFA_UNKNOWN when there is no room for another. */
static unsigned entry_of(struct gp_dfa_memory *m, unsigned n, bool hits)
{
	uint32_t hash;
	unsigned state;

	sort(m->set, n);
	hash = (uint32_t)gp_hash_table(m->set, n * sizeof(*m->set));
	state = m->room ? *slot_of(m, m->set, n, hash) : 0;
	if (!state && !add_state(m, n, hash))
		return GP_DFA_UNKNOWN;
	return (state ? state - 1 : m->n_states - 1) | (hits ? GP_DFA_HIT : 0);
}

static void add_node(struct gp_dfa_memory *m, unsigned node, unsigned *n)
{
	const struct gp_dfa *d = m->dfa;

	if (m->mark[node] == m->stamp || d->is_start[node])
		return;
	m->mark[node] = m->stamp;
	if (d->nfa.nodes.items[node].is_end)
		m->ended[d->nfa.nodes.items[node].pattern] = m->stamp;
	m->set[(*n)++] = node;
}

/* A stamp that no node and no pattern has. */
static void next_stamp(struct gp_dfa_memory *m)
{
	if (++m->stamp)
		return;
	memset(m->mark, 0, m->dfa->nfa.nodes.len * sizeof(*m->mark));
	memset(m->ended, 0, m->dfa->n_patterns * sizeof(*m->ended));
	m->stamp = 1;
}

/* Where a state leads with a byte of the class. */
static unsigned step(struct gp_dfa_memory *m, unsigned from, unsigned class)
{
	const struct gp_dfa *d = m->dfa;
	const struct gp_dfa_state s = m->states[from];
	unsigned n = 0, kept = 0;
	bool hits = false;

	next_stamp(m);
	for (unsigned i = d->begun_at[class]; !m->is_closed && i < d->begun_at[class + 1]; i++)
		add_node(m, d->begun[i], &n);
	for (unsigned i = 0; i < s.n; i++) {
		const struct gp_nfa_node *x = &d->nfa.nodes.items[m->lists[s.nodes + i]];

		if (!gp_byte_set_has(&x->set, d->example[class]))
			continue;
		for (unsigned k = 0; k < x->n_follow; k++)
			add_node(m, d->nfa.follows.items[x->follow + k], &n);
	}
	for (unsigned i = 0; i < n; i++) {
		const struct gp_nfa_node *x = &d->nfa.nodes.items[m->set[i]];

		if (!x->is_end && m->ended[x->pattern] == m->stamp)
			continue;
		hits |= x->is_end;
		m->set[kept++] = m->set[i];
	}
	return entry_of(m, kept, hits);
}

unsigned gp_dfa_learn(struct gp_dfa_memory *m, unsigned state, unsigned class)
{
	unsigned entry = step(m, state, class), n = m->states[state].n;

	if (entry != GP_DFA_UNKNOWN) {
		table_of(m)[class * m->room + state] = (uint16_t)entry;
		return entry;
	}
	if (n)
		memcpy(m->set, &m->lists[m->states[state].nodes], n * sizeof(*m->set));
	forget(m);
	(void)entry_of(m, 0, false);
	return step(m, entry_of(m, n, false) & ~GP_DFA_HIT, class);
}

void gp_dfa_begin(struct gp_dfa_memory *m)
{
	m->fresh = 0;
	if (m->n_states == 0)
		(void)entry_of(m, 0, false);
}

unsigned gp_dfa_cross(const struct gp_dfa_memory *m, unsigned state, struct gp_dfa_memory *to)
{
	const struct gp_dfa_state *s = &m->states[state];
	unsigned entry;

	if (s->n == 0)
		return 0;
	memcpy(to->set, &m->lists[s->nodes], s->n * sizeof(*to->set));
	entry = entry_of(to, s->n, false);
	if (entry == GP_DFA_UNKNOWN) { /* what was sorted is still in there */
		forget(to);
		gp_dfa_begin(to);
		entry = entry_of(to, s->n, false);
	}
	return entry;
}
