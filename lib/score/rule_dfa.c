/*
 * A state is the set of positions that the text may be at, without those at
 * which patterns begin: a match may begin anywhere, so these are in every set.
 * Behind the end of a pattern its other positions are of no interest: the
 * text has been found, and what is found next begins anew.
 */
#include "lib/score/rule_dfa.h"

#include <limits.h>
#include <stdlib.h>

#include "lib/base/hash.h"
#include "lib/base/mem.h"
#include "lib/score/rule_dfa_int.h"

/* Entries of the table: a state, with HIT when it reports something. */
#define HIT 0x8000u
#define UNKNOWN 0xffffu

#define LISTS_MAX (64 * GP_DFA_STATES_MAX) /* positions in all states together */

struct state {
	unsigned nodes, n; /* in lists */
	uint32_t hash;
};

struct gp_dfa_memory {
	const struct gp_dfa *dfa;
	uint16_t *table; /* state << shift | class */
	struct state *states;
	unsigned n_states, room; /* room: states that table and states have space for */
	unsigned *lists;
	unsigned n_lists, lists_room;
	uint16_t *slots; /* hash table of 2 * room: state + 1 */
	unsigned fresh; /* states learned in the text scanned last */
	unsigned *mark, *ended, stamp; /* by node, by pattern */
	unsigned *set;		       /* being made */
};

static void forget(struct gp_dfa_memory *m)
{
	m->n_states = m->n_lists = 0;
	memset(m->slots, 0, 2 * m->room * sizeof(*m->slots));
}

struct gp_dfa_memory *gp_dfa_memory_new(const struct gp_dfa *d)
{
	struct gp_dfa_memory *m = gp_xcalloc(1, sizeof(*m));

	m->dfa = d;
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
	free(m->table);
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
		const struct state *s = &m->states[m->slots[i] - 1];

		if (s->hash == hash && s->n == n &&
		    (n == 0 || memcmp(&m->lists[s->nodes], set, n * sizeof(*set)) == 0))
			break;
	}
	return &m->slots[i];
}

/* Twice the room for states. */
static void grow(struct gp_dfa_memory *m)
{
	m->room = m->room ? 2 * m->room : 32;
	m->table = gp_xrealloc(m->table, sizeof(*m->table) * m->room << m->dfa->shift);
	m->states = gp_xrealloc(m->states, sizeof(*m->states) * m->room);
	m->slots = gp_xrealloc(m->slots, sizeof(*m->slots) * 2 * m->room);
	memset(m->slots, 0, 2 * m->room * sizeof(*m->slots));
	for (unsigned i = 0; i < m->n_states; i++) {
		const struct state *s = &m->states[i];

		*slot_of(m, &m->lists[s->nodes], s->n, s->hash) = (uint16_t)(i + 1);
	}
}

/* Remembers the set of n positions; false when it is full. */
static bool add_state(struct gp_dfa_memory *m, unsigned n, uint32_t hash)
{
	if (m->n_states >= GP_DFA_STATES_MAX || m->n_lists + n > LISTS_MAX)
		return false;
	if (m->n_states >= m->room)
		grow(m);
	if (m->n_lists + n > m->lists_room) {
		m->lists_room = GP_MAX(2 * m->lists_room, m->n_lists + n + 256);
		m->lists = gp_xrealloc(m->lists, sizeof(*m->lists) * m->lists_room);
	}
	m->states[m->n_states] = (struct state){.nodes = m->n_lists, .n = n, .hash = hash};
	if (n)
		memcpy(&m->lists[m->n_lists], m->set, n * sizeof(*m->set));
	m->n_lists += n;
	for (unsigned i = 0; i < 1u << m->dfa->shift; i++)
		m->table[(m->n_states << m->dfa->shift) + i] = UNKNOWN;
	*slot_of(m, m->set, n, hash) = (uint16_t)(m->n_states + 1);
	m->n_states++;
	return true;
}

static void sort(unsigned *a, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		unsigned x = a[i], k = i;

		for (; k > 0 && a[k - 1] > x; k--)
			a[k] = a[k - 1];
		a[k] = x;
	}
}

/* The entry for the set of n positions; UNKNOWN when there is no room for another. */
static unsigned entry_of(struct gp_dfa_memory *m, unsigned n, bool hits)
{
	uint32_t hash;
	unsigned state;

	sort(m->set, n);
	hash = (uint32_t)gp_hash_table(m->set, n * sizeof(*m->set));
	state = m->room ? *slot_of(m, m->set, n, hash) : 0;
	if (!state && !add_state(m, n, hash))
		return UNKNOWN;
	return (state ? state - 1 : m->n_states - 1) | (hits ? HIT : 0);
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
	const struct state s = m->states[from];
	unsigned n = 0, kept = 0;
	bool hits = false;

	next_stamp(m);
	for (unsigned i = d->begun_at[class]; i < d->begun_at[class + 1]; i++)
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

static bool report(const struct gp_dfa_memory *m, unsigned state, size_t end, gp_dfa_found *found,
		   void *arg)
{
	const struct state *s = &m->states[state];

	for (unsigned i = 0; i < s->n; i++) {
		const struct gp_nfa_node *x = &m->dfa->nfa.nodes.items[m->lists[s->nodes + i]];

		if (x->is_end && !found(arg, x->pattern, end))
			return false;
	}
	return true;
}

/* An entry that the table does not have yet.  When the memory is full all is forgotten, and the
 * text goes on from nothing but where it is. */
static unsigned learn(struct gp_dfa_memory *m, unsigned state, unsigned class)
{
	unsigned entry = step(m, state, class), n = m->states[state].n;

	if (entry != UNKNOWN) {
		m->table[(state << m->dfa->shift) + class] = (uint16_t)entry;
		return entry;
	}
	if (n)
		memcpy(m->set, &m->lists[m->states[state].nodes], n * sizeof(*m->set));
	forget(m);
	(void)entry_of(m, 0, false);
	return step(m, entry_of(m, n, false) & ~HIT, class);
}

/* One of those that run side by side; what each step needs, at hand. */
struct lane {
	const uint16_t *table;
	const unsigned char *class_of;
	unsigned shift, state;
};

/* Where nothing is ever found: what stands in for one that is lost, or for none. */
static const uint16_t nowhere[256];
static const struct lane idle = {.table = nowhere, .class_of = (const unsigned char *)nowhere};

static inline unsigned entry_at(const struct lane *l, unsigned char c)
{
	return l->table[(l->state << l->shift) + l->class_of[c]];
}

/* What is to be done at an entry that is not just the next state.  False: stop all. */
static bool look(struct gp_dfa_memory *m, struct lane *l, unsigned entry, unsigned char c,
		 size_t end, gp_dfa_found *found, void *arg)
{
	if (entry == UNKNOWN) {
		if (++m->fresh > GP_DFA_NEW_STATES_MAX) {
			*l = idle;
			return true;
		}
		entry = learn(m, l->state, l->class_of[c]);
		l->table = m->table;
	}
	l->state = entry & ~HIT;
	return !(entry & HIT) || report(m, l->state, end, found, arg);
}

/* For each lane; the compiler gets them one by one, so that states stay in registers. */
#define EACH_1(do) do(0)
#define EACH_2(do) EACH_1(do) do(1)
#define EACH_4(do) EACH_2(do) do(2) do(3)
#define EACH_8(do) EACH_4(do) do(4) do(5) do(6) do(7)

#define DECLARE(k) struct lane l##k = lanes[k];
#define STEP(k) unsigned e##k = entry_at(&l##k, byte);
#define GATHER(k) | e##k
#define TAKE(k) l##k.state = e##k;
#define LOOK(k)                                                                                    \
	slow = l##k;                                                                               \
	if (!look(m[k], &slow, e##k, byte, i + 1, found, arg))                                     \
		return false;                                                                      \
	l##k = slow;

/* Side by side: each step waits for the one before it, but not for those of its neighbours. */
#define DEFINE_SCAN(name, EACH)                                                                    \
	static bool name(struct gp_dfa_memory *const *m, const struct lane *lanes,                 \
			 struct gp_str text, gp_dfa_found *found, void *arg)                       \
	{                                                                                          \
		struct lane slow;                                                                  \
                                                                                                   \
		EACH(DECLARE)                                                                      \
		for (size_t i = 0; i < text.len; i++) {                                            \
			unsigned char byte = (unsigned char)text.ptr[i];                           \
                                                                                                   \
			EACH(STEP)                                                                 \
			if (((0 EACH(GATHER)) & HIT) == 0) {                                       \
				EACH(TAKE)                                                         \
			} else {                                                                   \
				EACH(LOOK)                                                         \
			}                                                                          \
		}                                                                                  \
		return true;                                                                       \
	}

DEFINE_SCAN(scan_1, EACH_1)
DEFINE_SCAN(scan_2, EACH_2)
DEFINE_SCAN(scan_4, EACH_4)
DEFINE_SCAN(scan_8, EACH_8)

#define LANES_MAX 8

/* The least that has room. */
static const struct {
	unsigned lanes;
	bool (*scan)(struct gp_dfa_memory *const *m, const struct lane *lanes, struct gp_str text,
		     gp_dfa_found *found, void *arg);
} widths[] = {{1, scan_1}, {2, scan_2}, {4, scan_4}, {LANES_MAX, scan_8}};

static struct lane begin(struct gp_dfa_memory *m)
{
	m->fresh = 0;
	if (m->n_states == 0)
		(void)entry_of(m, 0, false);
	return (struct lane){
		.table = m->table, .class_of = m->dfa->class_of, .shift = m->dfa->shift};
}

void gp_dfa_scan(struct gp_dfa_memory *const *m, size_t n, struct gp_str text, gp_dfa_found *found,
		 void *arg)
{
	bool goes_on = true;

	for (size_t i = 0, w = 0; i < n && goes_on; i += LANES_MAX, w = 0) {
		struct gp_dfa_memory *some[LANES_MAX] = {0};
		struct lane lanes[LANES_MAX];

		while (widths[w].lanes < GP_MIN(n - i, (size_t)LANES_MAX))
			w++;
		for (size_t k = 0; k < widths[w].lanes; k++) {
			some[k] = i + k < n ? m[i + k] : NULL;
			lanes[k] = some[k] ? begin(some[k]) : idle;
		}
		goes_on = widths[w].scan(some, lanes, text, found, arg);
	}
}

bool gp_dfa_is_lost(const struct gp_dfa_memory *m)
{
	return m->fresh > GP_DFA_NEW_STATES_MAX;
}
