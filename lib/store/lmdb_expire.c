/*
 * Forgetting on LMDB: a step is one small transaction, so that learning gets in between.
 *
 * A deletion copies pages before it frees them; steps may therefore use some room beyond a
 * full map (lmdb_env.h).
 */
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/store/bucket.h"
#include "lib/store/expiry.h"
#include "lib/store/keys.h"
#include "lib/store/lmdb_scope.h"

struct expire {
	struct gp_lmdb_work work;
	char scope[GP_STORE_SCOPE_MAX + 1];
	struct gp_expiry_step step;
	uint64_t tokens, digests; /* out */
};

static int forget_tokens(struct expire *e, struct gp_lmdb_env *env, MDB_txn *txn,
			 struct gp_lmdb_scope *row)
{
	GP_BUF_AUTO content = GP_BUF_INIT(GP_BUCKET_MAX);
	MDB_dbi db = gp_lmdb_db(env, GP_LMDB_TOKENS);
	int rc = 0;

	for (uint32_t b = e->step.from; rc == 0 && b < e->step.from + e->step.n; b++) {
		uint64_t id = row->id << 32 | b;
		MDB_val key = {.mv_size = sizeof(id), .mv_data = &id}, value;
		size_t gone;

		rc = mdb_get(txn, db, &key, &value);
		if (rc == MDB_NOTFOUND) {
			rc = 0;
			continue;
		}
		gp_buf_reset(&content);
		gone = rc != 0 ? 0
			       : gp_bucket_expire(gp_str_n(value.mv_data, value.mv_size),
						  e->step.count_max, e->step.before, &content);
		if (gone > 0)
			rc = gp_lmdb_bucket_put(txn, db, &key, &content);
		e->tokens += gone;
	}
	row->tokens -= GP_MIN(e->tokens, row->tokens);
	return rc != 0 || e->tokens == 0 ? rc : gp_lmdb_scope_put(env, txn, e->scope, row);
}

/* Those of one slice whose day is over; those without a day get today's. */
static int forget_slice(struct expire *e, MDB_cursor *cursor, uint64_t id, uint32_t slice)
{
	unsigned char first[GP_SHA256_SIZE] = {(unsigned char)(slice >> 4),
					       (unsigned char)(slice << 4)};
	unsigned char buf[GP_LMDB_SEEN_KEY];
	MDB_val key = gp_lmdb_seen_key(id, first, buf), value;
	int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

	for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		unsigned char seen[GP_LMDB_SEEN_SIZE];
		const unsigned char *k = key.mv_data;
		uint16_t day;

		if (key.mv_size != GP_LMDB_SEEN_KEY || memcmp(k, buf, 5) != 0 ||
		    (k[5] & 0xf0) != first[1])
			break;
		if (!gp_lmdb_seen_day(&value, &day)) {
			MDB_val stamped = {.mv_size = sizeof(seen), .mv_data = seen};

			gp_lmdb_seen_value(*(const unsigned char *)value.mv_data, e->step.today, seen);
			rc = mdb_cursor_put(cursor, &key, &stamped, MDB_CURRENT);
		} else if (day < e->step.before) {
			rc = mdb_cursor_del(cursor, 0);
			e->digests++;
		}
		if (rc != 0)
			break;
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int forget_digests(struct expire *e, struct gp_lmdb_env *env, MDB_txn *txn, uint64_t id)
{
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, gp_lmdb_db(env, GP_LMDB_SEEN), &cursor);

	if (rc != 0)
		return rc;
	for (uint32_t i = 0; rc == 0 && i < e->step.n; i++)
		rc = forget_slice(e, cursor, id, e->step.from + i);
	mdb_cursor_close(cursor);
	return rc;
}

static int expire_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct expire *e = (struct expire *)work;
	struct gp_lmdb_scope row;
	int rc = gp_lmdb_scope_get(env, txn, e->scope, &row);

	e->tokens = e->digests = 0;
	if (rc != 0)
		return rc == MDB_NOTFOUND ? 0 : rc;
	return e->step.is_digests ? forget_digests(e, env, txn, row.id)
				  : forget_tokens(e, env, txn, &row);
}

int gp_lmdb_bayes_expire(struct gp_store *st, struct gp_str scope,
			 const struct gp_expiry_step *step, int64_t deadline_ms,
			 uint64_t *ret_forgotten, struct gp_diag *diag)
{
	struct expire *e = gp_xcalloc(1, sizeof(*e));
	struct gp_batch *batch;
	int r;

	(void)gp_str_copy(e->scope, sizeof(e->scope), scope);
	e->step = *step;
	e->work.run = expire_run;
	e->work.is_freeing = true;
	r = gp_lmdb_write(gp_lmdb_of(st)->bayes, &e->work, gp_lmdb_work_free, deadline_ms, &batch,
			  diag);
	if (r == GP_OK)
		*ret_forgotten = e->tokens + e->digests;
	gp_batch_free(&batch);
	if (!step->is_digests)
		gp_cache_touch(gp_lmdb_of(st)->cache, scope);
	return r;
}

int gp_lmdb_bayes_scopes(struct gp_store *st, int64_t deadline_ms, gp_store_item_fn *fn, void *arg,
			 struct gp_diag *diag)
{
	struct gp_lmdb_env *env = gp_lmdb_of(st)->bayes;
	MDB_cursor *cursor;
	MDB_txn *txn;
	MDB_val k, v;
	int rc, r = gp_lmdb_read_begin(env, &txn, diag);

	if (r < 0)
		return r == GP_ENOENT ? GP_OK : r;
	rc = mdb_cursor_open(txn, gp_lmdb_db(env, GP_LMDB_META), &cursor);
	if (rc == 0) {
		rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
		while (rc == 0 && fn(arg, gp_str_n((const char *)k.mv_data + 1, k.mv_size - 1)))
			rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
		mdb_cursor_close(cursor);
	}
	gp_lmdb_read_end(env, &txn);
	return rc == MDB_NOTFOUND ? GP_OK : gp_lmdb_error(env, rc, diag);
}
