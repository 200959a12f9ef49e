/*
 * ARC chains validated (RFC 8617, 5.2).
 *
 * The newest message signature and all seals must verify.  Older message signatures are
 * not looked at: a list that changed the message broke them rightfully, and which was
 * the oldest to survive (5.2, step 5) decides nothing here.
 *
 * "fail" is final, so what the DNS could not tell just now is "temperror" instead; but
 * only if nothing else is wrong.
 */
#include "lib/auth/arc_int.h"

/* One set that is to be verified. */
struct check {
	struct gp_signature seal;
	struct gp_ask *seal_ask;
};

struct gp_arc_verify {
	struct gp_asker *asker;
	struct gp_arena *arena;
	struct gp_dkim_keys *keys;
	const struct gp_dkim_options *options;
	const struct gp_fields *fields;
	struct gp_body_hasher *hasher;
	int64_t now_s;
	struct gp_arc_chain chain;
	struct check *checks; /* one a set */
	struct gp_signature signature; /* the newest message signature */
	struct gp_ask *signature_ask;
	enum gp_auth_status status; /* PASS: nothing against it so far */
	struct gp_str reason;
};

/* Keeps the worst: fail, then temperror, then pass; of equals the first. */
static void note(struct gp_arc_verify *v, enum gp_auth_status status, const char *what, size_t i,
		 const struct gp_diag *reason)
{
	bool is_temporary = status == GP_AUTH_TEMPERROR;

	if (status == GP_AUTH_PASS || v->status == GP_AUTH_FAIL ||
	    (is_temporary && v->status == GP_AUTH_TEMPERROR))
		return;
	v->status = is_temporary ? GP_AUTH_TEMPERROR : GP_AUTH_FAIL;
	v->reason = gp_str(gp_arena_printf(v->arena, "%s of i=%zu: %s", what, i + 1, reason->text));
}

static void note_signature(struct gp_arc_verify *v, enum gp_auth_status status,
			   const struct gp_diag *reason)
{
	note(v, status, "message signature", v->chain.n_sets - 1, reason);
}

/* Reading. */

static enum gp_auth_status check_time(const struct gp_arc_verify *v, const struct gp_signature *s,
				      struct gp_diag *reason)
{
	if (s->signed_s >= 0 && s->signed_s - v->options->clock_skew_s > v->now_s)
		gp_diag_set(reason, "it is from the future");
	else if (s->expires_s >= 0 && v->now_s - v->options->clock_skew_s > s->expires_s)
		gp_diag_set(reason, "it has expired");
	else
		return GP_AUTH_PASS;
	return GP_AUTH_FAIL;
}

/* The newest message signature; it must not cover seals (4.1.2).  Without c= it is
 * relaxed/relaxed, as the authors of the RFC have it in their test suite (ams_fields_c_na);
 * the RFC itself is silent, and DKIM has simple/simple. */
static void read_signature(struct gp_arc_verify *v)
{
	const struct gp_field *field = v->chain.sets[v->chain.n_sets - 1].signature;
	struct gp_diag reason = {0};
	enum gp_auth_status status = gp_signature_parse(v->arena, field, &v->signature, &reason);

	if (!gp_tags_get(&v->signature.tags, "c"))
		v->signature.header_canon = v->signature.body_canon = GP_CANON_RELAXED;
	if (status == GP_AUTH_PASS && gp_signature_covers(&v->signature, GP_ARC_SEAL)) {
		gp_diag_set(&reason, "h= names ARC-Seal");
		status = GP_AUTH_PERMERROR;
	}
	if (status == GP_AUTH_PASS)
		status = check_time(v, &v->signature, &reason);
	note_signature(v, status, &reason);
}

static void read_seal(struct gp_arc_verify *v, size_t i)
{
	struct gp_diag reason = {0};
	enum gp_auth_status status = gp_signature_parse_seal(v->arena, v->chain.sets[i].seal,
							     &v->checks[i].seal, &reason);

	if (status == GP_AUTH_PASS)
		status = check_time(v, &v->checks[i].seal, &reason);
	note(v, status, "seal", i, &reason);
}

/* The question for a key that was asked for before, or a new one. */
static struct gp_ask *ask_key(struct gp_arc_verify *v, const struct gp_signature *s)
{
	for (size_t i = 0; i < v->chain.n_sets; i++) {
		const struct check *c = &v->checks[i];

		if (c->seal_ask && gp_str_eq(c->seal.domain, s->domain) &&
		    gp_str_eq(c->seal.selector, s->selector))
			return c->seal_ask;
	}
	return gp_signature_ask(v->asker, s->domain, s->selector);
}

static void read_chain(struct gp_arc_verify *v)
{
	const struct gp_arc_chain *c = &v->chain;

	v->checks = GP_ARENA_NEW_N(v->arena, c->n_sets, struct check);
	v->status = GP_AUTH_FAIL;
	if (gp_arc_is_closed(c)) {
		v->reason = GP_STR("an earlier handler sealed the chain as failed");
		return;
	}
	v->reason = c->breach;
	if (c->breach.len)
		return;
	v->status = GP_AUTH_PASS;
	read_signature(v);
	for (size_t i = c->n_sets; i-- > 0;)
		read_seal(v, i);
	if (v->status == GP_AUTH_FAIL)
		return;
	v->signature.body = gp_body_hasher_want(v->hasher, v->signature.body_canon, v->signature.length);
	for (size_t i = 0; i < c->n_sets; i++)
		v->checks[i].seal_ask = ask_key(v, &v->checks[i].seal);
	v->signature_ask = ask_key(v, &v->signature);
}

struct gp_arc_verify *gp_arc_verify_begin(struct gp_asker *asker, struct gp_dkim_keys *keys,
					  const struct gp_dkim_options *options,
					  const struct gp_fields *fields,
					  struct gp_body_hasher *hasher, int64_t now_s)
{
	struct gp_arc_verify *v = GP_ARENA_NEW(asker->arena, struct gp_arc_verify);

	*v = (struct gp_arc_verify){.asker = asker,
				    .arena = asker->arena,
				    .keys = keys,
				    .options = options,
				    .fields = fields,
				    .hasher = hasher,
				    .now_s = now_s,
				    .status = GP_AUTH_NONE};
	gp_arc_read(v->arena, fields, &v->chain);
	if (v->chain.has_fields)
		read_chain(v);
	return v;
}

/* Verifying. */

static enum gp_auth_status check_body(const struct gp_arc_verify *v, struct gp_diag *reason)
{
	const struct gp_body_digest *d = gp_body_hasher_get(v->hasher, v->signature.body);
	int64_t most = v->options->unsigned_max;

	if (!d)
		gp_diag_set(reason, "the body is shorter than l= says");
	else if (memcmp(d->digest, v->signature.bh.ptr, GP_SHA256_SIZE) != 0)
		gp_diag_set(reason, "body hash did not verify");
	else if (most >= 0 && d->size - d->hashed > (uint64_t)most)
		gp_diag_set(reason, "%llu bytes of the body are not signed",
			    (unsigned long long)(d->size - d->hashed));
	else
		return GP_AUTH_PASS;
	return GP_AUTH_FAIL;
}

static enum gp_auth_status check_key(const struct gp_arc_verify *v, const struct gp_signature *s,
				     struct gp_ask *ask, const unsigned char digest[GP_SHA256_SIZE],
				     struct gp_diag *reason)
{
	struct gp_dkim_record record = {0};
	struct gp_str text;
	enum gp_auth_status status = gp_signature_key(ask, v->arena, v->keys, s->type,
						      v->options->rsa_bits_min, &record, &text, reason);

	if (status == GP_AUTH_PASS && !gp_key_verify(record.key, digest, s->b)) {
		gp_diag_set(reason, "it did not verify");
		status = GP_AUTH_FAIL;
	}
	gp_dkim_record_done(&record);
	return status;
}

static void check_signature(struct gp_arc_verify *v)
{
	unsigned char digest[GP_SHA256_SIZE];
	struct gp_diag reason = {0};
	enum gp_auth_status status = check_body(v, &reason);

	if (status == GP_AUTH_PASS) {
		gp_signature_digest(&v->signature, v->fields, digest);
		status = check_key(v, &v->signature, v->signature_ask, digest, &reason);
	}
	note_signature(v, status, &reason);
}

/* From the newest to the first, until one fails. */
static void check_seals(struct gp_arc_verify *v)
{
	struct gp_arc_text text;

	gp_arc_text_init(&text);
	for (size_t i = 0; i < v->chain.n_sets; i++)
		gp_arc_text_add(&text, &v->chain.sets[i]);
	for (size_t i = v->chain.n_sets; i-- > 0 && v->status != GP_AUTH_FAIL;) {
		unsigned char digest[GP_SHA256_SIZE];
		struct gp_diag reason = {0};

		gp_arc_text_digest(&text, i, &v->checks[i].seal, digest);
		note(v, check_key(v, &v->checks[i].seal, v->checks[i].seal_ask, digest, &reason), "seal", i,
		     &reason);
	}
	gp_arc_text_done(&text);
}

/* Of the sets that could not be verified too: who made them is worth telling. */
static void tell_sets(struct gp_arc_verify *v, struct gp_arc_result *ret)
{
	ret->n_sets = v->chain.n_sets;
	ret->sets = GP_ARENA_NEW_N(v->arena, v->chain.n_sets, struct gp_arc_set);
	for (size_t i = 0; i < v->chain.n_sets; i++) {
		const struct gp_arc_fields *f = &v->chain.sets[i];
		struct gp_signature s = {0};

		if (f->seal)
			gp_signature_parse_seal(v->arena, f->seal, &s, NULL);
		ret->sets[i] = (struct gp_arc_set){
			.domain = s.domain, .selector = s.selector, .results = f->authres};
		if (f->signature)
			gp_signature_parse(v->arena, f->signature, &s, NULL);
		ret->sets[i].message_domain = f->signature ? s.domain : GP_STR("");
	}
}

void gp_arc_verify_finish(struct gp_arc_verify *v, const struct gp_str *trusted, size_t n_trusted,
			  struct gp_arc_result *ret)
{
	if (v->status == GP_AUTH_PASS) {
		check_signature(v);
		if (v->status != GP_AUTH_FAIL)
			check_seals(v);
	}
	*ret = (struct gp_arc_result){.status = v->status, .reason = v->reason};
	tell_sets(v, ret);
	if (ret->status == GP_AUTH_PASS && gp_signature_covers(&v->signature, GP_STR("From")))
		gp_arc_find_override(v->arena, v->fields, trusted, n_trusted, ret);
}
