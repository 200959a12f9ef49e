/*
 * Limits on LMDB: limits/, in one transaction for all that a call asks.
 */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/lmdb_int.h"

struct key {
	size_t len;
	unsigned char bytes[GP_KEYS_LMDB_MAX];
};

struct item {
	struct key state_key, mark_key;
	bool has_mark, is_counted; /* the member was counted already */
	struct gp_limit_state state;
};

struct work {
	struct gp_lmdb_work work;
	struct gp_limit_call *call;
	bool had_room_made;
	int64_t now_ms;
	struct item items[GP_LIMIT_TAKES_MAX];
};

static void make_key(const struct gp_limit_call *call, char kind, const unsigned char *hash,
		     struct key *ret)
{
	ret->len = gp_keys_lmdb_hashed(kind, gp_str(call->table), hash, ret->bytes);
}

static int64_t amount_of(const struct work *w, size_t i)
{
	return w->items[i].is_counted ? 0 : w->call->takes[i].amount;
}

static int read_item(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i)
{
	struct gp_limit_take *t = &w->call->takes[i];
	struct item *item = &w->items[i];
	struct gp_str have = {0};
	int64_t until;
	int rc;

	item->is_counted = false;
	if (item->has_mark) {
		rc = gp_lmdb_live_get(txn, db, item->mark_key.bytes, item->mark_key.len,
				      w->now_ms / 1000, &until, &have);
		if (rc != 0 && rc != MDB_NOTFOUND)
			return rc;
		/* To the millisecond: it holds when it ends. */
		if (rc == 0 && have.len == sizeof(until)) {
			memcpy(&until, have.ptr, sizeof(until));
			item->is_counted = until > w->now_ms;
		}
	}
	rc = gp_lmdb_live_get(txn, db, item->state_key.bytes, item->state_key.len, w->now_ms / 1000,
			      &until, &have);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	item->state.len = 0;
	if (rc == 0 && have.len <= sizeof(item->state.data)) {
		memcpy(item->state.data, have.ptr, have.len);
		item->state.len = (uint32_t)have.len;
	}
	gp_limit_look(&t->limit, &item->state, w->now_ms, amount_of(w, i), &t->answer);
	return 0;
}

static int count_item(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i)
{
	struct gp_limit_take *t = &w->call->takes[i];
	struct item *item = &w->items[i];
	int64_t until_ms = w->now_ms + t->limit.window_ms, until_s = until_ms / 1000 + 1;
	int rc;

	gp_limit_count(&t->limit, &item->state, w->now_ms, amount_of(w, i));
	rc = gp_lmdb_live_put(txn, db, item->state_key.bytes, item->state_key.len, until_s,
			      item->state.data, item->state.len);
	if (rc == 0 && item->has_mark)
		rc = gp_lmdb_live_put(txn, db, item->mark_key.bytes, item->mark_key.len, until_s,
				      &until_ms, sizeof(until_ms));
	t->answer.used += amount_of(w, i);
	return rc != 0 ? rc : gp_lmdb_sweep(txn, db, item->state_key.bytes, item->state_key.len,
					    w->now_ms / 1000);
}

static int run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct work *w = (struct work *)work;
	MDB_dbi db = gp_lmdb_db(env, GP_LMDB_RECORDS);
	enum gp_limit_mode mode = w->call->mode;
	bool has_room = true;
	int rc = 0;

	w->now_ms = w->call->now_ms ? w->call->now_ms : gp_clock_real_ms();
	for (size_t i = 0; rc == 0 && i < w->call->n; i++) {
		rc = read_item(w, txn, db, i);
		has_room &= w->call->takes[i].answer.passed;
	}
	if (rc != 0 || mode == GP_LIMIT_LOOK || (mode == GP_LIMIT_TAKE && !has_room))
		return rc;
	for (size_t i = 0; rc == 0 && i < w->call->n; i++)
		if (amount_of(w, i) > 0)
			rc = count_item(w, txn, db, i);
	return rc;
}

static void done(struct gp_lmdb_work *work, int result)
{
	struct work *w = (struct work *)work;

	if (work->is_full && !w->had_room_made) {
		w->had_room_made = true;
		gp_lmdb_make_room_then(w->call->store, gp_str(w->call->table), work);
		return;
	}
	gp_store_limit_done(w->call, result, &work->diag);
}

void gp_lmdb_limit_start(struct gp_store *st, struct gp_limit_call *call)
{
	struct work *w = gp_xcalloc(1, sizeof(*w));

	w->work.run = run;
	w->work.done = done;
	w->call = call;
	call->extra = w;
	call->free_extra = free;
	for (size_t i = 0; i < call->n; i++) {
		const unsigned char *mark = gp_limit_call_member(call, i);

		make_key(call, 'q', gp_limit_call_key(call, i), &w->items[i].state_key);
		w->items[i].has_mark = mark != NULL;
		if (mark)
			make_key(call, 'm', mark, &w->items[i].mark_key);
	}
	gp_lmdb_submit(gp_lmdb_of(st)->limits, &w->work);
}
