/*
 * Directives that fill lists for eval functions (`freemail_domains a b`,
 * `enlist_addrlist (NAME) *@example.com`, `trusted_networks 192.0.2.0/24`).
 *
 * A table says which directive adds to, takes from or empties which list; the
 * words are kept as written.  What they mean is the business of who reads them.
 */
#ifndef GP_SCORE_RULE_LIST_H
#define GP_SCORE_RULE_LIST_H

#include "lib/score/rule_int.h"

struct gp_rule_list {
	GP_VEC(struct gp_str) items; /* in the order of the files */
	GP_VEC(struct gp_str) globs; /* those with * or ? */
	struct gp_map index;	     /* all, for equality: folded → any non-NULL */
};

/* Takes a directive that is one of these; false when it is not. */
bool gp_rule_list_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value);

/* The list of that name, or an empty one.  Named lists ("enlist_addrlist (NAME)") are called
 * "enlist_addrlist NAME". */
const struct gp_rule_list *gp_rule_list_get(const struct gp_rule_set *set, struct gp_str name)
	__attribute__((returns_nonnull));

/* The list "KIND NAME" of those; the arena is for its name. */
const struct gp_rule_list *gp_rule_list_named(const struct gp_rule_set *set, struct gp_arena *a,
					      struct gp_str kind, struct gp_str name)
	__attribute__((returns_nonnull));

/* Is s, without regard to case, an item? / Does an item with * and ? match it? */
bool gp_rule_list_has(const struct gp_rule_list *list, struct gp_str s);
bool gp_rule_list_matches(const struct gp_rule_list *list, struct gp_str s);
/* The number of a directive that has one, or `otherwise`. */
double gp_rule_list_number(const struct gp_rule_set *set, const char *name, double otherwise);

#endif
