/*
 * The thread that brings rows of DMARC report data into the store.
 *
 * The store may be slow or down: only this thread finds out.  A row that failed is
 * tried again at the next round, and the round ends with it, so a store that is down
 * costs one deadline a round.  Rows are not written to disk while the store is down:
 * what is lost by a stop then is at most some report's counts.
 */
#include "milter-dkim/reports.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"

struct dkim_reports {
	struct gp_store *store;
	struct gp_dmarc_rows *rows;
	int64_t interval_ms, timeout_ms;
	pthread_t thread;
	pthread_mutex_t lock; /* guards is_stopping */
	pthread_cond_t wake;
	bool is_stopping;
	/* The thread's. */
	int64_t stop_ms;      /* no row is begun after this; 0: not stopping */
	int64_t prepared_day; /* whose ring was emptied */
	bool is_failing;
	uint64_t dropped, pushed; /* as said */
};

static struct gp_metric rows_stored =
	GP_COUNTER("gatepost_dkim_report_rows_total", "Rows of DMARC report data stored.");
static struct gp_metric rows_waiting =
	GP_GAUGE("gatepost_dkim_report_rows_waiting", "Rows of DMARC report data not yet stored.");
static struct gp_metric messages_dropped =
	GP_COUNTER("gatepost_dkim_report_dropped_total",
		   "Messages missing in DMARC report data, because the store was down too long.");

void dkim_reports_register_metrics(void)
{
	gp_metric_register(&rows_stored);
	gp_metric_register(&rows_waiting);
	gp_metric_register(&messages_dropped);
}

static int64_t deadline(const struct dkim_reports *r)
{
	int64_t ms = gp_clock_mono_ms() + r->timeout_ms;

	return r->stop_ms ? GP_MIN(ms, r->stop_ms) : ms;
}

/* The ring that comes next still holds last week's rows.  It is emptied the day before,
 * while no host writes there yet. */
static int prepare(struct dkim_reports *r)
{
	int64_t tomorrow = gp_clock_real_s() / GP_DMARC_DAY_S + 1;
	int e;

	if (r->prepared_day == tomorrow)
		return GP_OK;
	e = gp_store_ring_drop(r->store, gp_dmarc_ring(tomorrow), deadline(r));
	if (e == GP_OK)
		r->prepared_day = tomorrow;
	return e;
}

static int push(void *arg, int64_t day, struct gp_str line)
{
	struct dkim_reports *r = arg;

	return gp_store_ring_push(r->store, gp_dmarc_ring(day), line, GP_MAX_DMARC_RING,
				  deadline(r));
}

static void tell(struct dkim_reports *r, int result)
{
	struct gp_dmarc_rows_count n;
	struct gp_diag why = {""};

	gp_dmarc_rows_count(r->rows, &n);
	gp_metric_add(&rows_stored, (int64_t)(n.pushed - r->pushed));
	gp_metric_add(&messages_dropped, (int64_t)(n.dropped - r->dropped));
	gp_metric_set(&rows_waiting, (int64_t)n.rows);
	if (result && !r->is_failing) {
		gp_store_last_error(r->store, &why);
		gp_log_warning("DMARC report data waits for the store: %s",
			       *why.text ? why.text : gp_err_name(result));
	}
	if (n.dropped > 0 && r->dropped == 0)
		gp_log_warning("DMARC report data: no room for more rows, messages are missing");
	if (!result && r->is_failing)
		gp_log_info("DMARC report data: the store is back");
	r->is_failing = result != GP_OK;
	r->pushed = n.pushed;
	r->dropped = n.dropped;
}

static void bring_in(struct dkim_reports *r)
{
	int result = prepare(r);

	if (result == GP_OK)
		result = gp_dmarc_rows_flush(r->rows, push, r);
	tell(r, result);
}

/* Waits for the interval's end; false: to be stopped. */
static bool rest(struct dkim_reports *r)
{
	int64_t until_ms = gp_clock_mono_ms() + r->interval_ms;
	struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	bool is_stopping;
	int e = 0;

	pthread_mutex_lock(&r->lock);
	while (!r->is_stopping && e != ETIMEDOUT)
		e = pthread_cond_timedwait(&r->wake, &r->lock, &until);
	is_stopping = r->is_stopping;
	pthread_mutex_unlock(&r->lock);
	return !is_stopping;
}

static void *thread_main(void *arg)
{
	struct dkim_reports *r = arg;

	while (rest(r))
		bring_in(r);
	r->stop_ms = gp_clock_mono_ms() + r->timeout_ms;
	bring_in(r);
	return NULL;
}

static void release(struct dkim_reports *r)
{
	gp_dmarc_rows_free(&r->rows);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

int dkim_reports_new(struct gp_store *store, int64_t interval_ms, int64_t timeout_ms,
		     struct dkim_reports **ret, struct gp_diag *diag)
{
	struct dkim_reports *r = gp_xcalloc(1, sizeof(*r));
	pthread_condattr_t cond;
	sigset_t all, old;

	r->store = store;
	r->interval_ms = interval_ms;
	r->timeout_ms = timeout_ms;
	r->rows = gp_dmarc_rows_new(GP_MAX_DMARC_ROWS_SIZE);
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&cond);
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &cond);
	pthread_condattr_destroy(&cond);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&r->thread, NULL, thread_main, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (errno != 0) {
		release(r);
		return gp_diag_errno(diag, "thread for DMARC report data");
	}
	*ret = r;
	return GP_OK;
}

void dkim_reports_free(struct dkim_reports **reports)
{
	struct dkim_reports *r = *reports;

	if (!r)
		return;
	*reports = NULL;
	pthread_mutex_lock(&r->lock);
	r->is_stopping = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	release(r);
}

void dkim_reports_add(struct dkim_reports *reports, const struct gp_dmarc_row *row)
{
	(void)gp_dmarc_rows_add(reports->rows, row);
}
