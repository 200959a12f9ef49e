/*
 * Ordinary text decides: a pattern with a literal that occurs in it would be
 * run on much of all mail.  An automaton knows more of the pattern than one of
 * its words.
 */
#include "lib/score/rule_window.h"

#include <stdlib.h>

#include "lib/score/rule_tree.h"

/* How often patterns without literals may be found in the sample: otherwise PCRE2 is as fast. */
#define HITS_MAX 16

static int by_field(const void *a, const void *b)
{
	const struct gp_rule *x = *(struct gp_rule *const *)a, *y = *(struct gp_rule *const *)b;

	if (x->field_index != y->field_index)
		return x->field_index < y->field_index ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool has_good_literals(const struct gp_regex *re)
{
	struct gp_str sample = gp_dfa_sample();

	for (size_t i = 0; i < re->n_literals; i++)
		if (gp_str_ifind(sample, re->literals[i], 0) < sample.len)
			return false;
	return re->n_literals > 0;
}

/* In a long text PCRE2 finds that quicker than an automaton does. */
static bool is_one_byte(const struct gp_tree *t)
{
	unsigned n = 0;

	for (unsigned c = 0; t && t->kind == GP_TREE_SET && c < 256; c++)
		n += gp_byte_set_has(&t->set, (unsigned char)c);
	return n == 1;
}

static void make_automata(struct gp_rule_builder *b, struct gp_rule_target *t)
{
	struct gp_arena *scratch;
	struct gp_dfa_pattern *patterns;

	for (size_t i = 0; i < t->rules.len; i++)
		if (!has_good_literals(&t->rules.items[i]->regex))
			*gp_vec_push(b->arena, &t->windowed) = t->rules.items[i];
	if (t->windowed.len == 0 || b->set->options.engine == GP_RULE_ENGINE_PCRE2)
		return;
	qsort(t->windowed.items, t->windowed.len, sizeof(*t->windowed.items), by_field);
	scratch = gp_arena_new(256u << 10);
	patterns = GP_ARENA_NEW_N(scratch, t->windowed.len, struct gp_dfa_pattern);
	for (size_t i = 0; i < t->windowed.len; i++) {
		const struct gp_rule *r = t->windowed.items[i];

		patterns[i].tree = gp_tree_parse(scratch, r->regex.text, r->regex.flags);
		patterns[i].lines = gp_tree_parse_lines(scratch, r->regex.text, r->regex.flags);
		if (r->type == GP_RULE_FULL && is_one_byte(patterns[i].tree))
			patterns[i].tree = NULL;
		patterns[i].group = r->field_index;
		patterns[i].limit = r->regex.n_literals ? 0 : HITS_MAX;
	}
	gp_dfa_make(b->arena, patterns, t->windowed.len, &t->dfas);
	for (size_t i = 0; i < t->windowed.len; i++)
		if (t->dfas.of[i] >= 0) {
			t->windowed.items[i]->regex.n_literals = 0;
			t->windowed.items[i]->regex.lead = t->dfas.spans[i];
		}
	gp_arena_free(scratch);
}

void gp_rule_window_prepare(struct gp_rule_builder *b, struct gp_rule_target *t)
{
	make_automata(b, t);
	for (size_t i = 0; i < t->windowed.len; i++)
		if (t->windowed.items[i]->regex.n_literals == 0 && (!t->dfas.of || t->dfas.of[i] < 0))
			*gp_vec_push(b->arena, &t->unguided) = t->windowed.items[i];
}
