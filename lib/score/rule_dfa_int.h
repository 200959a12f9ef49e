/* An automaton, for the files that make it, learn its states and run it. */
#ifndef GP_SCORE_RULE_DFA_INT_H
#define GP_SCORE_RULE_DFA_INT_H

#include "lib/score/rule_dfa.h"
#include "lib/score/rule_nfa.h"

struct gp_dfa {
	struct gp_nfa nfa;
	unsigned group;
	bool has_line_starts; /* texts are read as if a line end stood before them */
	unsigned n_patterns;	    /* all are below */
	unsigned n_classes;
	unsigned char class_of[256], example[256];
	const bool *is_start; /* by node: a pattern begins there; none if it is to search */
	unsigned *begun, *begun_at; /* by class: what follows the starts, in begun[begun_at[c]…] */
};

/* Entries of the table: a state, with GP_DFA_HIT when it reports something. */
#define GP_DFA_HIT 0x8000u
#define GP_DFA_UNKNOWN 0xffffu

struct gp_dfa_state {
	unsigned nodes, n; /* in lists */
	uint32_t hash;
	unsigned ends, pattern; /* how many end there, and which if it is one */
};

struct gp_dfa_memory {
	const struct gp_dfa *dfa;
	unsigned states_max;
	bool is_closed; /* no match begins any more */
	/* By byte where the column of its class begins; behind these 256 the table, a column a
	 * class, an entry a state. */
	unsigned *columns;
	struct gp_dfa_state *states;
	unsigned n_states, room; /* room: states that table and states have space for */
	unsigned *lists;
	unsigned n_lists, lists_room;
	uint16_t *slots; /* hash table of 2 * room: state + 1 */
	unsigned fresh; /* states learned in the text scanned last */
	unsigned forgotten; /* times that all was forgotten: states are others then */
	unsigned *mark, *ended, stamp; /* by node, by pattern */
	unsigned *set;		       /* being made */
};

/* The table behind columns. */
static inline const uint16_t *gp_dfa_table(const unsigned *columns)
{
	return (const uint16_t *)(columns + 256);
}

/* Before a text: the state in which nothing has been read. */
void gp_dfa_begin(struct gp_dfa_memory *m);
/* An entry that the table does not have yet; the table may move.  When the memory is full all is
 * forgotten, and the text goes on from nothing but where it is. */
unsigned gp_dfa_learn(struct gp_dfa_memory *m, unsigned state, unsigned class);
/* The entry of a state for a byte, learned if need be; GP_DFA_UNKNOWN: too many were new in this
 * text, it is lost. */
unsigned gp_dfa_entry(struct gp_dfa_memory *m, unsigned state, unsigned char c);
/* Reports the patterns that end in a state.  False: stop. */
bool gp_dfa_report(const struct gp_dfa_memory *m, unsigned state, size_t end, gp_dfa_found *found,
		   void *arg);
/* The state of another memory for the positions of a state of this one. */
unsigned gp_dfa_cross(const struct gp_dfa_memory *m, unsigned state, struct gp_dfa_memory *to);

#endif
