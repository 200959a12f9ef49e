/*
 * The file of an LMDB environment: opened, made, shared with other programs of the group, and missed
 * when somebody takes it away.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/keys.h"
#include "lib/store/lmdb_env_int.h"
#include "lib/store/lmdb_mark.h"

/* Address space, not memory: small enough for 32 bits, doubled when full. */
#define MAP_START ((size_t)64 << 20)
/* More threads than any milter runs; a slot is 64 bytes in the lock file. */
#define READERS_MAX 1024

void gp_lmdb_file_path(const struct gp_lmdb_env *env, char *buf, size_t size)
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

int gp_lmdb_file_open(struct gp_lmdb_env *env, struct gp_diag *diag)
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
	gp_lmdb_file_path(env, path, sizeof(path));
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

/* Other programs of the group read, for which LMDB needs the lock file writable,
 * whatever the umask says. */
int gp_lmdb_file_make(struct gp_lmdb_env *env, struct gp_diag *diag)
{
	mode_t old = umask(0007);
	int r = make_dir(env->config.dir, diag);

	if (r == GP_OK && env->config.is_lazy)
		r = gp_lmdb_mark_open(env->config.dir, diag);
	if (r == GP_OK)
		r = gp_lmdb_file_open(env, diag);
	umask(old);
	if (r == GP_OK)
		share(env->config.dir);
	return r;
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
		r = gp_lmdb_file_open(env, diag);
	if (r == GP_OK)
		(void)!chmod(path, 0660);
	if (r == GP_OK)
		share(env->config.dir);
	env->room = (struct gp_lmdb_place){0};
	env->full_rows = 0;
	pthread_rwlock_unlock(&env->lock);
	return r;
}

void gp_lmdb_file_look_after(struct gp_lmdb_env *env)
{
	int64_t now_ms = gp_clock_mono_ms();
	bool was_open = env->mdb != NULL, is_gone;
	struct gp_diag why = {""};
	char path[4096];
	struct stat st;

	if (now_ms < atomic_load(&env->look_at_ms))
		return;
	atomic_store(&env->look_at_ms, now_ms + GP_LMDB_LOOK_EVERY_MS);
	gp_lmdb_file_path(env, path, sizeof(path));
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
