/*
 * What a worker that scans knows: /checkv2, a message and its envelope to a verdict;
 * /symbols and /actions, what its rules and thresholds are.
 *
 * The connection's thread hands a job to the workers and waits.  Job and message belong
 * to both: who waits too long leaves, and the job ends by itself.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "controller/api.h"
#include "controller/ask_serve.h"
#include "controller/controller.h"
#include "controller/scan_wire.h"
#include "controller/wants.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"

/* Of a worker's time, kept back from look-ups: rules and report come after them. */
#define WORK_SHARE 4

struct check {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	atomic_uint refs;
	bool is_done;
	enum worker_result result;
	struct worker_job job;
	struct ask_server *questions; /* loop's thread */
	int64_t left_ms;	      /* for them */
	struct gp_buf message, params, reply;
};

static struct gp_metric scanned[] = {
	GP_COUNTER_L("gatepost_api_scans_total", "action=\"no action\"", "Messages scanned."),
	GP_COUNTER_L("gatepost_api_scans_total", "action=\"greylist\"", "Messages scanned."),
	GP_COUNTER_L("gatepost_api_scans_total", "action=\"add header\"", "Messages scanned."),
	GP_COUNTER_L("gatepost_api_scans_total", "action=\"quarantine\"", "Messages scanned."),
	GP_COUNTER_L("gatepost_api_scans_total", "action=\"reject\"", "Messages scanned."),
	GP_COUNTER_L("gatepost_api_scans_total", "action=\"discard\"", "Messages scanned."),
};

void api_scan_register_metrics(void)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(scanned); i++)
		gp_metric_register(&scanned[i]);
}

int64_t api_scanned(unsigned action)
{
	return gp_metric_get(&scanned[action]);
}

static struct check *check_new(struct http_request *rq)
{
	struct check *c = gp_xcalloc(1, sizeof(*c));
	pthread_condattr_t attr;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
	pthread_condattr_destroy(&attr);
	atomic_init(&c->refs, 2);
	c->message = *rq->body;
	gp_buf_init(rq->body, 0);
	gp_buf_init(&c->params, WORKER_PARAMS_MAX);
	gp_buf_init(&c->reply, WORKER_REPLY_MAX);
	return c;
}

static void check_unref(struct check *c)
{
	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	gp_buf_done(&c->message);
	gp_buf_done(&c->params);
	gp_buf_done(&c->reply);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* On the loop's thread. */

static int open_channel(struct worker_job *job)
{
	struct check *c = job->arg;
	struct ask_sources sources = {controller.loop, controller.store, controller.resolver};
	int fd;

	ask_serve_close(&c->questions); /* of a worker that was lost */
	return ask_serve_open(&sources, gp_clock_mono_ms() + c->left_ms, &c->questions, &fd) < 0
		       ? -1
		       : fd;
}

static void scan_done(struct worker_job *job, enum worker_result result, struct gp_str reply)
{
	struct check *c = job->arg;

	ask_serve_close(&c->questions);
	pthread_mutex_lock(&c->lock);
	gp_buf_add_str(&c->reply, reply);
	c->result = result;
	c->is_done = true;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	check_unref(c);
}

/* On the connection's. */

/* True: done; the rest of c may be read. */
static bool wait_for(struct check *c, int64_t deadline_ms)
{
	struct timespec at = {.tv_sec = (time_t)(deadline_ms / 1000),
			      .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
	bool is_done;

	pthread_mutex_lock(&c->lock);
	while (!c->is_done && pthread_cond_timedwait(&c->changed, &c->lock, &at) == 0)
		;
	is_done = c->is_done;
	pthread_mutex_unlock(&c->lock);
	return is_done;
}

static struct gp_str bare_address(struct gp_str s)
{
	return s.len >= 2 && s.ptr[0] == '<' && s.ptr[s.len - 1] == '>'
		       ? gp_str_sub(s, 1, s.len - 2)
		       : s;
}

/* Every Rcpt, else where it was delivered to. */
static size_t recipients_of(const struct http_request *rq, struct gp_str **ret)
{
	const struct http_fields *f = &rq->headers;
	const char *name = http_field_count(f, "Rcpt") ? "Rcpt" : "Deliver-To";
	size_t n = 0;

	*ret = GP_ARENA_NEW_N(rq->arena, f->len + 1, struct gp_str);
	for (size_t i = 0; i < f->len && n < GP_MAX_RECIPIENTS; i++)
		if (gp_str_ieq(f->items[i].name, gp_str(name)))
			(*ret)[n++] = bare_address(gp_str_trim(f->items[i].value));
	return n;
}

/* The answers lie in the request's arena, so that the snapshot may go. */
static void ask_wants(struct http_request *rq, struct scan_order *order)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();

	wants_ask(controller_data(snap)->wants, rq->arena, order);
	gp_snapshot_unref(snap);
}

/* False, with the reply, for what cannot be an envelope. */
static bool make_order(struct http_request *rq, struct check *c, struct http_reply *reply)
{
	const struct http_fields *f = &rq->headers;
	struct gp_str *recipients;
	struct scan_order order = {
		.op = SCAN_JUDGE,
		.left_ms = (uint32_t)c->left_ms,
		.ip = http_field_get(f, "Ip"),
		.helo = http_field_get(f, "Helo"),
		.user = http_field_get(f, "User"),
		.queue_id = http_field_get(f, "Queue-Id"),
	};
	struct gp_ip ip;

	if (http_field_count(f, "From"))
		order.from = bare_address(http_field_get(f, "From"));
	order.n_recipients = recipients_of(rq, &recipients);
	order.recipients = recipients;
	if (order.ip.len && gp_ip_parse(order.ip, &ip)) {
		http_reply_error(reply, HTTP_BAD_REQUEST, "Ip is not an address");
		return false;
	}
	ask_wants(rq, &order);
	scan_order_encode(&order, &c->params);
	if (!gp_buf_error(&c->params))
		return true;
	http_reply_error(reply, HTTP_TOO_LARGE, "the envelope is too large");
	return false;
}

static void log_scan(const struct http_request *rq, const struct scan_report *r, size_t size)
{
	struct gp_str id = http_field_get(&rq->headers, "Queue-Id");
	struct gp_logline l;

	gp_logline_begin(&l, GP_LOG_INFO);
	gp_logline_cstr(&l, "api", "check");
	if (id.len)
		gp_logline_str(&l, "qid", id);
	gp_logline_str(&l, "from", http_field_get(&rq->headers, "From"));
	gp_logline_int(&l, "size", (int64_t)size);
	gp_logline_cstr(&l, "action", gp_action_name(r->action));
	gp_logline_num(&l, "score", r->score, 2);
	gp_logline_num(&l, "ms", (double)(gp_clock_mono_us() - rq->began_us) / 1000, 1);
	gp_logline_emit(&l);
}

static void take_report(const struct http_request *rq, const struct check *c,
			struct http_reply *reply)
{
	struct scan_report report;

	if (scan_report_decode(gp_buf_str(&c->reply), &report)) {
		http_reply_error(reply, HTTP_FAILED, "the message could not be scanned");
		return;
	}
	if (c->job.channel) {
		gp_metric_add(&scanned[report.action], 1);
		api_note_time((double)(gp_clock_mono_us() - rq->began_us) / 1e6);
		log_scan(rq, &report, c->message.len);
	}
	http_reply_text(reply, HTTP_OK, "application/json", report.json);
}

static void conclude(const struct http_request *rq, const struct check *c, struct http_reply *reply)
{
	switch (c->result) {
	case WORKER_OK:
		take_report(rq, c, reply);
		break;
	case WORKER_REFUSED:
		http_reply_error(reply, HTTP_FAILED, "the message could not be scanned");
		break;
	case WORKER_LATE:
		http_reply_error(reply, HTTP_UNAVAILABLE, "no scanner was free in time");
		break;
	case WORKER_STOPPED:
		http_reply_error(reply, HTTP_UNAVAILABLE, "stopping");
		break;
	}
}

/* Hands c to the workers and waits. */
static void run(struct http_request *rq, struct check *c, struct http_reply *reply)
{
	c->job.kind = WORKER_SCAN;
	c->job.params = gp_buf_str(&c->params);
	c->job.message = gp_buf_str(&c->message);
	c->job.deadline_ms = rq->deadline_ms;
	c->job.done = scan_done;
	c->job.arg = c;
	workers_ask(controller.workers, &c->job);
	if (wait_for(c, rq->deadline_ms))
		conclude(rq, c, reply);
	else
		http_reply_error(reply, HTTP_TIMED_OUT, "the scan takes too long");
}

static int64_t lookup_ms(void)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);
	int64_t ms = conf->worker_timeout_ms - conf->worker_timeout_ms / WORK_SHARE;

	gp_snapshot_unref(snap);
	return ms;
}

static bool is_stopping(struct http_reply *reply)
{
	if (gp_daemon_stopping())
		http_reply_error(reply, HTTP_UNAVAILABLE, "stopping");
	return gp_daemon_stopping();
}

void api_check(struct http_request *rq, struct http_reply *reply)
{
	struct check *c;

	if (is_stopping(reply))
		return;
	c = check_new(rq);
	c->left_ms = lookup_ms();
	c->job.channel = open_channel;
	if (make_order(rq, c, reply))
		run(rq, c, reply);
	else
		check_unref(c); /* for the worker that never sees it */
	check_unref(c);
}

static void list(struct http_request *rq, enum scan_op op, struct http_reply *reply)
{
	struct scan_order order = {.op = op};
	struct check *c;

	if (is_stopping(reply))
		return;
	c = check_new(rq);
	scan_order_encode(&order, &c->params);
	run(rq, c, reply);
	check_unref(c);
}

void api_symbols(struct http_request *rq, struct http_reply *reply)
{
	list(rq, SCAN_RULES, reply);
}

void api_actions(struct http_request *rq, struct http_reply *reply)
{
	list(rq, SCAN_ACTIONS, reply);
}
