/*
 * An automaton over a text, byte by byte.  Mail is read by several at once: rule_dfa_bank.h.
 */
#include "lib/score/rule_dfa_int.h"

bool gp_dfa_report(const struct gp_dfa_memory *m, unsigned state, size_t end, gp_dfa_found *found,
		   void *arg)
{
	const struct gp_dfa_state *s = &m->states[state];

	if (s->ends == 1)
		return found(arg, s->pattern, end);
	for (unsigned i = 0; i < s->n; i++) {
		const struct gp_nfa_node *x = &m->dfa->nfa.nodes.items[m->lists[s->nodes + i]];

		if (x->is_end && !found(arg, x->pattern, end))
			return false;
	}
	return true;
}

unsigned gp_dfa_entry(struct gp_dfa_memory *m, unsigned state, unsigned char c)
{
	unsigned entry = gp_dfa_table(m->columns)[m->columns[c] + state];

	if (entry != GP_DFA_UNKNOWN)
		return entry;
	if (++m->fresh > GP_DFA_NEW_STATES_MAX)
		return GP_DFA_UNKNOWN;
	return gp_dfa_learn(m, state, m->dfa->class_of[c]);
}

bool gp_dfa_scan(struct gp_dfa_memory *m, struct gp_str text, gp_dfa_found *found, void *arg)
{
	unsigned state = 0;

	gp_dfa_begin(m);
	if (m->dfa->has_line_starts)
		state = gp_dfa_entry(m, 0, '\n') & ~GP_DFA_HIT;
	for (size_t i = 0; i < text.len; i++) {
		unsigned entry = gp_dfa_entry(m, state, (unsigned char)text.ptr[i]);

		if (entry == GP_DFA_UNKNOWN)
			break;
		state = entry & ~GP_DFA_HIT;
		if (entry & GP_DFA_HIT && !gp_dfa_report(m, state, i + 1, found, arg))
			return false;
	}
	return true;
}

bool gp_dfa_is_lost(const struct gp_dfa_memory *m)
{
	return m->fresh > GP_DFA_NEW_STATES_MAX;
}
