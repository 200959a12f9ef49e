/*
 * The learn socket; see the header.
 *
 * Answers go out in the order of the questions, from a ring of slots; a client whose ring
 * is full, or who does not read its answers, is not read from.  What all clients together
 * may have us hold of unfinished messages is bounded: beyond that a message is read to its
 * end, thrown away, and put off.
 */
#include "controller/learn_socket.h"

#include <stdlib.h>

#include "controller/controller.h"
#include "controller/learn_client.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/daemon/daemon.h"

#define HELD_MAX ((size_t)128 << 20)	/* bytes of unfinished messages, of all clients */
#define UNSENT_MAX ((size_t)1 << 20)	/* answers that a client has not taken */
#define ROWS_MAX ((size_t)12 << 20)	/* frames of one query's answer */
#define GREETING_MS 60000

static struct {
	struct learn_socket_options o;
	struct gp_clients clients;
	size_t held;
	size_t unanswered; /* counted by learn_socket_unanswered */
} server;

static struct gp_metric connected = GP_GAUGE("gatepost_controller_learn_clients",
					     "Connections to the learn socket.");
static struct gp_metric malformed = GP_COUNTER("gatepost_controller_learn_malformed_total",
					       "Connections closed because of what they sent.");
#define TURNED_DOWN(status_)                                                                       \
	GP_COUNTER_L("gatepost_controller_turned_down_total", "status=\"" status_ "\"",            \
		     "Messages that were not taken, for good.")
static struct gp_metric refused = TURNED_DOWN("refused"), denied = TURNED_DOWN("denied");

void learn_socket_register_metrics(void)
{
	gp_metric_register(&connected);
	gp_metric_register(&malformed);
	gp_metric_register(&refused);
	gp_metric_register(&denied);
}

static void drop_message(struct learn_client *c)
{
	server.held -= c->message.len;
	gp_buf_done(&c->message);
	c->is_in_message = false;
}

/* Answers. */

static void send_frame(struct learn_client *c, const struct gp_learn_frame *frame)
{
	char buf[GP_LEARN_HEAD_SIZE + GP_LEARN_TEXT_MAX + 64];
	size_t len = gp_learn_format(frame, buf, sizeof(buf));

	if (c->base.sock)
		gp_sock_write(c->base.sock, buf, len);
}

static void send_answer(struct learn_client *c, uint32_t id, enum gp_learn_status status,
			const char *reason)
{
	struct gp_learn_frame frame = {.type = GP_LEARN_ANSWER, .id = id, .code = (uint8_t)status,
				       .text = {reason, strlen(reason)}};

	send_frame(c, &frame);
}

/* Sends what is answered, from the oldest on; begins the query whose turn it is. */
static void flush_answers(struct learn_client *c)
{
	while (c->first != c->next) {
		struct learn_slot *s = learn_slot_at(c, c->first);

		if (!s->is_answered) {
			if (s->is_query && !s->is_begun && c->base.sock) {
				s->is_begun = true;
				/* Comes back here when it is answered at once. */
				learn_query_begin(c, c->first, server.o.learner, server.o.journal);
			}
			return;
		}
		if (c->base.sock && s->rows.len > 0)
			gp_sock_write(c->base.sock, s->rows.data, s->rows.len);
		send_answer(c, s->id, s->status, s->reason);
		gp_buf_done(&s->rows);
		c->first++;
	}
}

void learn_client_answer(struct learn_client *c, uint64_t slot, enum gp_learn_status status,
			 const char *reason)
{
	struct learn_slot *s = learn_slot_at(c, slot);

	s->is_answered = true;
	s->status = status;
	s->reason = reason;
	flush_answers(c);
	if (c->base.sock && c->base.is_paused)
		gp_client_read(&c->base);
}

static uint64_t add_slot(struct learn_client *c, uint32_t id)
{
	*learn_slot_at(c, c->next) = (struct learn_slot){.id = id, .rows = GP_BUF_INIT(ROWS_MAX)};
	return c->next++;
}

/* Teaching. */

struct taught {
	struct learn_client *client;
	uint64_t slot;
	uint32_t id;
	bool wants_result;
};

static void queued(void *arg, enum gp_learn_status status, const char *reason)
{
	struct taught *t = arg;
	struct learn_client *c = t->client;
	uint64_t slot = t->slot;
	bool ends = status != GP_LEARN_QUEUED || !t->wants_result;

	if (ends)
		free(t);
	learn_client_answer(c, slot, status, reason);
	if (ends)
		gp_client_release(&c->base);
}

static void learned(void *arg, const struct learner_result *result)
{
	struct taught *t = arg;
	struct learn_client *c = t->client;
	struct gp_learn_frame frame = {.type = GP_LEARN_RESULT, .id = t->id,
				       .code = (uint8_t)result->outcome};

	free(t);
	send_frame(c, &frame);
	gp_client_release(&c->base);
}

int64_t learn_denied(void)
{
	return gp_metric_get(&denied);
}

static void end_message(struct learn_client *c)
{
	uint64_t slot = add_slot(c, c->id);
	struct taught *t;
	struct intake_request request;

	if (c->is_dropped) {
		enum gp_learn_status status = c->verdict.status;

		gp_metric_add(&refused, status == GP_LEARN_REFUSED);
		gp_metric_add(&denied, status == GP_LEARN_DENIED);
		drop_message(c);
		learn_client_answer(c, slot, status, c->verdict.reason);
		return;
	}
	t = gp_xcalloc(1, sizeof(*t));
	*t = (struct taught){.client = c, .slot = slot, .id = c->id,
			     .wants_result = c->flags & GP_LEARN_WANT_RESULT};
	gp_client_hold(&c->base);
	request = (struct intake_request){
		.grant = &c->grant, .uid = (uint32_t)c->base.peer.uid, .class = c->class,
		.flags = c->flags, .origin = gp_str(c->origin), .message = gp_buf_str(&c->message),
		.queued = queued, .learned = t->wants_result ? learned : NULL, .arg = t};
	intake_teach(&request); /* copies */
	drop_message(c);
}

/* The rest of the message is read and thrown away. */
static void drop(struct learn_client *c, enum gp_learn_status status, const char *reason)
{
	if (c->is_dropped)
		return;
	c->is_dropped = true;
	c->verdict = (struct learn_slot){.status = status, .reason = reason};
	server.held -= c->message.len;
	gp_buf_done(&c->message);
}

static void add_data(struct learn_client *c, struct gp_learn_text data)
{
	if (c->is_dropped)
		return;
	if (c->message.len + data.len > c->size_max) {
		drop(c, GP_LEARN_REFUSED, "the message is too large");
		return;
	}
	if (server.held + data.len > HELD_MAX) {
		drop(c, GP_LEARN_LATER, "too much at once");
		return;
	}
	gp_buf_add(&c->message, data.data, data.len);
	server.held += data.len;
}

/* Frames. */

/* Asked once a connection, and only where it matters: it may wait for a directory. */
static const char *own_name(struct learn_client *c)
{
	if (!c->is_own_asked)
		c->has_own = trust_name_of(c->base.peer.uid, c->own);
	c->is_own_asked = true;
	return c->has_own ? c->own : NULL;
}

static int find_grant(struct learn_client *c, struct gp_learn_text user, struct trust_grant *ret,
		      const char **ret_why)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct trust *trust = controller_data(snap)->trust;
	const char *own = c->base.peer.is_known && !trust_is_trusted(trust, &c->base.peer) ? own_name(c) : NULL;
	int r = trust_grant(trust, gp_snapshot_get(snap, &gp_conf_bayes_table), &c->base.peer, own,
			    gp_str_n(user.data, user.len), ret, ret_why);

	c->size_max = (size_t)((const struct gp_conf_learn *)
			       gp_snapshot_get(snap, &gp_conf_learn_table))->size_max;
	gp_snapshot_unref(snap);
	return r;
}

static void begin_message(struct learn_client *c, const struct gp_learn_frame *f)
{
	const char *why;
	int r = find_grant(c, f->user, &c->grant, &why);

	c->is_in_message = true;
	c->is_dropped = false;
	c->id = f->id;
	c->class = f->code;
	c->flags = f->flags;
	(void)gp_str_copy(c->origin, sizeof(c->origin), gp_str_n(f->text.data, f->text.len));
	gp_buf_init(&c->message, c->size_max);
	if (r < 0)
		drop(c, r == GP_EACCES ? GP_LEARN_DENIED : GP_LEARN_REFUSED, why);
}

static void ask(struct learn_client *c, const struct gp_learn_frame *f)
{
	uint64_t slot = add_slot(c, f->id);
	struct learn_slot *s = learn_slot_at(c, slot);
	const char *why;
	int r = find_grant(c, f->user, &s->grant, &why);

	s->is_query = true;
	s->verb = f->code;
	s->since_s = f->since;
	s->max = f->max;
	if (r < 0)
		learn_client_answer(c, slot, GP_LEARN_DENIED, why);
	else
		flush_answers(c);
}

static void greet(struct learn_client *c)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct gp_conf_learn *conf = gp_snapshot_get(snap, &gp_conf_learn_table);
	struct gp_learn_frame frame = {.type = GP_LEARN_WELCOME, .version = GP_LEARN_VERSION,
				       .message_max = (uint32_t)conf->size_max,
				       .window = LEARN_WINDOW};

	gp_snapshot_unref(snap);
	c->is_greeted = true;
	send_frame(c, &frame);
}

static void take_part(struct learn_client *c, const struct gp_learn_frame *f)
{
	if (f->type == GP_LEARN_DATA)
		add_data(c, f->text);
	else if (f->type == GP_LEARN_END)
		end_message(c);
	else
		drop_message(c);
}

/* NULL, or why the frame has no place here. */
static const char *take_frame(struct learn_client *c, const struct gp_learn_frame *f)
{
	if (!c->is_greeted) {
		if (f->type != GP_LEARN_HELLO)
			return "no hello";
		if (f->version < 1)
			return "an unknown version";
		greet(c);
		gp_client_touch(&c->base);
		return NULL;
	}
	/* Pieces of a message are no sign of life, nor is half a frame: who sends a byte now and
	 * then would hold a place, and what of a message is there, for ever. */
	if (f->type != GP_LEARN_DATA)
		gp_client_touch(&c->base);
	switch (f->type) {
	case GP_LEARN_LEARN:
		if (c->is_in_message)
			return "a message within a message";
		begin_message(c, f);
		return NULL;
	case GP_LEARN_QUERY:
		if (c->is_in_message)
			return "a question within a message";
		ask(c, f);
		return NULL;
	case GP_LEARN_DATA:
	case GP_LEARN_END:
	case GP_LEARN_CANCEL:
		if (!c->is_in_message)
			return "data outside of a message";
		take_part(c, f);
		return NULL;
	case GP_LEARN_HELLO:
		return "a second hello";
	case GP_LEARN_WELCOME:
	case GP_LEARN_ANSWER:
	case GP_LEARN_RESULT:
	case GP_LEARN_ROW:
		break;
	}
	return "a frame that only a controller sends";
}

/* Says why, and closes when that was sent. */
static void turn_out(struct learn_client *c, const char *why)
{
	gp_client_complain(&c->base, why);
	c->is_closing = true;
	send_answer(c, 0, GP_LEARN_REFUSED, why);
	if (gp_sock_unsent(c->base.sock) == 0)
		gp_client_close(&c->base);
}

static void read_frames(struct gp_client *base)
{
	struct learn_client *c = (struct learn_client *)base;
	const char *why = NULL;
	size_t at = 0;

	while (!why && !c->is_closing && !gp_client_must_wait(base)) {
		struct gp_learn_frame frame;
		long n = gp_learn_parse(base->in.data + at, base->in.len - at, &frame, &why);

		if (n == 0)
			break;
		if (n > 0) {
			at += (size_t)n;
			why = take_frame(c, &frame);
		}
	}
	gp_buf_consume(&base->in, at);
	if (why)
		turn_out(c, why);
}

static bool is_full(const struct gp_client *base)
{
	const struct learn_client *c = (const struct learn_client *)base;

	return c->is_closing || c->next - c->first >= LEARN_WINDOW;
}

static int64_t idle_ms(const struct gp_client *base)
{
	const struct learn_client *c = (const struct learn_client *)base;
	struct gp_snapshot *snap;
	int64_t ms;

	if (!c->is_greeted)
		return GREETING_MS;
	snap = gp_daemon_snapshot();
	ms = ((const struct controller_conf *)gp_snapshot_get(snap, &controller_table))->idle_timeout_ms;
	gp_snapshot_unref(snap);
	return ms;
}

/* Who waits for an answer is not idle, but for one who owes us the rest of a message. */
static bool is_busy(const struct gp_client *base)
{
	const struct learn_client *c = (const struct learn_client *)base;

	return (base->refs > 0 || c->first != c->next) && (!c->is_in_message || base->is_paused);
}

static void sent(struct gp_client *base)
{
	if (((struct learn_client *)base)->is_closing)
		gp_client_close(base);
	else if (base->is_paused)
		gp_client_read(base);
}

static void ended(struct gp_client *base)
{
	drop_message((struct learn_client *)base);
}

static void done(struct gp_client *base)
{
	struct learn_client *c = (struct learn_client *)base;

	for (uint64_t i = c->first; i != c->next; i++)
		gp_buf_done(&learn_slot_at(c, i)->rows);
}

static const struct gp_client_kind kind = {
	.name = "learn socket",
	.size = sizeof(struct learn_client),
	.in_max = 4 * GP_LEARN_PAYLOAD_MAX,
	.unsent_max = UNSENT_MAX,
	.connected = &connected,
	.malformed = &malformed,
	.read = read_frames,
	.is_full = is_full,
	.idle_ms = idle_ms,
	.is_busy = is_busy,
	.sent = sent,
	.ended = ended,
	.done = done,
};

/* From other threads. */

int learn_socket_start(const struct learn_socket_options *options, struct gp_diag *diag)
{
	server.o = *options;
	return gp_clients_start(&server.clients, &kind, server.o.loop, server.o.fd,
				server.o.clients_max, diag);
}

void learn_socket_stop(void)
{
	gp_clients_stop(&server.clients);
}

static void count_in_loop(void *arg)
{
	(void)arg;
	server.unanswered = intake_unwritten();
	for (const struct gp_client *c = server.clients.first; c; c = c->next)
		server.unanswered += c->sock && gp_sock_unsent(c->sock) > 0;
}

size_t learn_socket_unanswered(void)
{
	gp_loop_run_in(server.o.loop, count_in_loop, NULL);
	return server.unanswered;
}

void learn_socket_close(void)
{
	gp_clients_close(&server.clients);
}
