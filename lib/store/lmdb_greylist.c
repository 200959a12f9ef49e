/*
 * Greylisting on LMDB: two records, read and written in one transaction.
 */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/lmdb_int.h"

struct work {
	struct gp_lmdb_work work;
	struct gp_greylist_call *call;
	bool had_room_made;
	size_t key_len; /* of both */
	unsigned char key[GP_KEYS_LMDB_MAX], who[GP_KEYS_LMDB_MAX];
};

static int look(MDB_txn *txn, MDB_dbi db, unsigned char *key, size_t key_len, int64_t now_s,
		struct gp_str *have, const struct gp_str **ret)
{
	int64_t until;
	int rc = gp_lmdb_live_get(txn, db, key, key_len, now_s, &until, have);

	*ret = rc == 0 ? have : NULL;
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int put(MDB_txn *txn, MDB_dbi db, unsigned char *key, size_t key_len, int64_t now_s,
	       const struct gp_greylist_write *w)
{
	int rc;

	if (w->ttl_s == 0)
		return 0;
	rc = gp_lmdb_live_put(txn, db, key, key_len, now_s + w->ttl_s, w->record.data,
			      w->record.len);
	return rc != 0 ? rc : gp_lmdb_sweep(txn, db, key, key_len, now_s);
}

static int run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct work *w = (struct work *)work;
	MDB_dbi db = gp_lmdb_db(env, GP_LMDB_RECORDS);
	int64_t now_s = gp_clock_real_s();
	struct gp_greylist_write write, write_who;
	struct gp_str have = {0}, have_who = {0};
	const struct gp_str *old, *who;
	int rc = look(txn, db, w->key, w->key_len, now_s, &have, &old);

	if (rc == 0)
		rc = look(txn, db, w->who, w->key_len, now_s, &have_who, &who);
	if (rc != 0)
		return rc;
	gp_greylist_step(w->call, old, who, &write, &write_who);
	rc = put(txn, db, w->key, w->key_len, now_s, &write);
	return rc != 0 ? rc : put(txn, db, w->who, w->key_len, now_s, &write_who);
}

static void done(struct gp_lmdb_work *work, int result)
{
	struct work *w = (struct work *)work;
	struct gp_greylist_call *call = w->call;

	if (work->is_full && !w->had_room_made) {
		w->had_room_made = true;
		gp_lmdb_make_room_then(call->store, gp_str(call->table), work);
		return;
	}
	gp_store_greylist_done(call, result, &work->diag);
}

void gp_lmdb_greylist_start(struct gp_store *st, struct gp_greylist_call *call)
{
	struct work *w = gp_xcalloc(1, sizeof(*w));

	w->work.run = run;
	w->work.done = done;
	w->work.is_small = true;
	w->call = call;
	w->key_len = gp_keys_lmdb_hashed('r', gp_str(call->table), call->hash, w->key);
	gp_keys_lmdb_hashed('r', gp_str(call->table), call->who, w->who);
	call->extra = w;
	call->free_extra = free;
	gp_lmdb_submit(gp_lmdb_of_table(st, gp_str(call->table)), &w->work);
}
