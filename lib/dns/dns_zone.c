/*
 * Answers from a zone that was read: exact names, wildcards (RFC 4592, 3.3), chains of
 * CNAMEs.  Read-only once made, so that any thread may ask.
 */
#include "lib/dns/dns_zone_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/mem.h"

/* libunbound gives up after as many; beyond, and in a loop, there is no answer. */
#define CNAMES_MAX 11
/* How long absence would be cached: the SOA is not read. */
#define TTL_NEGATIVE_S 300

static struct gp_str parent(struct gp_str name)
{
	return gp_str_sub(name, gp_str_find_chr(name, '.', 0) + 1, name.len);
}

/* The node that answers for a name; NULL: it does not exist. */
static const struct gp_zone_node *find(const struct gp_zone *z, struct gp_str name)
{
	char wildcard[2 + 4 * 256];
	const struct gp_zone_node *node = gp_map_get(&z->nodes, name);

	if (node)
		return node;
	while (name.len) {
		name = parent(name);
		if (gp_map_get(&z->nodes, name))
			break;
	}
	snprintf(wildcard, sizeof(wildcard), "*%s%.*s", name.len ? "." : "", GP_STR_FMT(name));
	return gp_map_get(&z->nodes, gp_str(wildcard));
}

/* The records of the type asked for, or the CNAME instead of them.  GP_ELIMIT: too many. */
static int take(struct gp_dns_question *q, const struct gp_zone_node *node,
		const struct gp_zone_record **ret_cname)
{
	struct gp_dns_answer *a = &q->answer;

	*ret_cname = NULL;
	for (const struct gp_zone_record *r = node->records; r; r = r->next) {
		if (r->type != q->type && r->type != GP_DNS_CNAME)
			continue;
		a->ttl_s = GP_MIN(a->ttl_s, r->ttl_s);
		if (r->type != q->type) {
			*ret_cname = r;
			return GP_OK;
		}
		if (gp_dns_answer_add(q, r->wire.ptr, r->wire.len) == GP_ELIMIT)
			return GP_ELIMIT;
	}
	return GP_OK;
}

static int answer(const struct gp_zone *z, struct gp_dns_question *q)
{
	struct gp_dns_answer *a = &q->answer;
	const struct gp_zone_record *cname;
	const struct gp_zone_node *node;
	int links = 0, r;

	a->name = gp_str(q->name);
	a->ttl_s = UINT32_MAX;
	while ((node = find(z, a->name))) {
		r = take(q, node, &cname);
		if (r)
			return r;
		if (!cname)
			break;
		if (links++ == CNAMES_MAX)
			return GP_ETEMP;
		a->name = cname->target;
	}
	a->name = gp_arena_str(q->arena, a->name);
	a->rcode = node ? GP_DNS_NOERROR : GP_DNS_NXDOMAIN;
	if (a->n_records == 0)
		a->ttl_s = GP_MIN(a->ttl_s, (uint32_t)TTL_NEGATIVE_S);
	return GP_OK;
}

static void ask(struct gp_resolver *r, struct gp_dns_question *q)
{
	gp_dns_answered(q, answer((struct gp_zone *)r, q));
}

static void close_zone(struct gp_resolver *r)
{
	struct gp_zone *z = (struct gp_zone *)r;

	gp_arena_free(z->arena);
	free(z);
}

struct gp_zone *gp_zone_new(void)
{
	static const struct gp_resolver_ops OPS = {.ask = ask, .close = close_zone};
	struct gp_zone *z = gp_xcalloc(1, sizeof(*z));

	z->base.ops = &OPS;
	z->arena = gp_arena_new(0);
	gp_map_init(&z->nodes, z->arena, false);
	return z;
}

struct gp_zone_node *gp_zone_node(struct gp_zone *z, struct gp_str name)
{
	struct gp_zone_node *node = gp_map_get(&z->nodes, name), *above;

	if (node)
		return node;
	name = gp_arena_str(z->arena, name);
	node = GP_ARENA_NEW(z->arena, struct gp_zone_node);
	gp_map_set(&z->nodes, name, node);
	while (name.len) {
		name = parent(name);
		if (gp_map_get(&z->nodes, name))
			break;
		above = GP_ARENA_NEW(z->arena, struct gp_zone_node);
		gp_map_set(&z->nodes, name, above);
	}
	return node;
}

int gp_zone_add(struct gp_zone *z, struct gp_zone_node *node, enum gp_dns_type type,
		uint32_t ttl_s, struct gp_str wire, struct gp_diag *diag)
{
	struct gp_zone_record *r;
	size_t len;

	for (r = node->records; r; r = r->next) {
		if (r->type == type && gp_str_eq(r->wire, wire))
			return GP_OK;
		if (r->type == GP_DNS_CNAME || type == GP_DNS_CNAME) {
			gp_diag_set(diag, "a CNAME beside other data of its name (RFC 1034, 3.6.2); "
					  "remove one of them");
			return GP_EINVAL;
		}
	}
	r = GP_ARENA_NEW(z->arena, struct gp_zone_record);
	*r = (struct gp_zone_record){
		.type = type, .ttl_s = ttl_s, .wire = gp_arena_str(z->arena, wire)};
	if (type == GP_DNS_CNAME) {
		int parsed = gp_dns_name_from_wire(z->arena, r->wire, &r->target, &len);

		assert(parsed == GP_OK);
	}
	*(node->last ? &node->last->next : &node->records) = r;
	node->last = r;
	return GP_OK;
}

struct gp_str gp_dns_zone_notes(const struct gp_resolver *r)
{
	return ((const struct gp_zone *)r)->notes;
}
