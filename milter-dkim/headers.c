/*
 * What a verified message is told about itself: Authentication-Results (RFC 8601),
 * the seal by which milter-spam knows that they are ours, and Received-SPF.
 */
#include "milter-dkim/dkim.h"

#include "lib/auth/authres.h"
#include "lib/base/log.h"

/* The MTA refuses a change only when it is gone itself; then the message is not
 * accepted either, so there is nothing to save here but the log. */
void dkim_insert(struct gp_session *s, const char *name, struct gp_str value)
{
	if (gp_session_insert_header(s, 0, name, gp_arena_cstr(s->msg.arena, value)))
		gp_log_warning("qid=%.*s: the MTA does not take the header %s",
			       GP_STR_FMT(s->msg.queue_id), name);
}

static void write_received_spf(struct gp_session *s, const struct dkim_message *m)
{
	struct gp_spf_query q = {
		.client = s->client,
		.helo = s->helo,
		.mailfrom = s->msg.from,
		.receiver = m->authserv_id,
	};

	if (m->conf->spf.enabled && m->conf->spf.received)
		dkim_insert(s, "Received-SPF",
			    gp_spf_received(s->msg.arena, &m->result.mailfrom, &q));
}

void dkim_write_headers(struct gp_session *s, struct dkim_message *m)
{
	const struct dkim_conf *c = m->conf;
	char ip[GP_IP_TEXT];
	struct gp_authres_options options = {
		.utf8 = s->msg.is_smtputf8,
		.with_helo = c->spf.helo,
		/* "none" is a finding: not to be said of what was not looked for. */
		.with_none = c->spf.enabled && c->dkim.enabled && c->arc.enabled && c->dmarc.enabled,
		.remote_ip = gp_str(gp_ip_format(&s->client, ip)),
	};
	struct gp_str value =
		gp_authres_format(s->msg.arena, m->authserv_id, &m->result, &options);

	write_received_spf(s, m);
	if (m->snap->seal_key && s->msg.queue_id.len)
		dkim_insert(s, GP_SEAL_HEADER,
			    gp_seal_make(s->msg.arena, m->snap->seal_key, s->msg.queue_id, value));
	dkim_insert(s, "Authentication-Results", value);
}
