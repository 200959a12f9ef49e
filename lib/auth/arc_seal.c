/*
 * A new ARC set (RFC 8617, 5.1).
 *
 * Tags stand in the order of the alphabet, one space behind each semicolon, nothing
 * folded but between tags (and names of h=): the form of the public signing suite, in
 * which equal input gives equal signatures.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/auth/arc_int.h"
#include "lib/base/codec.h"

#define VALUE_MAX (GP_MAX_SIGNED_NAMES * (GP_MAX_FIELD_NAME + 4) + (8 << 10))
/* Longer base64 is folded: a line must stay below 998 (RFC 5322, 2.1.1). */
#define LINE_BYTES_MAX 700
/* A column behind any line: the next word begins one.  The fold before b= and that
 * behind it must not depend on the signature, which is not there yet when it is hashed. */
#define FULL 1000

struct sealing {
	struct gp_sign *sign;
	const struct gp_fields *fields;
	const struct gp_body_digest *body;
	const struct gp_sign_as *as;
	int64_t now_s;
	size_t instance;
	const char *cv;
	char domain[GP_DNS_NAME_MAX + 1], selector[GP_DNS_NAME_MAX + 1];
	struct gp_diag *diag;
};

static void GP_PRINTF(2, 3) add_tag(struct gp_fold *w, const char *fmt, ...)
{
	char text[GP_DNS_NAME_MAX + 16];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gp_fold_word(w, gp_str(text), true);
}

static void add_base64(struct gp_fold *w, struct gp_str bytes)
{
	GP_BUF_AUTO text = GP_BUF_INIT((bytes.len + 2) / 3 * 4);

	gp_base64_encode(bytes.ptr, bytes.len, &text);
	if (bytes.len <= LINE_BYTES_MAX)
		gp_buf_add_str(w->out, gp_buf_str(&text));
	else
		gp_fold_base64(w, bytes);
}

/* a=, and an empty b=; the value's length up to where the signature goes. */
static size_t begin_value(const struct sealing *s, struct gp_fold *w)
{
	size_t at;

	add_tag(w, "a=%s-sha256;", gp_key_type_name(gp_key_type(s->as->key)));
	w->column = FULL;
	add_tag(w, "b=");
	at = w->out->len;
	gp_buf_add_chr(w->out, ';');
	w->column = FULL;
	return at;
}

static void end_value(const struct sealing *s, struct gp_fold *w)
{
	add_tag(w, "i=%zu;", s->instance);
	add_tag(w, "s=%s;", s->selector);
	add_tag(w, "t=%lld", (long long)s->now_s);
	assert(gp_buf_error(w->out) == GP_OK);
}

/* Signs the digest; the whole value, leading space included. */
static int complete(const struct sealing *s, struct gp_str value, size_t at,
		    const unsigned char digest[GP_SHA256_SIZE], struct gp_str *ret)
{
	GP_BUF_AUTO signature = GP_BUF_INIT(GP_SIGNATURE_MAX), out = GP_BUF_INIT(VALUE_MAX + 4096);
	struct gp_fold w = {.out = &out, .column = 10};

	if (gp_key_sign(s->as->key, digest, &signature)) {
		gp_diag_set(s->diag, "OpenSSL made no signature");
		return GP_ESYS;
	}
	gp_buf_add_str(&out, gp_str_sub(value, 0, at));
	add_base64(&w, gp_buf_str(&signature));
	gp_buf_add_str(&out, gp_str_sub(value, at, value.len));
	*ret = gp_arena_str(s->sign->arena, gp_buf_str(&out));
	return GP_OK;
}

static bool is_never_signed(struct gp_str name)
{
	return gp_str_ieq(name, GP_ARC_SEAL) || gp_str_ieq(name, GP_STR("Authentication-Results"));
}

static struct gp_str *names_to_sign(struct gp_arena *arena, const struct gp_str *names, size_t n,
				    size_t *ret_n)
{
	struct gp_str *out = GP_ARENA_NEW_N(arena, n + 1, struct gp_str);

	*ret_n = 0;
	for (size_t i = 0; i < n; i++)
		if (!is_never_signed(names[i]))
			out[(*ret_n)++] = names[i];
	return out;
}

/* The options as they hold for ARC. */
static struct gp_sign_options options_of(const struct gp_sign *sign)
{
	struct gp_sign_options o = *sign->options;
	struct gp_str *headers = names_to_sign(sign->arena, o.headers, o.n_headers, &o.n_headers);

	headers[o.n_headers++] = GP_STR("dkim-signature"); /* a name twice counts once */
	o.headers = headers;
	o.oversign = names_to_sign(sign->arena, o.oversign, o.n_oversign, &o.n_oversign);
	return o;
}

static int make_signature(const struct sealing *s, struct gp_str *ret)
{
	const struct gp_sign_options options = options_of(s->sign);
	GP_BUF_AUTO value = GP_BUF_INIT(VALUE_MAX);
	struct gp_fold w = gp_fold_begin(&value, GP_ARC_SIGNATURE);
	size_t at = begin_value(s, &w);
	unsigned char digest[GP_SHA256_SIZE];
	int r;

	add_tag(&w, "bh=");
	add_base64(&w, gp_str_n(s->body->digest, sizeof(s->body->digest)));
	gp_buf_add_chr(&value, ';');
	w.column = FULL;
	add_tag(&w, "c=%s/%s;", gp_canon_name(options.header_canon), gp_canon_name(options.body_canon));
	add_tag(&w, "d=%s;", s->domain);
	w.column = FULL; /* so that a list of usual length is not broken */
	r = gp_sign_names(&w, &options, s->fields, s->diag);
	if (r)
		return r;
	end_value(s, &w);
	gp_sign_digest(s->sign, s->fields, GP_ARC_SIGNATURE, gp_buf_str(&value), digest);
	return complete(s, gp_buf_str(&value), at, digest, ret);
}

/* The seal of a failed chain covers its own set only (5.1.2). */
static int make_seal(const struct sealing *s, const struct gp_arc_chain *chain,
		     const struct gp_arc_fields *own, struct gp_str *ret)
{
	GP_BUF_AUTO value = GP_BUF_INIT(VALUE_MAX);
	struct gp_fold w = gp_fold_begin(&value, GP_ARC_SEAL);
	size_t at = begin_value(s, &w);
	struct gp_field field = {.name = GP_ARC_SEAL};
	struct gp_signature self = {.field = &field, .header_canon = GP_CANON_RELAXED};
	unsigned char digest[GP_SHA256_SIZE];
	struct gp_arc_text text;
	int r;

	add_tag(&w, "cv=%s;", s->cv);
	add_tag(&w, "d=%s;", s->domain);
	end_value(s, &w);
	field.value = gp_buf_str(&value);
	r = gp_tags_parse(s->sign->arena, field.value, &self.tags, NULL);
	assert(r == GP_OK);
	gp_arc_text_init(&text);
	for (size_t i = 0; i < chain->n_sets && strcmp(s->cv, "fail") != 0; i++)
		gp_arc_text_add(&text, &chain->sets[i]);
	gp_arc_text_add(&text, own);
	gp_arc_text_digest(&text, text.n - 1, &self, digest);
	gp_arc_text_done(&text);
	return complete(s, field.value, at, digest, ret);
}

/* cv=, and whether there may be one more set. */
static int judge(const struct gp_arc_result *result, const struct gp_arc_chain *chain,
		 const char **ret_cv, struct gp_diag *diag)
{
	if (chain->is_too_long || chain->n_sets >= GP_MAX_ARC_SETS) {
		gp_diag_set(diag, "the message has %d ARC sets", GP_MAX_ARC_SETS);
		return GP_ELIMIT;
	}
	if (gp_arc_is_closed(chain)) {
		gp_diag_set(diag, "the ARC chain has been sealed as failed");
		return GP_ELIMIT;
	}
	if (result->status == GP_AUTH_TEMPERROR) {
		gp_diag_set(diag, "the ARC chain could not be judged");
		return GP_ETEMP;
	}
	*ret_cv = result->status == GP_AUTH_PASS    ? "pass"
		  : result->status == GP_AUTH_NONE ? "none"
						   : "fail";
	if (result->status == (chain->has_fields ? GP_AUTH_NONE : GP_AUTH_PASS) ||
	    (result->status == GP_AUTH_PASS && chain->breach.len)) {
		gp_diag_set(diag, "the ARC chain is not the one that was judged");
		return GP_EINVAL;
	}
	return GP_OK;
}

static int prepare(struct sealing *s, struct gp_diag *diag)
{
	if (s->fields->is_cut) {
		gp_diag_set(diag, "the message's header is too large");
		return GP_ELIMIT;
	}
	if (!gp_fields_lowest(s->fields, GP_STR("From"))) {
		gp_diag_set(diag, "the message has no From field");
		return GP_EINVAL;
	}
	if (gp_dns_name_fold(s->as->domain, s->domain) || gp_dns_name_fold(s->as->selector, s->selector)) {
		gp_diag_set(diag, "domain or selector is no name");
		return GP_EINVAL;
	}
	return GP_OK;
}

static struct gp_str without_space(struct gp_str value)
{
	return gp_str_sub(value, 1, value.len);
}

int gp_arc_seal(struct gp_sign *sign, const struct gp_fields *fields,
		const struct gp_body_hasher *hasher, const struct gp_arc_result *chain,
		struct gp_str authres, const struct gp_sign_as *as, int64_t now_s,
		struct gp_arc_seal *ret, struct gp_diag *diag)
{
	struct sealing s = {.sign = sign, .fields = fields, .as = as, .now_s = now_s, .diag = diag};
	struct gp_field results = {.name = GP_ARC_RESULTS}, signature = {.name = GP_ARC_SIGNATURE};
	const struct gp_arc_fields own = {.results = &results, .signature = &signature};
	struct gp_arc_chain sets;
	struct gp_str seal;
	int r;

	gp_arc_read(sign->arena, fields, &sets);
	r = judge(chain, &sets, &s.cv, diag);
	if (r == GP_OK)
		r = prepare(&s, diag);
	if (r)
		return r;
	s.instance = sets.n_sets + 1;
	s.body = gp_body_hasher_get(hasher, sign->body);
	results.value = gp_str(gp_arena_printf(sign->arena, " i=%zu; %.*s", s.instance,
					       GP_STR_FMT(gp_str_trim(authres))));
	r = make_signature(&s, &signature.value);
	if (r == GP_OK)
		r = make_seal(&s, &sets, &own, &seal);
	if (r)
		return r;
	*ret = (struct gp_arc_seal){.seal = without_space(seal),
				    .signature = without_space(signature.value),
				    .results = without_space(results.value)};
	return GP_OK;
}
