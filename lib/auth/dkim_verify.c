/*
 * DKIM signatures of a message verified (RFC 6376, 6).
 *
 * Result words (RFC 8601, 2.7.1): "fail" where the mail is not what was signed, or the
 * signature says itself that its time is not now; "permerror" where signature or key
 * cannot be used by anybody; "policy" where all is right but we want more; "temperror"
 * where the DNS did not tell.
 */
#include "lib/auth/dkim.h"

#include "lib/base/limits.h"

#define SIGNATURE_FIELD GP_STR("DKIM-Signature")
/* Of b= in results (RFC 6008). */
#define B_SHOWN 8

const struct gp_dkim_options gp_dkim_defaults = {
	.signatures_max = 10, .rsa_bits_min = 1024, .unsigned_max = 0, .clock_skew_s = 300};

/* One signature on its way. */
struct check {
	struct gp_signature sig;
	unsigned header; /* which one of the message */
	bool is_author;
	enum gp_auth_status status; /* PASS: nothing against it so far */
	struct gp_str reason;
	struct gp_str identity, identity_domain;
	struct gp_ask *ask;
};

struct gp_dkim_verify {
	struct gp_asker *asker;
	struct gp_arena *arena;
	struct gp_dkim_keys *keys;
	const struct gp_dkim_options *options;
	const struct gp_fields *fields;
	struct gp_str from_domain;
	struct gp_body_hasher *hasher;
	int64_t now_s;
	size_t n_seen;
	struct check *checks;
	size_t n_checks;
};

static void settle(struct gp_dkim_verify *v, struct check *c, enum gp_auth_status status,
		   const struct gp_diag *reason)
{
	c->status = status;
	c->reason = gp_str(gp_arena_strdup(v->arena, reason->text));
}

/* What DKIM asks of a signature beyond what ARC has too. */

static enum gp_auth_status check_version(struct check *c, struct gp_diag *reason)
{
	const struct gp_tag *version = gp_tags_get(&c->sig.tags, "v");

	if (version && gp_str_eq(version->value, GP_STR("1")))
		return GP_AUTH_PASS;
	gp_diag_set(reason, version ? "unknown version" : "v= is missing");
	return GP_AUTH_PERMERROR;
}

/* i= is of d= or below it (3.5). */
static enum gp_auth_status read_identity(struct gp_dkim_verify *v, struct check *c,
					 struct gp_diag *reason)
{
	struct gp_str i = gp_tags_packed(v->arena, &c->sig.tags, "i");
	char domain[GP_DNS_NAME_MAX + 1];
	size_t at = gp_str_find_last(i, '@');

	c->identity_domain = c->sig.domain;
	if (!gp_tags_get(&c->sig.tags, "i")) {
		c->identity = gp_str(gp_arena_printf(v->arena, "@%.*s", GP_STR_FMT(c->sig.domain)));
		return GP_AUTH_PASS;
	}
	if (at == i.len || gp_dns_name_fold(gp_str_sub(i, at + 1, i.len), domain)) {
		gp_diag_set(reason, "i= is no address");
		return GP_AUTH_PERMERROR;
	}
	c->identity_domain = gp_str(gp_arena_strdup(v->arena, domain));
	c->identity = gp_str(gp_arena_printf(v->arena, "%.*s@%s", GP_STR_FMT(gp_str_sub(i, 0, at)),
					     domain));
	if (gp_dns_name_is_within(c->identity_domain, c->sig.domain))
		return GP_AUTH_PASS;
	gp_diag_set(reason, "i= is not within d=");
	return GP_AUTH_PERMERROR;
}

static enum gp_auth_status check_signed_fields(const struct check *c, struct gp_diag *reason)
{
	if (gp_signature_covers(&c->sig, GP_STR("From")))
		return GP_AUTH_PASS;
	gp_diag_set(reason, c->sig.headers.len ? "From is not signed" : "h= is empty");
	return GP_AUTH_PERMERROR;
}

static enum gp_auth_status check_time(const struct gp_dkim_verify *v, const struct check *c,
				      struct gp_diag *reason)
{
	if (c->sig.signed_s >= 0 && c->sig.signed_s - v->options->clock_skew_s > v->now_s)
		gp_diag_set(reason, "signature is from the future");
	else if (c->sig.expires_s >= 0 && v->now_s - v->options->clock_skew_s > c->sig.expires_s)
		gp_diag_set(reason, "signature has expired");
	else
		return GP_AUTH_PASS;
	return GP_AUTH_FAIL;
}

static enum gp_auth_status check_field(struct gp_dkim_verify *v, struct check *c,
				       struct gp_diag *reason)
{
	enum gp_auth_status status = check_version(c, reason);

	if (status == GP_AUTH_PASS)
		status = read_identity(v, c, reason);
	if (status == GP_AUTH_PASS)
		status = check_signed_fields(c, reason);
	if (status == GP_AUTH_PASS)
		status = check_time(v, c, reason);
	return status;
}

/* Reading. */

static void read_signature(struct gp_dkim_verify *v, const struct gp_field *field, unsigned header,
			   struct check *c)
{
	struct gp_diag reason = {0};
	enum gp_auth_status status;

	*c = (struct check){.header = header};
	status = gp_signature_parse(v->arena, field, &c->sig, &reason);
	if (status == GP_AUTH_PASS)
		status = check_field(v, c, &reason);
	if (status == GP_AUTH_PASS && v->fields->is_cut) {
		gp_diag_set(&reason, "the message's header is too large");
		status = GP_AUTH_PERMERROR;
	}
	c->is_author = gp_dns_name_is_within(v->from_domain, c->sig.domain);
	settle(v, c, status, &reason);
}

/* Would DMARC's relaxed alignment take it?  (Siblings, which it would also, are not
 * looked for: this only orders.) */
static bool is_related(const struct gp_dkim_verify *v, const struct check *c)
{
	return c->is_author || gp_dns_name_is_within(c->sig.domain, v->from_domain);
}

/* The fields of signatures from the top, as many as are read; how many there are at all. */
static size_t find_signatures(struct gp_dkim_verify *v, const struct gp_field **found)
{
	size_t n = gp_fields_count(v->fields, SIGNATURE_FIELD), i = n;

	for (size_t f = gp_fields_lowest(v->fields, SIGNATURE_FIELD); f;
	     f = v->fields->list.items[f - 1].above)
		if (--i < GP_MAX_SIGNATURES_READ)
			found[i] = &v->fields->list.items[f - 1];
	return n;
}

/* Moves the signatures of the author's domain to the front, order kept otherwise. */
static void put_related_first(const struct gp_dkim_verify *v, struct check *checks, size_t n)
{
	struct check *sorted = GP_ARENA_NEW_N(v->arena, n, struct check);
	size_t len = 0;

	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < n; i++)
			if (is_related(v, &checks[i]) == (round == 0))
				sorted[len++] = checks[i];
	memcpy(checks, sorted, n * sizeof(*checks));
}

static void read_signatures(struct gp_dkim_verify *v)
{
	const struct gp_field *found[GP_MAX_SIGNATURES_READ];
	size_t n;

	v->n_seen = find_signatures(v, found);
	n = GP_MIN(v->n_seen, (size_t)GP_MAX_SIGNATURES_READ);
	v->checks = GP_ARENA_NEW_N(v->arena, n, struct check);
	v->n_checks = GP_MIN(n, (size_t)v->options->signatures_max);
	for (size_t i = 0; i < n; i++)
		read_signature(v, found[i], (unsigned)i, &v->checks[i]);
	if (n > v->n_checks)
		put_related_first(v, v->checks, n);
}

/* Asking. */

/* Of a signature before this one with the same key, or NULL. */
static struct gp_ask *asked_before(const struct gp_dkim_verify *v, const struct check *c)
{
	for (const struct check *o = v->checks; o < c; o++)
		if (o->ask && gp_str_eq(o->sig.domain, c->sig.domain) &&
		    gp_str_eq(o->sig.selector, c->sig.selector))
			return o->ask;
	return NULL;
}

struct gp_dkim_verify *gp_dkim_verify_begin(struct gp_asker *asker, struct gp_dkim_keys *keys,
					    const struct gp_dkim_options *options,
					    const struct gp_fields *fields,
					    struct gp_str from_domain,
					    struct gp_body_hasher *hasher, int64_t now_s)
{
	struct gp_dkim_verify *v = GP_ARENA_NEW(asker->arena, struct gp_dkim_verify);

	*v = (struct gp_dkim_verify){.asker = asker,
				     .arena = asker->arena,
				     .keys = keys,
				     .options = options,
				     .fields = fields,
				     .from_domain = from_domain,
				     .hasher = hasher,
				     .now_s = now_s};
	read_signatures(v);
	for (struct check *c = v->checks; c < v->checks + v->n_checks; c++) {
		if (c->status != GP_AUTH_PASS)
			continue;
		c->sig.body = gp_body_hasher_want(hasher, c->sig.body_canon, c->sig.length);
		c->ask = asked_before(v, c);
		if (!c->ask)
			c->ask = gp_signature_ask(asker, c->sig.domain, c->sig.selector);
	}
	return v;
}

/* Verifying. */

static enum gp_auth_status check_body(const struct gp_dkim_verify *v, const struct check *c,
				      uint64_t *ret_unsigned, struct gp_diag *reason)
{
	const struct gp_body_digest *d = gp_body_hasher_get(v->hasher, c->sig.body);

	if (!d) {
		gp_diag_set(reason, "the body is shorter than l= says");
		return GP_AUTH_FAIL;
	}
	*ret_unsigned = d->size - d->hashed;
	if (memcmp(d->digest, c->sig.bh.ptr, GP_SHA256_SIZE) == 0)
		return GP_AUTH_PASS;
	gp_diag_set(reason, "body hash did not verify");
	return GP_AUTH_FAIL;
}

static enum gp_auth_status check_signature(const struct gp_dkim_verify *v, const struct check *c,
					   const struct gp_key *key, struct gp_diag *reason)
{
	unsigned char digest[GP_SHA256_SIZE];

	gp_signature_digest(&c->sig, v->fields, digest);
	if (gp_key_verify(key, digest, c->sig.b))
		return GP_AUTH_PASS;
	gp_diag_set(reason, "signature did not verify");
	return GP_AUTH_FAIL;
}

static enum gp_auth_status check_unsigned(const struct gp_dkim_verify *v, uint64_t n,
					  struct gp_diag *reason)
{
	if (v->options->unsigned_max < 0 || n <= (uint64_t)v->options->unsigned_max)
		return GP_AUTH_PASS;
	gp_diag_set(reason, "%llu bytes of the body are not signed", (unsigned long long)n);
	return GP_AUTH_POLICY;
}

static enum gp_auth_status verify(struct gp_dkim_verify *v, const struct check *c,
				  const struct gp_dkim_record *record, struct gp_dkim_result *r,
				  struct gp_diag *reason)
{
	enum gp_auth_status status;

	if (record->is_strict && !gp_str_eq(c->identity_domain, c->sig.domain)) {
		gp_diag_set(reason, "key does not allow i= below d=");
		return GP_AUTH_PERMERROR;
	}
	status = check_body(v, c, &r->unsigned_bytes, reason);
	if (status == GP_AUTH_PASS)
		status = check_signature(v, c, record->key, reason);
	if (status == GP_AUTH_PASS)
		status = check_unsigned(v, r->unsigned_bytes, reason);
	return status;
}

static void check_one(struct gp_dkim_verify *v, struct check *c, struct gp_dkim_result *r)
{
	struct gp_dkim_record record = {0};
	struct gp_diag reason = {0};
	enum gp_auth_status status;

	status = gp_signature_key(c->ask, v->arena, v->keys, c->sig.type, v->options->rsa_bits_min,
				  &record, &r->record, &reason);
	r->key_bits = record.bits;
	r->is_testing = record.is_testing;
	if (status == GP_AUTH_PASS)
		status = verify(v, c, &record, r, &reason);
	gp_dkim_record_done(&record);
	settle(v, c, status, &reason);
}

/* So much of b= that no other signature begins the same (RFC 6008, 4). */
static void shorten_b(struct gp_dkim_result *results, size_t n, const struct gp_str *whole)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = GP_MIN(whole[i].len, (size_t)B_SHOWN);

		for (size_t k = 0; k < n; k++)
			while (!gp_str_eq(whole[i], whole[k]) && len < whole[i].len &&
			       gp_str_starts(whole[k], gp_str_n(whole[i].ptr, len)))
				len++;
		results[i].b = gp_str_n(whole[i].ptr, len);
	}
}

void gp_dkim_verify_finish(struct gp_dkim_verify *v, struct gp_auth_result *ret)
{
	struct gp_dkim_result *results =
		GP_ARENA_NEW_N(v->arena, v->n_checks, struct gp_dkim_result);
	struct gp_str *whole = GP_ARENA_NEW_N(v->arena, v->n_checks, struct gp_str);

	for (size_t i = 0; i < v->n_checks; i++) {
		struct check *c = &v->checks[i];
		struct gp_dkim_result *r = &results[i];

		if (c->ask)
			check_one(v, c, r);
		r->status = c->status;
		r->reason = c->reason;
		r->domain = c->sig.domain;
		r->selector = c->sig.selector;
		r->identity = c->identity;
		r->algorithm = c->sig.algorithm;
		r->is_author = c->is_author;
		r->signed_s = c->sig.signed_s;
		r->expires_s = c->sig.expires_s;
		r->header = c->header;
		whole[i] = gp_tags_packed(v->arena, &c->sig.tags, "b");
	}
	shorten_b(results, v->n_checks, whole);
	ret->dkim = results;
	ret->n_dkim = v->n_checks;
	ret->n_dkim_seen = v->n_seen;
}
