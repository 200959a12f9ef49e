/*
 * The resolver by libunbound.
 *
 * Everything but opening happens on the loop thread: questions are handed over as
 * calls, answers come back when libunbound's descriptor becomes readable.  A query
 * has a timer; when it fires the asker is told GP_ETEMP and the query is cancelled
 * unless few are in flight, for then its answer is worth having in the cache.
 *
 * libunbound in thread mode rather than fork mode: it shares our address space and
 * descriptors, needs no second sandbox.  /etc/resolv.conf is read once, at opening.
 */
#include "lib/dns/dns_unbound.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"

#define TIMEOUT_MS 5000
#define CACHE_SIZE (16 << 20)
/* Questions in libunbound at a time; a busy host has some hundred. */
#define IN_FLIGHT_MAX 4000
/* Late queries are left to finish for the cache while fewer than this are there. */
#define LATE_KEPT_MAX 200
/* So many timeouts without a fresh answer in between: nobody is there.  What the cache
 * does not answer by then is given up soon, until a fresh answer comes again. */
#define SILENCE_MAX 16
#define SILENT_TIMEOUT_MS 100
/* Answers remembered, to tell fresh ones from cached ones: a power of two. */
#define KNOWN_MAX 4096

/* A question answered not long ago. */
struct known {
	uint64_t hash;
	int64_t until_ms;
};

struct unbound {
	struct gp_resolver base;
	struct gp_loop *loop;
	struct ub_ctx *ctx;
	struct gp_watch *watch;
	struct query *queries;
	int64_t timeout_ms;
	size_t n_queries;
	unsigned silence;	       /* timeouts in a row */
	struct known known[KNOWN_MAX]; /* at hash % KNOWN_MAX */
};

struct query {
	struct unbound *u;
	struct gp_dns_question *question; /* NULL: the asker was told it is late */
	struct gp_timer timer;
	int64_t begun_us;
	uint64_t hash;
	bool is_known; /* the answer may come from the cache */
	int id;	       /* libunbound's */
	struct query *next, **prev;
};

static struct gp_metric questions = GP_COUNTER("gatepost_dns_questions_total", "Questions asked.");
static struct gp_metric outcomes[] = {
	GP_COUNTER_L("gatepost_dns_answers_total", "outcome=\"data\"", "Answers by outcome."),
	GP_COUNTER_L("gatepost_dns_answers_total", "outcome=\"nodata\"", "Answers by outcome."),
	GP_COUNTER_L("gatepost_dns_answers_total", "outcome=\"nxdomain\"", "Answers by outcome."),
	GP_COUNTER_L("gatepost_dns_answers_total", "outcome=\"failed\"", "Answers by outcome."),
	GP_COUNTER_L("gatepost_dns_answers_total", "outcome=\"bogus\"", "Answers by outcome."),
	GP_COUNTER_L("gatepost_dns_answers_total", "outcome=\"late\"", "Answers by outcome."),
	GP_COUNTER_L("gatepost_dns_answers_total", "outcome=\"refused\"", "Answers by outcome."),
};
enum outcome { DATA, NODATA, NXDOMAIN, FAILED, BOGUS, LATE, REFUSED };
static struct gp_metric duration =
	GP_HISTOGRAM("gatepost_dns_duration_seconds", "Time until an answer came.");

static void register_metrics(void)
{
	gp_metric_register(&questions);
	for (size_t i = 0; i < GP_ARRAY_SIZE(outcomes); i++)
		gp_metric_register(&outcomes[i]);
	gp_metric_register(&duration);
}

static void query_free(struct query *q)
{
	gp_timer_clear(q->u->loop, &q->timer);
	*q->prev = q->next;
	if (q->next)
		q->next->prev = q->prev;
	q->u->n_queries--;
	free(q);
}

/* Tells the asker; the query itself goes on. */
static void finish(struct query *q, int result, enum outcome outcome)
{
	struct gp_dns_question *question = q->question;

	gp_metric_add(&outcomes[outcome], 1);
	if (outcome != LATE)
		gp_metric_observe_us(&duration, gp_clock_mono_us() - q->begun_us);
	q->question = NULL;
	gp_timer_clear(q->u->loop, &q->timer);
	gp_dns_answered(question, result);
}

/* GP_ELIMIT: it has too many records. */
static int fill(struct gp_dns_question *question, const struct ub_result *r)
{
	struct gp_dns_answer *a = &question->answer;
	const char *name = r->canonname ? r->canonname : r->qname;

	a->ttl_s = r->ttl > 0 ? (uint32_t)r->ttl : 0;
	a->rcode = r->nxdomain ? GP_DNS_NXDOMAIN : r->bogus ? GP_DNS_SERVFAIL : GP_DNS_NOERROR;
	a->security = r->bogus ? GP_DNS_BOGUS : r->secure ? GP_DNS_SECURE : GP_DNS_INSECURE;
	a->name = gp_arena_str(question->arena, gp_str(name));
	if (a->name.len && a->name.ptr[a->name.len - 1] == '.')
		a->name.len--;
	for (int i = 0; !r->bogus && r->havedata && r->data[i]; i++) {
		/* one malformed record does not spoil the others */
		if (gp_dns_answer_add(question, r->data[i], (size_t)r->len[i]) == GP_ELIMIT)
			return GP_ELIMIT;
	}
	return GP_OK;
}

/* An answer came: from a server, if it cannot come from the cache. */
static void hear(struct query *q, const struct ub_result *r)
{
	struct known *k = &q->u->known[q->hash % KNOWN_MAX];

	if (!r || (r->rcode != GP_DNS_NOERROR && r->rcode != GP_DNS_NXDOMAIN))
		return;
	if (!q->is_known)
		q->u->silence = 0;
	*k = (struct known){q->hash, gp_clock_mono_ms() + GP_MAX(r->ttl, 1) * INT64_C(1000)};
}

/* Records of which none can be read are no absence of records. */
static void answer_with(struct query *q, const struct ub_result *r)
{
	if (fill(q->question, r))
		finish(q, GP_ELIMIT, FAILED);
	else if (r->havedata && !r->bogus && q->question->answer.n_records == 0)
		finish(q, GP_ETEMP, FAILED);
	else
		finish(q, GP_OK,
		       r->bogus	     ? BOGUS
		       : r->havedata ? DATA
		       : r->nxdomain ? NXDOMAIN
				     : NODATA);
}

/* libunbound's callback, from ub_process() on the loop thread. */
static void answered(void *arg, int err, struct ub_result *r)
{
	struct query *q = arg;

	hear(q, r);
	if (!q->question) {
		/* nobody waits any more */
	} else if (err || !r) {
		finish(q, GP_ETEMP, FAILED);
	} else if (r->bogus || r->rcode == GP_DNS_NOERROR || r->rcode == GP_DNS_NXDOMAIN) {
		answer_with(q, r);
	} else {
		q->question->answer.rcode = r->rcode;
		finish(q, GP_ETEMP, FAILED);
	}
	ub_resolve_free(r);
	query_free(q);
}

static void timed_out(void *arg)
{
	struct query *q = arg;
	struct unbound *u = q->u;

	if (u->silence < SILENCE_MAX)
		u->silence++;
	finish(q, GP_ETEMP, LATE);
	if (u->n_queries > LATE_KEPT_MAX && ub_cancel(u->ctx, q->id) == 0)
		query_free(q);
}

/* No room, or nobody there to listen. */
static bool is_refused(const struct unbound *u, const struct gp_dns_question *question)
{
	return u->n_queries >= IN_FLIGHT_MAX || gp_job_is_abandoned(&question->job) ||
	       gp_job_deadline(&question->job) <= gp_clock_mono_ms();
}

static struct query *query_new(struct unbound *u, struct gp_dns_question *question)
{
	uint64_t hash = gp_hash64(question->type, question->name, strlen(question->name));
	const struct known *k = &u->known[hash % KNOWN_MAX];
	struct query *q = gp_xcalloc(1, sizeof(*q));

	*q = (struct query){
		.u = u,
		.question = question,
		.begun_us = gp_clock_mono_us(),
		.hash = hash,
		.is_known = k->hash == hash && k->until_ms > gp_clock_mono_ms(),
		.next = u->queries,
		.prev = &u->queries,
	};
	q->timer = (struct gp_timer){.fn = timed_out, .arg = q};
	if (q->next)
		q->next->prev = &q->next;
	u->queries = q;
	u->n_queries++;
	return q;
}

/* A question arrives on the loop thread. */
static void start(void *arg)
{
	struct gp_dns_question *question = arg;
	struct unbound *u = (struct unbound *)question->resolver;
	struct query *q;
	int64_t timeout_ms;

	gp_metric_add(&questions, 1);
	if (is_refused(u, question)) {
		gp_metric_add(&outcomes[REFUSED], 1);
		gp_dns_answered(question, GP_ETEMP);
		return;
	}
	q = query_new(u, question);
	timeout_ms =
		u->silence < SILENCE_MAX ? u->timeout_ms : GP_MIN(u->timeout_ms, SILENT_TIMEOUT_MS);
	gp_timer_set(u->loop, &q->timer,
		     GP_MIN(gp_job_deadline(&question->job), gp_clock_mono_ms() + timeout_ms));
	if (ub_resolve_async(u->ctx, question->name, (int)question->type, 1, q, answered, &q->id) !=
	    0) {
		finish(q, GP_ETEMP, FAILED);
		query_free(q);
	}
}

static void ask(struct gp_resolver *r, struct gp_dns_question *q)
{
	struct unbound *u = (struct unbound *)r;

	gp_job_submit(&q->job, u->loop, start);
}

static void readable(void *arg, unsigned events)
{
	struct unbound *u = arg;

	(void)ub_process(u->ctx);
}

/* Loop thread: nothing of ours is on the loop afterwards. */
static void leave(void *arg)
{
	struct unbound *u = arg;

	gp_watch_free(&u->watch);
	while (u->queries) {
		if (u->queries->question)
			finish(u->queries, GP_ETEMP, LATE);
		query_free(u->queries);
	}
}

static void close_unbound(struct gp_resolver *r)
{
	struct unbound *u = (struct unbound *)r;

	gp_loop_run_in(u->loop, leave, u);
	ub_ctx_delete(u->ctx); /* ends and joins its thread; calls nobody back */
	free(u);
}

static const struct gp_resolver_ops OPS = {.ask = ask, .close = close_unbound};

/* Loop thread. */
static void join(void *arg)
{
	struct unbound *u = arg;

	u->watch = gp_loop_watch_fd(u->loop, ub_fd(u->ctx), GP_IO_READ, readable, u);
}

static int set(struct ub_ctx *ctx, const char *option, const char *value, struct gp_diag *diag)
{
	int r = ub_ctx_set_option(ctx, option, value);

	if (r == 0)
		return GP_OK;
	gp_diag_set(diag, "libunbound: %s %s: %s", option, value, ub_strerror(r));
	return GP_EINVAL;
}

/* What holds for every mode. */
static int set_common(struct ub_ctx *ctx, const struct gp_dns_options *o, struct gp_diag *diag)
{
	static const char *const FIXED[][2] = {
		{"use-syslog:", "no"},
		{"verbosity:", "0"},
		{"num-queries-per-thread:", "2048"},
		{"outgoing-range:", "2048"},
		{"edns-buffer-size:", "1232"},
		{"cache-max-ttl:", "86400"},
		/* a block list's "not listed" is not believed for days */
		{"cache-max-negative-ttl:", "300"},
		/* a server that was down is asked again soon */
		{"infra-host-ttl:", "30"},
		{"infra-keep-probing:", "yes"},
		/* what is looked at first does not change by the second */
		{"rrset-roundrobin:", "no"},
		/* forwarders on loopback, and names of the local network, are asked for too */
		{"do-not-query-localhost:", "no"},
		{"unblock-lan-zones:", "yes"},
		{"insecure-lan-zones:", "yes"},
	};
	int64_t cache = o->cache_size ? o->cache_size : CACHE_SIZE;
	char size[32];
	int r = GP_OK;

	for (size_t i = 0; r == GP_OK && i < GP_ARRAY_SIZE(FIXED); i++)
		r = set(ctx, FIXED[i][0], FIXED[i][1], diag);
	/* libunbound's advice: record sets twice the size of messages */
	snprintf(size, sizeof(size), "%lld", (long long)cache / 3);
	if (r == GP_OK)
		r = set(ctx, "msg-cache-size:", size, diag);
	snprintf(size, sizeof(size), "%lld", (long long)cache * 2 / 3);
	if (r == GP_OK)
		r = set(ctx, "rrset-cache-size:", size, diag);
	if (r == GP_OK)
		r = set(ctx, "module-config:", o->dnssec ? "validator iterator" : "iterator", diag);
	return r;
}

static int complain_of_file(const char *path, int err, struct gp_diag *diag)
{
	gp_diag_set(diag, "%s: %s", path, ub_strerror(err));
	return GP_EINVAL;
}

/* A file that libunbound would only miss when it is too late to say so. */
static int check_readable(const char *path, struct gp_diag *diag)
{
	return access(path, R_OK) == 0 ? GP_OK : gp_diag_errno(diag, "%s", path);
}

static int set_servers(struct ub_ctx *ctx, const struct gp_dns_options *o, struct gp_diag *diag)
{
	const char *resolv_conf = o->resolv_conf ? o->resolv_conf : "/etc/resolv.conf";
	const char *hosts = o->hosts ? o->hosts : "/etc/hosts";
	int r;

	if (o->recursion) {
		if (!o->root_hints)
			return GP_OK;
		r = check_readable(o->root_hints, diag);
		return r < 0 ? r : set(ctx, "root-hints:", o->root_hints, diag);
	}
	for (size_t i = 0; i < o->n_servers; i++) {
		r = ub_ctx_set_fwd(ctx, o->servers[i]);
		if (r) {
			gp_diag_set(diag, "DNS server \"%s\": not an ADDRESS or ADDRESS@PORT",
				    o->servers[i]);
			return GP_EINVAL;
		}
	}
	if (o->n_servers)
		return GP_OK;
	r = check_readable(resolv_conf, diag);
	if (r < 0)
		return r;
	r = ub_ctx_resolvconf(ctx, resolv_conf);
	if (r)
		return complain_of_file(resolv_conf, r, diag);
	/* a host without the file is none with a fault */
	r = access(hosts, R_OK) == 0 ? ub_ctx_hosts(ctx, hosts) : 0;
	return r ? complain_of_file(hosts, r, diag) : GP_OK;
}

static int set_anchor(struct ub_ctx *ctx, const struct gp_dns_options *o, struct gp_diag *diag)
{
	int r;

	if (!o->dnssec)
		return GP_OK;
	if (!o->trust_anchor) {
		gp_diag_set(diag, "DNSSEC needs a trust anchor");
		return GP_EINVAL;
	}
	r = check_readable(o->trust_anchor, diag);
	if (r < 0)
		return r;
	r = ub_ctx_add_ta_file(ctx, o->trust_anchor);
	return r ? complain_of_file(o->trust_anchor, r, diag) : GP_OK;
}

static int set_all(struct ub_ctx *ctx, const struct gp_dns_options *o, struct gp_diag *diag)
{
	int r = set_common(ctx, o, diag);

	if (r == GP_OK)
		r = set_servers(ctx, o, diag);
	if (r == GP_OK)
		r = set_anchor(ctx, o, diag);
	if (r == GP_OK && ub_ctx_async(ctx, 1) != 0) {
		gp_diag_set(diag, "libunbound cannot use threads");
		r = GP_ESYS;
	}
	return r;
}

int gp_dns_unbound_open(const struct gp_dns_options *options, struct gp_loop *loop,
			struct gp_resolver **ret, struct gp_diag *diag)
{
	struct unbound *u;
	struct ub_ctx *ctx = ub_ctx_create();
	int r;

	if (!ctx)
		return gp_diag_errno(diag, "libunbound");
	ub_ctx_debugout(ctx, NULL); /* it has nothing to say that answers do not tell */
	r = set_all(ctx, options, diag);
	if (r < 0) {
		ub_ctx_delete(ctx);
		return r;
	}
	register_metrics();
	u = gp_xcalloc(1, sizeof(*u));
	u->base.ops = &OPS;
	u->loop = loop;
	u->ctx = ctx;
	u->timeout_ms = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS;
	gp_loop_run_in(loop, join, u);
	if (!u->watch) {
		r = gp_diag_errno(diag, "libunbound: descriptor");
		ub_ctx_delete(ctx);
		free(u);
		return r;
	}
	*ret = &u->base;
	return GP_OK;
}
