/*
 * Two memories of the same automaton: in one matches begin at every byte, in
 * the other only those go on that have begun.
 */
#include "lib/score/rule_dfa_search.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/score/rule_dfa_int.h"

/* Of one memory; and new ones that a text may need before it counts as found: learning is slow. */
#define STATES_MAX 4096
#define FRESH_MAX 64

struct gp_dfa_search {
	struct gp_dfa_memory *open, *closed;
};

struct gp_dfa_search *gp_dfa_search_new(const struct gp_dfa *d)
{
	struct gp_dfa_search *s = gp_xcalloc(1, sizeof(*s));

	s->open = gp_dfa_memory_new(d, STATES_MAX);
	s->closed = gp_dfa_memory_new(d, STATES_MAX);
	s->closed->is_closed = true;
	return s;
}

void gp_dfa_search_free(struct gp_dfa_search *s)
{
	if (!s)
		return;
	gp_dfa_memory_free(s->open);
	gp_dfa_memory_free(s->closed);
	free(s);
}

/* Reads bytes from a state on.  False: found something, or lost its way; else *state is where that
 * leads, 0 as soon as no match goes on in a memory that is closed. */
static bool read_bytes(struct gp_dfa_memory *m, const char *at, const char *end, unsigned *state)
{
	const unsigned *columns = m->columns;
	unsigned now = *state, stop = m->is_closed ? 0 : GP_DFA_HIT;

	for (; at < end && now != stop; at++) {
		unsigned char c = (unsigned char)*at;
		unsigned entry = gp_dfa_table(columns)[columns[c] + now];

		if (entry == GP_DFA_UNKNOWN) {
			if (++m->fresh > FRESH_MAX)
				return false;
			entry = gp_dfa_learn(m, now, m->dfa->class_of[c]);
			columns = m->columns;
		}
		if (entry & GP_DFA_HIT)
			return false;
		now = entry;
	}
	*state = now;
	return true;
}

bool gp_dfa_search_finds(struct gp_dfa_search *s, struct gp_str text, size_t from, size_t to)
{
	unsigned state = 0;
	const char *before = from ? text.ptr + from - 1 : "\n";

	gp_dfa_begin(s->open);
	gp_dfa_begin(s->closed);
	if (s->open->dfa->has_line_starts && !read_bytes(s->open, before, before + 1, &state))
		return true;
	if (!read_bytes(s->open, text.ptr + from, text.ptr + to, &state))
		return true;
	state = gp_dfa_cross(s->open, state, s->closed);
	return !read_bytes(s->closed, text.ptr + to, text.ptr + text.len, &state);
}

unsigned gp_dfa_search_states(const struct gp_dfa_search *s)
{
	return gp_dfa_memory_states(s->open) + gp_dfa_memory_states(s->closed);
}
