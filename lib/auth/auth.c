/*
 * The four methods in the order in which a message comes.
 */
#include "lib/auth/auth.h"

#include <stdlib.h>

#include "lib/base/mem.h"

const struct gp_auth_options gp_auth_defaults = {
	.spf = true,
	.dkim = true,
	.arc = true,
	.dmarc = true,
	.spf_helo = true,
	.signatures = {.signatures_max = 10, .rsa_bits_min = 1024, .clock_skew_s = 300},
	.org = GP_ORGDOMAIN_TREE_WALK,
	.psl_file = "",
};

struct gp_auth {
	struct gp_auth_options options;
	struct gp_psl *psl;
};

struct gp_auth_check {
	const struct gp_auth *auth;
	struct gp_arena *arena;
	struct gp_dkim_keys *keys;
	struct gp_asker asker;
	struct gp_batch *early, *late; /* questions of SPF; of all else */
	struct gp_spf_query spf;
	struct gp_body_hasher *hasher;
	struct gp_dmarc *dmarc;
	struct gp_dkim_verify *dkim;
	struct gp_arc_verify *arc;
	struct gp_auth_result result;
};

int gp_auth_new(const struct gp_auth_options *options, struct gp_auth **ret,
		struct gp_diag *diag)
{
	struct gp_psl *psl = NULL;

	if (options->dmarc && options->org == GP_ORGDOMAIN_PSL) {
		int r = gp_psl_load(options->psl_file, &psl, diag);

		if (r)
			return r;
	}
	*ret = gp_xmalloc(sizeof(**ret));
	**ret = (struct gp_auth){.options = *options, .psl = psl};
	return GP_OK;
}

void gp_auth_free(struct gp_auth **auth)
{
	if (!*auth)
		return;
	gp_psl_free(&(*auth)->psl);
	free(*auth);
	*auth = NULL;
}

static void end_check(void *arg)
{
	struct gp_auth_check *c = arg;

	gp_batch_free(&c->early);
	gp_batch_free(&c->late);
}

struct gp_auth_check *gp_auth_begin(const struct gp_auth *auth,
				    const struct gp_auth_sources *sources,
				    const struct gp_auth_envelope *envelope,
				    struct gp_arena *arena, int64_t deadline_ms)
{
	struct gp_auth_check *c = GP_ARENA_NEW(arena, struct gp_auth_check);

	*c = (struct gp_auth_check){
		.auth = auth,
		.arena = arena,
		.keys = sources->keys,
		.early = gp_batch_new(deadline_ms),
		.hasher = gp_body_hasher_new(arena),
		.spf = {.client = envelope->client,
			.helo = envelope->helo,
			.mailfrom = envelope->mailfrom,
			.receiver = auth->options.receiver,
			.now_s = envelope->now_s},
	};
	gp_asker_init(&c->asker, sources->resolver, c->early, arena);
	gp_arena_on_end(arena, end_check, c);
	return c;
}

void gp_auth_spf(struct gp_auth_check *c)
{
	const struct gp_auth_options *o = &c->auth->options;

	if (!o->spf)
		return;
	if (o->spf_helo)
		gp_spf_check_helo(&c->asker, &c->spf, &c->result.helo);
	if (o->spf_helo && c->spf.mailfrom.len == 0) { /* a bounce: postmaster@HELO too */
		c->result.mailfrom = c->result.helo;
		c->result.mailfrom.is_helo = false;
		return;
	}
	gp_spf_check_mailfrom(&c->asker, &c->spf, &c->result.mailfrom);
}

void gp_auth_headers(struct gp_auth_check *c, const struct gp_fields *fields, int64_t deadline_ms)
{
	const struct gp_auth *auth = c->auth;
	const struct gp_auth_options *o = &auth->options;
	struct gp_str from = {0};

	c->late = gp_batch_new(deadline_ms);
	c->asker.batch = c->late;
	/* DMARC first: it knows the author, whose signatures are the ones that count. */
	if (o->dmarc) {
		c->dmarc = gp_dmarc_begin(&c->asker, o->org, auth->psl, fields);
		from = gp_dmarc_from(c->dmarc);
	}
	if (o->dkim)
		c->dkim = gp_dkim_verify_begin(&c->asker, c->keys, &o->signatures, fields, from,
					       c->hasher, c->spf.now_s);
	if (o->arc)
		c->arc = gp_arc_verify_begin(&c->asker, c->keys, &o->signatures, fields,
					     c->hasher, c->spf.now_s);
}

struct gp_body_hasher *gp_auth_hasher(struct gp_auth_check *c)
{
	return c->hasher;
}

void gp_auth_body(struct gp_auth_check *c, struct gp_str chunk)
{
	gp_body_hasher_add(c->hasher, chunk);
}

void gp_auth_finish(struct gp_auth_check *c, struct gp_auth_result *ret)
{
	const struct gp_auth_options *o = &c->auth->options;

	gp_body_hasher_finish(c->hasher);
	if (c->dkim)
		gp_dkim_verify_finish(c->dkim, &c->result);
	if (c->arc)
		gp_arc_verify_finish(c->arc, o->trusted_sealers, o->n_trusted_sealers,
				     &c->result.arc);
	if (c->dmarc)
		gp_dmarc_finish(c->dmarc, &c->result);
	c->result.lookups = c->asker.seen.items;
	c->result.n_lookups = c->asker.seen.len;
	*ret = c->result;
}

void gp_auth_message(const struct gp_auth *auth, const struct gp_auth_sources *sources,
		     const struct gp_auth_envelope *envelope, struct gp_str message,
		     struct gp_arena *arena, int64_t deadline_ms, struct gp_auth_result *ret)
{
	struct gp_auth_check *check = gp_auth_begin(auth, sources, envelope, arena, deadline_ms);
	struct gp_fields fields;
	struct gp_str body;

	gp_fields_parse(arena, message, &fields, &body);
	gp_auth_headers(check, &fields, deadline_ms);
	gp_auth_spf(check);
	gp_auth_body(check, body);
	gp_auth_finish(check, ret);
}
