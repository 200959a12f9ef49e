/*
 * A program's callbacks behind libmilter; the only file that knows it.
 *
 * State hangs on the context's private pointer, never on the thread: some builds
 * of libmilter call back from a pool of workers.  libmilter's handling of
 * signals and of stopping is avoided (lib/daemon/daemon.c, drain.h).
 */
#include "lib/daemon/milter.h"

#include <errno.h>
#include <libmilter/mfapi.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/daemon/daemon.h"
#include "lib/daemon/drain.h"
#include "lib/daemon/readahead.h"
#include "lib/daemon/reply.h"
#include "lib/daemon/socket.h"

#define GIVE_BACK_MS 1000

/* One connection of the MTA. */
struct link {
	SMFICTX *ctx;
	struct gp_session *session; /* NULL before connect */
	unsigned long no_reply;	    /* SMFIP_NR_… that were agreed */
	bool keeps_space;	    /* header values come and go with their leading space */
	bool is_message;	    /* between MAIL and the answer */
	bool has_content;	    /* its content began: it counts as in flight */
	bool is_decided;	    /* an answer was given early; the program is not asked again */
	bool is_session_decided;    /* … and for the whole session */
	enum gp_answer decided;
};

/* Each step, libmilter's bit for "no reply", and for "do not send". */
static const struct {
	enum gp_milter_step step;
	unsigned long no_reply, not_sent;
} steps[] = {
	{GP_STEP_CONNECT, SMFIP_NR_CONN, 0},	   {GP_STEP_HELO, SMFIP_NR_HELO, 0},
	{GP_STEP_MAIL, SMFIP_NR_MAIL, 0},	   {GP_STEP_RCPT, SMFIP_NR_RCPT, 0},
	{GP_STEP_HEADER, SMFIP_NR_HDR, SMFIP_NOHDRS}, {GP_STEP_EOH, SMFIP_NR_EOH, SMFIP_NOEOH},
	{GP_STEP_BODY, SMFIP_NR_BODY, SMFIP_NOBODY},
};

static const struct gp_milter *program;
static const char *listen_address;

static struct gp_metric connections =
	GP_GAUGE("gatepost_milter_connections", "Connections of the MTA that are open.");
static struct gp_metric accepted_connections =
	GP_COUNTER("gatepost_milter_connections_total", "Connections of the MTA.");
static struct gp_metric messages =
	GP_COUNTER("gatepost_milter_messages_total", "Messages that reached their end.");
static struct gp_metric aborted =
	GP_COUNTER("gatepost_milter_aborted_total", "Messages that ended before their end.");
static struct gp_metric answer_time = GP_HISTOGRAM(
	"gatepost_milter_answer_seconds", "From end of message to the answer.");

/* What was agreed last: for a connection that goes on after QUIT_NC without a new
 * negotiation; one MTA agrees to the same each time. */
static _Atomic unsigned long agreed_steps;

static struct link *link_of(SMFICTX *ctx)
{
	return smfi_getpriv(ctx);
}

static struct link *link_new(SMFICTX *ctx, unsigned long agreed)
{
	struct link *l = gp_xcalloc(1, sizeof(*l));

	free(link_of(ctx));
	l->ctx = ctx;
	l->no_reply = agreed;
	l->keeps_space = (agreed & SMFIP_HDR_LEADSPC) != 0;
	smfi_setpriv(ctx, l);
	return l;
}

/* Verbs of the session. */

static int result(int r)
{
	return r == MI_SUCCESS ? GP_OK : GP_ESYS;
}

/* libmilter's API takes char * where it means const char *. */
static char *mutable(const char *text)
{
	union {
		const char *from;
		char *to;
	} u = {.from = text};

	return u.to;
}

/* The value as this MTA wants it from us. */
static char *value_for(struct gp_session *s, const struct link *l, const char *value)
{
	return l->keeps_space ? gp_arena_printf(s->msg.arena, " %s", value) : mutable(value);
}

static int add_header(struct gp_session *s, const char *name, const char *value)
{
	const struct link *l = s->handle;

	return result(smfi_addheader(l->ctx, mutable(name), value_for(s, l, value)));
}

static int insert_header(struct gp_session *s, int index, const char *name, const char *value)
{
	const struct link *l = s->handle;

	return result(smfi_insheader(l->ctx, index, mutable(name), value_for(s, l, value)));
}

static int change_header(struct gp_session *s, const char *name, int nth, const char *value)
{
	const struct link *l = s->handle;

	return result(smfi_chgheader(l->ctx, mutable(name), nth,
				     value ? value_for(s, l, value) : NULL));
}

static int quarantine(struct gp_session *s, const char *reason)
{
	const struct link *l = s->handle;

	return result(smfi_quarantine(l->ctx, mutable(reason)));
}

static int progress(struct gp_session *s)
{
	const struct link *l = s->handle;

	return result(smfi_progress(l->ctx));
}

static const char *macro(struct gp_session *s, const char *name)
{
	const struct link *l = s->handle;
	char braced[64];

	if (name[0] && !name[1])
		return smfi_getsymval(l->ctx, mutable(name));
	snprintf(braced, sizeof(braced), "{%s}", name);
	return smfi_getsymval(l->ctx, braced);
}

static const struct gp_session_verbs verbs = {
	add_header, insert_header, change_header, quarantine, progress, macro,
};

/* Answers. */

/* Hands the session's reply text to libmilter; '%' is doubled, as MTAs expect. */
static void set_reply(struct link *l)
{
	struct gp_session *s = l->session;
	GP_BUF_AUTO text = GP_BUF_INIT(2048);

	for (const char *p = s->reply_text; *p; p++) {
		if (*p == '%')
			gp_buf_add_chr(&text, '%');
		gp_buf_add_chr(&text, *p);
	}
	if (smfi_setreply(l->ctx, s->reply_code, *s->reply_xcode ? s->reply_xcode : NULL,
			  mutable(gp_buf_cstr(&text))) != MI_SUCCESS)
		gp_log_warning("reply %s %s was not taken by libmilter", s->reply_code,
			       s->reply_xcode);
}

static sfsistat give(struct link *l, enum gp_answer answer)
{
	switch (answer) {
	case GP_REJECT:
	case GP_TEMPFAIL:
		gp_reply_complete(l->session, answer);
		set_reply(l);
		return answer == GP_REJECT ? SMFIS_REJECT : SMFIS_TEMPFAIL;
	case GP_ACCEPT:
		return SMFIS_ACCEPT;
	case GP_DISCARD:
		return SMFIS_DISCARD;
	case GP_CONTINUE:
	case GP_SKIP:
		break;
	}
	return SMFIS_CONTINUE;
}

static sfsistat no_answer(const struct link *l, enum gp_milter_step step)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(steps); i++)
		if (steps[i].step == step && (l->no_reply & steps[i].no_reply))
			return SMFIS_NOREPLY;
	return SMFIS_CONTINUE;
}

/* What a callback before end of message answered: given at once where the MTA
 * waits for it, else kept for the end. */
static sfsistat answer_step(struct link *l, enum gp_milter_step step, enum gp_answer answer)
{
	if (answer == GP_CONTINUE || (answer == GP_SKIP && step != GP_STEP_BODY))
		return no_answer(l, step);
	if (program->replies & step)
		return answer == GP_SKIP ? SMFIS_SKIP : give(l, answer);
	if (answer != GP_SKIP) {
		l->is_decided = true;
		l->decided = answer;
		l->is_session_decided = step == GP_STEP_CONNECT || step == GP_STEP_HELO;
	}
	return no_answer(l, step);
}

/* Session. */

/* Steps that the program does not look at are not sent, answers not waited for. */
static unsigned long wanted_steps(void)
{
	unsigned long bits = SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_HDR_LEADSPC | SMFIP_SKIP |
			     SMFIP_NR_DATA | SMFIP_NR_UNKN;

	for (size_t i = 0; i < GP_ARRAY_SIZE(steps); i++)
		if (!(program->replies & steps[i].step))
			bits |= steps[i].no_reply;
	if (!program->on_header)
		bits |= SMFIP_NOHDRS;
	if (!program->on_eoh)
		bits |= SMFIP_NOEOH;
	if (!program->on_body)
		bits |= SMFIP_NOBODY;
	return bits;
}

static unsigned long wanted_actions(void)
{
	unsigned long bits = 0;

	if (program->actions & GP_MILTER_ADD_HEADERS)
		bits |= SMFIF_ADDHDRS;
	if (program->actions & GP_MILTER_CHANGE_HEADERS)
		bits |= SMFIF_CHGHDRS;
	if (program->actions & GP_MILTER_QUARANTINE)
		bits |= SMFIF_QUARANTINE;
	return bits;
}

static void ask_macros(SMFICTX *ctx, int place, const char *ours, const char *theirs)
{
	char names[512];

	snprintf(names, sizeof(names), "%s%s%s", ours, theirs ? " " : "", theirs ? theirs : "");
	if (smfi_setsymlist(ctx, place, names) != MI_SUCCESS)
		gp_log_debug("the MTA takes no list of macros");
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long offered,
			     unsigned long f2, unsigned long f3, unsigned long *ret_actions,
			     unsigned long *ret_steps, unsigned long *ret_f2, unsigned long *ret_f3)
{
	unsigned long missing = wanted_actions() & ~actions;

	(void)f2;
	(void)f3;
	if (missing)
		gp_log_warning("the MTA does not allow actions 0x%lx that %s needs", missing,
			       program->name);
	*ret_actions = (wanted_actions() & actions) | (actions & SMFIF_SETSYMLIST);
	*ret_steps = wanted_steps() & offered;
	*ret_f2 = *ret_f3 = 0;
	if (actions & SMFIF_SETSYMLIST) {
		ask_macros(ctx, SMFIM_CONNECT, "j {daemon_name}", program->macros_connect);
		ask_macros(ctx, SMFIM_ENVFROM, "i {auth_authen} {auth_type} {tls_version}",
			   program->macros_mail);
		ask_macros(ctx, SMFIM_ENVRCPT, "i", program->macros_rcpt);
		ask_macros(ctx, SMFIM_EOM, "i", program->macros_eom);
	}
	agreed_steps = *ret_steps;
	link_new(ctx, *ret_steps);
	(void)gp_readahead_begin(); /* slower without, not wrong */
	return SMFIS_CONTINUE;
}

static struct gp_str session_macro(struct gp_session *s, const char *name)
{
	const char *value = gp_session_macro(s, name);

	return value ? gp_arena_str(s->arena, gp_str(value)) : (struct gp_str){0};
}

/* The link with its session; makes what a sparing MTA left out. */
static struct link *begin_session(SMFICTX *ctx)
{
	struct link *l = link_of(ctx);
	struct gp_snapshot *snap;

	if (!l)
		l = link_new(ctx, agreed_steps);
	if (l->session)
		return l;
	snap = gp_daemon_snapshot();
	l->session = gp_session_new(snap, &verbs, l);
	gp_snapshot_unref(snap);
	gp_metric_add(&connections, 1);
	gp_metric_add(&accepted_connections, 1);
	gp_drain_session_opened();
	return l;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
	struct link *l = begin_session(ctx);
	const struct sockaddr *sa = (const struct sockaddr *)address;
	struct gp_session *s = l->session;

	s->client_name = gp_arena_str(s->arena, gp_str(host));
	s->client = gp_ip_from_sockaddr(sa);
	if (s->client.family == 4)
		s->client_port = ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
	else if (s->client.family == 6)
		s->client_port = ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
	s->daemon_name = session_macro(s, "daemon_name");
	s->mta_host = session_macro(s, "j");
	return answer_step(l, GP_STEP_CONNECT,
			   program->on_connect ? program->on_connect(s) : GP_CONTINUE);
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
	struct link *l = begin_session(ctx);
	struct gp_session *s = l->session;

	s->helo = gp_arena_str(s->arena, gp_str(name));
	if (l->is_session_decided || !program->on_helo)
		return no_answer(l, GP_STEP_HELO);
	return answer_step(l, GP_STEP_HELO, program->on_helo(s));
}

/* Nobody is left: what their messages took goes back to the system, once a second at most. */
static void give_back_memory(void)
{
#ifdef __GLIBC__
	static _Atomic int64_t last_ms;
	int64_t now_ms = gp_clock_mono_ms(), last = atomic_load(&last_ms);

	if (gp_drain_sessions() == 0 && now_ms - last >= GIVE_BACK_MS &&
	    atomic_compare_exchange_strong(&last_ms, &last, now_ms))
		malloc_trim(0);
#endif
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct link *l = link_of(ctx);

	/* The only callback of a connection that sent nothing comes without a link. */
	if (!l)
		return SMFIS_CONTINUE;
	smfi_setpriv(ctx, NULL);
	if (l->session) {
		if (l->has_content)
			gp_drain_content_end();
		if (l->is_message && program->on_abort)
			program->on_abort(l->session);
		if (program->on_close)
			program->on_close(l->session);
		gp_session_free(l->session);
		gp_metric_add(&connections, -1);
		gp_drain_session_closed();
	}
	free(l);
	give_back_memory();
	return SMFIS_CONTINUE;
}

/* Message. */

/* Forgets a message, answered or not. */
static void end_message(struct link *l)
{
	if (l->has_content)
		gp_drain_content_end();
	l->has_content = false;
	l->is_message = false;
	l->is_decided = l->is_session_decided;
	gp_session_end_message(l->session);
}

static void abort_message(struct link *l)
{
	if (!l->is_message)
		return;
	gp_metric_add(&aborted, 1);
	if (program->on_abort)
		program->on_abort(l->session);
	end_message(l);
}

/* ESMTP arguments joined by spaces. */
static struct gp_str join(struct gp_session *s, char **args)
{
	GP_BUF_AUTO text = GP_BUF_INIT(8192);

	for (; *args; args++) {
		if (text.len)
			gp_buf_add_chr(&text, ' ');
		gp_buf_add_cstr(&text, *args);
	}
	return gp_arena_str(s->msg.arena, gp_buf_str(&text));
}

static sfsistat on_mail(SMFICTX *ctx, char **args)
{
	struct link *l = begin_session(ctx);
	struct gp_session *s = l->session;
	GP_FREE char *esmtp = NULL;
	enum gp_answer answer;

	abort_message(l); /* an MTA that starts anew without a word */
	esmtp = gp_xstrdup(gp_arena_cstr(s->msg.arena, join(s, args + 1)));
	gp_session_begin_message(s, gp_str(args[0]), gp_str(esmtp));
	l->is_message = true;
	if (gp_drain_message())
		return answer_step(l, GP_STEP_MAIL, gp_reply_shutdown(s));
	if (l->is_decided || !program->on_mail)
		return no_answer(l, GP_STEP_MAIL);
	/* It may wait (SPF) while the MTA has sent the rest already. */
	gp_drain_content_begin();
	answer = program->on_mail(s);
	gp_drain_content_end();
	return answer_step(l, GP_STEP_MAIL, answer);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **args)
{
	struct link *l = begin_session(ctx);
	struct gp_session *s = l->session;
	struct gp_rcpt rcpt;
	size_t before = s->msg.rcpts.len;

	gp_session_add_rcpt(s, gp_str(args[0]), join(s, args + 1));
	if (l->is_decided || !program->on_rcpt || s->msg.rcpts.len == before)
		return no_answer(l, GP_STEP_RCPT);
	rcpt = s->msg.rcpts.items[before];
	return answer_step(l, GP_STEP_RCPT, program->on_rcpt(s, &rcpt));
}

/* The first of content: counts it, and knows the queue id at the latest now. */
static void note_content(struct link *l)
{
	struct gp_envelope *msg = &l->session->msg;
	const char *id;

	if (l->has_content)
		return;
	l->has_content = true;
	gp_drain_content_begin();
	if (msg->queue_id.len == 0) {
		id = gp_session_macro(l->session, "i");
		msg->queue_id = gp_arena_str(msg->arena, gp_str(id ? id : ""));
	}
}

/* The value with its leading space, line ends LF. */
static struct gp_str header_value(const struct link *l, const char *text)
{
	struct gp_str value = gp_str(text);
	struct gp_arena *arena = l->session->msg.arena;
	char *out;
	size_t n = 0;

	if (l->keeps_space && gp_str_find_chr(value, '\r', 0) == value.len)
		return value;
	out = gp_arena_alloc(arena, value.len + 1);
	if (!l->keeps_space)
		out[n++] = ' ';
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] != '\r')
			out[n++] = value.ptr[i];
	return gp_str_n(out, n);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct link *l = begin_session(ctx);

	note_content(l);
	if (l->is_decided || !program->on_header)
		return no_answer(l, GP_STEP_HEADER);
	return answer_step(l, GP_STEP_HEADER,
			   program->on_header(l->session, gp_str(name), header_value(l, value)));
}

static sfsistat on_eoh(SMFICTX *ctx)
{
	struct link *l = begin_session(ctx);

	note_content(l);
	if (l->is_decided || !program->on_eoh)
		return no_answer(l, GP_STEP_EOH);
	return answer_step(l, GP_STEP_EOH, program->on_eoh(l->session));
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *chunk, size_t size)
{
	struct link *l = begin_session(ctx);

	note_content(l);
	if (l->is_decided || !program->on_body)
		return no_answer(l, GP_STEP_BODY);
	return answer_step(l, GP_STEP_BODY, program->on_body(l->session, gp_str_n(chunk, size)));
}

static sfsistat on_eom(SMFICTX *ctx)
{
	struct link *l = begin_session(ctx);
	int64_t began = gp_clock_mono_us();
	enum gp_answer answer;
	sfsistat status;

	note_content(l);
	answer = l->is_decided ? l->decided : program->on_eom(l->session);
	status = give(l, answer);
	gp_metric_add(&messages, 1);
	gp_metric_observe_us(&answer_time, gp_clock_mono_us() - began);
	end_message(l);
	return status;
}

static sfsistat on_abort(SMFICTX *ctx)
{
	struct link *l = link_of(ctx);

	if (l && l->session)
		abort_message(l);
	return SMFIS_CONTINUE;
}

/* Process. */

static void register_metrics(void)
{
	struct gp_metric *const all[] = {&connections, &accepted_connections, &messages, &aborted,
					 &answer_time};

	for (size_t i = 0; i < GP_ARRAY_SIZE(all); i++)
		gp_metric_register(all[i]);
}

static int bind_socket(const struct gp_daemon *d, const struct gp_snapshot *snap,
		       struct gp_diag *diag)
{
	const struct gp_daemon_conf *conf = gp_daemon_conf_of(d, snap);
	const char *socket = conf->socket;
	struct smfiDesc description = {
		.xxfi_name = mutable(d->milter->name), .xxfi_version = SMFI_VERSION,
		.xxfi_connect = on_connect, .xxfi_helo = on_helo, .xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt, .xxfi_header = on_header, .xxfi_eoh = on_eoh,
		.xxfi_body = on_body, .xxfi_eom = on_eom, .xxfi_abort = on_abort,
		.xxfi_close = on_close, .xxfi_negotiate = on_negotiate,
	};
	mode_t old;
	int r = gp_socket_clear_stale(socket, diag);

	if (r < 0)
		return r;
	program = d->milter;
	listen_address = gp_xstrdup(socket);
	description.xxfi_flags = wanted_actions() | SMFIF_SETSYMLIST;
	if (smfi_register(description) != MI_SUCCESS || smfi_setconn(mutable(socket)) != MI_SUCCESS) {
		gp_diag_set(diag, "%s: libmilter takes no such address", socket);
		return GP_EINVAL;
	}
	old = umask(0177);
	errno = 0;
	r = smfi_opensocket(false);
	umask(old);
	if (r != MI_SUCCESS)
		return gp_diag_errno(diag, "%s: cannot listen there", socket);
	return gp_socket_set_access(socket, conf->socket_mode, conf->socket_group, diag);
}

static int serve(struct gp_diag *diag)
{
	if (smfi_main() == MI_SUCCESS)
		return GP_OK;
	gp_diag_set(diag, "libmilter gave up serving %s", listen_address);
	return GP_ESYS;
}

static void cut(void)
{
	gp_socket_cut(listen_address);
}

static void stop(void)
{
	gp_socket_unlink(listen_address);
	gp_drain_hold();
}

static int64_t drain(int64_t deadline_ms)
{
	return gp_drain_wait(deadline_ms, cut);
}

const struct gp_service gp_milter_service = {
	.bind = bind_socket,
	.serve = serve,
	.stop = stop,
	.drain = drain,
	.register_metrics = register_metrics,
};
