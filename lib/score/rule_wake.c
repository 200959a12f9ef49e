/*
 * Of SpamAssassin's 900 metas a message concerns some fifty.
 */
#include "lib/score/rule_wake.h"

#include "lib/score/rule_meta.h"

struct gp_rule_wake {
	unsigned *users_at, *users; /* by rule: places in set->metas, users[users_at[rule]…] */
	bool *always[2];	    /* by place; without and with network */
};

/* Lists the metas that read each rule: first counted, then placed. */
static void list_users(struct gp_rule_set *set, struct gp_rule_wake *w)
{
	size_t n = set->rules.len, total = 0;
	const unsigned *needs;
	unsigned *at;

	w->users_at = GP_ARENA_NEW_N(set->arena, n + 2, unsigned);
	for (size_t i = 0; i < set->metas.len; i++) {
		size_t n_needs = gp_meta_needs(set->metas.items[i]->meta, &needs);

		total += n_needs;
		for (size_t k = 0; k < n_needs; k++)
			w->users_at[needs[k] + 2]++;
	}
	for (size_t i = 2; i < n + 2; i++)
		w->users_at[i] += w->users_at[i - 1];
	w->users = GP_ARENA_NEW_N(set->arena, total + 1, unsigned);
	at = w->users_at + 1; /* moves on by what is placed: ends as where the next begins */
	for (unsigned i = 0; i < set->metas.len; i++) {
		size_t n_needs = gp_meta_needs(set->metas.items[i]->meta, &needs);

		for (size_t k = 0; k < n_needs; k++)
			w->users[at[needs[k]]++] = i;
	}
}

void gp_rule_wake_prepare(struct gp_rule_set *set)
{
	struct gp_rule_wake *w = GP_ARENA_NEW(set->arena, struct gp_rule_wake);
	double *none = GP_ARENA_NEW_N(set->arena, set->rules.len + 1, double);

	list_users(set, w);
	for (unsigned net = 0; net < 2; net++) {
		w->always[net] = GP_ARENA_NEW_N(set->arena, set->metas.len + 1, bool);
		for (size_t i = 0; i < set->metas.len; i++)
			w->always[net][i] = gp_meta_eval(set->metas.items[i]->meta, none, net) != 0;
	}
	set->wake = w;
}

bool *gp_rule_wake_begin(const struct gp_rule_set *set, bool has_network, struct gp_arena *a)
{
	return gp_arena_dup(a, set->wake->always[has_network], set->metas.len + 1);
}

void gp_rule_wake_users(const struct gp_rule_set *set, unsigned rule, bool *is_awake)
{
	const struct gp_rule_wake *w = set->wake;

	for (unsigned i = w->users_at[rule]; i < w->users_at[rule + 1]; i++)
		is_awake[w->users[i]] = true;
}
