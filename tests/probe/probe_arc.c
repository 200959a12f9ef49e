/*
 * Mode "arc": in message and "trusted" (list of globs); out what struct gp_arc_result says,
 * and "questions".
 *
 * Mode "arc-seal": in message, key (PEM), domain, selector, headers ("from:to"), authserv_id;
 * out "seal", "signature" and "results", or "refused" with the reason.  The results are those
 * of all Authentication-Results of that id, in their order.
 */
#include "lib/auth/arc.h"
#include "lib/auth/authres.h"
#include "tests/probe/auth_probe.h"

#define NAMES_MAX 50

struct input {
	struct gp_fields fields;
	struct gp_body_hasher *hasher;
	struct gp_sign sign;
};

/* Validates the message; the hasher also serves a signature, if there are options for one. */
static void validate(struct probe *p, const struct gp_sign_options *options, struct input *in,
		     struct gp_arc_result *ret)
{
	const json_t *list = json_object_get(p->in, "trusted");
	struct gp_str trusted[NAMES_MAX], body;
	size_t n = GP_MIN(json_array_size(list), (size_t)NAMES_MAX);
	struct gp_arc_verify *v;

	for (size_t i = 0; i < n; i++)
		trusted[i] = gp_str(json_string_value(json_array_get(list, i)));
	gp_fields_parse(p->arena, probe_str(p, "message"), &in->fields, &body);
	in->hasher = gp_body_hasher_new(p->arena);
	if (options)
		gp_sign_begin(&in->sign, p->arena, options, in->hasher);
	v = gp_arc_verify_begin(&p->asker, NULL, &gp_dkim_defaults, &in->fields, in->hasher, p->now_s);
	gp_body_hasher_add(in->hasher, body);
	gp_body_hasher_finish(in->hasher);
	gp_arc_verify_finish(v, trusted, n, ret);
}

json_t *probe_arc(struct probe *p)
{
	struct input in = {0};
	struct gp_arc_result r;
	json_t *sets = json_array();

	validate(p, NULL, &in, &r);
	for (size_t i = 0; i < r.n_sets; i++)
		json_array_append_new(
			sets, json_pack("{so so so so}", "domain", probe_json(r.sets[i].domain), "selector",
					probe_json(r.sets[i].selector), "message_domain",
					probe_json(r.sets[i].message_domain), "results",
					probe_json(r.sets[i].results)));
	return json_pack("{ss so so sb si si}", "status", gp_auth_status_name(r.status), "reason",
			 probe_json(r.reason), "sets", sets, "is_override", (int)r.is_override,
			 "override_set", (int)r.override_set, "questions", (int)p->asker.seen.len);
}

/* One field's value of all fields of that id (the suite's "AR Consolidation"). */
static struct gp_str consolidate(struct probe *p, const struct gp_fields *fields)
{
	GP_BUF_AUTO out = GP_BUF_INIT(1 << 20);
	struct gp_str id = probe_str(p, "authserv_id"), name = GP_STR("Authentication-Results"), found;

	gp_buf_add_str(&out, id);
	for (size_t i = 0; i < gp_fields_count(fields, name); i++) {
		struct gp_str value = gp_fields_get(fields, name, i)->value;

		if (gp_authres_id(p->arena, value, &found) || !gp_str_ieq(found, id))
			continue;
		gp_buf_add_cstr(&out, "; ");
		gp_buf_add_str(&out, gp_str_trim(gp_str_sub(
					     value, gp_str_find_chr(value, ';', 0) + 1, value.len)));
	}
	return gp_arena_str(p->arena, gp_buf_str(&out));
}

json_t *probe_arc_seal(struct probe *p)
{
	struct gp_str names[NAMES_MAX], rest = probe_str(p, "headers");
	struct gp_sign_options options = {
		.header_canon = GP_CANON_RELAXED, .body_canon = GP_CANON_RELAXED, .headers = names};
	struct gp_sign_as as = {.domain = probe_str(p, "domain"), .selector = probe_str(p, "selector")};
	struct gp_key *key = NULL;
	struct gp_arc_result result;
	struct gp_arc_seal set;
	struct input in = {0};
	struct gp_diag diag;
	int r;

	while (options.n_headers < NAMES_MAX && gp_str_next(&rest, ':', &names[options.n_headers]))
		options.n_headers++;
	if (gp_key_from_pem(probe_str(p, "key"), &key, &diag))
		return json_pack("{ss}", "error", diag.text);
	as.key = key;
	validate(p, &options, &in, &result);
	r = gp_arc_seal(&in.sign, &in.fields, in.hasher, &result, consolidate(p, &in.fields), &as,
			p->now_s, &set, &diag);
	gp_key_unref(&key);
	if (r)
		return json_pack("{ss}", "refused", diag.text);
	return json_pack("{so so so}", "seal", probe_json(set.seal), "signature",
			 probe_json(set.signature), "results", probe_json(set.results));
}
