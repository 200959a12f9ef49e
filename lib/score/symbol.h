/*
 * Symbols: what was found out about one message, each with a name, a score
 * and, where useful, the evidence.
 *
 *	struct gp_symbols found;
 *	gp_symbols_init(&found, arena);
 *	gp_symbols_add(&found, "SPF_FAIL", 2.5, "SPF says no")->evidence = …;
 *	gp_symbols_sum(&found)
 *
 * Names and descriptions are borrowed: they must outlive the list (rule set
 * snapshot, static text, or the same arena).  Not thread-safe.
 */
#ifndef GP_SCORE_SYMBOL_H
#define GP_SCORE_SYMBOL_H

#include "lib/base/arena.h"
#include "lib/base/map.h"
#include "lib/base/vec.h"

struct gp_symbol {
	const char *name;
	double score;		 /* 0 is allowed: informative */
	const char *description; /* never NULL; "" when there is none */
	double hits;		 /* how often it matched (`tflags multiple`), or a meta's value */
	struct gp_str evidence;	 /* what matched, cut and not escaped; empty unless asked for,
				  * or what a block list says of what */
	struct gp_str detail;	 /* what SpamAssassin's reports say of it in brackets, a line each; or
				  * empty */
};

struct gp_symbols {
	struct gp_arena *arena;
	GP_VEC(struct gp_symbol) list;
	struct gp_map by_name; /* name → index + 1 */
};

void gp_symbols_init(struct gp_symbols *s, struct gp_arena *a);
/* Adds a symbol, or gives the one of that name with the score added to it (description may be
 * NULL).  The address holds until the next add. */
struct gp_symbol *gp_symbols_add(struct gp_symbols *s, const char *name, double score,
				 const char *description);
/* Adds a line to details, whose line ends become blanks. */
void gp_symbol_detail_add(struct gp_arena *a, struct gp_str *detail, struct gp_str line);
/* The symbol of that name, or NULL. */
const struct gp_symbol *gp_symbols_find(const struct gp_symbols *s, const char *name);
/* The sum of all scores, rounded to 1/1000 so that it does not depend on the order. */
double gp_symbols_sum(const struct gp_symbols *s);
/* For people: the highest score first, equal ones by name.  Invalidates addresses. */
void gp_symbols_sort(struct gp_symbols *s);

#endif
