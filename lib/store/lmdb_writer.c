/*
 * The writer thread of an LMDB environment: its queue, and one transaction after the other.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/store/lmdb_env_int.h"
#include "lib/store/lmdb_mark.h"

#define SYNC_EVERY_MS 1000
#define GROW_ROUNDS 24
/* Small work in one transaction. */
#define GROUP_MAX 64

/* One work, or the group that it heads. */
static int run_once(struct gp_lmdb_env *env, struct gp_lmdb_work *w)
{
	MDB_txn *txn;
	int rc;

	pthread_rwlock_rdlock(&env->lock);
	rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);
	if (rc == 0) {
		for (struct gp_lmdb_work *each = w; rc == 0 && each; each = each->next)
			rc = each->run(each, env, txn);
		if (rc == 0)
			rc = mdb_txn_commit(txn);
		else
			mdb_txn_abort(txn);
	}
	pthread_rwlock_unlock(&env->lock);
	return rc;
}

static void work_done(struct gp_lmdb_work *w, int result)
{
	if (w->done)
		w->done(w, result);
	else
		gp_job_finish(&w->job, result);
}

static void run(struct gp_lmdb_env *env, struct gp_lmdb_work *w)
{
	bool may_use_reserve = false;
	int rc = MDB_MAP_FULL;

	if (!w->done && gp_job_is_abandoned(&w->job)) {
		work_done(w, GP_ETEMP);
		return;
	}
	if (!env->mdb) {
		gp_diag_set(&w->diag, "%s: taken away", env->config.dir);
		work_done(w, GP_ETEMP);
		return;
	}
	for (int round = 0; round < GROW_ROUNDS; round++) {
		rc = gp_lmdb_room_look(env, w, &may_use_reserve);
		if (rc == 0)
			rc = run_once(env, w);
		if (rc == MDB_MAP_RESIZED) {
			pthread_rwlock_wrlock(&env->lock);
			rc = mdb_env_set_mapsize(env->mdb, 0);
			pthread_rwlock_unlock(&env->lock);
		} else if (rc == MDB_MAP_FULL) {
			rc = gp_lmdb_room_grow(env, may_use_reserve);
		} else {
			break;
		}
		if (rc != 0)
			break;
	}
	if (may_use_reserve)
		gp_lmdb_room_shrink(env);
	if (rc == MDB_MAP_FULL && !w->is_freeing && env->config.is_swept)
		gp_lmdb_room_note_full(env);
	w->is_full = rc == MDB_MAP_FULL || rc == ENOSPC || rc == EDQUOT;
	work_done(w, gp_lmdb_error(env, rc, &w->diag));
}

/* A list of small work. */
static void run_group(struct gp_lmdb_env *env, struct gp_lmdb_work *head)
{
	bool unused, is_done = env->mdb && gp_lmdb_room_look(env, head, &unused) == 0 &&
			       run_once(env, head) == 0;

	for (struct gp_lmdb_work *w = head, *next; w; w = next) {
		next = w->next;
		w->next = NULL;
		if (is_done)
			work_done(w, GP_OK);
		else
			run(env, w);
	}
}

static struct timespec in_ms(int64_t ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += (time_t)(ms / 1000);
	return at;
}

/* Takes the first work out of the queue, with what may share its transaction. */
static struct gp_lmdb_work *take_work(struct gp_lmdb_env *env)
{
	struct gp_lmdb_work *head = env->head, *last = head;

	for (int n = 1; last && head->is_small && last->next && last->next->is_small && n < GROUP_MAX; n++)
		last = last->next;
	if (!last)
		return NULL;
	env->head = last->next;
	if (!env->head)
		env->tail = &env->head;
	last->next = NULL;
	return head;
}

/* The next work; NULL with *ret_sync when it is time to sync, NULL alone at the end. */
static struct gp_lmdb_work *next_work(struct gp_lmdb_env *env, bool is_dirty,
				      const struct timespec *sync_at, bool *ret_sync)
{
	struct gp_lmdb_work *w;

	*ret_sync = false;
	pthread_mutex_lock(&env->queue_lock);
	while (!env->head && !env->is_stopping && !*ret_sync) {
		if (!is_dirty)
			pthread_cond_wait(&env->queue_filled, &env->queue_lock);
		else if (pthread_cond_timedwait(&env->queue_filled, &env->queue_lock, sync_at) ==
			 ETIMEDOUT)
			*ret_sync = true;
	}
	w = take_work(env);
	pthread_mutex_unlock(&env->queue_lock);
	return w;
}

static void *writer_main(void *arg)
{
	struct gp_lmdb_env *env = arg;
	struct timespec sync_at = {0}, now;
	bool is_dirty = false, sync;
	struct gp_lmdb_work *w;

	while ((w = next_work(env, is_dirty, &sync_at, &sync)) || sync) {
		if (w) {
			gp_lmdb_file_look_after(env);
			if (w->is_small)
				run_group(env, w);
			else
				run(env, w);
			if (env->config.is_lazy && !is_dirty) {
				is_dirty = true;
				sync_at = in_ms(SYNC_EVERY_MS);
			}
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (is_dirty && (sync || now.tv_sec > sync_at.tv_sec)) {
			if (env->mdb)
				(void)mdb_env_sync(env->mdb, 1);
			is_dirty = false;
		}
	}
	env->is_synced = env->mdb && mdb_env_sync(env->mdb, 1) == 0;
	return NULL;
}

static void enqueue(struct gp_lmdb_env *env, struct gp_lmdb_work *work)
{
	work->next = NULL;
	pthread_mutex_lock(&env->queue_lock);
	*env->tail = work;
	env->tail = &work->next;
	pthread_cond_signal(&env->queue_filled);
	pthread_mutex_unlock(&env->queue_lock);
}

void gp_lmdb_submit(struct gp_lmdb_env *env, struct gp_lmdb_work *work)
{
	if (env->has_thread) {
		enqueue(env, work);
		return;
	}
	gp_diag_set(&work->diag, "%s: this program does not write here", env->config.dir);
	work->done(work, GP_EACCES);
}

int gp_lmdb_write(struct gp_lmdb_env *env, struct gp_lmdb_work *work,
		  void (*destroy)(struct gp_job *job), int64_t deadline_ms,
		  struct gp_batch **ret_batch, struct gp_diag *diag)
{
	int r;

	*ret_batch = gp_batch_new(deadline_ms);
	gp_job_init(&work->job, *ret_batch, destroy);
	if (!env->has_thread) {
		gp_diag_set(diag, "%s: this program does not write here", env->config.dir);
		gp_job_finish(&work->job, GP_EACCES);
		return GP_EACCES;
	}
	enqueue(env, work);
	r = gp_job_wait(&work->job);
	if (r < 0 && gp_job_is_done(&work->job))
		gp_diag_set(diag, "%s", work->diag.text);
	else if (r < 0)
		gp_diag_set(diag, "%s: not written before the deadline", env->config.dir);
	return r;
}

void gp_lmdb_work_free(struct gp_job *job)
{
	free(job);
}

int gp_lmdb_writer_start(struct gp_lmdb_env *env, struct gp_diag *diag)
{
	sigset_t all, old;
	int dead, r = gp_lmdb_file_make(env, diag);

	if (r < 0)
		return r;
	(void)mdb_reader_check(env->mdb, &dead); /* slots of processes that crashed */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&env->thread, NULL, writer_main, env);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (errno != 0)
		return gp_diag_errno(diag, "thread for %s", env->config.dir);
	env->has_thread = true;
	return GP_OK;
}

void gp_lmdb_writer_stop(struct gp_lmdb_env *env)
{
	pthread_mutex_lock(&env->queue_lock);
	env->is_stopping = true;
	pthread_cond_signal(&env->queue_filled);
	pthread_mutex_unlock(&env->queue_lock);
	pthread_join(env->thread, NULL);
	if (env->config.is_lazy && env->is_synced)
		gp_lmdb_mark_closed(env->config.dir);
}
