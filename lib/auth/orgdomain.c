/*
 * The tree walk, its questions asked side by side and its answers read in order.
 *
 * A walk as the RFC describes it asks for one name, and for the next when that one
 * does not end it.  All names are known beforehand, so they are asked together, and
 * the answers behind the end of the walk are not waited for: a few cached questions
 * more for a walk that takes one round trip instead of up to eight.
 */
#include "lib/auth/orgdomain.h"

#include "lib/base/map.h"

struct node {
	struct gp_policy policy;
	struct gp_ask *ask;
	bool is_done;
};

struct gp_orgfinder {
	struct gp_asker *asker;
	enum gp_orgdomain how;
	const struct gp_psl *psl;
	struct gp_map nodes; /* domain → struct node */
};

struct gp_orgfinder *gp_orgfinder_new(struct gp_asker *asker, enum gp_orgdomain how,
				      const struct gp_psl *psl)
{
	struct gp_orgfinder *f = GP_ARENA_NEW(asker->arena, struct gp_orgfinder);

	*f = (struct gp_orgfinder){.asker = asker, .how = how, .psl = psl};
	gp_map_init(&f->nodes, asker->arena, false);
	return f;
}

static struct gp_str parent(struct gp_str domain)
{
	return gp_str_sub(domain, gp_str_find_chr(domain, '.', 0) + 1, domain.len);
}

static size_t count_labels(struct gp_str domain)
{
	size_t n = domain.len > 0;

	for (size_t i = 0; i < domain.len; i++)
		n += domain.ptr[i] == '.';
	return n;
}

size_t gp_walk_names(struct gp_str domain, struct gp_str ret[GP_WALK_MAX])
{
	size_t labels = count_labels(domain), n = 0;

	if (!labels)
		return 0;
	ret[n++] = domain;
	do {
		domain = parent(domain);
		labels--;
	} while (labels >= GP_WALK_MAX);
	for (; domain.len && n < GP_WALK_MAX; domain = parent(domain))
		ret[n++] = domain;
	return n;
}

static struct node *node_of(struct gp_orgfinder *f, struct gp_str domain)
{
	struct gp_arena *arena = f->asker->arena;
	struct node *node = gp_map_get(&f->nodes, domain);
	const char *name;

	if (node)
		return node;
	node = GP_ARENA_NEW(arena, struct node);
	node->policy.domain = gp_arena_str(arena, domain);
	name = gp_arena_printf(arena, "_dmarc.%.*s", GP_STR_FMT(domain));
	node->ask = gp_ask_begin(f->asker, gp_str(name), GP_DNS_TXT);
	gp_map_set(&f->nodes, node->policy.domain, node);
	return node;
}

/* Keeps the one record that is a DMARC record; several are as good as none. */
static void read_records(struct gp_arena *arena, const struct gp_dns_answer *answer,
			 struct gp_policy *p)
{
	struct gp_dmarc_record record;
	struct gp_diag diag = {0};

	for (size_t i = 0; i < answer->n_records; i++) {
		int r = gp_dmarc_record_parse(answer->records[i].text, &record, &diag);

		if (r == GP_ENOENT)
			continue;
		if (p->n_records++)
			continue;
		p->text = answer->records[i].text;
		p->record = record;
		p->is_usable = r == GP_OK;
		if (r)
			p->problem = gp_str(gp_arena_strdup(arena, diag.text));
	}
	if (p->n_records > 1) {
		p->text = (struct gp_str){0};
		p->is_usable = false;
	}
}

static void read_answer(struct gp_arena *arena, int r, const struct gp_dns_answer *answer,
			struct gp_policy *p)
{
	if (r == GP_EINVAL) /* too long with the prefix: nothing can be published there */
		return;
	if (r == GP_OK && answer->security == GP_DNS_BOGUS) {
		p->result = GP_ETEMP;
		p->problem = GP_STR("the answer failed DNSSEC validation");
	} else if (r == GP_ELIMIT) {
		p->result = GP_ELIMIT;
		p->problem = GP_STR("too many DNS questions or records");
	} else if (r) {
		p->result = GP_ETEMP;
		p->problem = GP_STR("the DNS gave no answer");
	} else {
		p->exists = answer->rcode == GP_DNS_NOERROR;
		read_records(arena, answer, p);
	}
}

const struct gp_policy *gp_orgfinder_policy(struct gp_orgfinder *f, struct gp_str domain)
{
	struct node *node = node_of(f, domain);
	struct gp_dns_answer answer = {0};
	int r;

	if (node->is_done)
		return &node->policy;
	node->is_done = true;
	r = gp_ask_finish(node->ask, &answer);
	read_answer(f->asker->arena, r, &answer, &node->policy);
	return &node->policy;
}

void gp_orgfinder_ask(struct gp_orgfinder *f, struct gp_str domain)
{
	struct gp_str names[GP_WALK_MAX];
	size_t n;

	if (f->how == GP_ORGDOMAIN_PSL) {
		node_of(f, domain);
		node_of(f, gp_psl_org(f->psl, domain));
		return;
	}
	n = gp_walk_names(domain, names);
	for (size_t i = 0; i < n; i++)
		node_of(f, names[i]);
}

/* The name one label longer than `ancestor` on the way to `domain`. */
static struct gp_str below(struct gp_str domain, struct gp_str ancestor)
{
	size_t end = domain.len - ancestor.len - 1, from = end;

	while (from > 0 && domain.ptr[from - 1] != '.')
		from--;
	return gp_str_sub(domain, from, domain.len);
}

/* Selects the organisational domain (4.10.2) while the walk goes up. */
static int walk(struct gp_orgfinder *f, struct gp_str domain, struct gp_org *ret)
{
	struct gp_str names[GP_WALK_MAX];
	size_t n = gp_walk_names(domain, names);

	for (size_t i = 0; i < n; i++) {
		const struct gp_policy *p = gp_orgfinder_policy(f, names[i]);

		if (p->result) {
			*ret = (struct gp_org){.domain = domain, .policy = p};
			return p->result;
		}
		if (!gp_policy_has_record(p))
			continue;
		if (p->record.psd == 'y' && i > 0) {
			const struct gp_policy *lower = NULL;

			ret->domain = below(domain, p->domain);
			if (gp_str_eq(ret->domain, names[i - 1]))
				lower = gp_orgfinder_policy(f, names[i - 1]);
			ret->policy = lower && gp_policy_has_record(lower) ? lower : p;
			return GP_OK;
		}
		*ret = (struct gp_org){.domain = p->domain, .policy = p};
		if (p->record.psd != 'u')
			return GP_OK;
	}
	return GP_OK;
}

int gp_orgfinder_find(struct gp_orgfinder *f, struct gp_str domain, struct gp_org *ret)
{
	*ret = (struct gp_org){.domain = domain};
	if (f->how == GP_ORGDOMAIN_PSL) {
		ret->domain = gp_psl_org(f->psl, domain);
		return GP_OK;
	}
	return walk(f, domain, ret);
}

int gp_orgfinder_discover(struct gp_orgfinder *f, struct gp_str domain,
			  const struct gp_policy **ret)
{
	const struct gp_policy *own = gp_orgfinder_policy(f, domain);
	struct gp_org org;
	int r;

	*ret = own;
	if (own->result || gp_policy_has_record(own))
		return own->result;
	r = gp_orgfinder_find(f, domain, &org);
	if (f->how == GP_ORGDOMAIN_PSL) {
		org.policy = gp_orgfinder_policy(f, org.domain);
		r = org.policy->result;
		if (r == GP_OK && !gp_policy_has_record(org.policy))
			org.policy = NULL;
	}
	*ret = org.policy;
	return r;
}
