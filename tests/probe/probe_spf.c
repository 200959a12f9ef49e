/*
 * Mode "spf": in helo, ip, mailfrom, receiver (strings) and is_helo (check that identity);
 * out what struct gp_spf_result says, "received" (the field's value) and "questions".
 */
#include "lib/auth/spf.h"
#include "tests/probe/auth_probe.h"

json_t *probe_spf(struct probe *p)
{
	struct gp_spf_query q = {.helo = probe_str(p, "helo"),
				 .mailfrom = probe_str(p, "mailfrom"),
				 .receiver = probe_str(p, "receiver"),
				 .now_s = p->now_s};
	struct gp_spf_result r;

	if (gp_ip_parse(probe_str(p, "ip"), &q.client))
		return json_pack("{ss}", "error", "no address");
	if (json_is_true(json_object_get(p->in, "is_helo")))
		gp_spf_check_helo(&p->asker, &q, &r);
	else
		gp_spf_check_mailfrom(&p->asker, &q, &r);
	return json_pack(
		"{ss so so so so so so so so si si}", "status", gp_auth_status_name(r.status),
		"domain", probe_json(r.domain), "sender", probe_json(r.sender), "reason",
		probe_json(r.reason), "record", probe_json(r.record), "mechanism",
		probe_json(r.mechanism), "explanation", probe_json(r.explanation), "received",
		probe_json(gp_spf_received(p->arena, &r, &q)), "is_helo", json_boolean(r.is_helo),
		"n_lookups", (int)r.n_lookups, "questions", (int)p->asker.seen.len);
}
