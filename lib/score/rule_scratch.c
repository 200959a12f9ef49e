/*
 * A stack under a mutex: held for a few instructions, twice a message.
 */
#include "lib/score/rule_scratch.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/score/rule_dfa_bank.h"
#include "lib/score/rule_sieve.h"
#include "lib/score/rule_vs.h"

/* More than this many scans at once are rare; their scratch is freed afterwards. */
#define POOL_MAX 64

/* Automata of one field side by side. */
static struct gp_dfa_bank **banks_new(const struct gp_dfas *d, struct gp_dfa_memory **m)
{
	struct gp_dfa_bank **banks = gp_xcalloc(d->len + 1, sizeof(*banks));

	for (size_t from = 0, to; from < d->len; from = to) {
		to = from + 1;
		while (to < d->len && to - from < GP_DFA_LANES_MAX &&
		       gp_dfa_group(d->items[to]) == gp_dfa_group(d->items[from]))
			to++;
		banks[from] = gp_dfa_bank_new(m + from, to - from);
	}
	return banks;
}

static struct gp_rule_scratch *scratch_new(const struct gp_rule_set *set)
{
	struct gp_rule_scratch *s = gp_xcalloc(1, sizeof(*s));

	s->pcre = gp_pcre_new(set->options.match_limit);
	s->sieve = gp_sieve_new(set);
	s->tried = gp_xcalloc(set->rules.len + 1, sizeof(*s->tried));
	for (size_t i = 0; i < GP_RULE_TARGETS; i++) {
		const struct gp_dfas *d = &set->targets[i].dfas;

		s->dfas[i] = gp_xcalloc(d->len + 1, sizeof(*s->dfas[i]));
		for (size_t k = 0; k < d->len; k++)
			s->dfas[i][k] = gp_dfa_memory_new(d->items[k], GP_DFA_STATES_MAX);
		s->banks[i] = banks_new(d, s->dfas[i]);
	}
	for (size_t i = 0; i < GP_RULE_TARGETS; i++) {
		if (!set->targets[i].vs || gp_vs_scratch_prepare(set->targets[i].vs, &s->vs) == GP_OK)
			continue;
		gp_vs_scratch_free(s->vs);
		s->vs = NULL;
		break;
	}
	return s;
}

static void scratch_free(struct gp_rule_scratch *s)
{
	gp_pcre_free(s->pcre);
	gp_sieve_free(s->sieve);
	free(s->tried);
	for (size_t i = 0; i < GP_RULE_TARGETS; i++) {
		for (size_t k = 0; s->dfas[i][k]; k++) {
			gp_dfa_bank_free(s->banks[i][k]);
			gp_dfa_memory_free(s->dfas[i][k]);
		}
		free(s->banks[i]);
		free(s->dfas[i]);
	}
	if (s->vs)
		gp_vs_scratch_free(s->vs);
	free(s);
}

struct gp_rule_scratch *gp_rule_scratch_take(struct gp_rule_set *set)
{
	struct gp_rule_scratch *s;

	pthread_mutex_lock(&set->pool_lock);
	s = set->pool;
	if (s) {
		set->pool = s->next;
		set->pooled--;
	}
	pthread_mutex_unlock(&set->pool_lock);
	if (!s)
		s = scratch_new(set);
	s->scans++;
	return s;
}

void gp_rule_scratch_put(struct gp_rule_set *set, struct gp_rule_scratch *s)
{
	bool keep;

	pthread_mutex_lock(&set->pool_lock);
	keep = set->pooled < POOL_MAX;
	if (keep) {
		s->next = set->pool;
		set->pool = s;
		set->pooled++;
	}
	pthread_mutex_unlock(&set->pool_lock);
	if (!keep)
		scratch_free(s);
}

void gp_rule_scratch_free_all(struct gp_rule_set *set)
{
	while (set->pool) {
		struct gp_rule_scratch *s = set->pool;

		set->pool = s->next;
		scratch_free(s);
	}
}
