/*
 * The thread that forgets; the header says when.
 *
 * Nothing depends on a pass being finished: after a failure or a stop the next one begins
 * anew.  Within a scope that holds too many tokens (expire.tokens_max) levels rise until it
 * fits; levels for want of room rise from pass to pass.
 */
#include "controller/expire.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/base/vec.h"
#include "lib/daemon/daemon.h"

#define STEP_MS 10000	 /* a step's deadline: it waits behind a batch that is learned */
#define PAUSE_MS 10	 /* between steps, while there is room */
#define LOOK_MS 2000	 /* how soon want of room is noticed */
#define LIST_MS 120000	 /* listing the scopes of a large Redis */
#define SCOPES_MAX 200000 /* of one pass */
#define LEVEL_MAX 16	 /* a day's age, and tokens of a thousand messages */

struct expirer {
	struct gp_store *store;
	pthread_t thread;
	pthread_mutex_t lock; /* guards is_stopping */
	pthread_cond_t wake;
	bool is_stopping;
	/* The thread's. */
	unsigned level; /* for want of room */
	bool is_failing;
};

struct pass {
	struct gp_arena *arena;
	GP_VEC(const char *) scopes;
	uint64_t tokens, digests;
	int64_t began_ms;
	int result;
	struct gp_diag diag;
};

static struct gp_metric tokens_total =
	GP_COUNTER("gatepost_bayes_forgotten_tokens_total", "Tokens forgotten: old and rare.");
static struct gp_metric digests_total =
	GP_COUNTER("gatepost_bayes_forgotten_messages_total",
		   "Messages of which it was forgotten that they were learned.");
static struct gp_metric level_now =
	GP_GAUGE("gatepost_bayes_expiry_level", "Halvings of bayes.expire.age for want of room.");

/* Waits; false: to be stopped. */
static bool rest(struct expirer *x, int64_t ms)
{
	int64_t until_ms = gp_clock_mono_ms() + ms;
	struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	bool is_stopping;
	int e = 0;

	pthread_mutex_lock(&x->lock);
	while (!x->is_stopping && ms > 0 && e != ETIMEDOUT)
		e = pthread_cond_timedwait(&x->wake, &x->lock, &until);
	is_stopping = x->is_stopping;
	pthread_mutex_unlock(&x->lock);
	return !is_stopping;
}

static bool note_scope(void *arg, struct gp_str scope)
{
	struct pass *p = arg;

	*gp_vec_push(p->arena, &p->scopes) = gp_arena_cstr(p->arena, scope);
	return p->scopes.len < SCOPES_MAX;
}

/* All steps of a scope; false: stopped, or the store failed (p->result). */
static bool forget(struct expirer *x, struct pass *p, const char *scope, struct gp_bayes_expiry *e)
{
	do {
		p->result = gp_store_bayes_expire(x->store, gp_str(scope), e,
						  gp_clock_mono_ms() + STEP_MS, &p->diag);
		if (p->result != GP_OK)
			return false;
		if (!rest(x, x->level > 0 ? 0 : PAUSE_MS))
			return false;
	} while (e->at != 0);
	gp_metric_add(&tokens_total, (int64_t)e->tokens);
	gp_metric_add(&digests_total, (int64_t)e->digests);
	p->tokens += e->tokens;
	p->digests += e->digests;
	return true;
}

static bool forget_scope(struct expirer *x, struct pass *p, const char *scope,
			 const struct gp_conf_bayes *conf)
{
	for (unsigned level = x->level; level <= LEVEL_MAX; level++) {
		struct gp_bayes_expiry e = expire_terms(conf, level);
		struct gp_bayes_totals totals;

		if (!forget(x, p, scope, &e))
			return false;
		if (conf->expire_tokens_max == 0 ||
		    gp_store_bayes_totals(x->store, gp_str(scope), gp_clock_mono_ms() + STEP_MS,
					  &totals) != GP_OK ||
		    totals.tokens <= (uint64_t)conf->expire_tokens_max)
			break;
	}
	return true;
}

static void tell(struct expirer *x, const struct pass *p)
{
	if (p->result != GP_OK && !x->is_failing)
		gp_log_warning("expiry: %s", p->diag.text);
	x->is_failing = p->result != GP_OK;
	if (p->tokens + p->digests > 0)
		gp_log_info("expiry: forgot %llu tokens, and of %llu messages that they were learned, "
			    "in %zu scopes, in %lld ms",
			    (unsigned long long)p->tokens, (unsigned long long)p->digests,
			    p->scopes.len, (long long)(gp_clock_mono_ms() - p->began_ms));
}

static void run_pass(struct expirer *x, const struct gp_conf_bayes *conf)
{
	struct pass p = {.arena = gp_arena_new(0), .began_ms = gp_clock_mono_ms()};

	p.result = gp_store_bayes_scopes(x->store, gp_clock_mono_ms() + LIST_MS, note_scope, &p);
	if (p.result != GP_OK)
		gp_store_last_error(x->store, &p.diag);
	for (size_t i = 0; p.result == GP_OK && i < p.scopes.len; i++)
		if (!forget_scope(x, &p, p.scopes.items[i], conf))
			break;
	tell(x, &p);
	gp_arena_free(p.arena);
}

/* Rises while there is no room, falls to 0 when there is again. */
static void set_level(struct expirer *x, const struct gp_conf_bayes *conf)
{
	if (!gp_store_is_full(x->store)) {
		if (x->level > 0)
			gp_log_info("expiry: the store has room again");
		x->level = 0;
	} else {
		struct gp_bayes_expiry e;

		x->level = GP_MIN(x->level + 1, (unsigned)LEVEL_MAX);
		e = expire_terms(conf, x->level);
		gp_log_warning("the store is full: forgetting tokens of at most %u messages that were "
			       "untouched for %u days",
			       e.count_max, e.age_days);
	}
	gp_metric_set(&level_now, x->level);
}

static void *thread_main(void *arg)
{
	struct expirer *x = arg;
	int64_t next_ms = 0;
	bool go_on = true;

	while (go_on) {
		struct gp_snapshot *snap = gp_daemon_snapshot();
		const struct gp_conf_bayes *conf = gp_snapshot_get(snap, &gp_conf_bayes_table);
		bool is_full = gp_store_is_full(x->store);
		bool is_due = conf->expire_interval_ms > 0 && gp_clock_mono_ms() >= next_ms;

		if (is_full || x->level > 0)
			set_level(x, conf);
		if (is_full || is_due) {
			run_pass(x, conf);
			next_ms = gp_clock_mono_ms() + conf->expire_interval_ms;
		}
		go_on = rest(x, GP_MIN((int64_t)LOOK_MS, GP_MAX(conf->expire_interval_ms, 1)));
		gp_snapshot_unref(snap);
	}
	return NULL;
}

static void release(struct expirer *x)
{
	pthread_cond_destroy(&x->wake);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

int expirer_open(struct gp_store *store, struct expirer **ret, struct gp_diag *diag)
{
	struct expirer *x = gp_xcalloc(1, sizeof(*x));
	pthread_condattr_t cond;
	sigset_t all, old;

	gp_metric_register(&tokens_total);
	gp_metric_register(&digests_total);
	gp_metric_register(&level_now);
	x->store = store;
	pthread_mutex_init(&x->lock, NULL);
	pthread_condattr_init(&cond);
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	pthread_cond_init(&x->wake, &cond);
	pthread_condattr_destroy(&cond);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&x->thread, NULL, thread_main, x);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (errno != 0) {
		release(x);
		return gp_diag_errno(diag, "thread for expiry");
	}
	*ret = x;
	return GP_OK;
}

void expirer_close(struct expirer **expirer)
{
	struct expirer *x = *expirer;

	if (!x)
		return;
	*expirer = NULL;
	pthread_mutex_lock(&x->lock);
	x->is_stopping = true;
	pthread_cond_signal(&x->wake);
	pthread_mutex_unlock(&x->lock);
	pthread_join(x->thread, NULL);
	release(x);
}
