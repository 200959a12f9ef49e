/*
 * The control socket; see the header.
 *
 * Answers go out in the order of the questions, from a ring of slots; a client whose ring is full,
 * or who does not read its answers, is not read from.  All frames that are there are begun before
 * the first is answered, so that what they ask of the store travels together.
 */
#include "policyd-ratelimit/control.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/io/clients.h"
#include "lib/proto/event.h"
#include "policyd-ratelimit/commands.h"
#include "policyd-ratelimit/events.h"
#include "policyd-ratelimit/ratelimit.h"

#define CLIENTS_MAX 64
#define WINDOW 256		     /* questions without an answer, of one client */
#define UNSENT_MAX ((size_t)1 << 20) /* answers that a client has not taken */
#define IDLE_MS 3600000		     /* a follower is quiet where no mail bounces */

struct slot {
	bool is_answered;
	struct gp_buf answer; /* frames */
};

struct client {
	struct gp_client base;
	struct slot slots[WINDOW]; /* a ring */
	uint64_t first, next;	   /* numbers of slots: the oldest, the one behind the last */
};

/* A question under way. */
struct question {
	struct client *client;
	uint64_t slot;
};

static struct gp_clients clients;
static size_t n_questions, unanswered;

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

static struct client *client_of(struct gp_client *base)
{
	return (struct client *)base;
}

/* Answers. */

static void flush(struct client *c)
{
	while (c->first != c->next && c->slots[c->first % WINDOW].is_answered) {
		struct gp_buf *answer = &c->slots[c->first % WINDOW].answer;

		if (c->base.sock)
			gp_sock_write(c->base.sock, answer->data, answer->len);
		gp_buf_done(answer);
		c->first++;
	}
}

static struct question *add_question(struct client *c)
{
	struct question *q = gp_xcalloc(1, sizeof(*q));

	c->slots[c->next % WINDOW] = (struct slot){.answer = GP_BUF_INIT((size_t)16 << 20)};
	*q = (struct question){.client = c, .slot = c->next++};
	gp_client_hold(&c->base);
	n_questions++;
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
	n_questions--;
	gp_client_answered(&c->base);
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
	const char *why = command_begin(frame, c->base.peer.uid, command_done, q);

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
	struct gp_str rest = gp_buf_str(&c->base.in);
	const char *why = NULL;
	size_t n;

	while (!why && has_room(c) && (n = gp_attrs_length(rest.ptr, rest.len)) > 0) {
		why = n > GP_EVENT_SIZE_MAX ? "a frame that is too long"
					    : take_frame(c, gp_str_sub(rest, 0, n));
		rest = gp_str_sub(rest, n, rest.len);
	}
	if (!why && rest.len > GP_EVENT_SIZE_MAX && c->next - c->first < WINDOW)
		why = "a frame that is too long";
	gp_buf_consume(&c->base.in, c->base.in.len - rest.len);
	return why;
}

static void read_frames(struct gp_client *base)
{
	struct client *c = client_of(base);
	const char *why = NULL;

	gp_client_touch(base);
	if (!clients.is_stopping)
		why = take_frames(c);
	flush(c);
	if (why)
		gp_client_complain(base, why);
	if (why || (clients.is_stopping && c->first == c->next))
		gp_client_close(base);
}

static bool is_full(const struct gp_client *base)
{
	const struct client *c = (const struct client *)base;

	return c->next - c->first >= WINDOW;
}

static int64_t idle_ms(const struct gp_client *base)
{
	return IDLE_MS;
}

static void done(struct gp_client *base)
{
	struct client *c = client_of(base);

	for (uint64_t i = c->first; i != c->next; i++)
		gp_buf_done(&c->slots[i % WINDOW].answer);
}

static const struct gp_client_kind kind = {
	.name = "control socket",
	.size = sizeof(struct client),
	.in_max = (size_t)1 << 20,
	.unsent_max = UNSENT_MAX,
	.malformed = &malformed,
	.read = read_frames,
	.is_full = is_full,
	.idle_ms = idle_ms,
	.done = done,
};

int control_start(int fd, struct gp_diag *diag)
{
	return gp_clients_start(&clients, &kind, ratelimit.loop, fd, CLIENTS_MAX, diag);
}

void control_stop(void)
{
	gp_clients_stop(&clients);
}

static void count_inside(void *arg)
{
	unanswered = n_questions;
}

size_t control_unanswered(void)
{
	gp_loop_run_in(ratelimit.loop, count_inside, NULL);
	return unanswered;
}

void control_close(void)
{
	gp_clients_close(&clients);
}
