/*
 * What an Authentication-Results field says, as results.
 */
#include "lib/auth/authres.h"

#include "lib/dns/dnsname.h"

static struct gp_str property(const struct gp_authres_entry *e, const char *ptype, const char *name)
{
	for (size_t i = 0; i < e->properties.len; i++) {
		const struct gp_authres_property *p = &e->properties.items[i];

		if (gp_str_ieq(p->ptype, gp_str(ptype)) && gp_str_ieq(p->name, gp_str(name)))
			return p->value;
	}
	return (struct gp_str){0};
}

/* Behind the last '@', lower case; the whole where there is none. */
static struct gp_str domain_of(struct gp_arena *arena, struct gp_str address)
{
	return gp_arena_lower(arena, gp_str_after_last(address, '@'));
}

static void read_spf(struct gp_arena *arena, const struct gp_authres_entry *e,
		     enum gp_auth_status status, struct gp_auth_result *ret)
{
	struct gp_str helo = property(e, "smtp", "helo"), from = property(e, "smtp", "mailfrom");
	bool is_helo = helo.len && !from.len;
	struct gp_spf_result *spf = is_helo ? &ret->helo : &ret->mailfrom;

	if (spf->sender.len || spf->status != GP_AUTH_NONE)
		return;
	*spf = (struct gp_spf_result){
		.status = status,
		.is_helo = is_helo,
		.sender = is_helo ? helo : from,
		.domain = domain_of(arena, is_helo ? helo : from),
		.reason = e->reason,
	};
}

static void read_dkim(struct gp_arena *arena, const struct gp_authres_entry *e,
		      enum gp_auth_status status, struct gp_dkim_result *ret)
{
	struct gp_str d = property(e, "header", "d"), i = property(e, "header", "i");

	*ret = (struct gp_dkim_result){
		.status = status,
		.reason = e->reason,
		.domain = domain_of(arena, d.len ? d : i),
		.selector = property(e, "header", "s"),
		.identity = i,
		.algorithm = property(e, "header", "a"),
		.b = property(e, "header", "b"),
		.signed_s = -1,
		.expires_s = -1,
	};
	if (!i.len && ret->domain.len)
		ret->identity = gp_str(gp_arena_printf(arena, "@%.*s", GP_STR_FMT(ret->domain)));
}

static void read_dmarc(struct gp_arena *arena, const struct gp_authres_entry *e,
		       enum gp_auth_status status, struct gp_dmarc_result *ret)
{
	struct gp_str policy = property(e, "policy", "dmarc");
	struct gp_str where = property(e, "polrec", "domain");

	if (ret->from.len || ret->status != GP_AUTH_NONE)
		return;
	*ret = (struct gp_dmarc_result){
		.status = status,
		.reason = e->reason,
		.from = domain_of(arena, property(e, "header", "from")),
		.pct = 100,
	};
	for (int p = GP_DMARC_NONE; p <= GP_DMARC_REJECT; p++) {
		if (!gp_str_ieq(policy, gp_str(gp_dmarc_policy_name((enum gp_dmarc_policy)p))))
			continue;
		ret->has_record = true;
		ret->published = ret->policy = (enum gp_dmarc_policy)p;
		ret->record_domain = where.len ? domain_of(arena, where) : ret->from;
	}
}

void gp_authres_to_result(struct gp_arena *arena, const struct gp_authres *a,
			  struct gp_auth_result *ret)
{
	struct gp_auth_result result = {0};

	result.dkim = GP_ARENA_NEW_N(arena, a->entries.len, struct gp_dkim_result);
	for (size_t i = 0; i < a->entries.len; i++) {
		const struct gp_authres_entry *e = &a->entries.items[i];
		enum gp_auth_status status;

		if (!gp_auth_status_parse(e->result, &status))
			continue;
		if (gp_str_ieq(e->method, GP_STR("spf")))
			read_spf(arena, e, status, &result);
		else if (gp_str_ieq(e->method, GP_STR("dkim")) && status != GP_AUTH_NONE)
			read_dkim(arena, e, status, &result.dkim[result.n_dkim++]);
		else if (gp_str_ieq(e->method, GP_STR("arc")) && !result.arc.status)
			result.arc = (struct gp_arc_result){.status = status, .reason = e->reason};
		else if (gp_str_ieq(e->method, GP_STR("dmarc")))
			read_dmarc(arena, e, status, &result.dmarc);
	}
	for (size_t i = 0; i < result.n_dkim; i++)
		result.dkim[i].is_author =
			gp_dns_name_is_within(result.dmarc.from, result.dkim[i].domain);
	result.n_dkim_seen = result.n_dkim;
	*ret = result;
}
