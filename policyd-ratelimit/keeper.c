/*
 * The keeper; see the header.
 *
 * What it does is a table of chores.  A chore that fails for now is tried again in the next
 * round; that the store is away is said once.
 */
#include "policyd-ratelimit/keeper.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "policyd-ratelimit/alert.h"
#include "policyd-ratelimit/ask.h"
#include "policyd-ratelimit/contain_table.h"
#include "policyd-ratelimit/note.h"
#include "policyd-ratelimit/ratelimit.h"
#include "policyd-ratelimit/spam_scores.h"
#include "policyd-ratelimit/store_loss.h"

#define ROUND_MS 1000
#define CALL_MS 2000 /* one call to the store; it has a shorter timeout where the settings say so */
/* Whoever is contained while the store is away is told about after so long: other hosts may tell
 * it too then, which is better than nobody. */
#define TELL_ANYWAY_S 30

static struct {
	pthread_t thread;
	pthread_mutex_t lock; /* guards the following */
	pthread_cond_t wake;
	bool is_running, is_stopping, is_wanted;
	struct keeper_task *first, **last;
	/* The thread's. */
	bool is_failing;
} keeper = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &keeper.first};

static struct gp_metric contained_now = GP_GAUGE("gatepost_policy_contained",
						 "Keys that are contained.");
static struct gp_metric late_by = GP_GAUGE(
	"gatepost_policy_contained_age_seconds",
	"How old what is known of other hosts' contained keys is.");

void keeper_register_metrics(void)
{
	gp_metric_register(&contained_now);
	gp_metric_register(&late_by);
	note_register_metrics();
	store_loss_register_metrics();
	alert_register_metrics();
}

int64_t keeper_deadline(void)
{
	return gp_clock_mono_ms() + CALL_MS;
}

/* Changes. */

int64_t keeper_now_s(void)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	int64_t ms = ratelimit_now_ms(gp_snapshot_get(snap, &ratelimit_table));

	gp_snapshot_unref(snap);
	return ms / 1000;
}

static int write_key(struct gp_str name, const struct contained *c, enum contain_change change,
		       bool *ret_was_new)
{
	GP_BUF_AUTO value = GP_BUF_INIT(GP_RECORD_MAX);
	int64_t ttl_s = GP_MAX(c->until_s - keeper_now_s(), (int64_t)1);

	*ret_was_new = true;
	contained_format(c, &value);
	if (change != CONTAIN_PUT)
		return gp_store_entry_add(ratelimit.store, CONTAINED_TABLE, name, gp_buf_str(&value),
					  ttl_s, keeper_deadline(), ret_was_new);
	return gp_store_entry_put(ratelimit.store, CONTAINED_TABLE, name, gp_buf_str(&value), ttl_s,
				  keeper_deadline());
}

/* One change.  What the store will never take is as good as written: it holds here. */
static int write_change(struct gp_str name, const struct contained *c, enum contain_change change,
			uint64_t number)
{
	bool was_new;
	int r = write_key(name, c, change, &was_new);

	if (r == GP_ETEMP) {
		contain_table_unanswered(name, number);
		return r;
	}
	if (r != GP_OK)
		gp_log_error("the store does not take what is contained (%s): %.*s is known on this "
			     "host only", gp_err_name(r), GP_STR_FMT(name));
	if (was_new && contain_table_tell(name, number))
		alert_send(c);
	contain_table_written(name, number, r == GP_OK && was_new);
	return GP_OK;
}

int keeper_write(void)
{
	enum contain_change change;
	int r = GP_OK;

	do {
		struct gp_arena *arena = gp_arena_new(1024);
		struct gp_str name;
		struct contained c;
		uint64_t number;

		change = contain_table_next(arena, &name, &c, &number);
		if (change != CONTAIN_UNCHANGED)
			r = write_change(name, &c, change, number);
		gp_arena_free(arena);
	} while (r == GP_OK && change != CONTAIN_UNCHANGED);
	return r;
}

static int tell_anyway(void)
{
	struct contained c;
	bool is_there;

	do {
		struct gp_arena *arena = gp_arena_new(1024);

		is_there = contain_table_take_untold(keeper_now_s() - TELL_ANYWAY_S, arena, &c);
		if (is_there)
			alert_send(&c);
		gp_arena_free(arena);
	} while (is_there);
	return GP_OK;
}

/* What others changed. */

static bool take_entry(void *arg, const struct gp_entry *entry)
{
	(void)arg;
	contain_table_sync(entry->name, entry->value, entry->left_s);
	return true;
}

static bool count_one(void *arg, const struct contained *c)
{
	int64_t *n = arg;

	(void)c;
	++*n;
	return true;
}

static int sync_contained(void)
{
	static int64_t synced_ms;
	struct contain_loss lost;
	int64_t n = 0;
	int r;

	contain_table_sync_begin();
	r = gp_store_entry_each(ratelimit.store, CONTAINED_TABLE, keeper_deadline(), take_entry, NULL);
	if (r == GP_OK) {
		contain_table_sync_end(keeper_now_s(), &lost);
		store_loss_restored(&lost);
		synced_ms = gp_clock_mono_ms();
	}
	contain_table_clock(keeper_now_s());
	contain_table_each(keeper_now_s(), count_one, &n);
	gp_metric_set(&contained_now, n);
	gp_metric_set(&late_by, synced_ms ? (gp_clock_mono_ms() - synced_ms) / 1000 : 0);
	return r;
}

static int flush_notes(void)
{
	return note_flush(ratelimit.store, keeper_deadline());
}

/* Rounds. */

static const struct chore {
	int (*fn)(void);
	int64_t every_ms; /* 0: whenever it is woken */
} chores[] = {
	{store_loss_look, STORE_LOSS_LOOK_MS}, {sync_contained, ROUND_MS}, {keeper_write, 0},
	{tell_anyway, ROUND_MS}, {flush_notes, 0}, {spam_scores_read, SPAM_SCORES_MS}, {alert_work, 0},
};

static void tell(int result)
{
	struct gp_diag why = {""};

	if (result == GP_ETEMP && !keeper.is_failing) {
		gp_store_last_error(ratelimit.store, &why);
		gp_log_warning("what is contained is not shared for now: %s",
			       *why.text ? why.text : gp_err_name(result));
	}
	if (result == GP_OK && keeper.is_failing)
		gp_log_info("what is contained is shared again");
	keeper.is_failing = result == GP_ETEMP;
}

static void do_chores(void)
{
	static int64_t next_ms[GP_ARRAY_SIZE(chores)];
	int result = GP_OK;

	for (size_t i = 0; i < GP_ARRAY_SIZE(chores); i++) {
		int64_t now_ms = gp_clock_mono_ms();

		if (now_ms < next_ms[i])
			continue;
		next_ms[i] = now_ms + chores[i].every_ms;
		if (chores[i].fn() == GP_ETEMP)
			result = GP_ETEMP;
	}
	tell(result);
}

static struct keeper_task *take_task(void)
{
	struct keeper_task *task;

	pthread_mutex_lock(&keeper.lock);
	task = keeper.first;
	if (task) {
		keeper.first = task->next;
		if (!keeper.first)
			keeper.last = &keeper.first;
	}
	pthread_mutex_unlock(&keeper.lock);
	return task;
}

static void do_tasks(void)
{
	struct keeper_task *task;

	while ((task = take_task()) != NULL) {
		task->work(task->done.arg);
		gp_loop_post(ratelimit.loop, &task->done);
	}
}

/* Waits for the next round; false: to be stopped. */
static bool rest(void)
{
	int64_t until_ms = gp_clock_mono_ms() + ROUND_MS;
	struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	bool is_stopping;
	int e = 0;

	pthread_mutex_lock(&keeper.lock);
	while (!keeper.is_stopping && !keeper.is_wanted && !keeper.first && e != ETIMEDOUT)
		e = pthread_cond_timedwait(&keeper.wake, &keeper.lock, &until);
	keeper.is_wanted = false;
	is_stopping = keeper.is_stopping;
	pthread_mutex_unlock(&keeper.lock);
	return !is_stopping;
}

static void *thread_main(void *arg)
{
	(void)arg;
	do {
		do_chores();
		do_tasks();
	} while (rest());
	do_tasks();
	spam_scores_end();
	if (keeper_write() != GP_OK || flush_notes() != GP_OK)
		gp_log_warning("what happened last is known to this host only, and forgotten");
	return NULL;
}

int keeper_start(struct gp_diag *diag)
{
	pthread_condattr_t monotonic;
	sigset_t all, old;
	int e;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&keeper.wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	keeper.is_running = true;
	/* What is contained is so from the first request on. */
	tell(sync_contained());
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(&keeper.thread, NULL, thread_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e == 0)
		return GP_OK;
	keeper.is_running = false;
	errno = e;
	return gp_diag_errno(diag, "the keeper's thread");
}

void keeper_wake(void)
{
	pthread_mutex_lock(&keeper.lock);
	keeper.is_wanted = true;
	if (keeper.is_running)
		pthread_cond_signal(&keeper.wake);
	pthread_mutex_unlock(&keeper.lock);
}

void keeper_do(struct keeper_task *task)
{
	task->next = NULL;
	pthread_mutex_lock(&keeper.lock);
	*keeper.last = task;
	keeper.last = &task->next;
	pthread_cond_signal(&keeper.wake);
	pthread_mutex_unlock(&keeper.lock);
}

void keeper_stop(void)
{
	bool was_running;

	pthread_mutex_lock(&keeper.lock);
	was_running = keeper.is_running;
	keeper.is_running = false;
	keeper.is_stopping = true;
	if (was_running)
		pthread_cond_signal(&keeper.wake);
	pthread_mutex_unlock(&keeper.lock);
	if (was_running)
		pthread_join(keeper.thread, NULL);
	contain_table_clear();
	note_clear();
}
