/*
 * milter-spam's callbacks: collect the message, judge it at end of data.
 *
 * The MTA waits for no answer before end of data (lib/daemon/milter.h), so
 * everything up to there only stores.  All state hangs on the session.
 */
#include "milter-spam/spam.h"

#include "lib/base/clock.h"
#include "lib/daemon/daemon.h"
#include "lib/daemon/reply.h"
#include "lib/mail/received.h"

/* Different names that are removed; those of the headers that we add always are. */
#define FORGED_MAX 100
/* Each removal makes Postfix walk through the message's headers: honest mail has a
 * dozen, and a message with a hundred thousand would keep its cleanup busy for hours. */
#define REMOVALS_MAX 500

static const struct spam_conf *conf_of(const struct gp_session *s)
{
	const struct spam_snapshot *snap = gp_snapshot_data(s->snap);

	return snap->conf;
}

static const struct gp_conf_networks *networks_of(const struct gp_session *s)
{
	return gp_snapshot_get(s->snap, &gp_conf_networks_table);
}

static enum gp_answer on_connect(struct gp_session *s)
{
	return gp_netset_has(&networks_of(s)->exempt, &s->client) ? GP_ACCEPT : GP_CONTINUE;
}

static enum gp_answer on_mail(struct gp_session *s)
{
	const struct spam_snapshot *snap = gp_snapshot_data(s->snap);
	struct spam_message *m = GP_ARENA_NEW(s->msg.arena, struct spam_message);
	struct gp_message_options options;

	m->conf = conf_of(s);
	m->scanner = snap->scanner;
	options = (struct gp_message_options){.body_max = (size_t)m->conf->size_max};
	m->mail = gp_message_new(s->msg.arena, &options);
	m->result.missing = "";
	m->asked = spam_asked_new(&snap->directory, m->conf, s->msg.arena);
	if (s->msg.auth_user.len)
		spam_asked_account(m->asked, s->msg.auth_user);
	s->msg.data = m;
	return GP_CONTINUE;
}

/* What recipients want is asked while the rest of the message is on its way. */
static enum gp_answer on_rcpt(struct gp_session *s, const struct gp_rcpt *rcpt)
{
	struct spam_message *m = s->msg.data;

	if (s->msg.auth_user.len == 0)
		spam_asked_recipient(m->asked, rcpt->address);
	return GP_CONTINUE;
}

static bool is_forged(const struct spam_conf *conf, struct gp_str name)
{
	for (size_t i = 0; i < conf->headers_remove.len; i++)
		if (gp_str_glob(gp_str(conf->headers_remove.items[i]), name))
			return true;
	return false;
}

/* Counts a header that is to be removed, under the name as it was first written. */
static void note_forged(struct spam_message *m, struct gp_str name)
{
	bool is_markup = gp_str_istarts(name, GP_STR("X-Spam-")); /* rule files may add any */

	for (size_t i = 0; i < m->forged.len; i++)
		if (gp_str_ieq(gp_str(m->forged.items[i].name), name)) {
			m->forged.items[i].count++;
			return;
		}
	if (m->forged.len >= (is_markup ? REMOVALS_MAX + 1 : FORGED_MAX) && !spam_header_is_ours(name))
		return;
	*gp_vec_push(m->mail->arena, &m->forged) =
		(struct spam_forged){gp_arena_cstr(m->mail->arena, name), 1};
}

static bool has_too_many_forged(const struct spam_message *m)
{
	int64_t n = 0;

	for (size_t i = 0; i < m->forged.len; i++)
		n += m->forged.items[i].count;
	return n + spam_auth_forged(m) > REMOVALS_MAX;
}

static enum gp_answer on_header(struct gp_session *s, struct gp_str name, struct gp_str value)
{
	struct spam_message *m = s->msg.data;

	/* What is removed is not judged either: it would be believed, and learned. */
	if (!spam_auth_header(s, m, name, value))
		return GP_CONTINUE;
	if (is_forged(m->conf, name))
		note_forged(m, name);
	else
		gp_message_add_header(m->mail, name, value);
	return GP_CONTINUE;
}

static enum gp_answer on_eoh(struct gp_session *s)
{
	struct spam_message *m = s->msg.data;

	spam_find_origin(s, m);
	spam_auth_end_headers(s, m);
	return GP_CONTINUE;
}

/* A signature covers the whole body, so that is read to its end where one is checked here. */
static enum gp_answer on_body(struct gp_session *s, struct gp_str chunk)
{
	struct spam_message *m = s->msg.data;

	spam_auth_body(m, chunk);
	if (!m->is_oversize)
		gp_message_add_body(m->mail, chunk);
	if (m->mail->body_size <= (size_t)m->conf->size_max)
		return GP_CONTINUE;
	m->is_oversize = true;
	return m->auth.check ? GP_CONTINUE : GP_SKIP;
}

static struct gp_str macro(struct gp_session *s, const char *name)
{
	const char *value = gp_session_macro(s, name);

	return gp_str(value ? value : "");
}

/* Postfix hides its own Received from milters; rules want to see the last hop. */
static void add_own_received(struct gp_session *s, struct spam_message *m)
{
	char ip[GP_IP_TEXT];
	struct gp_received_session hop = {
		.by = s->mta_host,
		.client_addr = gp_str(gp_ip_format(&s->client, ip)),
		.client_name = s->client_name,
		.helo = s->helo,
		.queue_id = s->msg.queue_id,
		.auth_authen = s->msg.auth_user,
		.tls_version = s->tls_version,
		.cipher = macro(s, "cipher"),
		.cipher_bits = macro(s, "cipher_bits"),
		.time_s = gp_clock_real_s(),
	};

	if (s->msg.rcpts.len == 1)
		hop.rcpt = s->msg.rcpts.items[0].address;
	gp_message_prepend_header(m->mail, GP_STR("Received"),
				  gp_received_synthesise(s->msg.arena, &hop));
}

/* Refused for its form, whatever it says; GP_CONTINUE if there is nothing wrong with it. */
static enum gp_answer refuse_form(struct gp_session *s, const struct spam_message *m)
{
	if (has_too_many_forged(m))
		return gp_reply_reject(s, "Too many header fields that only a filter writes");
	if (m->is_oversize && m->conf->oversize == SPAM_OVERSIZE_REJECT &&
	    m->origin == SPAM_INBOUND)
		return gp_reply_too_big(s);
	return GP_CONTINUE;
}

static enum gp_answer answer_for(struct gp_session *s, const struct spam_message *m)
{
	switch (m->action) {
	case GP_ACTION_REJECT:
		return gp_reply_reject(s, m->conf->reject_text);
	case GP_ACTION_GREYLIST:
		return gp_reply_greylist(s, m->conf->greylist_text);
	case GP_ACTION_DISCARD:
		return GP_DISCARD;
	case GP_ACTION_QUARANTINE:
	case GP_ACTION_ADD_HEADER:
	case GP_ACTION_ACCEPT:
		break;
	}
	return GP_CONTINUE;
}

/* Does the setting want a message deferred that was judged without this? */
static bool is_deferred_for(struct gp_session *s, bool is_failed, int setting, const char *what)
{
	return is_failed &&
	       gp_reply_set(s, GP_ETEMP, (enum gp_on_error)setting, what).answer == GP_TEMPFAIL;
}

static bool is_deferred(struct gp_session *s, const struct spam_message *m)
{
	const struct spam_conf *c = m->conf;

	if (m->policy != SPAM_ENFORCE || m->action == GP_ACTION_REJECT)
		return false;
	return is_deferred_for(s, m->is_store_failed, c->on_store_error, "spam check") ||
	       is_deferred_for(s, m->is_ldap_failed, c->on_ldap_error, "directory");
}

static enum gp_answer judge(struct gp_session *s, struct spam_message *m)
{
	if (m->policy != SPAM_SKIP &&
	    !(m->is_oversize && m->conf->oversize != SPAM_OVERSIZE_SCAN))
		spam_judge(s, m);
	if (m->action == GP_ACTION_GREYLIST) {
		spam_greylist(s, m);
		spam_stage(m, SPAM_STAGE_GREYLIST);
	}
	if (is_deferred(s, m)) {
		m->action = GP_ACTION_GREYLIST;
		return GP_TEMPFAIL;
	}
	return answer_for(s, m);
}

static enum gp_answer on_eom(struct gp_session *s)
{
	struct spam_message *m = s->msg.data;
	enum gp_answer answer;

	m->cpu_us = gp_clock_cpu_us();
	m->mark_us = s->msg.began_ms * 1000;
	spam_stage(m, SPAM_STAGE_RECEIVE);
	m->deadline_ms = gp_clock_mono_ms() + m->conf->deadline_ms - m->auth.waited_ms;
	add_own_received(s, m);
	gp_message_finish(m->mail);
	answer = refuse_form(s, m);
	if (answer == GP_REJECT)
		m->action = GP_ACTION_REJECT;
	else
		answer = judge(s, m);
	if (answer == GP_CONTINUE) {
		spam_write_headers(s, m);
		spam_stage(m, SPAM_STAGE_HEADERS);
	}
	m->cpu_us = gp_clock_cpu_us() - m->cpu_us;
	spam_report(s, m);
	spam_remember(s, m);
	return answer;
}

const struct gp_milter spam_milter = {
	.name = "milter-spam",
	.actions = GP_MILTER_ADD_HEADERS | GP_MILTER_CHANGE_HEADERS | GP_MILTER_QUARANTINE,
	.macros_mail = "{cipher} {cipher_bits}",
	.on_connect = on_connect,
	.on_mail = on_mail,
	.on_rcpt = on_rcpt,
	.on_header = on_header,
	.on_eoh = on_eoh,
	.on_body = on_body,
	.on_eom = on_eom,
};
