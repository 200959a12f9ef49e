/*
 * Signatures made (RFC 6376, 5).
 *
 * The value is written with b= last and empty, hashed as the field it will be, and
 * completed; so it is right for the simple canonicalisation too, which sees every fold.
 */
#include "lib/auth/dkim.h"

#include <assert.h>
#include <stdio.h>

#include "lib/auth/fold.h"
#include "lib/base/codec.h"
#include "lib/base/limits.h"

/* A value: the names of h= and what surrounds them. */
#define VALUE_MAX (GP_MAX_SIGNED_NAMES * (GP_MAX_FIELD_NAME + 4) + (8 << 10))

/* What a reader acts on (RFC 6376, 5.4.1), what a body is read by, and what makes a click
 * on "unsubscribe" safe (RFC 8058, 4). */
static const struct gp_str signed_by_default[] = {
	{"From", 4},
	{"Sender", 6},
	{"Reply-To", 8},
	{"Subject", 7},
	{"Date", 4},
	{"Message-ID", 10},
	{"To", 2},
	{"Cc", 2},
	{"MIME-Version", 12},
	{"Content-Type", 12},
	{"Content-Transfer-Encoding", 25},
	{"In-Reply-To", 11},
	{"References", 10},
	{"Resent-Date", 11},
	{"Resent-From", 11},
	{"Resent-To", 9},
	{"Resent-Cc", 9},
	{"List-Id", 7},
	{"List-Help", 9},
	{"List-Unsubscribe", 16},
	{"List-Unsubscribe-Post", 21},
	{"List-Subscribe", 14},
	{"List-Post", 9},
	{"List-Owner", 10},
	{"List-Archive", 12},
};
static const struct gp_str oversigned_by_default[] = {{"From", 4}};

const struct gp_sign_options gp_sign_defaults = {
	.header_canon = GP_CANON_RELAXED,
	.body_canon = GP_CANON_RELAXED,
	.headers = signed_by_default,
	.n_headers = GP_ARRAY_SIZE(signed_by_default),
	.oversign = oversigned_by_default,
	.n_oversign = GP_ARRAY_SIZE(oversigned_by_default),
};

static void add_tag(struct gp_fold *w, struct gp_arena *arena, const char *name,
		    struct gp_str value)
{
	gp_fold_word(w, gp_str(gp_arena_printf(arena, "%s=%.*s;", name, GP_STR_FMT(value))), true);
}

static void add_number(struct gp_fold *w, const char *name, int64_t value)
{
	char text[64];

	snprintf(text, sizeof(text), "%s=%lld;", name, (long long)value);
	gp_fold_word(w, gp_str(text), true);
}

/* dkim-quoted-printable (2.11). */
static struct gp_str quote(struct gp_arena *arena, struct gp_str s)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = gp_arena_alloc(arena, 3 * s.len);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c > ' ' && c < 0x7f && c != ';' && c != '=') {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '=';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	return gp_str_n(out, n);
}

static bool has_name(const struct gp_str *names, size_t n, struct gp_str name)
{
	for (size_t i = 0; i < n; i++)
		if (gp_str_ieq(names[i], name))
			return true;
	return false;
}

/* h=: each name as often as it occurs, those to be oversigned once more. */
struct name_list {
	struct gp_fold *w;
	const struct gp_sign_options *options;
	const struct gp_fields *fields;
	size_t n;
};

static void add_name(struct name_list *l, struct gp_str name)
{
	const struct gp_sign_options *o = l->options;
	size_t times =
		gp_fields_count(l->fields, name) + has_name(o->oversign, o->n_oversign, name);
	char word[GP_MAX_FIELD_NAME + 3];

	for (; times && name.len <= GP_MAX_FIELD_NAME && l->n <= GP_MAX_SIGNED_NAMES; times--) {
		snprintf(word, sizeof(word), "%s%.*s", l->n ? ":" : "h=", GP_STR_FMT(name));
		gp_fold_word(l->w, gp_str(word), l->n == 0);
		l->n++;
	}
}

/* From is signed whatever the options say: a signature without it is none (5.4). */
int gp_sign_names(struct gp_fold *w, const struct gp_sign_options *o,
		  const struct gp_fields *fields, struct gp_diag *diag)
{
	struct name_list l = {.w = w, .options = o, .fields = fields};
	const struct gp_str from = GP_STR("From");

	if (!has_name(o->headers, o->n_headers, from) &&
	    !has_name(o->oversign, o->n_oversign, from))
		add_name(&l, from);
	for (size_t i = 0; i < o->n_headers; i++)
		if (!has_name(o->headers, i, o->headers[i]))
			add_name(&l, o->headers[i]);
	for (size_t i = 0; i < o->n_oversign; i++)
		if (!has_name(o->headers, o->n_headers, o->oversign[i]) &&
		    !has_name(o->oversign, i, o->oversign[i]))
			add_name(&l, o->oversign[i]);
	if (l.n > GP_MAX_SIGNED_NAMES) {
		gp_diag_set(diag, "more than %d fields to sign", GP_MAX_SIGNED_NAMES);
		return GP_ELIMIT;
	}
	gp_buf_add_chr(w->out, ';'); /* a word leaves room for one */
	w->column++;
	return GP_OK;
}

void gp_sign_begin(struct gp_sign *s, struct gp_arena *arena, const struct gp_sign_options *options,
		   struct gp_body_hasher *hasher)
{
	*s = (struct gp_sign){.options = options, .arena = arena};
	s->body = gp_body_hasher_want(hasher, options->body_canon, GP_BODY_WHOLE);
}

/* a= … x=, and l=. */
static int write_tags(const struct gp_sign *s, const struct gp_body_digest *body,
		      const struct gp_sign_as *as, int64_t now_s, struct gp_fold *w,
		      struct gp_diag *diag)
{
	const struct gp_sign_options *o = s->options;
	char domain[GP_DNS_NAME_MAX + 1], selector[GP_DNS_NAME_MAX + 1], text[64];

	if (gp_dns_name_fold(as->domain, domain) || gp_dns_name_fold(as->selector, selector)) {
		gp_diag_set(diag, "domain or selector is no name");
		return GP_EINVAL;
	}
	snprintf(text, sizeof(text), "%s-sha256", gp_key_type_name(gp_key_type(as->key)));
	add_tag(w, s->arena, "a", gp_str(text));
	snprintf(text, sizeof(text), "%s/%s", gp_canon_name(o->header_canon),
		 gp_canon_name(o->body_canon));
	add_tag(w, s->arena, "c", gp_str(text));
	add_tag(w, s->arena, "d", gp_str(domain));
	add_tag(w, s->arena, "s", gp_str(selector));
	if (as->identity.len)
		add_tag(w, s->arena, "i", quote(s->arena, as->identity));
	add_number(w, "t", now_s);
	if (o->ttl_s > 0)
		add_number(w, "x", now_s + o->ttl_s);
	if (o->has_length)
		add_number(w, "l", (int64_t)body->size);
	return GP_OK;
}

/* Everything up to "b=", leading space included. */
static int write_value(const struct gp_sign *s, const struct gp_fields *fields,
		       const struct gp_body_digest *body, const struct gp_sign_as *as,
		       int64_t now_s, struct gp_fold *w, struct gp_diag *diag)
{
	GP_BUF_AUTO hash = GP_BUF_INIT(2 * GP_SHA256_SIZE);
	int r;

	gp_fold_word(w, GP_STR("v=1;"), true);
	r = write_tags(s, body, as, now_s, w, diag);
	if (r == GP_OK)
		r = gp_sign_names(w, s->options, fields, diag);
	if (r)
		return r;
	gp_base64_encode(body->digest, sizeof(body->digest), &hash);
	add_tag(w, s->arena, "bh", gp_buf_str(&hash));
	gp_fold_word(w, GP_STR("b="), true);
	assert(gp_buf_error(w->out) == GP_OK);
	return GP_OK;
}

void gp_sign_digest(const struct gp_sign *s, const struct gp_fields *fields, struct gp_str name,
		    struct gp_str value, unsigned char ret[GP_SHA256_SIZE])
{
	const struct gp_field field = {.name = name, .value = value};
	struct gp_signature sig = {.field = &field, .header_canon = s->options->header_canon};
	int r = gp_tags_parse(s->arena, value, &sig.tags, NULL);

	assert(r == GP_OK);
	sig.headers = gp_tags_packed(s->arena, &sig.tags, "h");
	gp_signature_digest(&sig, fields, ret);
}

int gp_sign_finish(struct gp_sign *s, const struct gp_fields *fields,
		   const struct gp_body_hasher *hasher, const struct gp_sign_as *as, int64_t now_s,
		   struct gp_str *ret, struct gp_diag *diag)
{
	const struct gp_str name = GP_STR("DKIM-Signature");
	GP_BUF_AUTO value = GP_BUF_INIT(VALUE_MAX), signature = GP_BUF_INIT(GP_SIGNATURE_MAX);
	struct gp_fold w = gp_fold_begin(&value, name);
	unsigned char digest[GP_SHA256_SIZE];
	int r;

	if (fields->is_cut) {
		gp_diag_set(diag, "the message's header is too large");
		return GP_ELIMIT;
	}
	if (!gp_fields_lowest(fields, GP_STR("From"))) {
		gp_diag_set(diag, "the message has no From field");
		return GP_EINVAL;
	}
	r = write_value(s, fields, gp_body_hasher_get(hasher, s->body), as, now_s, &w, diag);
	if (r)
		return r;
	gp_sign_digest(s, fields, name, gp_buf_str(&value), digest);
	if (gp_key_sign(as->key, digest, &signature)) {
		gp_diag_set(diag, "OpenSSL made no signature");
		return GP_ESYS;
	}
	gp_fold_base64(&w, gp_buf_str(&signature));
	*ret = gp_arena_str(s->arena, gp_str_sub(gp_buf_str(&value), 1, value.len));
	return GP_OK;
}
