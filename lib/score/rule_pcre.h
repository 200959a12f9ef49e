/*
 * Patterns on PCRE2 with its JIT.
 *
 * Bounded in three ways.  A match may take so many steps (the JIT counts them
 * too; it ignores PCRE2's depth limit); it has one JIT stack of fixed size;
 * and of a long text only so many places are tried as its beginning between
 * two looks at the CPU clock, because a step may be as long as the text.  What
 * exceeds a limit has not matched, and is counted.
 */
#ifndef GP_SCORE_RULE_PCRE_H
#define GP_SCORE_RULE_PCRE_H

#include "lib/score/rule_int.h"

#define GP_PCRE_MATCH_LIMIT 300000

/* Compiles re->text; the code is released with the arena.  GP_EINVAL: malformed; GP_ELIMIT:
 * right in Perl but beyond what PCRE2 takes (size, look-behind, code points). */
int gp_pcre_compile(struct gp_arena *a, struct gp_regex *re, struct gp_diag *diag) GP_MUST_USE;

/* Per scan: match data, context, JIT stack. */
struct gp_pcre;
struct gp_pcre *gp_pcre_new(unsigned match_limit);
void gp_pcre_free(struct gp_pcre *p);
/* Searches of long texts give up when the thread's CPU clock (gp_clock_cpu_us()) is past it; 0:
 * never. */
void gp_pcre_set_deadline(struct gp_pcre *p, int64_t cpu_end_us);

/* Is the thread's CPU clock past that? */
bool gp_pcre_is_late(const struct gp_pcre *p);

/* How often limits have stopped a search, so far. */
unsigned gp_pcre_limits_met(const struct gp_pcre *p);

/* Compiled at the first call and kept as long as p, for patterns that do not depend on a message.
 * NULL when it is malformed, or p keeps as many as it may. */
const struct gp_regex *gp_pcre_keep(struct gp_pcre *p, struct gp_str pattern, unsigned flags);

/* How often re matches in text without overlap, counting up to max.  With ret_first, the first
 * match.  *ret_limited is set, never cleared, when a limit stopped it. */
unsigned gp_pcre_count(struct gp_pcre *p, const struct gp_regex *re, struct gp_str text,
		       unsigned max, struct gp_str *ret_first, bool *ret_limited);

/* Whether a match begins at one of the offsets from … to of the text; re->has_windows. */
bool gp_pcre_begins(struct gp_pcre *p, const struct gp_regex *re, struct gp_str text, size_t from,
		    size_t to, bool *ret_limited);

/* Told what a group took: its number, its name or "". */
typedef void gp_pcre_group_fn(void *arg, unsigned group, struct gp_str name, struct gp_str value);
/* What the groups of each match (up to max) took; one that took nothing is left out. */
void gp_pcre_groups(struct gp_pcre *p, const struct gp_regex *re, struct gp_str text, unsigned max,
		    gp_pcre_group_fn *fn, void *arg);

#endif
