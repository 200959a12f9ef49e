/*
 * The order in which SpamAssassin runs rules: by priority, those of one priority by kind, metas last.
 * What a meta needs runs no later than it.
 */
#include "lib/score/rule_circuit.h"

#include "lib/score/rule_list.h"
#include "lib/score/rule_meta.h"

#define EARLY (-200) /* where a rule goes that names no priority of its own */

bool gp_rule_circuit_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value)
{
	static const char *const types[] = {"off", "on", "ham", "spam"};
	struct gp_str rule, type = {0};
	struct gp_rule *r;

	if (!gp_str_eq(name, GP_STR("shortcircuit")) ||
	    !gp_map_get(&b->plugins, GP_STR("Shortcircuit")))
		return false;
	gp_str_next_word(&value, &rule);
	gp_str_next_word(&value, &type);
	for (unsigned i = 0; i < GP_ARRAY_SIZE(types); i++) {
		if (!gp_str_eq(type, gp_str(types[i])) || !gp_rule_name_is_valid(rule))
			continue;
		r = gp_rule_get(b, rule);
		r->circuit = i;
		if (i >= GP_CIRCUIT_HAM && r->priority == 0)
			r->priority = EARLY;
		b->set->has_circuits |= i != GP_CIRCUIT_OFF;
		return true;
	}
	gp_rule_note(b, GP_RULE_ERROR, "", "shortcircuit wants a rule's name and one of on, off, ham, spam");
	return true;
}

void gp_rule_circuit_begin(struct gp_rule_builder *b)
{
	if (b->set->has_circuits)
		b->set->circuit = gp_rule_get(b, GP_STR("SHORTCIRCUIT"));
}

void gp_rule_circuit_prepare(struct gp_rule_builder *b)
{
	struct gp_rule_set *set = b->set;

	if (!set->has_circuits)
		return;
	for (size_t i = set->metas.len; i-- > 0;) { /* users before what they need */
		const struct gp_rule *meta = set->metas.items[i];
		const unsigned *needs;
		size_t n = gp_meta_needs(meta->meta, &needs);

		for (size_t k = 0; k < n; k++) {
			struct gp_rule *r = set->rules.items[needs[k]];

			r->priority = GP_MIN(r->priority, meta->priority);
		}
	}
}

/* Place within a priority. */
static int place_of(const struct gp_rule *r)
{
	static const int patterns[] = {
		[GP_RULE_MIMEHEADER] = 0, [GP_RULE_HEADER] = 1, [GP_RULE_BODY] = 3, [GP_RULE_URI] = 4,
		[GP_RULE_RAWBODY] = 6, [GP_RULE_FULL] = 8,
	};

	if (r->type == GP_RULE_EVAL)
		return patterns[r->written] + 1 + (r->written == GP_RULE_BODY);
	return r->type < GP_RULE_TARGETS ? patterns[r->type] : 10;
}

static bool is_before(const struct gp_rule *a, const struct gp_rule *b)
{
	return a->priority != b->priority ? a->priority < b->priority : place_of(a) < place_of(b);
}

void gp_rule_circuit_cut(const struct gp_rule_set *set, double *hits, unsigned score_set,
			 struct gp_rule_cut *ret)
{
	const struct gp_rule *first = NULL;
	bool is_ham;

	*ret = (struct gp_rule_cut){0};
	for (size_t i = 0; set->has_circuits && i < set->rules.len; i++) {
		const struct gp_rule *r = set->rules.items[i];

		if (hits[i] != 0 && r->circuit != GP_CIRCUIT_OFF && (!first || is_before(r, first)))
			first = r;
	}
	if (!first)
		return;
	for (size_t i = 0; i < set->rules.len; i++)
		if (hits[i] != 0 && set->rules.items[i]->type != GP_RULE_FACT &&
		    is_before(first, set->rules.items[i]))
			hits[i] = 0;
	is_ham = first->circuit == GP_CIRCUIT_HAM ||
		 (first->circuit == GP_CIRCUIT_ON && first->score[score_set] < 0);
	ret->rule = first;
	ret->type = is_ham ? "ham" : "spam";
	if (first->circuit == GP_CIRCUIT_ON)
		ret->score = is_ham ? -0.0001 : 0.0001;
	else
		ret->score = is_ham ? gp_rule_list_number(set, "shortcircuit_ham_score", -100)
				    : gp_rule_list_number(set, "shortcircuit_spam_score", 100);
	hits[set->circuit->index] = 1;
}
