/*
 * Automata over a text, up to eight side by side.
 */
#include "lib/base/mem.h"
#include "lib/score/rule_dfa_int.h"

static bool report(const struct gp_dfa_memory *m, unsigned state, size_t end, gp_dfa_found *found,
		   void *arg)
{
	const struct gp_dfa_state *s = &m->states[state];

	for (unsigned i = 0; i < s->n; i++) {
		const struct gp_nfa_node *x = &m->dfa->nfa.nodes.items[m->lists[s->nodes + i]];

		if (x->is_end && !found(arg, x->pattern, end))
			return false;
	}
	return true;
}

/* One of those that run side by side. */
struct lane {
	const unsigned *columns;
	unsigned state;
};

/* Where nothing is ever found: what stands in for one that is lost, or for none. */
static const unsigned nowhere[256 + 1];
static const struct lane idle = {.columns = nowhere};

static inline unsigned entry_at(const struct lane *l, unsigned char c)
{
	return gp_dfa_table(l->columns)[l->columns[c] + l->state];
}

/* What is to be done at an entry that is not just the next state.  False: stop all. */
static bool look(struct gp_dfa_memory *m, struct lane *l, unsigned entry, unsigned char c,
		 size_t end, gp_dfa_found *found, void *arg)
{
	if (entry == GP_DFA_UNKNOWN) {
		if (++m->fresh > GP_DFA_NEW_STATES_MAX) {
			*l = idle;
			return true;
		}
		entry = gp_dfa_learn(m, l->state, m->dfa->class_of[c]);
		l->columns = m->columns;
	}
	l->state = entry & ~GP_DFA_HIT;
	return !(entry & GP_DFA_HIT) || report(m, l->state, end, found, arg);
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
			if (((0 EACH(GATHER)) & GP_DFA_HIT) == 0) {                                       \
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
	gp_dfa_begin(m);
	return (struct lane){.columns = m->columns};
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
