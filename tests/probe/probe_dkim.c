/*
 * Modes "dkim-verify" and "dkim-sign".
 *
 * Both take "message", the bytes in base64, and "chunk", in how many bytes at a time the
 * body is given (0: at once).
 *
 * dkim-verify: in also from_domain; out "seen", "questions" and "results", what each struct
 * gp_dkim_result says.
 * dkim-sign: in also key (PEM), domain, selector, identity and canon ("relaxed/simple"); out
 * "value", of the DKIM-Signature field.
 */
#include "lib/auth/dkim.h"
#include "lib/base/codec.h"
#include "tests/probe/auth_probe.h"

#define MESSAGE_MAX (64 << 20)

struct message {
	struct gp_fields fields;
	struct gp_str body;
};

static bool read_message(struct probe *p, struct message *ret)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(MESSAGE_MAX);

	if (gp_base64_decode(probe_str(p, "message"), &bytes))
		return false;
	gp_fields_parse(p->arena, gp_arena_str(p->arena, gp_buf_str(&bytes)), &ret->fields,
			&ret->body);
	return true;
}

static void hash_body(const struct probe *p, struct gp_body_hasher *hasher, struct gp_str body)
{
	size_t chunk = (size_t)json_integer_value(json_object_get(p->in, "chunk"));

	if (chunk == 0)
		chunk = body.len + 1;
	for (size_t pos = 0; pos < body.len; pos += chunk)
		gp_body_hasher_add(hasher, gp_str_sub(body, pos, chunk));
	gp_body_hasher_finish(hasher);
}

static json_t *result_json(const struct gp_dkim_result *r)
{
	return json_pack("{ss so so so so so so so si sb sb sI si}", "status",
			 gp_auth_status_name(r->status), "reason", probe_json(r->reason), "domain",
			 probe_json(r->domain), "selector", probe_json(r->selector), "identity",
			 probe_json(r->identity), "algorithm", probe_json(r->algorithm), "b",
			 probe_json(r->b), "record", probe_json(r->record), "key_bits",
			 (int)r->key_bits, "is_testing", r->is_testing, "is_author", r->is_author,
			 "unsigned_bytes", (json_int_t)r->unsigned_bytes, "header", (int)r->header);
}

json_t *probe_dkim_verify(struct probe *p)
{
	struct gp_body_hasher *hasher = gp_body_hasher_new(p->arena);
	struct gp_auth_result result = {0};
	json_t *results = json_array();
	struct gp_dkim_verify *v;
	struct message m;

	if (!read_message(p, &m))
		return json_pack("{ss}", "error", "no message");
	v = gp_dkim_verify_begin(&p->asker, NULL, &gp_dkim_defaults, &m.fields,
				 probe_str(p, "from_domain"), hasher, p->now_s);
	hash_body(p, hasher, m.body);
	gp_dkim_verify_finish(v, &result);
	for (size_t i = 0; i < result.n_dkim; i++)
		json_array_append_new(results, result_json(&result.dkim[i]));
	return json_pack("{si si so}", "seen", (int)result.n_dkim_seen, "questions",
			 (int)p->asker.seen.len, "results", results);
}

static struct gp_key *read_key(struct gp_str pem, struct gp_diag *diag)
{
	struct gp_key *key = NULL;

	if (gp_key_from_pem(pem, &key, diag))
		gp_diag_prepend(diag, "key");
	return key;
}

static int sign(struct probe *p, const struct message *m, const struct gp_key *key,
		struct gp_str *ret, struct gp_diag *diag)
{
	struct gp_body_hasher *hasher = gp_body_hasher_new(p->arena);
	struct gp_sign_options options = gp_sign_defaults;
	const struct gp_sign_as as = {.domain = probe_str(p, "domain"),
				      .selector = probe_str(p, "selector"),
				      .identity = probe_str(p, "identity"),
				      .key = key};
	struct gp_sign s;

	if (gp_canon_parse(probe_str(p, "canon"), &options.header_canon, &options.body_canon)) {
		gp_diag_set(diag, "no canonicalisation");
		return GP_EINVAL;
	}
	gp_sign_begin(&s, p->arena, &options, hasher);
	hash_body(p, hasher, m->body);
	return gp_sign_finish(&s, &m->fields, hasher, &as, p->now_s, ret, diag);
}

json_t *probe_dkim_sign(struct probe *p)
{
	struct gp_diag diag = {0};
	struct gp_key *key = read_key(probe_str(p, "key"), &diag);
	struct gp_str value = {0};
	struct message m;

	if (key && !read_message(p, &m))
		gp_diag_set(&diag, "no message");
	else if (key && sign(p, &m, key, &value, &diag) == GP_OK)
		diag.text[0] = '\0';
	gp_key_unref(&key);
	return diag.text[0] ? json_pack("{ss}", "error", diag.text)
			    : json_pack("{so}", "value", probe_json(value));
}
