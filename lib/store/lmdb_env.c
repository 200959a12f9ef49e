/*
 * An LMDB environment and its writer thread; see the header.
 *
 * The read-write lock is not LMDB's: transactions hold it shared, and whoever
 * must have no transaction in this process (growing the map, adopting another
 * process' growth, reopening) takes it alone.
 */
#include "lib/store/lmdb_env.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/store/keys.h"
#include "lib/store/lmdb_mark.h"

/* Address space, not memory: small enough for 32 bits, doubled when full. */
#define MAP_START ((size_t)64 << 20)
/* More threads than any milter runs; a slot is 64 bytes in the lock file. */
#define READERS_MAX 1024
/* How late an environment that was made or replaced is noticed. */
#define LOOK_EVERY_MS 1000
#define SYNC_EVERY_MS 1000
#define GROW_ROUNDS 24
/* Small work in one transaction. */
#define GROUP_MAX 64
/* What only work that makes room may use, beyond a full map: some thousand pages. */
#define RESERVE ((size_t)8 << 20)

struct gp_lmdb_env {
	struct gp_lmdb_config config;
	pthread_rwlock_t lock; /* see above; guards mdb, dbs, dev, ino, open_error */
	MDB_env *mdb;	       /* NULL: not there (yet) */
	MDB_dbi dbs[GP_LMDB_DBS_MAX];
	uint16_t opened; /* how often */
	dev_t dev;
	ino_t ino;
	int open_error; /* why mdb is NULL: GP_ENOENT or worse */
	struct gp_diag open_diag;
	_Atomic int64_t look_at_ms;
	/* The writer. */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t queue_lock; /* guards the following */
	pthread_cond_t queue_filled;
	struct gp_lmdb_work *head, **tail;
	bool is_stopping;
	/* The writer's. */
	struct gp_lmdb_place room;
	size_t full_rows; /* that there were when it was full; 0: it is not */
	bool is_synced; /* the writer ended with everything on disk */
};

int gp_lmdb_error(const struct gp_lmdb_env *env, int rc, struct gp_diag *diag)
{
	gp_diag_set(diag, "%s: %s", env->config.dir, mdb_strerror(rc));
	switch (rc) {
	case 0:
		return GP_OK;
	case MDB_MAP_FULL:
		gp_diag_set(diag, "%s: as large as it may become (%zu bytes)", env->config.dir,
			    env->config.map_max);
		return GP_ETEMP;
	case ENOSPC:
	case EDQUOT:
	case EIO:
	case EAGAIN:
	case ENOMEM:
	case MDB_READERS_FULL:
	case MDB_MAP_RESIZED:
		return GP_ETEMP;
	case EACCES:
	case EPERM:
	case EROFS:
		return GP_EACCES;
	case ENOENT:
	case MDB_NOTFOUND:
		return GP_ENOENT;
	default:
		return GP_ESYS;
	}
}

MDB_dbi gp_lmdb_db(const struct gp_lmdb_env *env, size_t i)
{
	return env->dbs[i];
}

struct gp_lmdb_place *gp_lmdb_room(struct gp_lmdb_env *env)
{
	return &env->room;
}

/* Opening. */

static void env_path(const struct gp_lmdb_env *env, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s/data.mdb", env->config.dir);
}

static int check_version(MDB_txn *txn, bool create, struct gp_diag *diag)
{
	char name[] = "version", known[] = GP_KEYS_VERSION_TEXT;
	MDB_val key = {.mv_data = name, .mv_size = sizeof(name) - 1};
	MDB_val value = {.mv_data = known, .mv_size = sizeof(known) - 1}, have;
	MDB_dbi about;
	int rc = mdb_dbi_open(txn, "about", create ? MDB_CREATE : 0, &about);

	if (rc == 0)
		rc = mdb_get(txn, about, &key, &have);
	if (rc == MDB_NOTFOUND && create)
		return mdb_put(txn, about, &key, &value, 0);
	if (rc == 0 && !gp_str_eq(gp_str_n(have.mv_data, have.mv_size),
				  gp_str_n(value.mv_data, value.mv_size))) {
		gp_diag_set(diag, "layout version %.*s, this program knows " GP_KEYS_VERSION_TEXT,
			    (int)have.mv_size, (const char *)have.mv_data);
		return MDB_VERSION_MISMATCH;
	}
	return rc;
}

static int open_dbs(struct gp_lmdb_env *env, MDB_env *mdb, struct gp_diag *diag)
{
	bool create = env->config.is_writer;
	MDB_txn *txn;
	int rc = mdb_txn_begin(mdb, NULL, create ? 0 : MDB_RDONLY, &txn);

	if (rc != 0)
		return rc;
	rc = check_version(txn, create, diag);
	for (size_t i = 0; rc == 0 && env->config.dbs[i].name; i++)
		rc = mdb_dbi_open(txn, env->config.dbs[i].name,
				  env->config.dbs[i].flags | (create ? MDB_CREATE : 0), &env->dbs[i]);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/* Readers of the group enter themselves in the lock file: it must be theirs to write,
 * whatever the umask of who made it.  One that is not ours stays as it is. */
static void share_lock(const struct gp_lmdb_env *env)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/lock.mdb", env->config.dir);
	(void)!chmod(path, 0660);
}

/* With the lock held alone. */
static int env_open(struct gp_lmdb_env *env, struct gp_diag *diag)
{
	const struct gp_lmdb_config *c = &env->config;
	unsigned flags = MDB_NOTLS | MDB_NORDAHEAD;
	char path[4096];
	struct stat st;
	MDB_env *mdb;
	int rc = mdb_env_create(&mdb);

	if (rc != 0)
		return gp_lmdb_error(env, rc, diag);
	flags |= c->is_writer ? 0 : (unsigned)MDB_RDONLY;
	flags |= c->is_writer && c->is_lazy ? (unsigned)MDB_NOSYNC : 0;
	mdb_env_set_maxdbs(mdb, GP_LMDB_DBS_MAX + 1);
	mdb_env_set_maxreaders(mdb, READERS_MAX);
	if (c->is_writer)
		mdb_env_set_mapsize(mdb, GP_MIN(MAP_START, c->map_max));
	env_path(env, path, sizeof(path));
	if (diag)
		diag->text[0] = '\0';
	rc = mdb_env_open(mdb, c->dir, flags, 0660);
	if (rc == 0)
		rc = open_dbs(env, mdb, diag);
	if (rc == 0 && stat(path, &st) < 0)
		rc = errno;
	if (rc != 0) {
		struct gp_diag own = {0};
		int err = gp_lmdb_error(env, rc, &own);

		if (diag && diag->text[0])
			gp_diag_prepend(diag, "%s", c->dir);
		else
			gp_diag_set(diag, "%s", own.text);
		mdb_env_close(mdb);
		return err;
	}
	if (c->is_writer)
		share_lock(env);
	env->mdb = mdb;
	env->opened++;
	env->dev = st.st_dev;
	env->ino = st.st_ino;
	return GP_OK;
}

/* A reader's environment: is it there, and still the one that we have open? */
static void look(struct gp_lmdb_env *env)
{
	int64_t now = gp_clock_mono_ms(), at = atomic_load(&env->look_at_ms);
	char path[4096];
	struct stat st;
	bool exists;

	if (env->config.is_writer || now < at ||
	    !atomic_compare_exchange_strong(&env->look_at_ms, &at, now + LOOK_EVERY_MS))
		return;
	env_path(env, path, sizeof(path));
	exists = stat(path, &st) == 0;
	pthread_rwlock_wrlock(&env->lock);
	if (env->mdb && (!exists || st.st_dev != env->dev || st.st_ino != env->ino)) {
		mdb_env_close(env->mdb);
		env->mdb = NULL;
	}
	if (!exists)
		env->open_error = GP_ENOENT;
	else if (!env->mdb)
		env->open_error = env_open(env, &env->open_diag);
	pthread_rwlock_unlock(&env->lock);
}

/* Reading. */

int gp_lmdb_read_begin(struct gp_lmdb_env *env, MDB_txn **ret, struct gp_diag *diag)
{
	int rc = 0;

	look(env);
	for (int round = 0; round < 3; round++) {
		pthread_rwlock_rdlock(&env->lock);
		if (!env->mdb) {
			int err = env->open_error;

			gp_diag_set(diag, "%s", env->open_diag.text);
			pthread_rwlock_unlock(&env->lock);
			return err;
		}
		rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, ret);
		if (rc == 0)
			return GP_OK; /* the lock goes with read_end */
		pthread_rwlock_unlock(&env->lock);
		if (rc != MDB_MAP_RESIZED)
			break;
		pthread_rwlock_wrlock(&env->lock);
		if (env->mdb)
			(void)mdb_env_set_mapsize(env->mdb, 0); /* as large as it now is */
		pthread_rwlock_unlock(&env->lock);
	}
	return gp_lmdb_error(env, rc, diag);
}

void gp_lmdb_read_end(struct gp_lmdb_env *env, MDB_txn **txn)
{
	mdb_txn_abort(*txn);
	*txn = NULL;
	pthread_rwlock_unlock(&env->lock);
}

uint64_t gp_lmdb_generation(const struct gp_lmdb_env *env, MDB_txn *txn)
{
	return (uint64_t)env->opened << 48 | mdb_txn_id(txn);
}

/* Writing. */

/* What the file may grow to, with what only making room uses. */
static size_t size_limit(const struct gp_lmdb_env *env)
{
	return env->config.map_max + RESERVE;
}

static int grow(struct gp_lmdb_env *env, bool is_freeing)
{
	size_t max = is_freeing ? size_limit(env) : env->config.map_max, size;
	MDB_envinfo info;
	int rc = MDB_MAP_FULL;

	pthread_rwlock_wrlock(&env->lock);
	(void)mdb_env_info(env->mdb, &info);
	size = info.me_mapsize < env->config.map_max
		       ? GP_MIN(info.me_mapsize * 2, env->config.map_max)
		       : max;
	if (info.me_mapsize < max)
		rc = mdb_env_set_mapsize(env->mdb, size);
	pthread_rwlock_unlock(&env->lock);
	return rc;
}

/* Takes back what making room was given.  LMDB keeps what is in use. */
static void shrink(struct gp_lmdb_env *env)
{
	MDB_envinfo info;

	pthread_rwlock_wrlock(&env->lock);
	(void)mdb_env_info(env->mdb, &info);
	if (info.me_mapsize > env->config.map_max)
		(void)mdb_env_set_mapsize(env->mdb, env->config.map_max);
	pthread_rwlock_unlock(&env->lock);
}

/* Of LMDB's list of pages that nothing uses: its database 0, a count before each row's numbers. */
static int count_listed(MDB_txn *txn, size_t *ret)
{
	MDB_cursor *cursor;
	size_t n, sum = 0;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, 0, &cursor);

	if (rc != 0)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		memcpy(&n, v.mv_data, sizeof(n));
		sum += n;
	}
	mdb_cursor_close(cursor);
	*ret = sum;
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Bytes that nothing uses, with the reserve, and how many rows there are.  With the lock held. */
static int measure_inside(struct gp_lmdb_env *env, size_t *ret_left, size_t *ret_rows)
{
	size_t listed = 0, rows = 0, used;
	MDB_envinfo info;
	MDB_stat stat;
	MDB_txn *txn;
	int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return rc;
	(void)mdb_env_info(env->mdb, &info);
	rc = count_listed(txn, &listed);
	for (size_t i = 0; rc == 0 && env->config.dbs[i].name; i++) {
		rc = mdb_stat(txn, env->dbs[i], &stat);
		rows += rc == 0 ? stat.ms_entries : 0;
	}
	mdb_txn_abort(txn);
	if (rc != 0)
		return rc;
	used = (info.me_last_pgno + 1 - GP_MIN(listed, info.me_last_pgno)) * stat.ms_psize;
	*ret_left = size_limit(env) - GP_MIN(used, size_limit(env));
	*ret_rows = rows;
	return 0;
}

static int measure(struct gp_lmdb_env *env, size_t *ret_left, size_t *ret_rows)
{
	int rc;

	pthread_rwlock_rdlock(&env->lock);
	rc = measure_inside(env, ret_left, ret_rows);
	pthread_rwlock_unlock(&env->lock);
	return rc;
}

/*
 * Of a map that was full once: MDB_MAP_FULL where what is left is for making room.  Where rows
 * between others were dropped no page got free, but as many rows have room on those that are
 * there, and copying them needs less than half of the reserve.
 */
static int look_for_room(struct gp_lmdb_env *env, const struct gp_lmdb_work *w, bool *ret_reserve)
{
	size_t left, rows;
	int rc;

	*ret_reserve = w->is_freeing;
	if (env->full_rows == 0 || w->is_freeing)
		return 0;
	rc = measure(env, &left, &rows);
	if (rc != 0)
		return rc;
	if (left > RESERVE + env->config.map_max / 16) {
		env->full_rows = 0;
		return 0;
	}
	*ret_reserve = left >= RESERVE / 2 && rows < env->full_rows;
	return *ret_reserve ? 0 : MDB_MAP_FULL;
}

static void note_full(struct gp_lmdb_env *env)
{
	size_t left, rows;

	if (env->full_rows == 0 && measure(env, &left, &rows) == 0)
		env->full_rows = rows;
}

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
		rc = look_for_room(env, w, &may_use_reserve);
		if (rc == 0)
			rc = run_once(env, w);
		if (rc == MDB_MAP_RESIZED) {
			pthread_rwlock_wrlock(&env->lock);
			rc = mdb_env_set_mapsize(env->mdb, 0);
			pthread_rwlock_unlock(&env->lock);
		} else if (rc == MDB_MAP_FULL) {
			rc = grow(env, may_use_reserve);
		} else {
			break;
		}
		if (rc != 0)
			break;
	}
	if (may_use_reserve)
		shrink(env);
	if (rc == MDB_MAP_FULL && !w->is_freeing && env->config.is_swept)
		note_full(env);
	w->is_full = rc == MDB_MAP_FULL || rc == ENOSPC || rc == EDQUOT;
	work_done(w, gp_lmdb_error(env, rc, &w->diag));
}

/* A list of small work. */
static void run_group(struct gp_lmdb_env *env, struct gp_lmdb_work *head)
{
	bool unused, is_done = env->mdb && look_for_room(env, head, &unused) == 0 &&
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

static int make_dir(const char *dir, struct gp_diag *diag)
{
	char path[4096];
	size_t len = strlen(dir);

	if (len >= sizeof(path)) {
		gp_diag_set(diag, "%s: name too long", dir);
		return GP_EINVAL;
	}
	for (size_t i = 1; i <= len; i++) {
		if (dir[i] != '/' && dir[i] != '\0')
			continue;
		memcpy(path, dir, i);
		path[i] = '\0';
		if (mkdir(path, 0750) < 0 && errno != EEXIST)
			return gp_diag_errno(diag, "cannot make directory %s", path);
	}
	return GP_OK;
}

/* What root makes (`gatepost learn` by hand) belongs to whom the store's directory
 * belongs to, else the filters could not read it.  That owner is not trusted by root:
 * neither symbolic nor hard links of his are followed.  By name, because closing a
 * descriptor of lock.mdb would give up LMDB's locks. */
static void share(const char *dir)
{
	static const char *const names[] = {"", "/data.mdb", "/lock.mdb", "/boot"};
	GP_BUF_AUTO path = GP_BUF_INIT(4200);
	struct stat owner, st;

	gp_buf_printf(&path, "%s/..", dir);
	if (geteuid() != 0 || stat(gp_buf_cstr(&path), &owner) < 0)
		return;
	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++) {
		gp_buf_reset(&path);
		gp_buf_printf(&path, "%s%s", dir, names[i]);
		if (lstat(gp_buf_cstr(&path), &st) == 0 &&
		    (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink == 1)))
			(void)!lchown(gp_buf_cstr(&path), owner.st_uid, owner.st_gid);
	}
}

/* Anew, after somebody took the file away, or put another one there.  Readers find it as they find
 * one that another process made.  The lock file belongs to the file that is gone.  No umask here:
 * it is all threads'. */
static int reopen(struct gp_lmdb_env *env, const char *path, bool is_gone, struct gp_diag *diag)
{
	char lock[4096];
	int r;

	pthread_rwlock_wrlock(&env->lock);
	if (env->mdb)
		mdb_env_close(env->mdb);
	env->mdb = NULL;
	(void)snprintf(lock, sizeof(lock), "%s/lock.mdb", env->config.dir);
	if (is_gone)
		(void)unlink(lock);
	r = make_dir(env->config.dir, diag);
	if (r == GP_OK && env->config.is_lazy)
		r = gp_lmdb_mark_open(env->config.dir, diag);
	if (r == GP_OK)
		r = env_open(env, diag);
	if (r == GP_OK)
		(void)!chmod(path, 0660);
	if (r == GP_OK)
		share(env->config.dir);
	env->room = (struct gp_lmdb_place){0};
	env->full_rows = 0;
	pthread_rwlock_unlock(&env->lock);
	return r;
}

/* The writer's: what it writes is to be what others find, and what is there after a restart. */
static void look_after_file(struct gp_lmdb_env *env)
{
	int64_t now_ms = gp_clock_mono_ms();
	bool was_open = env->mdb != NULL, is_gone;
	struct gp_diag why = {""};
	char path[4096];
	struct stat st;

	if (now_ms < atomic_load(&env->look_at_ms))
		return;
	atomic_store(&env->look_at_ms, now_ms + LOOK_EVERY_MS);
	env_path(env, path, sizeof(path));
	is_gone = stat(path, &st) < 0;
	if (was_open && (is_gone ? errno != ENOENT && errno != ENOTDIR
				 : st.st_dev == env->dev && st.st_ino == env->ino))
		return;
	if (reopen(env, path, is_gone, &why) == GP_OK)
		gp_log_warning("%s was taken away while it was in use: goes on with %s", path,
			       is_gone ? "an empty one" : "the one that is there");
	else if (was_open)
		gp_log_error("%s was taken away while it was in use, and cannot be made anew: %s", path,
			     why.text);
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
			look_after_file(env);
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

/* Life. */

static void env_free(struct gp_lmdb_env *env)
{
	if (env->mdb)
		mdb_env_close(env->mdb);
	pthread_rwlock_destroy(&env->lock);
	pthread_cond_destroy(&env->queue_filled);
	pthread_mutex_destroy(&env->queue_lock);
	free(env);
}

static struct gp_lmdb_env *env_new(const struct gp_lmdb_config *config)
{
	struct gp_lmdb_env *env = gp_xcalloc(1, sizeof(*env));
	pthread_rwlockattr_t rw;
	pthread_condattr_t cond;

	env->config = *config;
	env->open_error = GP_ENOENT;
	env->tail = &env->head;
	pthread_rwlockattr_init(&rw);
	/* Else a stream of readers could keep the writer from growing the map. */
	pthread_rwlockattr_setkind_np(&rw, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&env->lock, &rw);
	pthread_rwlockattr_destroy(&rw);
	pthread_mutex_init(&env->queue_lock, NULL);
	pthread_condattr_init(&cond);
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	pthread_cond_init(&env->queue_filled, &cond);
	pthread_condattr_destroy(&cond);
	return env;
}

/* Other programs of the group read, for which LMDB needs the lock file writable,
 * whatever the umask says. */
static int make_env(struct gp_lmdb_env *env, struct gp_diag *diag)
{
	mode_t old = umask(0007);
	int r = make_dir(env->config.dir, diag);

	if (r == GP_OK && env->config.is_lazy)
		r = gp_lmdb_mark_open(env->config.dir, diag);
	if (r == GP_OK)
		r = env_open(env, diag);
	umask(old);
	if (r == GP_OK)
		share(env->config.dir);
	return r;
}

static int start_writer(struct gp_lmdb_env *env, struct gp_diag *diag)
{
	sigset_t all, old;
	int dead, r = make_env(env, diag);

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

int gp_lmdb_open(const struct gp_lmdb_config *config, struct gp_lmdb_env **ret,
		 struct gp_diag *diag)
{
	struct gp_lmdb_env *env = env_new(config);

	if (config->is_writer) {
		int r = start_writer(env, diag);

		if (r < 0) {
			env_free(env);
			return r;
		}
	}
	*ret = env;
	return GP_OK;
}

void gp_lmdb_close(struct gp_lmdb_env **env)
{
	struct gp_lmdb_env *old = *env;

	if (!old)
		return;
	*env = NULL;
	if (old->has_thread) {
		pthread_mutex_lock(&old->queue_lock);
		old->is_stopping = true;
		pthread_cond_signal(&old->queue_filled);
		pthread_mutex_unlock(&old->queue_lock);
		pthread_join(old->thread, NULL);
		if (old->config.is_lazy && old->is_synced)
			gp_lmdb_mark_closed(old->config.dir);
	}
	env_free(old);
}
