/*
 * Automata that say where a pattern could match: one pass over a text for many
 * patterns at once, at a step a byte.
 *
 * Made of the patterns' trees (rule_tree.h), cut off behind a number of bytes,
 * so they let through more than the patterns do, and nothing less.  PCRE2 then
 * looks at what was let through.  For patterns without a good literal to look
 * for: a word whose every letter may be written in five ways is quick work for
 * an automaton.
 *
 * The deterministic form is made while texts are read, state by state, as all
 * of it would be much larger than what mail ever leads to.  It is kept from
 * message to message, in memory that belongs to one scan at a time (struct
 * gp_dfa_memory), and forgotten when it is full.  A text that needs too many
 * new states is given up: its patterns are then run by other means.
 */
#ifndef GP_SCORE_RULE_DFA_H
#define GP_SCORE_RULE_DFA_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/score/rule_tree.h"

/* Bytes of a text that are looked at, from where a match may begin. */
#define GP_DFA_DEPTH_MAX 24
/* States remembered of one automaton, and new ones that one text may need. */
#define GP_DFA_STATES_MAX 8192
#define GP_DFA_NEW_STATES_MAX 512

struct gp_dfa; /* one automaton, read-only */

struct gp_dfa_pattern {
	const struct gp_tree *tree; /* NULL: none; gp_dfa_make() may take `lines` in its stead */
	const struct gp_tree *lines; /* with line starts, or NULL */
	unsigned group; /* patterns of different groups share no automaton */
	unsigned limit; /* to be left alone if it finds more than this in ordinary text */
};

struct gp_dfas {
	struct gp_dfa *const *items; /* by group */
	size_t len;
	const int *of; /* by pattern: which automaton looks for it; -1: none */
	const unsigned *spans; /* by pattern: how far before what it finds a match may begin, in bytes;
				* GP_TREE_INF: anywhere */
};

/* Automata for n patterns, ordered by group.  Those that have no tree, match the empty text or
 * exceed their limit get none. */
void gp_dfa_make(struct gp_arena *a, struct gp_dfa_pattern *patterns, size_t n,
		 struct gp_dfas *ret);
/* An automaton for one pattern, for rule_dfa_search.h.  NULL when it matches the empty text or is too
 * large. */
const struct gp_dfa *gp_dfa_make_search(struct gp_arena *a, const struct gp_tree *tree);
/* Ordinary text by which patterns are judged. */
struct gp_str gp_dfa_sample(void);
unsigned gp_dfa_group(const struct gp_dfa *d);

/* What one scan at a time has found out about an automaton, in at most states_max states, of
 * GP_DFA_STATES_MAX.  NULL is fine for _free. */
struct gp_dfa_memory;
struct gp_dfa_memory *gp_dfa_memory_new(const struct gp_dfa *d, unsigned states_max);
void gp_dfa_memory_free(struct gp_dfa_memory *m);
/* States in it now. */
unsigned gp_dfa_memory_states(const struct gp_dfa_memory *m);

/* Called where a match of a pattern may stand: it begins at most at end - 1, at least at
 * end - its span, and is not known to be one.  In order of `end`.  False stops. */
typedef bool gp_dfa_found(void *arg, unsigned pattern, size_t end);
/* Runs an automaton over a text.  Every text within it that one of its patterns matches leads to a
 * call with an `end` in it that is not further from its beginning than the span, unless it lost its
 * way.  False: `found` said stop. */
bool gp_dfa_scan(struct gp_dfa_memory *m, struct gp_str text, gp_dfa_found *found, void *arg);
/* Whether it gave up on the text scanned last: then it has not found everything. */
bool gp_dfa_is_lost(const struct gp_dfa_memory *m);

#endif
