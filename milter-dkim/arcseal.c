/*
 * The ARC set of inbound mail (RFC 8617), for hosts that forward it: what we found,
 * sealed by a domain of ours, so that who gets it next may believe it.
 */
#include "milter-dkim/dkim.h"

#include "lib/auth/authres.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

struct dkim_sealing {
	struct gp_sign sign;
	struct gp_sign_as as;
};

/* Of the signers the first with RSA: RFC 8617 knows no other, and few validate it. */
static const struct dkim_signer *find_signer(const struct dkim_message *m, struct gp_arena *arena)
{
	const struct dkim_signer *signers;
	bool is_none = false;
	size_t n = dkim_keyring_find(m->snap->keyring, GP_STR(""), gp_str(m->conf->arc.seal_as),
				     arena, &signers, &is_none);

	for (size_t i = 0; i < n; i++)
		if (gp_key_type(signers[i].key) == GP_KEY_RSA)
			return &signers[i];
	return n ? &signers[0] : NULL;
}

void dkim_arc_begin(struct gp_session *s, struct dkim_message *m)
{
	const struct dkim_signer *signer;

	if (!*m->conf->arc.seal_as || !m->snap->keyring)
		return;
	signer = find_signer(m, s->msg.arena);
	if (!signer)
		return;
	m->sealing = GP_ARENA_NEW(s->msg.arena, struct dkim_sealing);
	m->sealing->as = (struct gp_sign_as){
		.domain = signer->domain, .selector = signer->selector, .key = signer->key};
	gp_sign_begin(&m->sealing->sign, s->msg.arena, &gp_sign_defaults, m->hasher);
}

void dkim_arc_finish(struct gp_session *s, struct dkim_message *m)
{
	char ip[GP_IP_TEXT];
	struct gp_authres_options options = {
		.plain = true,
		.utf8 = s->msg.is_smtputf8,
		.remote_ip = gp_str(gp_ip_format(&s->client, ip)),
	};
	struct gp_arc_seal set;
	struct gp_diag diag;
	struct gp_str found;
	int r;

	if (!m->sealing)
		return;
	found = gp_authres_format(s->msg.arena, m->authserv_id, &m->result, &options);
	r = gp_arc_seal(&m->sealing->sign, &m->fields, m->hasher, &m->result.arc, found,
			&m->sealing->as, gp_clock_real_s(), &set, &diag);
	if (r) {
		/* The message goes on without: a chain that may not be continued, or no From. */
		gp_log_debug("qid=%.*s: no ARC set: %s", GP_STR_FMT(s->msg.queue_id), diag.text);
		m->sealing = NULL;
		return;
	}
	dkim_insert(s, "ARC-Authentication-Results", set.results);
	dkim_insert(s, "ARC-Message-Signature", set.signature);
	dkim_insert(s, "ARC-Seal", set.seal);
}
