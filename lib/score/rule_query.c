/*
 * DNS rules while loading: directives, arguments, the zones they share.
 */
#include "lib/score/rule_query.h"

#include "lib/score/rule_eval.h"
#include "lib/score/rule_list.h"
#include "lib/score/rule_query_hash.h"
#include "lib/score/rule_query_test.h"
#include "lib/score/rule_tag.h"

static bool parse_type(struct gp_str s, enum gp_dns_type *ret)
{
	static const struct {
		const char *name;
		enum gp_dns_type type;
	} types[] = {{"A", GP_DNS_A},	{"TXT", GP_DNS_TXT}, {"AAAA", GP_DNS_AAAA},
		     {"MX", GP_DNS_MX}, {"NS", GP_DNS_NS},   {"PTR", GP_DNS_PTR},
		     {"CNAME", GP_DNS_CNAME}};

	for (size_t i = 0; i < GP_ARRAY_SIZE(types); i++) {
		if (!gp_str_ieq(s, gp_str(types[i].name)))
			continue;
		*ret = types[i].type;
		return true;
	}
	return false;
}

/* Without final dots. */
static struct gp_str zone_name(struct gp_arena *a, struct gp_str s)
{
	while (s.len && s.ptr[s.len - 1] == '.')
		s.len--;
	return gp_arena_str(a, s);
}

/* uridnsbl and its kin: RULE ZONE TYPE [TEST]. */
static void uribl(struct gp_rule_builder *b, enum gp_query_kind kind, bool has_test,
		  struct gp_str value)
{
	struct gp_query *q = GP_ARENA_NEW(b->arena, struct gp_query);
	struct gp_str name, zone, type;
	struct gp_diag diag;

	if (!gp_str_next_word(&value, &name) || !gp_rule_name_is_valid(name) ||
	    !gp_str_next_word(&value, &zone) || !gp_str_next_word(&value, &type) ||
	    (gp_str_trim(value).len > 0) != has_test) {
		gp_rule_note(b, GP_RULE_ERROR, "", "wants a rule's name, a zone, a type%s",
			     has_test ? " and what is to be answered" : "");
		return;
	}
	q->kind = kind;
	q->name = zone_name(b->arena, zone);
	if (!parse_type(type, &q->type) || (q->type != GP_DNS_A && q->type != GP_DNS_TXT)) {
		gp_rule_note(b, GP_RULE_ERROR, gp_arena_cstr(b->arena, name),
			     "block lists are asked for A or TXT");
		return;
	}
	if (has_test && gp_query_test_of_uribl(b->arena, gp_str_trim(value), &q->test, &diag)) {
		gp_rule_note(b, GP_RULE_ERROR, gp_arena_cstr(b->arena, name), "%s", diag.text);
		return;
	}
	gp_rule_get(b, name)->query = q;
}

bool gp_query_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value)
{
	static const struct {
		const char *name;
		enum gp_query_kind kind;
		bool has_test;
	} table[] = {
		{"uridnsbl", GP_QUERY_URI_IP, false},
		{"uridnssub", GP_QUERY_URI_IP, true},
		{"urirhsbl", GP_QUERY_URI_NAME, false},
		{"urirhssub", GP_QUERY_URI_NAME, true},
		{"urinsrhsbl", GP_QUERY_URI_NS, false},
		{"urinsrhssub", GP_QUERY_URI_NS, true},
		{"urifullnsrhsbl", GP_QUERY_URI_FULLNS, false},
		{"urifullnsrhssub", GP_QUERY_URI_FULLNS, true},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		if (!gp_str_eq(name, gp_str(table[i].name)))
			continue;
		uribl(b, table[i].kind, table[i].has_test, value);
		return true;
	}
	return false;
}

/* Arguments of check_rbl and its kin: SET, ZONE [, TEST [, HEADERS]]; of check_rbl_sub: SET, TEST. */
static bool prepare_rbl(struct gp_rule_builder *b, struct gp_rule *r, struct gp_query *q)
{
	size_t at = q->kind == GP_QUERY_SUB ? 1 : 2;
	struct gp_diag diag;

	q->type = r->eval->flag ? GP_DNS_TXT : GP_DNS_A;
	q->set = r->args[0];
	if (at == 2)
		q->name = zone_name(b->arena, r->args[1]);
	if (r->n_args > at + 1)
		q->headers = r->args[at + 1];
	if (r->n_args > at && r->args[at].len && gp_query_test_of_rbl(b->arena, r->args[at], &q->test, &diag)) {
		gp_rule_make_inert(b, r, "%s", diag.text);
		return false;
	}
	return true;
}

static bool has_captured_tag(struct gp_str name)
{
	for (size_t at = 0, len = 0; gp_tag_find(name, at + len, &at, &len);)
		if (!gp_tag_is_built_in(gp_str_sub(name, at + 1, len - 2)))
			return true;
	return false;
}

/* Arguments of askdns: NAME, TYPE (may be empty), TEST (may be empty). */
static bool prepare_askdns(struct gp_rule_builder *b, struct gp_rule *r, struct gp_query *q)
{
	struct gp_diag diag;

	q->name = zone_name(b->arena, r->args[0]);
	q->is_captured = has_captured_tag(q->name);
	q->type = GP_DNS_A;
	if (r->args[1].len && !parse_type(r->args[1], &q->type)) {
		gp_rule_make_inert(b, r, "the DNS is not asked for records of type %.*s here",
				   GP_STR_FMT(gp_str_sub(r->args[1], 0, 40)));
		return false;
	}
	if (r->args[2].len && gp_query_test_of_askdns(b->arena, r->args[2], &q->test, &diag)) {
		gp_rule_make_inert(b, r, "%s", diag.text);
		return false;
	}
	return true;
}

void gp_query_prepare(struct gp_rule_builder *b, struct gp_rule *r)
{
	static const enum gp_query_kind URI = GP_QUERY_URI_NAME;
	struct gp_query *q;

	if (r->eval->what == (int)URI) { /* made by its directive */
		if (!r->query)
			gp_rule_make_inert(b, r, "no uridnsbl, urirhsbl … line for this rule");
		return;
	}
	q = GP_ARENA_NEW(b->arena, struct gp_query);
	q->kind = (enum gp_query_kind)r->eval->what;
	if (q->kind >= GP_QUERY_HASH_BODY) {
		if (gp_query_hash_prepare(b, r, q))
			r->query = q;
		return;
	}
	if (q->kind == GP_QUERY_SENDER || (q->kind == GP_QUERY_ASKDNS && prepare_askdns(b, r, q)) ||
	    (q->kind != GP_QUERY_ASKDNS && prepare_rbl(b, r, q)))
		r->query = q;
}

/* dns_query_restriction allow|deny DOMAIN…: the longest that fits decides, of equals the last. */
static bool is_denied(const struct gp_rule_set *set, struct gp_str zone)
{
	const struct gp_rule_list *lines =
		gp_rule_list_get(set, GP_STR("dns_query_restriction"));
	size_t best = 0;
	bool denied = false;

	for (size_t i = 0; i < lines->items.len; i++) {
		struct gp_str rest = lines->items.items[i], how, domain;

		if (!gp_str_next_word(&rest, &how))
			continue;
		while (gp_str_next_word(&rest, &domain)) {
			if (domain.len < best || !gp_dns_name_is_within(zone, domain))
				continue;
			best = domain.len;
			denied = gp_str_ieq(how, GP_STR("deny"));
		}
	}
	return denied;
}

struct gp_query_zone *gp_query_zone_get(struct gp_rule_builder *b, struct gp_str name)
{
	struct gp_query_zone *zone = gp_map_get(&b->set->zones, name);

	if (zone)
		return zone;
	zone = GP_ARENA_NEW(b->arena, struct gp_query_zone);
	zone->name = name;
	zone->is_denied = is_denied(b->set, name);
	gp_map_set(&b->set->zones, name, zone);
	return zone;
}

/* What of askdns' name stands behind its last tag: "_AUTHORDOMAIN_.example.com". */
static struct gp_str behind_tags(struct gp_str name)
{
	for (size_t i = name.len; i-- > 0;)
		if (name.ptr[i] == '_' && i + 1 < name.len && name.ptr[i + 1] == '.')
			return gp_str_sub(name, i + 2, SIZE_MAX);
	return gp_str_find_chr(name, '_', 0) < name.len ? GP_STR("") : name;
}

/* dns_block_rule RULE DOMAIN…: while it hits now and then, these are not asked. */
static void bind_blocks(struct gp_rule_builder *b)
{
	const struct gp_rule_list *lines = gp_rule_list_get(b->set, GP_STR("dns_block_rule"));

	for (size_t i = 0; i < lines->items.len; i++) {
		struct gp_str rest = lines->items.items[i], name, domain;

		if (!gp_str_next_word(&rest, &name) || !gp_map_get(&b->set->by_name, name))
			continue;
		while (gp_str_next_word(&rest, &domain)) {
			GP_MAP_EACH(&b->set->zones, e)
				if (gp_dns_name_is_within(e->key, domain))
					*gp_vec_push(b->arena, &b->set->blocks) = (struct gp_rule_block){
						gp_map_get(&b->set->by_name, name), e->value};
		}
	}
}

void gp_query_finish(struct gp_rule_builder *b)
{
	struct gp_rule_set *set = b->set;
	struct gp_rule *r, *sub;

	for (size_t i = 0; i < set->queries.len; i++) {
		struct gp_query *q = set->queries.items[i]->query;
		struct gp_str zone = q->kind == GP_QUERY_ASKDNS ? behind_tags(q->name) : q->name;

		q->index = (unsigned)i;
		if (zone.len)
			q->zone = gp_query_zone_get(b, zone);
	}
	for (size_t i = 0; i < set->queries.len; i++) {
		r = set->queries.items[i];
		for (size_t k = 0; r->query->set.len && k < set->queries.len; k++) {
			sub = set->queries.items[k];
			if (r->query->kind == GP_QUERY_SUB || sub->query->kind != GP_QUERY_SUB ||
			    !gp_str_eq(sub->query->set, r->query->set))
				continue;
			*gp_vec_push(b->arena, &r->query->subs) = sub;
		}
	}
	bind_blocks(b);
}
