/*
 * Of SpamAssassin's 900 metas a message concerns some fifty.
 */
#include "lib/score/rule_wake.h"

#include "lib/score/rule_meta.h"

#define PARTS_MAX 32 /* bits */

struct user {
	unsigned meta; /* place in set->metas */
	uint32_t part; /* bit */
};

struct gp_rule_wake {
	unsigned *users_at; /* by rule: users[users_at[rule]] … users[users_at[rule + 1] - 1] */
	struct user *users;
	uint32_t *none[2]; /* by place: bits of what may hold when nothing hit; without and with network */
};

/* First counts, then places. */
struct listing {
	struct gp_rule_wake *wake;
	unsigned *at; /* by rule, shifted: moves on by what is placed, so ends as where the next begins */
	bool is_placing;
	struct user user;
};

static void list_need(void *arg, unsigned rule)
{
	struct listing *l = arg;

	if (l->is_placing)
		l->wake->users[l->at[rule]] = l->user;
	l->at[rule]++;
}

static void list_parts(struct gp_rule_set *set, struct listing *l)
{
	struct gp_meta_part parts[PARTS_MAX];

	for (unsigned i = 0; i < set->metas.len; i++) {
		const struct gp_meta *m = set->metas.items[i]->meta;
		size_t n = gp_meta_split(m, parts, PARTS_MAX);

		for (size_t k = 0; k < n; k++) {
			l->user = (struct user){i, (uint32_t)1 << k};
			gp_meta_part_needs(m, parts[k], list_need, l);
		}
	}
}

static void list_users(struct gp_rule_set *set, struct gp_rule_wake *w)
{
	size_t n = set->rules.len;
	struct listing l = {.wake = w};

	w->users_at = GP_ARENA_NEW_N(set->arena, n + 2, unsigned);
	l.at = w->users_at + 2;
	list_parts(set, &l);
	for (size_t i = 2; i < n + 2; i++)
		w->users_at[i] += w->users_at[i - 1];
	w->users = GP_ARENA_NEW_N(set->arena, w->users_at[n + 1] + 1u, struct user);
	l.at = w->users_at + 1;
	l.is_placing = true;
	list_parts(set, &l);
}

static uint32_t parts_that_hold(const struct gp_meta *m, const double *hits, bool has_network)
{
	struct gp_meta_part parts[PARTS_MAX];
	size_t n = gp_meta_split(m, parts, PARTS_MAX);
	uint32_t bits = UINT32_MAX;

	for (size_t k = 0; k < n; k++)
		if (!gp_meta_part_holds(m, parts[k], hits, has_network))
			bits &= ~((uint32_t)1 << k);
	return bits;
}

void gp_rule_wake_prepare(struct gp_rule_set *set)
{
	struct gp_rule_wake *w = GP_ARENA_NEW(set->arena, struct gp_rule_wake);
	double *none = GP_ARENA_NEW_N(set->arena, set->rules.len + 1, double);

	list_users(set, w);
	for (unsigned net = 0; net < 2; net++) {
		w->none[net] = GP_ARENA_NEW_N(set->arena, set->metas.len + 1, uint32_t);
		for (size_t i = 0; i < set->metas.len; i++)
			w->none[net][i] = parts_that_hold(set->metas.items[i]->meta, none, net);
	}
	set->wake = w;
}

uint32_t *gp_rule_wake_begin(const struct gp_rule_set *set, bool has_network, struct gp_arena *a)
{
	return gp_arena_dup(a, set->wake->none[has_network],
			    (set->metas.len + 1) * sizeof(*set->wake->none[0]));
}

void gp_rule_wake_users(const struct gp_rule_set *set, unsigned rule, uint32_t *may_hold)
{
	const struct gp_rule_wake *w = set->wake;

	for (unsigned i = w->users_at[rule]; i < w->users_at[rule + 1]; i++)
		may_hold[w->users[i].meta] |= w->users[i].part;
}
