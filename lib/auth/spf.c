/*
 * SPF: who is checked (RFC 7208, 2.3, 2.4 and 4.3; RFC 8616, 4), and what the domain's owner
 * explains (RFC 7208, 6.2).
 */
#include "lib/auth/spf.h"

#include "lib/auth/spf_int.h"
#include "lib/base/limits.h"

/* The text of exp=, or nothing where anything is wrong with it (6.2). */
static struct gp_str explain(struct gp_spf_eval *e, const struct gp_spf_outcome *o)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_MAX_SPF_EXPANSION);
	struct gp_dns_answer answer = {0};
	struct gp_str name, explanation;

	if (o->status != GP_AUTH_FAIL || !o->exp.len ||
	    gp_spf_macro_target(e, o->exp, o->exp_domain, &name) ||
	    gp_ask(e->asker, name, GP_DNS_TXT, &answer) || answer.n_records != 1)
		return GP_STR("");
	explanation = answer.records[0].text;
	if (!gp_spf_macro_is_valid(explanation, GP_SPF_IN_EXPLANATION) ||
	    gp_spf_macro_expand(e, explanation, o->exp_domain, &text))
		return GP_STR("");
	text.len = GP_MIN(text.len, (size_t)GP_MAX_SPF_EXPLANATION);
	for (size_t i = 0; i < text.len; i++) /* HELO and local-part may hold anything */
		if (text.data[i] < ' ' || text.data[i] == 0x7f)
			text.data[i] = '?';
	return gp_arena_str(e->asker->arena, gp_buf_str(&text));
}

/* Identities. */

static struct gp_ip unmapped(struct gp_ip ip)
{
	static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};
	struct gp_ip v4 = {.family = 4};

	if (ip.family != 6 || memcmp(ip.bytes, MAPPED, sizeof(MAPPED)) != 0)
		return ip;
	memcpy(v4.bytes, ip.bytes + sizeof(MAPPED), 4);
	return v4;
}

/* A-labels in lower case; as given, and false, if it is no name (a literal, a word in a
 * HELO).  Strangers write no escapes. */
static bool fold(struct gp_arena *arena, struct gp_str name, struct gp_str *ret)
{
	char text[GP_DNS_NAME_MAX + 1];

	*ret = name;
	if (gp_dns_name_fold(name, text))
		return false;
	*ret = gp_str(gp_arena_strdup(arena, text));
	return true;
}

/* What needs no question: false, with the outcome. */
static bool may_ask(struct gp_spf_eval *e, bool is_name, struct gp_spf_outcome *o)
{
	o->status = GP_AUTH_NONE;
	if (e->client.family == 0)
		o->reason = GP_STR("the client has no IP address");
	else if (!is_name)
		o->reason = gp_str(gp_arena_printf(e->asker->arena, "\"%.*s\" is no domain",
						   GP_SPF_SHOW(e->domain)));
	return o->reason.len == 0;
}

static void check(struct gp_asker *asker, const struct gp_spf_query *q, struct gp_str local,
		  struct gp_str domain, struct gp_spf_result *ret)
{
	struct gp_spf_eval e = {
		.asker = asker, .query = q, .client = unmapped(q->client), .local = local};
	struct gp_spf_outcome o = {0};
	bool is_name = fold(asker->arena, domain, &e.domain);

	fold(asker->arena, q->helo, &e.helo);
	e.sender = gp_str(gp_arena_printf(asker->arena, "%.*s@%.*s", GP_STR_FMT(e.local),
					  GP_STR_FMT(e.domain)));
	if (may_ask(&e, is_name, &o))
		gp_spf_check_host(&e, e.domain, &o);
	*ret = (struct gp_spf_result){
		.status = o.status,
		.domain = e.domain,
		.sender = e.sender,
		.reason = o.reason,
		.record = o.record,
		.mechanism = o.mechanism,
		.explanation = explain(&e, &o),
		.n_lookups = e.n_terms,
	};
}

void gp_spf_check_helo(struct gp_asker *asker, const struct gp_spf_query *q,
		       struct gp_spf_result *ret)
{
	check(asker, q, GP_STR("postmaster"), q->helo, ret);
	ret->is_helo = true;
}

void gp_spf_check_mailfrom(struct gp_asker *asker, const struct gp_spf_query *q,
			   struct gp_spf_result *ret)
{
	struct gp_str path = q->mailfrom, local, domain;
	size_t at;

	if (path.len == 0) {
		check(asker, q, GP_STR("postmaster"), q->helo, ret);
		return;
	}
	if (path.ptr[0] == '@' && gp_str_find_chr(path, ':', 0) < path.len) /* a source route */
		path = gp_str_sub(path, gp_str_find_chr(path, ':', 0) + 1, path.len);
	at = gp_str_find_last(path, '@');
	local = at > 0 && at < path.len ? gp_str_sub(path, 0, at) : GP_STR("postmaster");
	domain = gp_str_sub(path, at + 1, path.len);
	check(asker, q, local, domain, ret);
}
