/*
 * Records, counters and rings on LMDB: spam/ and dkim/.
 *
 * What has expired does not exist for readers, and is removed in passing: each
 * change looks at the next few entries of the database and deletes those that
 * are over, so it stays in proportion to what lives without a sweep of its own.
 */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/keys.h"
#include "lib/store/lmdb_int.h"

/* Entries examined per change: twice what a change can add. */
#define SWEEP 2

/* A value: when it expires (seconds), then the content. */
#define HEAD sizeof(int64_t)

struct change {
	struct gp_lmdb_work work;
	size_t key_len;
	unsigned char key[GP_KEYS_LMDB_MAX];
	int64_t now_s, ttl_s;
	/* a record */
	bool has_old, has_new, swapped;
	struct gp_record old, new;
	/* a counter */
	int64_t delta, value;
	/* a ring */
	size_t items_max;
	char *item;
	size_t item_len;
};

static void change_destroy(struct gp_job *job)
{
	struct change *c = (struct change *)job;

	free(c->item);
	free(c);
}

static struct change *change_new(char kind, struct gp_str table, struct gp_str key)
{
	struct change *c = gp_xcalloc(1, sizeof(*c));

	c->now_s = gp_clock_real_s();
	c->key_len = gp_keys_lmdb(kind, table, key, c->key);
	return c;
}

/* The live value without its head; MDB_NOTFOUND if it is absent or over. */
static int live_get(MDB_txn *txn, MDB_dbi db, unsigned char *key, size_t key_len, int64_t now_s,
		    int64_t *ret_until, struct gp_str *ret)
{
	MDB_val k = {.mv_size = key_len, .mv_data = key}, v;
	int rc = mdb_get(txn, db, &k, &v);

	if (rc != 0)
		return rc;
	if (v.mv_size < HEAD)
		return MDB_CORRUPTED;
	memcpy(ret_until, v.mv_data, HEAD);
	if (*ret_until <= now_s)
		return MDB_NOTFOUND;
	*ret = gp_str_n((const char *)v.mv_data + HEAD, v.mv_size - HEAD);
	return 0;
}

static int live_put(MDB_txn *txn, MDB_dbi db, struct change *c, int64_t until, const void *data,
		    size_t len)
{
	unsigned char buf[HEAD + GP_RECORD_MAX];
	MDB_val k = {.mv_size = c->key_len, .mv_data = c->key};
	MDB_val v = {.mv_size = HEAD + len, .mv_data = buf};

	memcpy(buf, &until, HEAD);
	memcpy(buf + HEAD, data, len);
	return mdb_put(txn, db, &k, &v, 0);
}

/* Examines the entries after c's key, round to the beginning. */
static int sweep(MDB_txn *txn, MDB_dbi db, struct change *c)
{
	MDB_cursor *cursor;
	unsigned char from[GP_KEYS_LMDB_MAX];
	MDB_val k = {.mv_size = c->key_len, .mv_data = from}, v;
	int rc = mdb_cursor_open(txn, db, &cursor);

	if (rc != 0)
		return rc;
	memcpy(from, c->key, c->key_len);
	rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	for (int i = 0; i <= SWEEP && rc == 0; i++) {
		int64_t until;

		memcpy(&until, v.mv_data, HEAD);
		if (until <= c->now_s)
			rc = mdb_cursor_del(cursor, 0);
		if (rc == 0)
			rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Records. */

int gp_lmdb_record_get(struct gp_store *st, struct gp_str table, struct gp_str key,
		       int64_t deadline_ms, struct gp_record *ret, struct gp_diag *diag)
{
	struct gp_lmdb_env *env = gp_lmdb_of_table(st, table);
	unsigned char k[GP_KEYS_LMDB_MAX];
	size_t k_len = gp_keys_lmdb('r', table, key, k);
	struct gp_str value;
	int64_t until;
	MDB_txn *txn;
	int r = gp_lmdb_read_begin(env, &txn, diag);

	if (r < 0)
		return r;
	r = gp_lmdb_error(env,
			  live_get(txn, gp_lmdb_db(env, GP_LMDB_RECORDS), k, k_len,
				   gp_clock_real_s(), &until, &value),
			  diag);
	if (r == GP_OK && value.len > sizeof(ret->data))
		r = GP_ESYS;
	if (r == GP_OK) {
		ret->len = value.len;
		memcpy(ret->data, value.ptr, value.len);
	}
	gp_lmdb_read_end(env, &txn);
	return r;
}

static bool is_expected(const struct change *c, int rc, struct gp_str have)
{
	if (rc == MDB_NOTFOUND || !c->has_old)
		return rc == MDB_NOTFOUND && !c->has_old;
	return gp_str_eq(have, gp_str_n(c->old.data, c->old.len));
}

static int swap_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct change *c = (struct change *)work;
	MDB_dbi db = gp_lmdb_db(env, GP_LMDB_RECORDS);
	MDB_val k = {.mv_size = c->key_len, .mv_data = c->key};
	struct gp_str have = {0};
	int64_t until;
	int rc = live_get(txn, db, c->key, c->key_len, c->now_s, &until, &have);

	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	c->swapped = is_expected(c, rc, have);
	if (!c->swapped)
		return 0;
	if (c->has_new)
		rc = live_put(txn, db, c, c->now_s + c->ttl_s, c->new.data, c->new.len);
	else
		rc = mdb_del(txn, db, &k, NULL);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	return sweep(txn, db, c);
}

int gp_lmdb_record_swap(struct gp_store *st, struct gp_str table, struct gp_str key,
			const struct gp_record *old, const struct gp_record *new, int64_t ttl_s,
			int64_t deadline_ms, bool *ret_swapped, struct gp_diag *diag)
{
	struct change *c = change_new('r', table, key);
	struct gp_batch *batch;
	int r;

	c->work.run = swap_run;
	c->ttl_s = ttl_s;
	c->has_old = old;
	c->has_new = new;
	if (old)
		c->old = *old;
	if (new)
		c->new = *new;
	r = gp_lmdb_write(gp_lmdb_of_table(st, table), &c->work, change_destroy, deadline_ms, &batch,
			  diag);
	if (r == GP_OK)
		*ret_swapped = c->swapped;
	gp_batch_free(&batch);
	return r;
}

/* Counters. */

static int counter_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct change *c = (struct change *)work;
	MDB_dbi db = gp_lmdb_db(env, GP_LMDB_RECORDS);
	int64_t until = c->now_s + c->ttl_s;
	struct gp_str have;
	int rc = live_get(txn, db, c->key, c->key_len, c->now_s, &until, &have);

	c->value = 0;
	if (rc == 0 && have.len == sizeof(c->value))
		memcpy(&c->value, have.ptr, sizeof(c->value));
	else if (rc == MDB_NOTFOUND)
		until = c->now_s + c->ttl_s;
	else
		return rc == 0 ? MDB_CORRUPTED : rc;
	if (__builtin_add_overflow(c->value, c->delta, &c->value))
		c->value = c->delta < 0 ? INT64_MIN : INT64_MAX;
	rc = live_put(txn, db, c, until, &c->value, sizeof(c->value));
	return rc != 0 ? rc : sweep(txn, db, c);
}

int gp_lmdb_counter_add(struct gp_store *st, struct gp_str table, struct gp_str key, int64_t delta,
			int64_t ttl_s, int64_t deadline_ms, int64_t *ret_value,
			struct gp_diag *diag)
{
	struct change *c = change_new('c', table, key);
	struct gp_batch *batch;
	int r;

	c->work.run = counter_run;
	c->delta = delta;
	c->ttl_s = ttl_s;
	r = gp_lmdb_write(gp_lmdb_of_table(st, table), &c->work, change_destroy, deadline_ms, &batch,
			  diag);
	if (r == GP_OK)
		*ret_value = c->value;
	gp_batch_free(&batch);
	return r;
}

/* Rings: keys TABLE NUL SEQUENCE, so the order is the database's. */

#define RING_KEY_MAX (32 + 1 + 8)

static size_t ring_key(struct gp_str table, uint64_t seq, unsigned char ret[RING_KEY_MAX])
{
	memcpy(ret, table.ptr, table.len);
	ret[table.len] = '\0';
	for (int i = 0; i < 8; i++)
		ret[table.len + 1 + i] = (unsigned char)(seq >> (56 - 8 * i));
	return table.len + 9;
}

static uint64_t ring_seq(const MDB_val *key)
{
	const unsigned char *p = (const unsigned char *)key->mv_data + key->mv_size - 8;
	uint64_t seq = 0;

	for (int i = 0; i < 8; i++)
		seq = seq << 8 | p[i];
	return seq;
}

static bool ring_owns(const MDB_val *key, struct gp_str table)
{
	const char *p = key->mv_data;

	return key->mv_size == table.len + 9 && memcmp(p, table.ptr, table.len) == 0 &&
	       p[table.len] == '\0';
}

/* Moves to the newest item of the table. */
static int ring_last(MDB_cursor *cursor, struct gp_str table, MDB_val *k, MDB_val *v)
{
	unsigned char buf[RING_KEY_MAX];
	int rc;

	*k = (MDB_val){.mv_size = ring_key(table, UINT64_MAX, buf), .mv_data = buf};
	rc = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);
	rc = mdb_cursor_get(cursor, k, v, rc == 0 ? MDB_PREV : MDB_LAST);
	if (rc == 0 && !ring_owns(k, table))
		rc = MDB_NOTFOUND;
	return rc;
}

static int push_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct change *c = (struct change *)work;
	struct gp_str table = gp_str_n(c->key, c->key_len);
	unsigned char buf[RING_KEY_MAX];
	uint64_t seq = 1;
	MDB_cursor *cursor;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, gp_lmdb_db(env, GP_LMDB_RINGS), &cursor);

	if (rc != 0)
		return rc;
	rc = ring_last(cursor, table, &k, &v);
	if (rc == 0)
		seq = ring_seq(&k) + 1;
	if (rc == 0 || rc == MDB_NOTFOUND) {
		k = (MDB_val){.mv_size = ring_key(table, seq, buf), .mv_data = buf};
		v = (MDB_val){.mv_size = c->item_len, .mv_data = c->item};
		rc = mdb_cursor_put(cursor, &k, &v, 0);
	}
	/* The oldest ones that are too many; after a shrunken limit several. */
	while (rc == 0 && seq > c->items_max) {
		k = (MDB_val){.mv_size = ring_key(table, 0, buf), .mv_data = buf};
		rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
		if (rc == 0 && ring_seq(&k) > seq - c->items_max)
			break;
		if (rc == 0)
			rc = mdb_cursor_del(cursor, 0);
	}
	mdb_cursor_close(cursor);
	return rc;
}

int gp_lmdb_ring_push(struct gp_store *st, struct gp_str table, struct gp_str item,
		      size_t items_max, int64_t deadline_ms, struct gp_diag *diag)
{
	struct change *c = gp_xcalloc(1, sizeof(*c));
	struct gp_batch *batch;
	int r;

	memcpy(c->key, table.ptr, table.len);
	c->key_len = table.len;
	c->items_max = items_max;
	c->item_len = item.len;
	c->item = gp_xmalloc(item.len + 1);
	if (item.len > 0)
		memcpy(c->item, item.ptr, item.len);
	c->work.run = push_run;
	r = gp_lmdb_write(gp_lmdb_of_table(st, table), &c->work, change_destroy, deadline_ms, &batch,
			  diag);
	gp_batch_free(&batch);
	return r;
}

static int drop_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct change *c = (struct change *)work;
	struct gp_str table = gp_str_n(c->key, c->key_len);
	unsigned char buf[RING_KEY_MAX];
	MDB_val k = {.mv_size = ring_key(table, 0, buf), .mv_data = buf}, v;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, gp_lmdb_db(env, GP_LMDB_RINGS), &cursor);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	while (rc == 0 && ring_owns(&k, table)) {
		rc = mdb_cursor_del(cursor, 0);
		if (rc == 0)
			rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int gp_lmdb_ring_drop(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
		      struct gp_diag *diag)
{
	struct change *c = gp_xcalloc(1, sizeof(*c));
	struct gp_batch *batch;
	int r;

	memcpy(c->key, table.ptr, table.len);
	c->key_len = table.len;
	c->work.run = drop_run;
	r = gp_lmdb_write(gp_lmdb_of_table(st, table), &c->work, change_destroy, deadline_ms,
			  &batch, diag);
	gp_batch_free(&batch);
	return r;
}

int gp_lmdb_ring_read(struct gp_store *st, struct gp_str table, size_t n, int64_t deadline_ms,
		      gp_store_item_fn *fn, void *arg, struct gp_diag *diag)
{
	struct gp_lmdb_env *env = gp_lmdb_of_table(st, table);
	MDB_cursor *cursor = NULL;
	MDB_txn *txn;
	MDB_val k, v;
	int rc, r = gp_lmdb_read_begin(env, &txn, diag);

	if (r < 0)
		return r == GP_ENOENT ? GP_OK : r;
	rc = mdb_cursor_open(txn, gp_lmdb_db(env, GP_LMDB_RINGS), &cursor);
	if (rc == 0)
		rc = ring_last(cursor, table, &k, &v);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (!ring_owns(&k, table) || !fn(arg, gp_str_n(v.mv_data, v.mv_size)))
			break;
		rc = mdb_cursor_get(cursor, &k, &v, MDB_PREV);
	}
	if (cursor)
		mdb_cursor_close(cursor);
	gp_lmdb_read_end(env, &txn);
	return rc == MDB_NOTFOUND ? GP_OK : gp_lmdb_error(env, rc, diag);
}
