/*
 * Room in an LMDB environment: the map grows up to its limit; beyond it only work that makes room
 * may write, until enough is free.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/store/lmdb_env_int.h"

/* What only work that makes room may use, beyond a full map: some thousand pages. */
#define RESERVE ((size_t)8 << 20)

/* What the file may grow to, with what only making room uses. */
static size_t size_limit(const struct gp_lmdb_env *env)
{
	return env->config.map_max + RESERVE;
}

int gp_lmdb_room_grow(struct gp_lmdb_env *env, bool is_freeing)
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

void gp_lmdb_room_shrink(struct gp_lmdb_env *env)
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
int gp_lmdb_room_look(struct gp_lmdb_env *env, const struct gp_lmdb_work *w, bool *ret_reserve)
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

void gp_lmdb_room_note_full(struct gp_lmdb_env *env)
{
	size_t left, rows;

	if (env->full_rows == 0 && measure(env, &left, &rows) == 0)
		env->full_rows = rows;
}
