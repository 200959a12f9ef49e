/*
 * Limits on LMDB: limits/, in one transaction for all that a call asks.
 */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/limit_row.h"
#include "lib/store/lmdb_int.h"

struct key {
	size_t len;
	unsigned char bytes[GP_KEYS_LMDB_MAX];
};

struct item {
	struct key state_key, mark_key;
	bool has_mark, is_counted; /* the member was counted already */
	int64_t since_ms;	       /* when the row was made */
	struct gp_limit_state state;
};

struct work {
	struct gp_lmdb_work work;
	struct gp_limit_call *call;
	bool had_room_made;
	int64_t now_ms;
	struct item items[]; /* of each take */
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

/* Was the member counted since the row was made, less than a window ago? */
static int read_mark(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i)
{
	struct item *item = &w->items[i];
	struct gp_str have = {0};
	int64_t until, made_ms;
	int rc = gp_lmdb_live_get(txn, db, item->mark_key.bytes, item->mark_key.len, w->now_ms / 1000,
				  &until, &have);

	if (rc != 0)
		return rc == MDB_NOTFOUND ? 0 : rc;
	if (have.len == sizeof(made_ms)) {
		memcpy(&made_ms, have.ptr, sizeof(made_ms));
		item->is_counted = made_ms >= item->since_ms &&
				   made_ms + w->call->takes[i].limit.window_ms > w->now_ms;
	}
	return 0;
}

static int read_item(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i)
{
	struct gp_limit_take *t = &w->call->takes[i];
	struct item *item = &w->items[i];
	struct gp_str have = {0};
	int64_t until;
	int rc = gp_lmdb_live_get(txn, db, item->state_key.bytes, item->state_key.len,
				  w->now_ms / 1000, &until, &have);

	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	gp_limit_row_state(have, w->now_ms, &item->since_ms, &item->state);
	if (item->state.len == 0)
		item->since_ms -= t->age_ms;
	item->is_counted = false;
	rc = item->has_mark ? read_mark(w, txn, db, i) : 0;
	if (rc == 0)
		gp_limit_look(&t->limit, &item->state, w->now_ms, amount_of(w, i), &t->answer);
	return rc;
}

static int put_row(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i, int64_t until_s)
{
	struct gp_str head = gp_limit_call_head(w->call, i);
	struct item *item = &w->items[i];
	unsigned char row[GP_LIMIT_ROW_MAX];
	size_t len = head.len;

	memcpy(row, head.ptr, head.len);
	len += gp_limit_row_put(item->since_ms, &item->state, row + len);
	return gp_lmdb_live_put(txn, db, item->state_key.bytes, item->state_key.len, until_s, row, len);
}

/* After the clock was put back. */
static int heal_item(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i)
{
	const struct gp_limit *limit = &w->call->takes[i].limit;

	if (!gp_limit_heal(limit, &w->items[i].state, w->now_ms))
		return 0;
	return put_row(w, txn, db, i, (w->now_ms + gp_limit_lifetime_ms(limit)) / 1000 + 1);
}

static int count_item(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i)
{
	struct gp_limit_take *t = &w->call->takes[i];
	struct item *item = &w->items[i];
	int64_t until_s = (w->now_ms + gp_limit_lifetime_ms(&t->limit)) / 1000 + 1;
	int64_t at_ms = w->now_ms - t->age_ms;
	int rc;

	if (amount_of(w, i) == 0 || t->age_ms >= t->limit.window_ms)
		return 0;
	gp_limit_count_at(&t->limit, &item->state, w->now_ms, at_ms, amount_of(w, i));
	at_ms = GP_MAX(at_ms, item->since_ms);
	rc = put_row(w, txn, db, i, until_s);
	if (rc == 0 && item->has_mark)
		rc = gp_lmdb_live_put(txn, db, item->mark_key.bytes, item->mark_key.len, until_s,
				      &at_ms, sizeof(at_ms));
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
		if (rc == 0)
			rc = heal_item(w, txn, db, i);
		has_room &= w->call->takes[i].answer.passed;
		if (rc == 0 && mode == GP_LIMIT_COUNT)
			rc = count_item(w, txn, db, i);
	}
	for (size_t i = 0; rc == 0 && mode == GP_LIMIT_TAKE && has_room && i < w->call->n; i++)
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
	struct work *w = gp_xcalloc(1, sizeof(*w) + call->n * sizeof(w->items[0]));

	w->work.run = run;
	w->work.done = done;
	w->work.is_small = true;
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

/* Administration. */

int gp_lmdb_limit_each(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
		       bool (*fn)(void *arg, struct gp_str row, int64_t now_ms), void *arg,
		       struct gp_diag *diag)
{
	struct gp_lmdb_walk walk;
	int64_t now_ms = gp_clock_real_ms();
	struct gp_str row;
	int64_t until_s;
	int r = gp_lmdb_walk_begin(st, 'q', table, now_ms / 1000, &walk, diag);

	if (r < 0)
		return r == GP_ENOENT ? GP_OK : r;
	while (gp_lmdb_walk_next(&walk, &until_s, &row) && fn(arg, row, now_ms))
		;
	return gp_lmdb_walk_end(&walk, diag);
}

struct reset {
	struct gp_lmdb_work work;
	size_t n, n_known;
	struct key keys[GP_LIMIT_TAKES_MAX];
};

static int reset_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct reset *reset = (struct reset *)work;
	MDB_dbi db = gp_lmdb_db(env, GP_LMDB_RECORDS);

	reset->n_known = 0;
	for (size_t i = 0; i < reset->n; i++) {
		MDB_val key = {.mv_size = reset->keys[i].len, .mv_data = reset->keys[i].bytes};
		int rc = mdb_del(txn, db, &key, NULL);

		if (rc != 0 && rc != MDB_NOTFOUND)
			return rc;
		reset->n_known += rc == 0;
	}
	return 0;
}

int gp_lmdb_limit_reset(struct gp_store *st, struct gp_str table,
			const unsigned char (*hashes)[GP_KEYS_HASH], size_t n, int64_t deadline_ms,
			size_t *ret_n, struct gp_diag *diag)
{
	struct reset *reset = gp_xcalloc(1, sizeof(*reset));
	struct gp_batch *batch;
	int r;

	reset->work.run = reset_run;
	reset->work.is_freeing = true;
	reset->n = n;
	for (size_t i = 0; i < n; i++)
		reset->keys[i].len = gp_keys_lmdb_hashed('q', table, hashes[i], reset->keys[i].bytes);
	r = gp_lmdb_write(gp_lmdb_of_table(st, table), &reset->work, gp_lmdb_work_free, deadline_ms,
			  &batch, diag);
	if (r == GP_OK)
		*ret_n = reset->n_known;
	gp_batch_free(&batch);
	return r;
}
