/*
 * Inbound mail through lib/auth: SPF while the client still names recipients, the
 * rest from the end of the header on.
 */
#include "milter-dkim/dkim.h"

#include "lib/auth/client_domain.h"
#include "lib/base/clock.h"
#include "lib/conf/shared.h"

/* What is left for DKIM, ARC and DMARC however long SPF took. */
#define REST_MS_MIN 1000
/* A note about the client is worth no more. */
#define NOTE_MS_MAX 200

static enum dkim_origin origin_of(const struct gp_session *s,
				  const struct gp_conf_networks *networks)
{
	if (s->msg.auth_user.len)
		return DKIM_AUTHENTICATED;
	return gp_netset_has(&networks->own, &s->client) ? DKIM_OWN_NETWORK : DKIM_INBOUND;
}

void dkim_inbound_begin(struct gp_session *s, struct dkim_message *m)
{
	const struct gp_conf_networks *networks =
		gp_snapshot_get(s->snap, &gp_conf_networks_table);
	struct gp_auth_envelope envelope = {
		.client = s->client,
		.helo = s->helo,
		.mailfrom = s->msg.from,
		.now_s = gp_clock_real_s(),
	};

	m->origin = origin_of(s, networks);
	m->is_exempt = gp_netset_has(&networks->exempt, &s->client);
	m->parties = (struct dkim_parties){
		.client = s->client, .helo = s->helo, .from = s->msg.from};
	if (m->origin != DKIM_INBOUND || m->is_exempt)
		return;
	m->check = gp_auth_begin(m->snap->auth, &dkim_sources, &envelope, s->msg.arena,
				 s->msg.began_ms + m->conf->spf.deadline_ms);
	gp_auth_spf(m->check);
	m->spf_ms = gp_clock_mono_ms() - s->msg.began_ms;
}

void dkim_inbound_headers(struct dkim_message *m)
{
	int64_t left_ms = GP_MAX(m->conf->deadline_ms - m->spf_ms, (int64_t)REST_MS_MIN);

	m->hasher = gp_auth_hasher(m->check);
	gp_auth_headers(m->check, &m->fields, gp_clock_mono_ms() + left_ms);
}

bool dkim_inbound_needs_body(const struct dkim_message *m)
{
	static const char *const signatures[] = {"DKIM-Signature", "ARC-Message-Signature"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(signatures); i++)
		if (gp_fields_count(&m->fields, gp_str(signatures[i])))
			return true;
	return m->sealing != NULL;
}

void dkim_inbound_finish(struct gp_session *s, struct dkim_message *m)
{
	gp_auth_finish(m->check, &m->result);
	dkim_policy_decide(m->conf, &m->result, &m->parties, s->msg.arena, &m->decision);
}

void dkim_inbound_record(const struct gp_session *s, const struct dkim_message *m)
{
	struct gp_dmarc_seen seen = {
		.result = &m->result,
		.how = (enum gp_orgdomain)m->conf->dmarc.organizational_domain,
		.client = s->client,
		.mailfrom = s->msg.from,
		.disposition = m->decision.disposition,
		.override = m->decision.override,
		.now_s = gp_clock_real_s(),
	};
	struct gp_dmarc_row row;

	if (dkim_reports && s->client.family && gp_dmarc_row_make(&seen, &row))
		dkim_reports_add(dkim_reports, &row);
	if (dkim_store && m->conf->dkim.note_clients)
		gp_client_domain_note(dkim_store, &s->client, s->msg.from, &m->result, seen.now_s,
				      gp_clock_mono_ms() + NOTE_MS_MAX);
}
