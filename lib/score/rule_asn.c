/*
 * Directives, and which rules wait for the answers: header rules that read X-ASN, patterns with
 * %{ASN}, questions with _ASN_ in their names.
 */
#include "lib/score/rule_asn.h"

#include "lib/score/rule_capture.h"
#include "lib/score/rule_def.h"
#include "lib/score/rule_query.h"
#include "lib/score/rule_query_hash.h"

static void error(struct gp_rule_builder *b, const char *what)
{
	gp_rule_note(b, GP_RULE_ERROR, "", "%s", what);
}

/* "_NAME_" → "NAME" */
static bool take_tag(struct gp_rule_builder *b, struct gp_str *value, struct gp_str *ret)
{
	struct gp_str word;

	if (!gp_str_next_word(value, &word) || word.len < 3 || word.ptr[0] != '_' ||
	    word.ptr[word.len - 1] != '_')
		return false;
	*ret = gp_tag_upper(b->arena, gp_str_sub(word, 1, word.len - 2));
	return true;
}

/* ZONE [_NUMBERS_ _ROUTES_] */
static void add_lookup(struct gp_rule_builder *b, struct gp_str value, uint8_t family)
{
	struct gp_asn_lookup *l = GP_ARENA_NEW(b->arena, struct gp_asn_lookup);
	struct gp_str zone = {0};
	bool has_tags;

	gp_str_next_word(&value, &zone);
	if (zone.len > 1 && zone.ptr[zone.len - 1] == '.')
		zone.len--;
	has_tags = gp_str_trim(value).len > 0;
	*l = (struct gp_asn_lookup){.zone = gp_arena_str(b->arena, zone), .family = family,
				    .number_tag = GP_STR("ASN"), .route_tag = GP_STR("ASNCIDR")};
	if (zone.len == 0 || (has_tags && (!take_tag(b, &value, &l->number_tag) ||
					   !take_tag(b, &value, &l->route_tag) ||
					   gp_str_trim(value).len)))
		error(b, "wants a zone, and no tags or two: ZONE _ASN_ _ASNCIDR_");
	else
		*gp_vec_push(b->arena, &b->set->asns) = l;
}

static void lookup(struct gp_rule_builder *b, struct gp_str value)
{
	add_lookup(b, value, 4);
}

static void lookup_ipv6(struct gp_rule_builder *b, struct gp_str value)
{
	add_lookup(b, value, 6);
}

static void clear(struct gp_rule_builder *b, struct gp_str value)
{
	if (value.len)
		error(b, "nothing may stand behind it");
	else
		b->set->asns.len = 0;
}

static void set_prefix(struct gp_rule_builder *b, struct gp_str value)
{
	if (value.len > 1 && (value.ptr[0] == '"' || value.ptr[0] == '\'') &&
	    value.ptr[value.len - 1] == value.ptr[0])
		value = gp_str_sub(value, 1, value.len - 2);
	b->set->asn_prefix = gp_arena_str(b->arena, value);
}

static void set_use(struct gp_rule_builder *b, struct gp_str value)
{
	bool is_on = gp_str_eq(value, GP_STR("1")) || gp_str_ieq(value, GP_STR("yes"));

	if (!is_on && !gp_str_eq(value, GP_STR("0")) && !gp_str_ieq(value, GP_STR("no")))
		error(b, "wants 0 or 1");
	else
		b->set->asn_is_off = !is_on;
}

bool gp_rule_asn_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value)
{
	static const struct gp_rule_directive_row table[] = {
		{"asn_lookup", lookup},
		{"asn_lookup_ipv6", lookup_ipv6},
		{"asn_prefix", set_prefix},
		{"asn_use_dns", set_use},
		{"clear_asn_lookups", clear},
	};

	return gp_map_get(&b->plugins, GP_STR("ASN")) &&
	       gp_rule_directive_in(table, GP_ARRAY_SIZE(table), b, name, value);
}

bool gp_asn_has_tag(const struct gp_rule_set *set, struct gp_str tag)
{
	for (size_t i = 0; i < set->asns.len; i++)
		if (gp_str_eq(tag, set->asns.items[i]->number_tag) ||
		    gp_str_eq(tag, set->asns.items[i]->route_tag))
			return true;
	return false;
}

static bool waits_for_tag(const struct gp_rule_set *set, const struct gp_rule *r)
{
	struct gp_str tag;

	for (size_t at = 0; gp_capture_next(r, &at, &tag);)
		if (gp_asn_has_tag(set, tag))
			return true;
	return false;
}

static bool asks_for_tag(const struct gp_rule_set *set, const struct gp_query *q)
{
	if (q->kind == GP_QUERY_HASH_TAG)
		return gp_asn_has_tag(set, q->hash->what);
	if (q->kind != GP_QUERY_ASKDNS)
		return false;
	for (size_t at = 0, len = 0; gp_tag_find(q->name, at + len, &at, &len);)
		if (gp_asn_has_tag(set, gp_str_sub(q->name, at + 1, len - 2)))
			return true;
	return false;
}

void gp_rule_asn_prepare(struct gp_rule_builder *b)
{
	struct gp_rule_set *set = b->set;

	if (set->asn_is_off)
		set->asns.len = 0;
	if (set->asns.len == 0)
		return;
	set->reads_relays = true;
	for (size_t i = 0; i < set->asns.len; i++)
		set->asns.items[i]->asked = gp_query_zone_get(b, set->asns.items[i]->zone);
	for (size_t i = 0; i < set->rules.len; i++) {
		struct gp_rule *r = set->rules.items[i];

		if (r->inert || !((r->field && r->field->is_asn) ||
				  (r->template && waits_for_tag(set, r))))
			continue;
		r->is_late = true;
		*gp_vec_push(b->arena, &set->late) = r;
	}
	for (size_t i = 0; i < set->queries.len; i++)
		set->queries.items[i]->query->is_late =
			asks_for_tag(set, set->queries.items[i]->query);
}
