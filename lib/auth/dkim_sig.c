/*
 * Signature fields: what DKIM-Signature and ARC-Message-Signature (and to a part
 * ARC-Seal) have in common, read (RFC 6376, 3.5) and hashed (3.7).
 */
#include <assert.h>

#include "lib/auth/dkim.h"
#include "lib/base/codec.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"

/* a=, and what it means. */
static const struct {
	const char *name;
	enum gp_key_type type;
} algorithms[] = {
	{"rsa-sha256", GP_KEY_RSA},
	{"ed25519-sha256", GP_KEY_ED25519},
};

static int read_algorithm(struct gp_arena *arena, struct gp_signature *s, struct gp_diag *reason)
{
	s->algorithm = gp_arena_lower(arena, gp_tags_value(&s->tags, "a", NULL));
	for (size_t i = 0; i < GP_ARRAY_SIZE(algorithms); i++)
		if (gp_str_eq(s->algorithm, gp_str(algorithms[i].name))) {
			s->type = algorithms[i].type;
			return GP_OK;
		}
	if (gp_str_eq(s->algorithm, GP_STR("rsa-sha1")))
		gp_diag_set(reason, "rsa-sha1 is not accepted (RFC 8301)");
	else
		gp_diag_set(reason, "unknown algorithm");
	return GP_EINVAL;
}

static bool is_host_name(const char *s)
{
	for (; *s; s++)
		if (!gp_is_alnum(*s) && *s != '-' && *s != '_' && *s != '.')
			return false;
	return true;
}

/* d= or s= in lower case A-labels. */
static int read_name(struct gp_arena *arena, struct gp_signature *s, const char *tag,
		     struct gp_str *ret, struct gp_diag *reason)
{
	char name[GP_DNS_NAME_MAX + 1];

	if (gp_dns_name_fold(gp_tags_value(&s->tags, tag, NULL), name) || !name[0] ||
	    !is_host_name(name)) {
		gp_diag_set(reason, "%s= is no domain name", tag);
		return GP_EINVAL;
	}
	*ret = gp_str(gp_arena_strdup(arena, name));
	return GP_OK;
}

static int read_base64(struct gp_arena *arena, struct gp_signature *s, const char *tag,
		       struct gp_str *ret, struct gp_diag *reason)
{
	struct gp_str text = gp_tags_value(&s->tags, tag, NULL);
	GP_BUF_AUTO bytes = GP_BUF_INIT(text.len);

	if (text.len == 0 || gp_base64_decode(text, &bytes) || bytes.len == 0) {
		gp_diag_set(reason, text.len ? "%s= is not base64" : "%s= is empty", tag);
		return GP_EINVAL;
	}
	*ret = gp_arena_str(arena, gp_buf_str(&bytes));
	return GP_OK;
}

/* q= names at least one method that we know. */
static int check_query(const struct gp_tags *tags, struct gp_diag *reason)
{
	struct gp_str rest = gp_tags_value(tags, "q", "dns/txt"), method;

	while (gp_str_next(&rest, ':', &method))
		if (gp_str_ieq(gp_str_trim(method), GP_STR("dns/txt")) ||
		    gp_str_ieq(gp_str_trim(method), GP_STR("dns")))
			return GP_OK;
	gp_diag_set(reason, "unknown query method");
	return GP_EINVAL;
}

static int read_number(const struct gp_tags *tags, const char *tag, int64_t *ret,
		       struct gp_diag *reason)
{
	int r = gp_tags_number(tags, tag, ret);

	if (r == GP_OK || r == GP_ENOENT)
		return GP_OK;
	gp_diag_set(reason, "%s= is no number", tag);
	return r;
}

static int check_headers(struct gp_str headers, struct gp_diag *reason)
{
	struct gp_str rest = headers, name;
	size_t n = 0;

	while (gp_str_next(&rest, ':', &name) && n <= GP_MAX_SIGNED_NAMES)
		n++;
	if (n <= GP_MAX_SIGNED_NAMES)
		return GP_OK;
	gp_diag_set(reason, "h= is too long");
	return GP_EINVAL;
}

static int check_required(const struct gp_tags *tags, const char *const *required, size_t n,
			  struct gp_diag *reason)
{
	for (size_t i = 0; i < n; i++)
		if (!gp_tags_get(tags, required[i])) {
			gp_diag_set(reason, "%s= is missing", required[i]);
			return GP_EINVAL;
		}
	return GP_OK;
}

/* Whose signature it is, and the signature itself. */
static int read_signer(struct gp_arena *arena, struct gp_signature *s, const char *const *required,
		       size_t n_required, struct gp_diag *reason)
{
	int r = check_required(&s->tags, required, n_required, reason);
	int r_domain = read_name(arena, s, "d", &s->domain, r ? NULL : reason);
	int r_selector = read_name(arena, s, "s", &s->selector, r || r_domain ? NULL : reason);

	/* Whose signature it claims to be is told also when nothing else can be read. */
	if (r || r_domain || r_selector)
		return GP_EINVAL;
	r = read_algorithm(arena, s, reason);
	if (r == GP_OK)
		r = read_base64(arena, s, "b", &s->b, reason);
	if (r == GP_OK)
		r = read_number(&s->tags, "t", &s->signed_s, reason);
	return r;
}

static int read_tags(struct gp_arena *arena, struct gp_signature *s, struct gp_diag *reason)
{
	static const char *const required[] = {"a", "b", "bh", "d", "h", "s"};
	int r = read_signer(arena, s, required, GP_ARRAY_SIZE(required), reason);

	if (r == GP_OK)
		r = read_base64(arena, s, "bh", &s->bh, reason);
	if (r == GP_OK)
		r = read_number(&s->tags, "l", &s->length, reason);
	if (r == GP_OK)
		r = read_number(&s->tags, "x", &s->expires_s, reason);
	if (r == GP_OK)
		r = check_query(&s->tags, reason);
	if (r == GP_OK)
		r = check_headers(s->headers, reason);
	return r;
}

enum gp_auth_status gp_signature_parse(struct gp_arena *arena, const struct gp_field *field,
				       struct gp_signature *ret, struct gp_diag *reason)
{
	*ret = (struct gp_signature){
		.field = field, .length = GP_BODY_WHOLE, .signed_s = -1, .expires_s = -1};
	if (gp_tags_parse(arena, field->value, &ret->tags, reason))
		return GP_AUTH_PERMERROR;
	ret->headers = gp_tags_packed(arena, &ret->tags, "h");
	if (read_tags(arena, ret, reason))
		return GP_AUTH_PERMERROR;
	if (gp_canon_parse(gp_tags_value(&ret->tags, "c", NULL), &ret->header_canon,
			   &ret->body_canon)) {
		gp_diag_set(reason, "unknown canonicalisation");
		return GP_AUTH_PERMERROR;
	}
	if (ret->bh.len != GP_SHA256_SIZE) {
		gp_diag_set(reason, "bh= is no SHA-256 digest");
		return GP_AUTH_PERMERROR;
	}
	if (ret->expires_s >= 0 && ret->signed_s >= 0 && ret->expires_s <= ret->signed_s) {
		gp_diag_set(reason, "x= is not after t=");
		return GP_AUTH_PERMERROR;
	}
	return GP_AUTH_PASS;
}

enum gp_auth_status gp_signature_parse_seal(struct gp_arena *arena, const struct gp_field *field,
					    struct gp_signature *ret, struct gp_diag *reason)
{
	static const char *const required[] = {"a", "b", "d", "s"};

	*ret = (struct gp_signature){.field = field,
				     .header_canon = GP_CANON_RELAXED,
				     .length = GP_BODY_WHOLE,
				     .signed_s = -1,
				     .expires_s = -1};
	if (gp_tags_parse(arena, field->value, &ret->tags, reason) ||
	    read_signer(arena, ret, required, GP_ARRAY_SIZE(required), reason))
		return GP_AUTH_PERMERROR;
	if (!gp_tags_get(&ret->tags, "h"))
		return GP_AUTH_PASS;
	gp_diag_set(reason, "h= is not allowed");
	return GP_AUTH_PERMERROR;
}

bool gp_signature_covers(const struct gp_signature *s, struct gp_str name)
{
	struct gp_str rest = s->headers, signed_name;

	while (gp_str_next(&rest, ':', &signed_name))
		if (gp_str_ieq(signed_name, name))
			return true;
	return false;
}

/* The fields of h= in canonical form: of each name the lowest that was not yet taken
 * (5.4.2); what is not there is nothing. */
static void add_fields(const struct gp_signature *s, const struct gp_fields *fields,
		       struct gp_buf *out)
{
	/* What comes next of the name whose lowest field is that one; 0: it itself. */
	GP_FREE size_t *next = gp_xcalloc(fields->list.len + 1, sizeof(*next));
	const size_t none = SIZE_MAX;
	struct gp_str rest = s->headers, name;

	while (gp_str_next(&rest, ':', &name)) {
		size_t lowest = gp_fields_lowest(fields, name);
		size_t i = lowest && next[lowest] ? next[lowest] : lowest;
		const struct gp_field *f;

		/* A signature never signs itself by name. */
		if (i && i != none && &fields->list.items[i - 1] == s->field)
			i = s->field->above ? s->field->above : none;
		if (i && i != none) {
			f = &fields->list.items[i - 1];
			gp_canon_header(s->header_canon, f->name, f->value, out);
			gp_buf_add(out, "\r\n", 2);
			i = f->above ? f->above : none;
		}
		next[lowest] = i;
	}
}

void gp_signature_add_self(const struct gp_signature *s, struct gp_buf *out)
{
	const struct gp_tag *b = gp_tags_get(&s->tags, "b");
	struct gp_str value = s->field->value;
	GP_BUF_AUTO emptied = GP_BUF_INIT(value.len);

	gp_buf_add_str(&emptied, gp_str_sub(value, 0, b->begin));
	gp_buf_add_str(&emptied, gp_str_sub(value, b->end, value.len));
	gp_canon_header(s->header_canon, s->field->name, gp_buf_str(&emptied), out);
}

void gp_signature_digest(const struct gp_signature *s, const struct gp_fields *fields,
			 unsigned char ret[GP_SHA256_SIZE])
{
	/* Each field once: its text, doubled if it is all line ends, and the frame. */
	GP_BUF_AUTO text = GP_BUF_INIT(4 * GP_MAX_AUTH_HEADER + 3 * (GP_MAX_AUTH_FIELDS + 1));

	add_fields(s, fields, &text);
	gp_signature_add_self(s, &text);
	assert(gp_buf_error(&text) == GP_OK);
	gp_sha256(text.data, text.len, ret);
}

struct gp_ask *gp_signature_ask(struct gp_asker *asker, struct gp_str domain,
				struct gp_str selector)
{
	const char *name = gp_arena_printf(asker->arena, "%.*s._domainkey.%.*s",
					   GP_STR_FMT(selector), GP_STR_FMT(domain));

	return gp_ask_begin(asker, gp_str(name), GP_DNS_TXT);
}
