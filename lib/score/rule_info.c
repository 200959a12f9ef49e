/*
 * What a rule set says about itself: its rules one by one, and what hangs on what.
 */
#include "lib/score/rule_info.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/score/rule_meta.h"
#include "lib/score/rule_query.h"

bool gp_rule_set_asks(const struct gp_rule_set *set)
{
	return set->queries.len > 0 || set->asns.len > 0;
}

bool gp_rule_set_guesses_languages(const struct gp_rule_set *set)
{
	return set->textcat;
}

bool gp_rule_set_asks_asn(const struct gp_rule_set *set)
{
	return set->asns.len > 0;
}

size_t gp_rule_set_count(const struct gp_rule_set *set)
{
	return set->rules.len;
}

static bool is_scored(const struct gp_rule *r)
{
	if (r->type == GP_RULE_FACT || r->is_error || strncmp(r->name, "__", 2) == 0)
		return false;
	for (size_t i = 0; i < GP_ARRAY_SIZE(r->score); i++)
		if (r->score[i] != 0)
			return true;
	return false;
}

/* Its own zone; of one that looks at what another was told (check_rbl_sub), that one's. */
static struct gp_str zone_asked(const struct gp_rule_set *set, const struct gp_rule *r)
{
	if (!r->query || r->query->name.len || !r->query->set.len)
		return r->query ? r->query->name : GP_STR("");
	for (size_t i = 0; i < set->queries.len; i++) {
		const struct gp_query *q = set->queries.items[i]->query;

		if (q->name.len && gp_str_eq(q->set, r->query->set))
			return q->name;
	}
	return GP_STR("");
}

bool gp_rule_set_info(const struct gp_rule_set *set, size_t i, struct gp_rule_info *ret)
{
	const struct gp_rule *r;

	if (i >= set->rules.len)
		return false;
	r = set->rules.items[i];
	*ret = (struct gp_rule_info){
		.name = r->name,
		.type = gp_rule_type_name(r->type),
		.file = set->files.items[r->file].path,
		.line = r->line,
		.description = r->describe,
		.definition = r->text ? r->text : "",
		.inert = r->inert,
		.asks = zone_asked(set, r),
		.flags = r->flags_text ? r->flags_text : "",
		.is_defined = r->type != GP_RULE_FACT,
		.is_scored = is_scored(r),
		.priority = r->priority,
	};
	if (r->meta)
		ret->n_needs = gp_meta_needs(r->meta, &ret->needs);
	memcpy(ret->score, r->score, sizeof(ret->score));
	return true;
}

bool gp_rule_set_find(const struct gp_rule_set *set, struct gp_str name, size_t *ret)
{
	const struct gp_rule *r = gp_map_get(&set->by_name, name);

	if (r)
		*ret = r->index;
	return r != NULL;
}

void gp_rule_set_evaluable(const struct gp_rule_set *set, bool *ret)
{
	for (size_t i = 0; i < set->rules.len; i++)
		ret[i] = !set->rules.items[i]->inert && !set->rules.items[i]->is_error;
	for (size_t i = 0; i < set->metas.len; i++) { /* what a meta needs stands before it */
		const struct gp_rule *r = set->metas.items[i];
		const unsigned *needs;
		size_t n = gp_meta_needs(r->meta, &needs);

		for (size_t k = 0; k < n; k++)
			ret[r->index] = ret[r->index] && ret[needs[k]];
	}
}

void gp_rule_count_scored(const struct gp_rule_set *set, unsigned *ret_scored,
			  unsigned *ret_active)
{
	bool *evaluable = gp_xcalloc(set->rules.len + 1, sizeof(*evaluable));

	*ret_scored = *ret_active = 0;
	gp_rule_set_evaluable(set, evaluable);
	for (size_t i = 0; i < set->rules.len; i++)
		if (is_scored(set->rules.items[i])) {
			++*ret_scored;
			*ret_active += evaluable[i];
		}
	free(evaluable);
}
