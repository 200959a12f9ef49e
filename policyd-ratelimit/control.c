/*
 * The control socket; see the header.
 *
 * Answers go out in the order of the questions, from a ring of slots; a client whose ring is full,
 * or who does not read its answers, is not read from.  All frames that are there are begun before
 * the first is answered, so that what they ask of the store travels together.
 *
 * A client that is gone stays in memory until its requests have come back.
 */
#include "policyd-ratelimit/control.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/io/listener.h"
#include "lib/io/sock.h"
#include "lib/proto/event.h"
#include "policyd-ratelimit/commands.h"
#include "policyd-ratelimit/events.h"
#include "policyd-ratelimit/ratelimit.h"

#define CLIENTS_MAX 64
#define WINDOW 256		 /* questions without an answer, of one client */
#define UNSENT_MAX ((size_t)1 << 20) /* answers that a client has not taken */
#define IDLE_MS 3600000		 /* a follower is quiet where no mail bounces */
#define COMPLAIN_MS 60000

struct slot {
	bool is_answered;
	struct gp_buf answer; /* frames */
};

struct client {
	struct gp_sock *sock; /* NULL: gone, and only waits for its work to end */
	struct gp_peer peer;
	struct gp_buf in;
	struct slot slots[WINDOW]; /* a ring */
	uint64_t first, next;	   /* numbers of slots: the oldest, the one behind the last */
	unsigned refs;		   /* questions under way that will come back to it */
	bool is_paused, is_reading;
	struct gp_timer idle;
	struct client *next_client, **at;
};

/* A question under way. */
struct question {
	struct client *client;
	uint64_t slot;
};

static struct {
	int fd, err;
	struct gp_listener *listener;
	struct client *clients;
	size_t n_questions, unanswered;
	bool is_stopping;
	int64_t complained_ms;
} server;

static struct gp_metric events_taken = GP_COUNTER("gatepost_policy_events_total",
						  "Events of Postfix's log that were counted.");
static struct gp_metric events_put_off = GP_COUNTER(
	"gatepost_policy_events_put_off_total",
	"Events that could not be counted, and are told again.");
static struct gp_metric malformed = GP_COUNTER(
	"gatepost_policy_control_malformed_total",
	"Connections of the control socket closed because of what they sent.");

void control_register_metrics(void)
{
	gp_metric_register(&events_taken);
	gp_metric_register(&events_put_off);
	gp_metric_register(&malformed);
}

static void read_on(struct client *c);

/* A client's end. */

static void free_if_done(struct client *c)
{
	if (c->sock || c->refs > 0 || c->is_reading)
		return;
	for (uint64_t i = c->first; i != c->next; i++)
		gp_buf_done(&c->slots[i % WINDOW].answer);
	*c->at = c->next_client;
	if (c->next_client)
		c->next_client->at = c->at;
	gp_buf_done(&c->in);
	free(c);
}

static void disconnected(struct client *c)
{
	c->sock = NULL;
	gp_timer_clear(ratelimit.loop, &c->idle);
	if (server.listener)
		gp_listener_gone(server.listener);
	free_if_done(c);
}

static void close_client(struct client *c)
{
	if (!c->sock)
		return;
	gp_sock_close(&c->sock);
	disconnected(c);
}

/* Answers. */

static void flush(struct client *c)
{
	while (c->first != c->next && c->slots[c->first % WINDOW].is_answered) {
		struct gp_buf *answer = &c->slots[c->first % WINDOW].answer;

		if (c->sock)
			gp_sock_write(c->sock, answer->data, answer->len);
		gp_buf_done(answer);
		c->first++;
	}
}

static void look_at_pause(struct client *c)
{
	bool want = server.is_stopping || c->next - c->first >= WINDOW ||
		    gp_sock_unsent(c->sock) > UNSENT_MAX;

	if (want == c->is_paused)
		return;
	c->is_paused = want;
	gp_sock_pause(c->sock, want);
}

static struct question *add_question(struct client *c)
{
	struct question *q = gp_xcalloc(1, sizeof(*q));

	c->slots[c->next % WINDOW] = (struct slot){.answer = GP_BUF_INIT((size_t)16 << 20)};
	*q = (struct question){.client = c, .slot = c->next++};
	c->refs++;
	server.n_questions++;
	return q;
}

static void answer(struct question *q, struct gp_str rows, enum gp_event_answer word,
		   const char *text)
{
	struct client *c = q->client;
	struct slot *s = &c->slots[q->slot % WINDOW];
	char end[GP_EVENT_ANSWER_MAX];

	gp_buf_add_str(&s->answer, rows);
	gp_buf_add(&s->answer, end, gp_event_answer_format(word, text, end, sizeof(end)));
	s->is_answered = true;
	free(q);
	c->refs--;
	server.n_questions--;
	if (!c->is_reading) {
		flush(c);
		if (c->sock)
			read_on(c);
		else
			free_if_done(c);
	}
}

/* Questions. */

static const struct gp_str none;

static void counted(void *arg, int result)
{
	gp_metric_add(result == GP_OK ? &events_taken : &events_put_off, 1);
	if (result == GP_OK)
		answer(arg, none, GP_EVENT_OK, "");
	else
		answer(arg, none, GP_EVENT_LATER, "the store does not answer");
}

static void take_event(struct client *c, struct gp_str frame)
{
	struct question *q = add_question(c);
	struct gp_event event;
	const char *why = "an incomplete event";

	if (gp_event_parse(frame.ptr, frame.len, &event, &why) > 0)
		events_count(&event, counted, q);
	else
		answer(q, none, GP_EVENT_ERROR, why);
}

static void command_done(void *arg, struct gp_str rows, enum gp_event_answer word,
			 const char *text)
{
	answer(arg, rows, word, text);
}

static void take_command(struct client *c, struct gp_str frame)
{
	struct question *q = add_question(c);
	const char *why = command_begin(frame, c->peer.uid, command_done, q);

	if (why)
		answer(q, none, GP_EVENT_ERROR, why);
}

/* NULL, or why the frame is none.  One whose contents are wrong is answered. */
static const char *take_frame(struct client *c, struct gp_str frame)
{
	struct gp_attr request;

	if (!gp_attrs_find(frame.ptr, frame.len, "request", &request))
		return "no request";
	if (gp_attr_is(request, "event"))
		take_event(c, frame);
	else
		take_command(c, frame);
	return NULL;
}

static void complain(const struct client *c, const char *why)
{
	int64_t now_ms = gp_clock_mono_ms();

	gp_metric_add(&malformed, 1);
	if (server.complained_ms && now_ms - server.complained_ms < COMPLAIN_MS)
		return;
	server.complained_ms = now_ms;
	gp_log_warning("control socket: a client of uid %ld sent %s: closed",
		       c->peer.is_known ? (long)c->peer.uid : -1L, why);
}

/* For one more question.  Those that were answered at once make room. */
static bool has_room(struct client *c)
{
	if (c->next - c->first >= WINDOW)
		flush(c);
	return c->next - c->first < WINDOW;
}

/* NULL, or why the client is to be closed. */
static const char *take_frames(struct client *c)
{
	struct gp_str rest = gp_buf_str(&c->in);
	const char *why = NULL;
	size_t n;

	while (!why && has_room(c) && (n = gp_attrs_length(rest.ptr, rest.len)) > 0) {
		why = n > GP_EVENT_SIZE_MAX ? "a frame that is too long"
					    : take_frame(c, gp_str_sub(rest, 0, n));
		rest = gp_str_sub(rest, n, rest.len);
	}
	if (!why && rest.len > GP_EVENT_SIZE_MAX && c->next - c->first < WINDOW)
		why = "a frame that is too long";
	gp_buf_consume(&c->in, c->in.len - rest.len);
	return why;
}

static void read_on(struct client *c)
{
	const char *why = NULL;

	c->is_reading = true;
	if (!server.is_stopping)
		why = take_frames(c);
	c->is_reading = false;
	flush(c);
	if (why) {
		complain(c, why);
		close_client(c);
	} else if (server.is_stopping && c->first == c->next) {
		close_client(c);
	} else {
		if (c->in.len == 0)
			gp_buf_done(&c->in); /* an idle connection holds nothing */
		look_at_pause(c);
	}
}

/* Connections. */

static void touch(struct client *c)
{
	gp_timer_set(ratelimit.loop, &c->idle, gp_clock_mono_ms() + IDLE_MS);
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct client *c = arg;

	gp_buf_add(&c->in, data, len);
	if (gp_buf_error(&c->in)) {
		complain(c, "more than it waits for answers to");
		close_client(c);
		return;
	}
	touch(c);
	read_on(c);
}

static void on_closed(void *arg, const struct gp_diag *why)
{
	struct client *c = arg;

	(void)why;
	disconnected(c);
}

static void on_sent(void *arg)
{
	look_at_pause(arg);
}

static void on_idle(void *arg)
{
	struct client *c = arg;

	if (c->refs > 0)
		touch(c);
	else
		close_client(c);
}

static const struct gp_sock_events events = {.data = on_data, .closed = on_closed, .sent = on_sent};

static void accepted(void *arg, int fd, const struct gp_peer *peer)
{
	struct client *c = gp_xcalloc(1, sizeof(*c));

	(void)arg;
	c->peer = *peer;
	/* What was read at once may lie behind a full ring. */
	gp_buf_init(&c->in, (size_t)1 << 20);
	c->idle = (struct gp_timer){.fn = on_idle, .arg = c};
	c->sock = gp_sock_adopt(ratelimit.loop, fd, &events, c);
	if (!c->sock) {
		gp_listener_gone(server.listener);
		free(c);
		return;
	}
	c->next_client = server.clients;
	c->at = &server.clients;
	if (c->next_client)
		c->next_client->at = &c->next_client;
	server.clients = c;
	touch(c);
}

/* On the loop's thread, for those on others. */

static void start_inside(void *arg)
{
	(void)arg;
	server.listener = gp_listener_new(ratelimit.loop, server.fd, CLIENTS_MAX, accepted, NULL);
	server.err = server.listener ? 0 : errno;
}

int control_start(int fd, struct gp_diag *diag)
{
	server.fd = fd;
	gp_loop_run_in(ratelimit.loop, start_inside, NULL);
	errno = server.err;
	return server.listener ? GP_OK : gp_diag_errno(diag, "control socket");
}

static void each_client(void (*fn)(struct client *c))
{
	for (struct client *c = server.clients, *next; c; c = next) {
		next = c->next_client;
		fn(c);
	}
}

static void end_if_answered(struct client *c)
{
	if (c->sock)
		read_on(c);
}

static void stop_inside(void *arg)
{
	(void)arg;
	server.is_stopping = true;
	gp_listener_free(&server.listener);
	each_client(end_if_answered);
}

void control_stop(void)
{
	gp_loop_run_in(ratelimit.loop, stop_inside, NULL);
}

static void count_inside(void *arg)
{
	(void)arg;
	server.unanswered = server.n_questions;
}

size_t control_unanswered(void)
{
	gp_loop_run_in(ratelimit.loop, count_inside, NULL);
	return server.unanswered;
}

static void close_inside(void *arg)
{
	(void)arg;
	each_client(close_client);
}

void control_close(void)
{
	gp_loop_run_in(ratelimit.loop, close_inside, NULL);
}
