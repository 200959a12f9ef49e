/*
 * Counting without a store; see the header.
 *
 * A timer tries to tell the store once a second, one call at a time, until it knows all; then it
 * looks once a minute whether what is remembered for the next outage has become old.
 */
#include "policyd-ratelimit/limit_outage.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "policyd-ratelimit/fallback.h"
#include "policyd-ratelimit/limit_kept.h"
#include "policyd-ratelimit/limit_retell.h"
#include "policyd-ratelimit/limit_rule.h"
#include "policyd-ratelimit/ratelimit.h"

#define RETRY_MS 1000
#define SWEEP_MS 60000
#define CALL_MS 5000 /* the store's own timeout is mostly shorter */

static void turn(void *arg);
static void ready(void *arg);
static void late(void *arg);

static struct {
	struct fallback *fallback; /* NULL: nothing was counted here */
	struct limit_retell *retell; /* as long as that */
	struct limit_kept *kept;     /* from start to stop */
	struct gp_timer turn, late;
	struct gp_call ready;
	struct gp_batch *batch; /* of the calls that are under way */
	struct gp_limit_call *call; /* of sums; NULL: there are none */
	struct gp_limit_take takes[GP_LIMIT_TAKES_MAX];
	uint64_t lost;
	bool is_done;
} outage = {.turn = {.fn = turn}, .late = {.fn = late}, .ready = {.fn = ready}};

static struct gp_metric in_memory =
	GP_COUNTER("gatepost_policy_limit_memory_total",
		   "Questions of limits that were answered from memory.");
static struct gp_metric keys =
	GP_GAUGE("gatepost_policy_limit_memory_keys", "Keys of limits held in memory.");
static struct gp_metric lost =
	GP_COUNTER("gatepost_policy_limit_memory_lost_total",
		   "Uses counted in memory that the store was never told of.");

void limit_outage_register_metrics(void)
{
	gp_metric_register(&in_memory);
	gp_metric_register(&keys);
	gp_metric_register(&lost);
}

static void look_at_stats(void)
{
	struct fallback_stats stats;

	fallback_get_stats(outage.fallback, &stats);
	gp_metric_set(&keys, (int64_t)stats.keys);
	gp_metric_add(&lost, (int64_t)(stats.lost - outage.lost));
	outage.lost = stats.lost;
}

static void again_in(int64_t ms)
{
	gp_timer_set(ratelimit.loop, &outage.turn, gp_clock_mono_ms() + ms);
}

static void forget(void)
{
	fallback_free(&outage.fallback);
	limit_retell_free(&outage.retell);
	outage.lost = 0;
}

static bool is_owing(void)
{
	return fallback_is_owing(outage.fallback) || limit_retell_len(outage.retell) > 0;
}

static void begin(void)
{
	if (outage.fallback)
		return;
	outage.fallback = fallback_new(FALLBACK_KEYS_MAX);
	outage.retell = limit_retell_new(LIMIT_RETELL_BYTES, outage.kept);
}

void limit_outage_take(struct gp_limit_take *takes, size_t n, enum gp_limit_mode mode,
		       bool is_unsure)
{
	int64_t now_ms = gp_clock_mono_ms();
	bool fits;

	begin();
	fits = limit_retell_fits(outage.retell, takes, n, is_unsure);
	if (fallback_limit(outage.fallback, takes, n, mode, !fits, now_ms) && fits)
		limit_retell_add(outage.retell, takes, n, now_ms);
	gp_metric_add(&in_memory, 1);
	look_at_stats();
	if (!outage.batch && is_owing())
		again_in(RETRY_MS);
}

static void told(void)
{
	bool all = limit_retell_finish(outage.retell);
	int r = outage.call ? gp_store_limit_finish(outage.call, outage.takes) : GP_OK;

	gp_timer_clear(ratelimit.loop, &outage.late);
	gp_batch_free(&outage.batch);
	outage.call = NULL;
	fallback_merge_finish(outage.fallback, r == GP_OK);
	all &= r == GP_OK;
	if (outage.is_done) {
		forget();
		limit_kept_free(&outage.kept);
		return;
	}
	if (all && !is_owing()) {
		limit_kept_clear(outage.kept);
		gp_log_info("limits: the store was told what was counted without it");
	}
	again_in(all ? 0 : RETRY_MS);
}

static void ready(void *arg)
{
	(void)arg;
	told();
}

static void late(void *arg)
{
	(void)arg;
	if (gp_batch_forget(outage.batch))
		told();
}

static void turn(void *arg)
{
	int64_t now_ms = gp_clock_mono_ms();
	size_t n = fallback_merge_begin(outage.fallback, now_ms, outage.takes,
					GP_ARRAY_SIZE(outage.takes));

	(void)arg;
	if (n > 0 || limit_retell_len(outage.retell) > 0) {
		outage.batch = gp_batch_new(now_ms + CALL_MS);
		(void)limit_retell_begin(outage.retell, ratelimit.store, LIMIT_TABLE, outage.batch, now_ms);
		if (n > 0)
			outage.call = gp_store_limit_begin(ratelimit.store, outage.batch, LIMIT_TABLE,
							   outage.takes, n, GP_LIMIT_COUNT, 0);
		gp_timer_set(ratelimit.loop, &outage.late, now_ms + CALL_MS);
		gp_batch_notify(outage.batch, ratelimit.loop, &outage.ready);
		return;
	}
	fallback_sweep(outage.fallback, now_ms);
	look_at_stats();
	if (gp_metric_get(&keys) > 0) {
		again_in(SWEEP_MS);
		return;
	}
	forget();
}

static void take_kept(void *arg, struct gp_limit_take *takes, size_t n, int64_t age_ms,
		      uint64_t number)
{
	int64_t now_ms = gp_clock_mono_ms();

	(void)arg;
	begin();
	for (size_t i = 0; i < n; i++)
		takes[i].age_ms = GP_MIN(age_ms, takes[i].limit.window_ms);
	(void)fallback_limit(outage.fallback, takes, n, GP_LIMIT_COUNT, false, now_ms);
	limit_retell_put(outage.retell, takes, n, now_ms - age_ms, number);
}

void limit_outage_start(const char *path)
{
	size_t n;

	outage.kept = limit_kept_new(path);
	n = limit_kept_load(outage.kept, take_kept, NULL);
	if (n == 0)
		return;
	gp_log_info("limits: %zu requests that the store was not told of before the last stop", n);
	look_at_stats();
	again_in(0);
}

/* Sums, which the file has not; false: not all of it is kept. */
static bool keep_sums(void)
{
	bool all = true;
	size_t n;

	fallback_merge_finish(outage.fallback, false);
	while ((n = fallback_merge_begin(outage.fallback, gp_clock_mono_ms(), outage.takes,
					 GP_ARRAY_SIZE(outage.takes))) > 0) {
		for (size_t i = 0; i < n; i++)
			all &= limit_kept_add(outage.kept, &outage.takes[i], 1,
					      outage.takes[i].age_ms) > 0;
		fallback_merge_finish(outage.fallback, true);
	}
	return all;
}

static void keep(void)
{
	bool all = limit_retell_keep(outage.retell, gp_clock_mono_ms()) == 0;

	if (keep_sums() && all)
		gp_log_info("limits: what was counted without the store waits for the next start");
	else
		gp_log_warning("limits: what was counted without the store is lost");
}

void limit_outage_done(void)
{
	if (!outage.fallback) {
		limit_kept_free(&outage.kept);
		return;
	}
	if (is_owing())
		keep();
	gp_timer_clear(ratelimit.loop, &outage.turn);
	gp_timer_clear(ratelimit.loop, &outage.late);
	/* One that is posted already runs before the loop ends, and frees its own. */
	outage.is_done = true;
	if (!outage.batch || gp_batch_forget(outage.batch)) {
		gp_batch_free(&outage.batch);
		forget();
		limit_kept_free(&outage.kept);
	}
}
