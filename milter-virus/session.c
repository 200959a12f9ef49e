/*
 * milter-virus's callbacks: the message goes into a memory file as it comes, is scanned at end of
 * data, and gets its answer.  Nothing of it is parsed here.
 */
#include "milter-virus/virus.h"

#include "lib/base/clock.h"
#include "lib/conf/shared.h"
#include "lib/daemon/reply.h"
#include "milter-virus/exempt.h"
#include "milter-virus/notify.h"

/* Each removal makes Postfix walk through the message's headers. */
#define REMOVALS_MAX 500
#define MESSAGE_ID_MAX 250

const char *const virus_header_names[VIRUS_HEADERS] = {
	[VIRUS_H_SCANNED] = "X-Virus-Scanned",
	[VIRUS_H_STATUS] = "X-Virus-Status",
};

static const struct gp_conf_networks *networks_of(const struct gp_session *s)
{
	return gp_snapshot_get(s->snap, &gp_conf_networks_table);
}

static enum gp_answer on_connect(struct gp_session *s)
{
	return gp_netset_has(&networks_of(s)->exempt, &s->client) ? GP_ACCEPT : GP_CONTINUE;
}

static void end_spool(void *arg)
{
	virus_spool_done(arg);
}

static enum virus_origin origin_of(const struct gp_session *s)
{
	if (s->msg.auth_user.len)
		return VIRUS_AUTHENTICATED;
	return gp_netset_has(&networks_of(s)->own, &s->client) ? VIRUS_OWN_NETWORK : VIRUS_INBOUND;
}

static void add(struct virus_message *m, struct gp_str text)
{
	virus_spool_add(&m->spool, (uint64_t)m->conf->held_max, text.ptr, text.len);
}

static enum gp_answer on_mail(struct gp_session *s)
{
	struct virus_message *m = GP_ARENA_NEW(s->msg.arena, struct virus_message);

	m->conf = gp_snapshot_get(s->snap, &virus_table);
	m->origin = origin_of(s);
	virus_spool_begin(&m->spool, (uint64_t)m->conf->size_max);
	gp_arena_on_end(s->msg.arena, end_spool, &m->spool);
	s->msg.data = m;
	/* Postfix hides its own Received from milters; with one an engine knows a mail from a text. */
	add(m, gp_str(VIRUS_RECEIVED));
	m->is_exempt = virus_is_exempt(m->conf, s);
	return GP_CONTINUE;
}

/* Line ends come as LF within a field, and are CRLF in mail. */
static void add_folded(struct virus_message *m, struct gp_str value)
{
	struct gp_str line;

	while (value.len > 0) {
		size_t end = gp_str_find_chr(value, '\n', 0);

		line = gp_str_sub(value, 0, end);
		if (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		add(m, line);
		if (end < value.len)
			add(m, GP_STR("\r\n"));
		value = gp_str_sub(value, end + 1, value.len);
	}
}

static enum gp_answer on_header(struct gp_session *s, struct gp_str name, struct gp_str value)
{
	struct virus_message *m = s->msg.data;

	for (size_t i = 0; i < VIRUS_HEADERS; i++)
		m->forged[i] += gp_str_ieq(name, gp_str(virus_header_names[i]));
	if (!m->message_id.len && gp_str_ieq(name, GP_STR("Message-ID")))
		m->message_id = gp_arena_str(
			s->msg.arena, gp_str_sub(gp_str_trim(value), 0, MESSAGE_ID_MAX));
	add(m, name);
	add(m, GP_STR(":"));
	add_folded(m, value);
	add(m, GP_STR("\r\n"));
	return GP_CONTINUE;
}

static enum gp_answer on_eoh(struct gp_session *s)
{
	add(s->msg.data, GP_STR("\r\n"));
	return GP_CONTINUE;
}

static enum gp_answer on_body(struct gp_session *s, struct gp_str chunk)
{
	struct virus_message *m = s->msg.data;

	add(m, chunk);
	return !m->spool.err && m->spool.size <= m->spool.size_max ? GP_CONTINUE : GP_SKIP;
}

static void progress(void *arg)
{
	(void)!gp_session_progress(arg); /* an MTA that is gone shows at the answer */
}

static void scan(struct gp_session *s, struct virus_message *m)
{
	struct virus_scan_request request = {.conf = m->conf, .clamd = virus_clamd_of(&virus_scanner, s->snap),
					    .progress = progress, .arg = s};
	int r = virus_spool_finish(&m->spool);

	if (r < 0) {
		m->verdict.outcome = r == GP_ELIMIT ? VIRUS_OVERLOAD : VIRUS_ENGINE_ERROR;
		return;
	}
	request.fd = m->spool.fd;
	request.size = m->spool.kept;
	virus_scan_message(&virus_scanner, &request, &m->verdict);
}

static enum gp_answer on_eom(struct gp_session *s)
{
	struct virus_message *m = s->msg.data;
	enum gp_answer answer;

	m->cpu_us = gp_clock_cpu_us();
	m->is_oversize = !m->spool.err && m->spool.size > m->spool.size_max;
	if (m->is_exempt || virus_are_rcpts_exempt(m->conf, s))
		m->verdict.outcome = VIRUS_EXEMPT;
	else if (m->is_oversize && m->conf->oversize != VIRUS_OVERSIZE_SCAN)
		m->verdict.outcome = VIRUS_OVERSIZE;
	else
		scan(s, m);
	m->verdict.is_part = m->is_oversize && m->verdict.outcome != VIRUS_OVERSIZE &&
			     m->verdict.outcome != VIRUS_EXEMPT;
	m->decision = virus_decide(m->conf, &m->verdict, m->origin != VIRUS_INBOUND);
	if (m->forged[VIRUS_H_SCANNED] + m->forged[VIRUS_H_STATUS] > REMOVALS_MAX) {
		m->decision.action = VIRUS_ACT_REJECT;
		m->decision.reason = "too many header fields that only a filter writes";
	}
	answer = virus_act(s, m);
	virus_notify(s, m);
	m->cpu_us = gp_clock_cpu_us() - m->cpu_us;
	virus_report(s, m);
	virus_remember(s, m);
	return answer;
}

const struct gp_milter virus_milter = {
	.name = "milter-virus",
	.actions = GP_MILTER_ADD_HEADERS | GP_MILTER_CHANGE_HEADERS | GP_MILTER_QUARANTINE,
	.on_connect = on_connect,
	.on_mail = on_mail,
	.on_header = on_header,
	.on_eoh = on_eoh,
	.on_body = on_body,
	.on_eom = on_eom,
};
