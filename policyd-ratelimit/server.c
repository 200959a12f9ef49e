/*
 * The policy socket; see the header.
 *
 * A client that is gone stays in memory until its request has been judged.
 */
#include "policyd-ratelimit/server.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/io/listener.h"
#include "lib/io/sock.h"
#include "policyd-ratelimit/judge.h"
#include "policyd-ratelimit/ratelimit.h"

#define COMPLAIN_MS 60000

struct client {
	struct gp_sock *sock; /* NULL: it is gone */
	struct gp_buf in;     /* what is not judged yet */
	struct gp_timer idle;
	bool is_judged;	 /* a request is under way */
	bool is_reading; /* in take_requests: answers come without waiting there */
	bool is_paused;
	struct client *next, **at;
};

static struct {
	int fd, err;
	size_t clients_max;
	struct gp_listener *listener;
	struct client *clients;
	size_t unanswered; /* counted by server_unanswered */
	bool is_stopping;
	int64_t complained_ms;
	int64_t n_hidden; /* complaints since then */
} server;

static struct gp_metric connected = GP_GAUGE("gatepost_policy_clients", "Connections.");
static struct gp_metric malformed = GP_COUNTER("gatepost_policy_malformed_total",
					       "Connections closed because of what they sent.");

void server_register_metrics(void)
{
	gp_metric_register(&connected);
	gp_metric_register(&malformed);
	judge_register_metrics();
}

/* A client's end. */

static void free_if_done(struct client *c)
{
	if (c->sock || c->is_judged || c->is_reading)
		return;
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	gp_buf_done(&c->in);
	free(c);
}

static void disconnected(struct client *c)
{
	c->sock = NULL;
	gp_timer_clear(ratelimit.loop, &c->idle);
	gp_metric_add(&connected, -1);
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

static void complain(const char *why)
{
	int64_t now_ms = gp_clock_mono_ms();

	gp_metric_add(&malformed, 1);
	if (server.complained_ms && now_ms - server.complained_ms < COMPLAIN_MS) {
		server.n_hidden++;
		return;
	}
	gp_log_warning("policy socket: a client sent %s: closed (%lld more since the last such line)",
		       why, (long long)server.n_hidden);
	server.complained_ms = now_ms;
	server.n_hidden = 0;
}

/* Requests. */

static void touch(struct client *c)
{
	gp_timer_set(ratelimit.loop, &c->idle, gp_clock_mono_ms() + ratelimit.idle_timeout_ms);
}

/* Full of requests: those must be answered first. */
static void look_at_pause(struct client *c)
{
	bool want = server.is_stopping || c->in.len >= POLICY_REQUEST_MAX ||
		    gp_sock_unsent(c->sock) > POLICY_REQUEST_MAX;

	if (want == c->is_paused)
		return;
	c->is_paused = want;
	gp_sock_pause(c->sock, want);
}

static void take_requests(struct client *c);

static void judged(void *arg, const struct answer *answer)
{
	struct client *c = arg;
	struct gp_buf out;

	if (c->sock) {
		gp_buf_init(&out, 1024);
		answer_format(answer, &out);
		gp_sock_write(c->sock, out.data, out.len);
		gp_buf_done(&out);
	}
	c->is_judged = false;
	if (c->sock)
		touch(c);
	if (!c->is_reading)
		take_requests(c);
}

/* Judges the first request; false: there is none, or no more than that can be done now. */
static bool take_request(struct client *c)
{
	struct policy_request request;
	const char *why = NULL;
	long n;

	if (!c->sock || c->is_judged || c->in.len == 0)
		return false;
	n = policy_request_parse(gp_buf_str(&c->in), &request, &why);
	if (n < 0) {
		complain(why);
		close_client(c);
		return false;
	}
	if (n == 0)
		return false;
	c->is_judged = true;
	judge_request(&request, judged, c);
	gp_buf_consume(&c->in, (size_t)n);
	return true;
}

static void take_requests(struct client *c)
{
	c->is_reading = true;
	while (take_request(c))
		;
	c->is_reading = false;
	if (c->sock && c->in.len == 0)
		gp_buf_done(&c->in); /* an idle connection holds nothing */
	if (c->sock && server.is_stopping && !c->is_judged)
		close_client(c);
	else if (c->sock)
		look_at_pause(c);
	else
		free_if_done(c);
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct client *c = arg;

	gp_buf_add(&c->in, data, len);
	if (gp_buf_error(&c->in)) {
		complain("more than it waits for answers to");
		close_client(c);
		return;
	}
	touch(c);
	take_requests(c);
}

static void on_closed(void *arg, const struct gp_diag *why)
{
	struct client *c = arg;

	(void)why;
	if (c->in.len > 0 && !c->is_judged)
		complain("half a request before it went away");
	c->sock = NULL;
	disconnected(c);
}

static void on_sent(void *arg)
{
	struct client *c = arg;

	look_at_pause(c);
}

static void on_idle(void *arg)
{
	struct client *c = arg;

	if (c->is_judged)
		touch(c);
	else
		close_client(c);
}

static const struct gp_sock_events events = {.data = on_data, .closed = on_closed, .sent = on_sent};

static void accepted(void *arg, int fd, const struct gp_peer *peer)
{
	struct client *c = gp_xcalloc(1, sizeof(*c));

	(void)arg;
	(void)peer;
	/* The socket hands over what it read at once, which may lie behind a full buffer. */
	gp_buf_init(&c->in, (size_t)4 * POLICY_REQUEST_MAX);
	c->idle = (struct gp_timer){.fn = on_idle, .arg = c};
	c->sock = gp_sock_adopt(ratelimit.loop, fd, &events, c);
	if (!c->sock) {
		gp_listener_gone(server.listener);
		free(c);
		return;
	}
	c->next = server.clients;
	c->at = &server.clients;
	if (c->next)
		c->next->at = &c->next;
	server.clients = c;
	gp_metric_add(&connected, 1);
	touch(c);
}

/* On the loop's thread, for those on others. */

static void start_inside(void *arg)
{
	(void)arg;
	server.listener = gp_listener_new(ratelimit.loop, server.fd, server.clients_max, accepted, NULL);
	server.err = server.listener ? 0 : errno;
}

int server_start(int fd, size_t clients_max, struct gp_diag *diag)
{
	server.fd = fd;
	server.clients_max = clients_max;
	gp_loop_run_in(ratelimit.loop, start_inside, NULL);
	errno = server.err;
	return server.listener ? GP_OK : gp_diag_errno(diag, "policy socket");
}

/* The listener's count is no matter any more. */
static void each_client(void (*fn)(struct client *c))
{
	for (struct client *c = server.clients, *next; c; c = next) {
		next = c->next;
		fn(c);
	}
}

static void close_if_idle(struct client *c)
{
	if (c->sock && !c->is_judged)
		take_requests(c);
	else if (c->sock)
		look_at_pause(c);
}

static void stop_inside(void *arg)
{
	(void)arg;
	server.is_stopping = true;
	gp_listener_free(&server.listener);
	each_client(close_if_idle);
}

void server_stop(void)
{
	gp_loop_run_in(ratelimit.loop, stop_inside, NULL);
}

static void count_inside(void *arg)
{
	(void)arg;
	server.unanswered = judge_pending();
}

size_t server_unanswered(void)
{
	gp_loop_run_in(ratelimit.loop, count_inside, NULL);
	return server.unanswered;
}

static void close_inside(void *arg)
{
	(void)arg;
	each_client(close_client);
	judge_done();
}

void server_close(void)
{
	gp_loop_run_in(ratelimit.loop, close_inside, NULL);
}
