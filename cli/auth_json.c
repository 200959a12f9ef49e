/*
 * Results of authentication as JSON.
 */
#include "cli/auth_show.h"
#include "cli/json.h"
#include "lib/base/err.h"
#include "lib/dns/dns.h"

static json_t *status(enum gp_auth_status s)
{
	return json_string(gp_auth_status_name(s));
}

static json_t *time_or_null(int64_t seconds)
{
	return seconds < 0 ? json_null() : json_integer(seconds);
}

static json_t *spf(const struct gp_spf_result *r)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:i}", "result", status(r->status), "domain",
			 gp_json_text_or_null(r->domain), "sender", gp_json_text_or_null(r->sender),
			 "reason", gp_json_text(r->reason), "record",
			 gp_json_text_or_null(r->record), "mechanism",
			 gp_json_text_or_null(r->mechanism), "explanation",
			 gp_json_text_or_null(r->explanation), "lookups", (int)r->n_lookups);
}

static json_t *dkim_signature(const struct gp_dkim_result *r)
{
	json_t *o = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "result", status(r->status),
			      "reason", gp_json_text(r->reason), "domain",
			      gp_json_text_or_null(r->domain), "selector",
			      gp_json_text_or_null(r->selector), "identity",
			      gp_json_text_or_null(r->identity), "algorithm",
			      gp_json_text_or_null(r->algorithm), "b", gp_json_text_or_null(r->b));

	json_object_set_new(o, "record", gp_json_text_or_null(r->record));
	json_object_set_new(o, "key_bits", json_integer(r->key_bits));
	json_object_set_new(o, "testing", json_boolean(r->is_testing));
	json_object_set_new(o, "author_domain", json_boolean(r->is_author));
	json_object_set_new(o, "unsigned_bytes", json_integer((json_int_t)r->unsigned_bytes));
	json_object_set_new(o, "signed_at", time_or_null(r->signed_s));
	json_object_set_new(o, "expires_at", time_or_null(r->expires_s));
	json_object_set_new(o, "header", json_integer(r->header));
	return o;
}

static json_t *dkim(const struct gp_auth_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_dkim; i++)
		json_array_append_new(list, dkim_signature(&r->dkim[i]));
	return json_pack("{s:I,s:o}", "seen", (json_int_t)r->n_dkim_seen, "signatures", list);
}

static json_t *arc(const struct gp_arc_result *r)
{
	json_t *sets = json_array();

	for (size_t i = 0; i < r->n_sets; i++) {
		const struct gp_arc_set *set = &r->sets[i];

		json_array_append_new(
			sets, json_pack("{s:I,s:o,s:o,s:o,s:o}", "instance", (json_int_t)i + 1,
					"domain", gp_json_text_or_null(set->domain), "selector",
					gp_json_text_or_null(set->selector), "message_domain",
					gp_json_text_or_null(set->message_domain), "results",
					gp_json_text(set->results)));
	}
	return json_pack("{s:o,s:o,s:o,s:o}", "result", status(r->status), "reason",
			 gp_json_text(r->reason), "sets", sets, "overrides",
			 r->is_override ? json_integer(r->override_set + 1) : json_null());
}

static json_t *alignment(struct gp_str domain, bool is_aligned, bool is_strict)
{
	return json_pack("{s:o,s:b,s:b}", "domain", gp_json_text_or_null(domain), "aligned",
			 (int)is_aligned, "strict", (int)is_strict);
}

static json_t *dmarc(const struct gp_dmarc_result *r)
{
	json_t *o = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "result", status(r->status), "reason",
			      gp_json_text(r->reason), "from", gp_json_text_or_null(r->from),
			      "organisational_domain", gp_json_text_or_null(r->org), "record",
			      gp_json_text_or_null(r->record), "record_domain",
			      gp_json_text_or_null(r->record_domain));

	json_object_set_new(o, "spf",
			    alignment(r->spf_domain, r->is_spf_aligned, r->is_strict_spf));
	json_object_set_new(o, "dkim",
			    alignment(r->dkim_domain, r->is_dkim_aligned, r->is_strict_dkim));
	json_object_set_new(o, "published",
			    r->has_record ? json_string(gp_dmarc_policy_name(r->published))
					  : json_null());
	json_object_set_new(o, "policy", json_string(gp_dmarc_policy_name(r->policy)));
	json_object_set_new(o, "testing", json_boolean(r->is_testing));
	json_object_set_new(o, "pct", json_integer(r->pct));
	json_object_set_new(o, "reports", json_boolean(r->wants_reports));
	json_object_set_new(o, "nonexistent", json_boolean(r->is_nonexistent));
	return o;
}

static json_t *lookup(const struct gp_auth_lookup *l)
{
	static const char *const security[] = {[GP_DNS_INSECURE] = "insecure",
					       [GP_DNS_SECURE] = "secure",
					       [GP_DNS_BOGUS] = "bogus"};
	const char *outcome = l->result			   ? gp_err_name(l->result)
			      : l->rcode == GP_DNS_NXDOMAIN ? "nxdomain"
							   : "ok";
	json_t *data = json_array();

	for (size_t i = 0; i < l->n_data; i++)
		json_array_append_new(data, gp_json_text(l->data[i]));
	return json_pack("{s:o,s:s,s:s,s:s,s:I,s:o}", "name", gp_json_text(l->name), "type",
			 gp_dns_type_name(l->type), "result", outcome, "security",
			 security[l->security], "ttl", (json_int_t)l->ttl_s, "data", data);
}

void gp_auth_to_json(const struct gp_auth_result *r, unsigned parts, json_t *root)
{
	json_t *lookups = json_array();

	if (parts & GP_SHOW_SPF)
		json_object_set_new(root, "spf",
				    json_pack("{s:o,s:o}", "mailfrom", spf(&r->mailfrom), "helo",
					      spf(&r->helo)));
	if (parts & GP_SHOW_DKIM)
		json_object_set_new(root, "dkim", dkim(r));
	if (parts & GP_SHOW_ARC)
		json_object_set_new(root, "arc", arc(&r->arc));
	if (parts & GP_SHOW_DMARC)
		json_object_set_new(root, "dmarc", dmarc(&r->dmarc));
	for (size_t i = 0; i < r->n_lookups; i++)
		json_array_append_new(lookups, lookup(&r->lookups[i]));
	json_object_set_new(root, "dns", lookups);
}
