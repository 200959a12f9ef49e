/*
 * Runs the checks; see ask.h.
 *
 * A step's jobs share a batch, which has the loop called when all are done; a timer does
 * the same at the deadline.  Requests that are done are kept for the next ones, so that a
 * busy daemon does not ask malloc.
 */
#include "policyd-ratelimit/judge.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/daemon/daemon.h"
#include "policyd-ratelimit/ask.h"
#include "policyd-ratelimit/contain.h"
#include "policyd-ratelimit/greylist.h"
#include "policyd-ratelimit/limits.h"
#include "policyd-ratelimit/ratelimit.h"
#include "policyd-ratelimit/sender.h"

/* In this order; see ask.h. */
static check_fn *const checks[] = {
	sender_check,
	contain_check,
	greylist_check,
	limits_check,
	NULL,
};

struct judgement {
	struct policy_ask ask;
	size_t at; /* of the checks */
	struct gp_batch *batch, *before; /* of this step, and of the one that ended */
	struct gp_call ready;
	struct gp_timer late;
	int64_t begun_us;
	judged_fn *judged;
	void *arg;
	struct judgement *next; /* while it waits for reuse */
};

#define KEEP_MAX 64
static struct judgement *idle;
static size_t n_idle, n_pending;
static struct gp_metric pending = GP_GAUGE("gatepost_policy_requests_pending",
					   "Requests that are not answered yet.");

#define ANSWERED(action_)                                                                          \
	GP_COUNTER_L("gatepost_policy_requests_total", "action=\"" action_ "\"",                   \
		     "Requests answered.")
static struct gp_metric answered[ANSWER_ACTIONS] = {
	[ANSWER_DUNNO] = ANSWERED("dunno"),	[ANSWER_WARN] = ANSWERED("warn"),
	[ANSWER_PREPEND] = ANSWERED("prepend"), [ANSWER_HOLD] = ANSWERED("hold"),
	[ANSWER_DEFER_IF_PERMIT] = ANSWERED("defer_if_permit"),
	[ANSWER_DEFER] = ANSWERED("defer"),	[ANSWER_REJECT] = ANSWERED("reject"),
};
static struct gp_metric took = GP_HISTOGRAM("gatepost_policy_request_seconds",
					    "From a request to its answer.");

void judge_register_metrics(void)
{
	gp_metric_register(&pending);
	for (size_t i = 0; i < ANSWER_ACTIONS; i++)
		gp_metric_register(&answered[i]);
	gp_metric_register(&took);
	limits_register_metrics();
	sender_register_metrics();
	greylist_register_metrics();
}

size_t judge_pending(void)
{
	return n_pending;
}

struct gp_batch *policy_ask_batch(struct policy_ask *ask)
{
	struct judgement *j = (struct judgement *)ask; /* its first member */

	if (!j->batch)
		j->batch = gp_batch_new(ask->deadline_ms);
	return j->batch;
}

struct gp_batch *policy_ask_batch_half(struct policy_ask *ask)
{
	struct judgement *j = (struct judgement *)ask;
	int64_t now_ms = gp_clock_mono_ms();

	if (!j->batch)
		j->batch = gp_batch_new(now_ms + (ask->deadline_ms - now_ms) / 2);
	return j->batch;
}

void policy_object(struct policy_ask *ask, const struct answer *answer)
{
	if (answer->action > ask->answer.action)
		ask->answer = *answer;
}

/* Quiet ones are for those who look for something. */
static void log_answer(const struct judgement *j)
{
	const struct policy_request *r = &j->ask.request;
	const struct answer *a = &j->ask.answer;
	struct gp_logline l;

	gp_logline_begin(&l, a->action == ANSWER_DUNNO ? GP_LOG_DEBUG : GP_LOG_INFO);
	if (policy_get(r, POLICY_queue_id).len > 0)
		gp_logline_str(&l, "queue_id", policy_get(r, POLICY_queue_id));
	gp_logline_cstr(&l, "stage", policy_stage_name(r->stage));
	gp_logline_cstr(&l, "action", gp_conf_enum_name(answer_names, a->action));
	if (a->by)
		gp_logline_cstr(&l, "by", a->by);
	if (a->rule.len > 0)
		gp_logline_str(&l, "rule", a->rule);
	if (j->ask.retry)
		gp_logline_cstr(&l, "met", j->ask.retry);
	gp_logline_str(&l, "client", policy_get(r, POLICY_client_address));
	if (policy_get(r, POLICY_sasl_username).len > 0)
		gp_logline_str(&l, "user", policy_get(r, POLICY_sasl_username));
	gp_logline_str(&l, "from", policy_get(r, POLICY_sender));
	gp_logline_str(&l, "to", policy_get(r, POLICY_recipient));
	gp_logline_num(&l, "ms", (double)(gp_clock_mono_us() - j->begun_us) / 1000, 2);
	gp_logline_emit(&l);
}

static void release(struct judgement *j)
{
	gp_batch_free(&j->batch);
	gp_batch_free(&j->before);
	gp_snapshot_unref(j->ask.snap);
	gp_metric_set(&pending, (int64_t)--n_pending);
	if (n_idle >= KEEP_MAX) {
		gp_arena_free(j->ask.arena);
		free(j);
		return;
	}
	gp_arena_reset(j->ask.arena);
	j->next = idle;
	idle = j;
	n_idle++;
}

static void end(struct judgement *j)
{
	gp_metric_add(&answered[j->ask.answer.action], 1);
	gp_metric_observe_us(&took, gp_clock_mono_us() - j->begun_us);
	log_answer(j);
	j->judged(j->arg, &j->ask.answer);
	release(j);
}

static void run(struct judgement *j)
{
	while (checks[j->at] && !answer_is_final(j->ask.answer.action)) {
		enum check_step step = checks[j->at](&j->ask);

		gp_batch_free(&j->before);
		if (step == CHECK_WAIT) {
			struct gp_batch *batch = policy_ask_batch(&j->ask);

			gp_timer_set(ratelimit.loop, &j->late, gp_batch_deadline(batch));
			gp_batch_notify(batch, ratelimit.loop, &j->ready);
			return;
		}
		if (step == CHECK_LAST)
			break;
		j->at++;
		j->ask.state = NULL;
	}
	end(j);
}

static void go_on(struct judgement *j)
{
	j->before = j->batch;
	j->batch = NULL;
	run(j);
}

static void ready(void *arg)
{
	struct judgement *j = arg;

	gp_timer_clear(ratelimit.loop, &j->late);
	go_on(j);
}

static void late(void *arg)
{
	struct judgement *j = arg;

	if (gp_batch_forget(j->batch)) /* else it is ready, and its call under way */
		go_on(j);
}

static struct judgement *take(void)
{
	struct judgement *j = idle;
	struct gp_arena *arena;

	if (!j) {
		j = gp_xcalloc(1, sizeof(*j));
		j->ask.arena = gp_arena_new(4096);
		return j;
	}
	idle = j->next;
	n_idle--;
	arena = j->ask.arena;
	*j = (struct judgement){.ask.arena = arena};
	return j;
}

static void copy_request(struct policy_ask *ask, const struct policy_request *request)
{
	ask->request = *request;
	for (size_t i = 0; i < POLICY_ATTRIBUTES_N; i++)
		if (request->texts[i].len > 0)
			ask->request.texts[i] = gp_arena_str(ask->arena, request->texts[i]);
}

void judge_request(const struct policy_request *request, judged_fn *judged, void *arg)
{
	struct judgement *j = take();
	struct policy_ask *ask = &j->ask;

	gp_metric_set(&pending, (int64_t)++n_pending);
	j->begun_us = gp_clock_mono_us();
	j->judged = judged;
	j->arg = arg;
	j->ready = (struct gp_call){.fn = ready, .arg = j};
	j->late = (struct gp_timer){.fn = late, .arg = j};
	ask->snap = gp_daemon_snapshot();
	ask->conf = gp_snapshot_get(ask->snap, &ratelimit_table);
	ask->data = gp_snapshot_data(ask->snap);
	ask->now_ms = ratelimit_now_ms(ask->conf);
	ask->deadline_ms = gp_clock_mono_ms() + ask->conf->deadline_ms;
	copy_request(ask, request);
	run(j);
}

void judge_done(void)
{
	while (idle) {
		struct judgement *j = idle;

		idle = j->next;
		gp_arena_free(j->ask.arena);
		free(j);
	}
	n_idle = 0;
	limits_done();
}
