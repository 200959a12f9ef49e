/*
 * Mode "authres": in "id", "plain" (a boolean), and results of SPF ("spf", "sender",
 * "spf_reason"), DKIM ("dkim", "domain", "identity", "selector", "b"), ARC ("arc") and DMARC
 * ("dmarc", "from", "record_domain"); out the field's "value", and whether our own reader
 * takes it ("diag" is empty then).
 */
#include "lib/auth/authres.h"
#include "tests/probe/auth_probe.h"

static enum gp_auth_status status_of(const struct probe *p, const char *name)
{
	enum gp_auth_status status = GP_AUTH_NONE;

	if (!gp_auth_status_parse(probe_str(p, name), &status))
		return GP_AUTH_NONE;
	return status;
}

json_t *probe_authres(struct probe *p)
{
	struct gp_dkim_result dkim = {.status = status_of(p, "dkim"),
				      .domain = probe_str(p, "domain"),
				      .identity = probe_str(p, "identity"),
				      .selector = probe_str(p, "selector"),
				      .algorithm = GP_STR("rsa-sha256"),
				      .b = probe_str(p, "b"),
				      .key_bits = 2048};
	struct gp_auth_result r = {
		.mailfrom = {.status = status_of(p, "spf"),
			     .sender = probe_str(p, "sender"),
			     .domain = GP_STR("envelope.example"),
			     .reason = probe_str(p, "spf_reason")},
		.dkim = &dkim,
		.n_dkim = dkim.status != GP_AUTH_NONE,
		.arc = {.status = status_of(p, "arc")},
		.dmarc = {.status = status_of(p, "dmarc"),
			  .from = probe_str(p, "from"),
			  .has_record = true,
			  .record_domain = probe_str(p, "record_domain"),
			  .policy = GP_DMARC_REJECT},
	};
	const struct gp_authres_options options = {.plain = json_is_true(json_object_get(p->in, "plain"))};
	struct gp_str value = gp_authres_format(p->arena, probe_str(p, "id"), &r, &options);
	struct gp_authres parsed;
	struct gp_diag diag = {0};

	if (gp_authres_parse(p->arena, value, &parsed, &diag))
		return json_pack("{so ss}", "value", probe_json(value), "diag", diag.text);
	return json_pack("{so ss}", "value", probe_json(value), "diag", "");
}
