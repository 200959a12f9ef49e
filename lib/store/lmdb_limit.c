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
	struct key keys[GP_LIMIT_NAMES];
	bool is_counted;  /* the member was counted already */
	bool is_told;	  /* all of it was, under its names */
	bool is_named;	  /* so much of it is known under them now */
	int64_t rest;	  /* of the amount, that was not counted under its names */
	int64_t total;	  /* counted under them with it */
	int64_t since_ms; /* when the row was made */
	struct gp_limit_state state;
};

struct work {
	struct gp_lmdb_work work;
	struct gp_limit_call *call;
	bool had_room_made;
	int64_t now_ms;
	struct item items[]; /* of each take */
};

static bool has_name(const struct item *item, enum gp_limit_name name)
{
	return item->keys[name].len > 0;
}

static int64_t amount_of(const struct work *w, size_t i)
{
	return w->items[i].is_counted ? 0 : w->items[i].rest;
}

/* What was counted under a name; 0: nothing. */
static int read_total(struct work *w, MDB_txn *txn, MDB_dbi db, struct key *key,
		      int64_t *ret)
{
	struct gp_str have = {0};
	int64_t until;
	int rc = key->len > 0 ? gp_lmdb_live_get(txn, db, key->bytes, key->len, w->now_ms / 1000,
						 &until, &have)
			      : MDB_NOTFOUND;

	*ret = 0;
	if (rc == 0 && have.len == sizeof(*ret))
		memcpy(ret, have.ptr, sizeof(*ret));
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* What is left to count under the names of a take; the same steps as in scripts/limit.lua. */
static int read_names(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i)
{
	const struct gp_limit_take *t = &w->call->takes[i];
	struct item *item = &w->items[i];
	int64_t known, part;
	int rc;

	item->rest = t->amount;
	item->is_told = item->is_named = false;
	if (!has_name(item, GP_LIMIT_WHOLE) || t->amount == 0)
		return 0;
	rc = read_total(w, txn, db, &item->keys[GP_LIMIT_WHOLE], &known);
	if (rc == 0)
		rc = read_total(w, txn, db, &item->keys[GP_LIMIT_PART], &part);
	if (rc != 0)
		return rc;
	known = GP_MAX(known, t->before);
	if (has_name(item, GP_LIMIT_PART)) {
		item->rest = part > 0 ? 0 : t->amount;
		item->total = GP_MIN(known + t->amount, 2 * GP_LIMIT_AMOUNT_MAX);
	} else {
		item->rest = GP_MAX(t->before + t->amount - known, (int64_t)0);
		item->total = t->before + t->amount;
	}
	item->is_told = item->rest == 0;
	return 0;
}

static int put_name(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i, enum gp_limit_name name,
		    int64_t value)
{
	struct key *key = &w->items[i].keys[name];

	if (key->len == 0)
		return 0;
	return gp_lmdb_live_put(txn, db, key->bytes, key->len, w->now_ms / 1000 + GP_LIMIT_NAME_S + 1,
				&value, sizeof(value));
}

/* Was the member counted since the row was made, less than a window ago? */
static int read_mark(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i)
{
	struct item *item = &w->items[i];
	struct gp_str have = {0};
	int64_t until, made_ms;
	struct key *key = &item->keys[GP_LIMIT_MEMBER];
	int rc = gp_lmdb_live_get(txn, db, key->bytes, key->len, w->now_ms / 1000, &until, &have);

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
	struct key *key = &item->keys[GP_LIMIT_KEY];
	int rc = gp_lmdb_live_get(txn, db, key->bytes, key->len, w->now_ms / 1000, &until, &have);

	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	gp_limit_row_state(have, w->now_ms, &item->since_ms, &item->state);
	if (item->state.len == 0)
		item->since_ms -= t->age_ms;
	item->is_counted = false;
	rc = has_name(item, GP_LIMIT_MEMBER) ? read_mark(w, txn, db, i) : 0;
	if (rc == 0)
		gp_limit_look(&t->limit, &item->state, w->now_ms, amount_of(w, i), &t->answer);
	t->answer.passed |= item->is_told && w->call->mode == GP_LIMIT_TAKE;
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
	return gp_lmdb_live_put(txn, db, item->keys[GP_LIMIT_KEY].bytes, item->keys[GP_LIMIT_KEY].len,
				until_s, row, len);
}

/* After the clock was put back. */
static int heal_item(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i)
{
	const struct gp_limit *limit = &w->call->takes[i].limit;

	if (!gp_limit_heal(limit, &w->items[i].state, w->now_ms))
		return 0;
	return put_row(w, txn, db, i, (w->now_ms + gp_limit_lifetime_ms(limit)) / 1000 + 1);
}

/* What is over near a key that was written.  Members and names lie elsewhere than rows, and there are
 * more of them. */
static int sweep(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i, enum gp_limit_name name)
{
	const struct key *key = &w->items[i].keys[name];

	return key->len == 0 ? 0
			     : gp_lmdb_sweep(txn, db, key->bytes, key->len, w->now_ms / 1000);
}

static int put_marks(struct work *w, MDB_txn *txn, MDB_dbi db, size_t i, int64_t at_ms,
		     int64_t until_s)
{
	struct item *item = &w->items[i];
	struct key *key = &item->keys[GP_LIMIT_MEMBER];
	int rc = 0;

	if (key->len > 0)
		rc = gp_lmdb_live_put(txn, db, key->bytes, key->len, until_s, &at_ms, sizeof(at_ms));
	if (rc == 0)
		rc = sweep(w, txn, db, i, GP_LIMIT_MEMBER);
	item->is_named = true;
	if (gp_limit_call_is_same(w->call, i, GP_LIMIT_WHOLE) && item[-1].is_named &&
	    (!has_name(item, GP_LIMIT_PART) || gp_limit_call_is_same(w->call, i, GP_LIMIT_PART)))
		return rc;
	if (rc == 0)
		rc = put_name(w, txn, db, i, GP_LIMIT_WHOLE, item->total);
	if (rc == 0)
		rc = put_name(w, txn, db, i, GP_LIMIT_PART, 1);
	return rc != 0 ? rc
		       : sweep(w, txn, db, i, has_name(item, GP_LIMIT_PART) ? GP_LIMIT_PART : GP_LIMIT_WHOLE);
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
	if (rc == 0)
		rc = put_marks(w, txn, db, i, at_ms, until_s);
	t->answer.used += amount_of(w, i);
	return rc != 0 ? rc : sweep(w, txn, db, i, GP_LIMIT_KEY);
}

static int run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct work *w = (struct work *)work;
	MDB_dbi db = gp_lmdb_db(env, GP_LMDB_RECORDS);
	enum gp_limit_mode mode = w->call->mode;
	bool has_room = true;
	int rc = 0;

	w->now_ms = w->call->now_ms ? w->call->now_ms : gp_clock_real_ms();
	/* Those that share names all count what none of them had counted. */
	for (size_t i = 0; rc == 0 && i < w->call->n; i++)
		rc = read_names(w, txn, db, i);
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

static const char kinds[GP_LIMIT_NAMES] = {
	[GP_LIMIT_KEY] = 'q', [GP_LIMIT_MEMBER] = 'm', [GP_LIMIT_WHOLE] = 'n', [GP_LIMIT_PART] = 'n'};

static void make_keys(const struct gp_limit_call *call, size_t i, struct item *item)
{
	for (enum gp_limit_name name = GP_LIMIT_KEY; name < GP_LIMIT_NAMES; name++) {
		const unsigned char *hash = gp_limit_call_hash(call, i, name);
		struct key *key = &item->keys[name];

		if (hash)
			key->len = gp_keys_lmdb_hashed(kinds[name], gp_str(call->table), hash, key->bytes);
	}
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
	call->was_asked = true;
	for (size_t i = 0; i < call->n; i++)
		make_keys(call, i, &w->items[i]);
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
