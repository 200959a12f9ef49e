/*
 * An LMDB environment: its life, and reading; see the header.  Its file: lmdb_file.c; writing:
 * lmdb_writer.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/lmdb_env_int.h"

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

/* A reader's environment: is it there, and still the one that we have open? */
static void look(struct gp_lmdb_env *env)
{
	int64_t now = gp_clock_mono_ms(), at = atomic_load(&env->look_at_ms);
	char path[4096];
	struct stat st;
	bool exists;

	if (env->config.is_writer || now < at ||
	    !atomic_compare_exchange_strong(&env->look_at_ms, &at, now + GP_LMDB_LOOK_EVERY_MS))
		return;
	gp_lmdb_file_path(env, path, sizeof(path));
	exists = stat(path, &st) == 0;
	pthread_rwlock_wrlock(&env->lock);
	if (env->mdb && (!exists || st.st_dev != env->dev || st.st_ino != env->ino)) {
		mdb_env_close(env->mdb);
		env->mdb = NULL;
	}
	if (!exists)
		env->open_error = GP_ENOENT;
	else if (!env->mdb)
		env->open_error = gp_lmdb_file_open(env, &env->open_diag);
	pthread_rwlock_unlock(&env->lock);
}

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

int gp_lmdb_open(const struct gp_lmdb_config *config, struct gp_lmdb_env **ret,
		 struct gp_diag *diag)
{
	struct gp_lmdb_env *env = env_new(config);

	if (config->is_writer) {
		int r = gp_lmdb_writer_start(env, diag);

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
	if (old->has_thread)
		gp_lmdb_writer_stop(old);
	env_free(old);
}
