/*
 * The policy socket; see the header.
 */
#include "policyd-ratelimit/server.h"

#include "lib/io/clients.h"
#include "policyd-ratelimit/judge.h"
#include "policyd-ratelimit/ratelimit.h"

static struct gp_clients clients;
static size_t unanswered; /* counted by server_unanswered */

static struct gp_metric connected = GP_GAUGE("gatepost_policy_clients", "Connections.");
static struct gp_metric malformed = GP_COUNTER("gatepost_policy_malformed_total",
					       "Connections closed because of what they sent.");

void server_register_metrics(void)
{
	gp_metric_register(&connected);
	gp_metric_register(&malformed);
	judge_register_metrics();
}

/* A request is under way; there is one of a client at a time. */
static bool is_judged(const struct gp_client *c)
{
	return c->refs > 0;
}

static void judged(void *arg, const struct answer *answer)
{
	struct gp_client *c = arg;
	struct gp_buf out;

	if (c->sock) {
		gp_buf_init(&out, 1024);
		answer_format(answer, &out);
		gp_sock_write(c->sock, out.data, out.len);
		gp_buf_done(&out);
		gp_client_touch(c);
	}
	gp_client_answered(c);
}

/* Judges the first request; false: there is none, or no more than that can be done now. */
static bool take_request(struct gp_client *c)
{
	struct policy_request request;
	const char *why = NULL;
	long n;

	if (!c->sock || is_judged(c) || c->in.len == 0)
		return false;
	n = policy_request_parse(gp_buf_str(&c->in), &request, &why);
	if (n < 0) {
		gp_client_complain(c, why);
		gp_client_close(c);
		return false;
	}
	if (n == 0)
		return false;
	gp_client_hold(c);
	judge_request(&request, judged, c);
	gp_buf_consume(&c->in, (size_t)n);
	return true;
}

static void read_requests(struct gp_client *c)
{
	gp_client_touch(c);
	while (take_request(c))
		;
	if (clients.is_stopping && !is_judged(c))
		gp_client_close(c);
}

/* Of requests: the first must be answered. */
static bool is_full(const struct gp_client *c)
{
	return is_judged(c) && c->in.len >= POLICY_REQUEST_MAX;
}

static int64_t idle_ms(const struct gp_client *c)
{
	return ratelimit.idle_timeout_ms;
}

static void left(struct gp_client *c)
{
	if (c->in.len > 0 && !is_judged(c))
		gp_client_complain(c, "half a request before it went away");
}

static const struct gp_client_kind kind = {
	.name = "policy socket",
	.size = sizeof(struct gp_client),
	.in_max = (size_t)4 * POLICY_REQUEST_MAX,
	.unsent_max = POLICY_REQUEST_MAX,
	.connected = &connected,
	.malformed = &malformed,
	.read = read_requests,
	.is_full = is_full,
	.idle_ms = idle_ms,
	.left = left,
};

int server_start(int fd, size_t clients_max, struct gp_diag *diag)
{
	return gp_clients_start(&clients, &kind, ratelimit.loop, fd, clients_max, diag);
}

void server_stop(void)
{
	gp_clients_stop(&clients);
}

static void count_inside(void *arg)
{
	unanswered = judge_pending();
}

size_t server_unanswered(void)
{
	gp_loop_run_in(ratelimit.loop, count_inside, NULL);
	return unanswered;
}

static void end_judging(void *arg)
{
	judge_done();
}

void server_close(void)
{
	gp_clients_close(&clients);
	gp_loop_run_in(ratelimit.loop, end_judging, NULL);
}
