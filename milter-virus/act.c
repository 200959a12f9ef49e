/*
 * Carrying a decision out: the answer, its text, the queue's hold.  What is decided: action.h.
 */
#include "milter-virus/virus.h"

#include "lib/base/log.h"
#include "lib/daemon/reply.h"
#include "milter-virus/quarantine.h"

/* The text with %v as the signature's name. */
static void expand(const char *text, const char *name, struct gp_buf *out)
{
	for (; *text; text++) {
		if (*text != '%')
			gp_buf_add_chr(out, *text);
		else if (text[1] == 'v')
			gp_buf_add_cstr(out, *name ? name : "what is not wanted");
		else
			gp_buf_add_chr(out, '%');
		if (*text == '%' && (text[1] == 'v' || text[1] == '%'))
			text++;
	}
}

static enum gp_answer reject(struct gp_session *s, const struct virus_message *m)
{
	GP_BUF_AUTO text = GP_BUF_INIT(400);

	if (m->verdict.outcome == VIRUS_OVERSIZE)
		return gp_reply_too_big(s);
	if (m->decision.is_infected)
		expand(m->conf->reject_text, m->verdict.name, &text);
	else
		gp_buf_printf(&text, "Message refused: %s", m->decision.reason);
	return gp_reply_reject(s, gp_buf_cstr(&text));
}

static enum gp_answer tempfail(struct gp_session *s, const struct virus_message *m)
{
	gp_session_set_reply(s, "451", m->verdict.outcome == VIRUS_OVERLOAD ? "4.3.2" : "4.7.1",
			     "Virus check: %s, try again later", m->decision.reason);
	return GP_TEMPFAIL;
}

/* What the MTA does not hold is deferred. */
static enum gp_answer hold(struct gp_session *s, struct virus_message *m)
{
	GP_BUF_AUTO reason = GP_BUF_INIT(200);

	gp_buf_printf(&reason, "virus check: %s",
		      m->decision.is_infected ? m->verdict.name : m->decision.reason);
	if (gp_session_quarantine(s, gp_buf_cstr(&reason)) == GP_OK) {
		virus_write_headers(s, m);
		return GP_CONTINUE;
	}
	gp_log_warning("the MTA does not hold a message that it should");
	m->decision.action = VIRUS_ACT_TEMPFAIL;
	m->decision.reason = "it cannot be held";
	return tempfail(s, m);
}

/* What is not there whole the MTA must keep; what cannot be kept is deferred. */
static enum gp_answer put_away(struct gp_session *s, struct virus_message *m)
{
	struct gp_diag diag = {""};

	if (m->spool.kept < m->spool.size) {
		m->decision.action = VIRUS_ACT_HOLD; /* that is where it is looked for */
		return hold(s, m);
	}
	if (virus_quarantine(m->conf->quarantine, s, &m->spool, strlen(VIRUS_RECEIVED), &m->verdict,
			     &diag) == GP_OK)
		return GP_DISCARD;
	gp_log_error("quarantine: %s", diag.text);
	m->decision.action = VIRUS_ACT_TEMPFAIL;
	m->decision.reason = "it cannot be kept";
	return tempfail(s, m);
}

enum gp_answer virus_act(struct gp_session *s, struct virus_message *m)
{
	switch (m->decision.action) {
	case VIRUS_ACT_REJECT:
		return reject(s, m);
	case VIRUS_ACT_TEMPFAIL:
		return tempfail(s, m);
	case VIRUS_ACT_DISCARD:
		return GP_DISCARD;
	case VIRUS_ACT_QUARANTINE:
		return put_away(s, m);
	case VIRUS_ACT_HOLD:
		return hold(s, m);
	case VIRUS_ACT_OFF:
	case VIRUS_ACT_ACCEPT:
	case VIRUS_ACT_MARK:
	case VIRUS_ACTIONS:
		break;
	}
	virus_write_headers(s, m);
	return GP_CONTINUE;
}
