/*
 * milter-dkim's callbacks: the header is collected, the body streamed through the
 * hasher, everything decided at end of message.
 *
 * The MTA waits for no answer before end of message (lib/daemon/milter.h), so what
 * waits earlier (SPF) costs the client nothing.
 */
#include "milter-dkim/dkim.h"

#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/conf/shared.h"
#include "lib/daemon/reply.h"
#include "milter-dkim/sign.h"

static bool is_verified(const struct dkim_message *m)
{
	return m->origin == DKIM_INBOUND && !m->is_exempt;
}

static bool is_signable(const struct dkim_message *m)
{
	return m->origin != DKIM_INBOUND && !m->is_exempt;
}

/* The name in our results: configured, else the MTA's, else the host's. */
static struct gp_str authserv_id(struct gp_session *s)
{
	const struct gp_conf_domains *domains = gp_snapshot_get(s->snap, &gp_conf_domains_table);
	char name[256] = "";

	if (*domains->authserv_id)
		return gp_str(domains->authserv_id);
	if (s->mta_host.len)
		return s->mta_host;
	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		return GP_STR("localhost");
	return gp_arena_str(s->msg.arena, gp_str(name));
}

static enum gp_answer on_mail(struct gp_session *s)
{
	struct dkim_message *m = GP_ARENA_NEW(s->msg.arena, struct dkim_message);
	int64_t cpu_us = gp_clock_cpu_us();

	m->conf = gp_snapshot_get(s->snap, &dkim_table);
	m->snap = gp_snapshot_data(s->snap);
	m->authserv_id = authserv_id(s);
	m->decision = (struct dkim_decision){.method = "", .override = ""};
	s->msg.data = m;
	dkim_inbound_begin(s, m);
	if (is_signable(m))
		dkim_sign_ask(s, m);
	m->cpu_us = gp_clock_cpu_us() - cpu_us;
	return GP_CONTINUE;
}

static enum gp_answer on_header(struct gp_session *s, struct gp_str name, struct gp_str value)
{
	struct dkim_message *m = s->msg.data;
	bool is_removed = dkim_forged_note(s, m, name, value);

	m->size += name.len + value.len + 3;
	/* Others' signatures cover what came, ours what goes out. */
	if (!is_removed || m->origin == DKIM_INBOUND)
		gp_fields_add(s->msg.arena, &m->fields, name, value);
	return GP_CONTINUE;
}

static enum gp_answer on_eoh(struct gp_session *s)
{
	struct dkim_message *m = s->msg.data;
	int64_t cpu_us = gp_clock_cpu_us();

	if (dkim_forged_is_flood(m))
		return GP_CONTINUE;
	if (is_verified(m)) {
		dkim_inbound_headers(m);
		dkim_arc_begin(s, m);
		if (!dkim_inbound_needs_body(m))
			m->hasher = NULL;
	} else if (is_signable(m)) {
		m->hasher = gp_body_hasher_new(s->msg.arena);
		m->sign_result = dkim_sign_begin(s, m);
		if (!m->signing)
			m->hasher = NULL;
	}
	m->cpu_us += gp_clock_cpu_us() - cpu_us;
	return GP_CONTINUE;
}

static enum gp_answer on_body(struct gp_session *s, struct gp_str chunk)
{
	struct dkim_message *m = s->msg.data;
	int64_t cpu_us = gp_clock_cpu_us();

	m->size += chunk.len;
	if (!m->hasher)
		return GP_SKIP;
	gp_body_hasher_add(m->hasher, chunk);
	if (m->signing)
		dkim_sign_body(m, chunk);
	m->cpu_us += gp_clock_cpu_us() - cpu_us;
	return GP_CONTINUE;
}

static enum gp_answer answer_for(struct gp_session *s, const struct dkim_message *m)
{
	const struct dkim_decision *d = &m->decision;

	switch (d->action) {
	case DKIM_REJECT:
	case DKIM_TEMPFAIL:
		gp_session_set_reply(s, d->action == DKIM_REJECT ? "550" : "451", d->xcode, "%s",
				     dkim_policy_text(d, &m->parties, s->msg.arena));
		return d->action == DKIM_REJECT ? GP_REJECT : GP_TEMPFAIL;
	case DKIM_QUARANTINE:
		if (gp_session_quarantine(s, dkim_policy_text(d, &m->parties, s->msg.arena)))
			gp_log_warning("qid=%.*s: the MTA does not hold the message",
				       GP_STR_FMT(s->msg.queue_id));
		break;
	case DKIM_ACCEPT:
	case DKIM_ACTIONS:
		break;
	}
	return GP_CONTINUE;
}

static enum gp_answer refuse_flood(struct gp_session *s, struct dkim_message *m)
{
	m->decision.action = DKIM_REJECT;
	m->decision.reason = GP_STR("too many forged results");
	return gp_reply_reject(s, "Too many header fields that only a filter writes");
}

static enum gp_answer verify(struct gp_session *s, struct dkim_message *m)
{
	enum gp_answer answer;

	dkim_inbound_finish(s, m);
	dkim_inbound_record(s, m);
	dkim_stage(m, DKIM_STAGE_RESULTS);
	answer = answer_for(s, m);
	if (answer != GP_CONTINUE)
		return answer;
	dkim_forged_remove(s, m);
	dkim_arc_finish(s, m);
	dkim_write_headers(s, m);
	dkim_stage(m, DKIM_STAGE_HEADERS);
	return answer;
}

static enum gp_answer sign(struct gp_session *s, struct dkim_message *m)
{
	struct gp_failure_reply reply;
	struct gp_diag diag = {""};

	if (m->sign_result == GP_EACCES) {
		m->decision.action = DKIM_REJECT;
		m->decision.reason = GP_STR("the account may not send for this domain");
		return gp_reply_reject(s, m->conf->sign.not_allowed_text);
	}
	dkim_forged_remove(s, m);
	if (m->signing) {
		gp_body_hasher_finish(m->hasher);
		m->sign_result = dkim_sign_finish(s, m, &diag);
		dkim_stage(m, DKIM_STAGE_SIGN);
	}
	if (m->sign_result == GP_OK)
		return GP_CONTINUE;
	if (!*diag.text && m->signing_problem)
		gp_diag_set(&diag, "%s", m->signing_problem);
	gp_log_warning("qid=%.*s: not signed: %s", GP_STR_FMT(s->msg.queue_id),
		       *diag.text ? diag.text : dkim_signing_reason(m));
	reply = gp_reply_set(s, m->sign_result, (enum gp_on_error)m->conf->sign.on_error,
			     "signing");
	if (reply.answer == GP_ACCEPT)
		return GP_CONTINUE;
	m->decision.action = reply.answer == GP_REJECT ? DKIM_REJECT : DKIM_TEMPFAIL;
	m->decision.reason = GP_STR("signing failed");
	return reply.answer;
}

static enum gp_answer on_eom(struct gp_session *s)
{
	struct dkim_message *m = s->msg.data;
	enum gp_answer answer = GP_CONTINUE;
	int64_t cpu_us = gp_clock_cpu_us();

	m->mark_us = s->msg.began_ms * 1000;
	dkim_stage(m, DKIM_STAGE_RECEIVE);
	if (dkim_forged_is_flood(m))
		answer = refuse_flood(s, m);
	else if (is_verified(m))
		answer = verify(s, m);
	else if (is_signable(m))
		answer = sign(s, m);
	else
		dkim_forged_remove(s, m);
	m->cpu_us += gp_clock_cpu_us() - cpu_us;
	dkim_report(s, m);
	dkim_remember(s, m);
	return answer;
}

const struct gp_milter dkim_milter = {
	.name = "milter-dkim",
	.actions = GP_MILTER_ADD_HEADERS | GP_MILTER_CHANGE_HEADERS | GP_MILTER_QUARANTINE,
	.on_mail = on_mail,
	.on_header = on_header,
	.on_eoh = on_eoh,
	.on_body = on_body,
	.on_eom = on_eom,
};
