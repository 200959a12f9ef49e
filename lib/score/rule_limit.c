/*
 * Counting limits that patterns met.
 *
 * Why switch off at all: one pattern of a user's file that backtracks on some
 * newsletter costs every copy of it as much as all other rules together.  What
 * is bad about it: who knows a pattern's weakness can switch it off by five
 * messages; the log names it then, and a reload brings it back.
 */
#include "lib/score/rule_limit.h"

#include "lib/base/buf.h"

static void leave_undecided(struct gp_rule_limits *l, const struct gp_rule *r)
{
	if (!l->undecided)
		l->undecided = GP_ARENA_NEW_N(l->arena, l->set->rules.len, bool);
	l->undecided[r->index] = true;
	l->done[r->index] = true;
}

static bool is_off(const struct gp_rule_set *set, size_t index)
{
	return atomic_load_explicit(&set->limited[index], memory_order_relaxed) >=
	       GP_RULE_LIMITED_MAX;
}

void gp_rule_limit_begin(struct gp_rule_limits *l)
{
	if (atomic_load_explicit(&l->set->switched_off, memory_order_relaxed) == 0)
		return;
	for (size_t i = 0; i < l->set->rules.len; i++)
		if (is_off(l->set, i))
			leave_undecided(l, l->set->rules.items[i]);
}

void gp_rule_limit_hit(struct gp_rule_limits *l, const struct gp_rule *r)
{
	unsigned messages;

	if (gp_rule_limit_is_undecided(l, r))
		return;
	leave_undecided(l, r);
	messages = 1 + atomic_fetch_add_explicit(&l->set->limited[r->index], 1,
						 memory_order_relaxed);
	if (messages == GP_RULE_LIMITED_MAX)
		atomic_fetch_add_explicit(&l->set->switched_off, 1, memory_order_relaxed);
	*gp_vec_push(l->arena, &l->stats->limited) =
		(struct gp_rule_limited){.name = r->name,
					 .file = l->set->files.items[r->file].path,
					 .line = r->line,
					 .messages = messages};
}

void gp_rule_limit_watch(struct gp_rule_limits *l)
{
	if (!l->costs)
		l->costs = GP_ARENA_NEW_N(l->arena, l->set->rules.len, int64_t);
}

void gp_rule_limit_blame(struct gp_rule_limits *l, int64_t share_us)
{
	size_t worst = 0;

	if (!l->costs)
		return;
	for (size_t i = 1; i < l->set->rules.len; i++)
		if (l->costs[i] > l->costs[worst])
			worst = i;
	if (l->costs[worst] >= share_us)
		gp_rule_limit_hit(l, l->set->rules.items[worst]);
}

size_t gp_rule_set_switched_off(const struct gp_rule_set *set, struct gp_buf *names)
{
	size_t n = 0;

	if (atomic_load_explicit(&set->switched_off, memory_order_relaxed) == 0)
		return 0;
	for (size_t i = 0; i < set->rules.len; i++)
		if (is_off(set, i))
			gp_buf_printf(names, "%s%s", n++ ? " " : "", set->rules.items[i]->name);
	return n;
}
