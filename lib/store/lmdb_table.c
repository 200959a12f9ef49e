/*
 * Records and counters on LMDB: spam/ and dkim/.
 *
 * What has expired does not exist for readers, and is removed in passing: each
 * change looks at the next few entries of the database and deletes those that
 * are over, so it stays in proportion to what lives without a sweep of its own.
 */
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
};

static void change_init(struct change *c, char kind, struct gp_str table, struct gp_str key)
{
	c->now_s = gp_clock_real_s();
	c->key_len = gp_keys_lmdb(kind, table, key, c->key);
}

/* Has a copy written, again if room can be made for it, and puts the results into *proto. */
static int change_write(struct gp_store *st, struct gp_str table, struct change *proto,
			int64_t deadline_ms, struct gp_diag *diag)
{
	bool is_full = true;
	int r = GP_ETEMP;

	for (int tries = 0; is_full && tries < 2; tries++) {
		struct gp_batch *batch;
		struct change *c;

		if (tries > 0 && gp_lmdb_make_room(st, table, deadline_ms) < 0)
			break;
		c = gp_xmalloc(sizeof(*c));
		*c = *proto;
		r = gp_lmdb_write(gp_lmdb_of_table(st, table), &c->work, gp_lmdb_work_free,
				  deadline_ms, &batch, diag);
		is_full = gp_job_is_done(&c->work.job) && c->work.is_full;
		if (r == GP_OK) {
			proto->swapped = c->swapped;
			proto->value = c->value;
		}
		gp_batch_free(&batch);
	}
	return r;
}

int gp_lmdb_live_get(MDB_txn *txn, MDB_dbi db, unsigned char *key, size_t key_len, int64_t now_s,
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

int gp_lmdb_live_put(MDB_txn *txn, MDB_dbi db, unsigned char *key, size_t key_len, int64_t until,
		     const void *data, size_t len)
{
	unsigned char buf[HEAD + GP_LMDB_VALUE_MAX];
	MDB_val k = {.mv_size = key_len, .mv_data = key};
	MDB_val v = {.mv_size = HEAD + len, .mv_data = buf};

	memcpy(buf, &until, HEAD);
	memcpy(buf + HEAD, data, len);
	return mdb_put(txn, db, &k, &v, 0);
}

int gp_lmdb_sweep(MDB_txn *txn, MDB_dbi db, const unsigned char *key, size_t key_len, int64_t now_s)
{
	MDB_cursor *cursor;
	unsigned char from[GP_KEYS_LMDB_MAX];
	MDB_val k = {.mv_size = key_len, .mv_data = from}, v;
	int rc = mdb_cursor_open(txn, db, &cursor);

	if (rc != 0)
		return rc;
	memcpy(from, key, key_len);
	rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	for (int i = 0; i <= SWEEP && rc == 0; i++) {
		int64_t until;

		memcpy(&until, v.mv_data, HEAD);
		if (until <= now_s)
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
			  gp_lmdb_live_get(txn, gp_lmdb_db(env, GP_LMDB_RECORDS), k, k_len,
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
	int rc = gp_lmdb_live_get(txn, db, c->key, c->key_len, c->now_s, &until, &have);

	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	c->swapped = is_expected(c, rc, have);
	if (!c->swapped)
		return 0;
	if (c->has_new)
		rc = gp_lmdb_live_put(txn, db, c->key, c->key_len, c->now_s + c->ttl_s, c->new.data,
				      c->new.len);
	else
		rc = mdb_del(txn, db, &k, NULL);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	return gp_lmdb_sweep(txn, db, c->key, c->key_len, c->now_s);
}

int gp_lmdb_record_swap(struct gp_store *st, struct gp_str table, struct gp_str key,
			const struct gp_record *old, const struct gp_record *new, int64_t ttl_s,
			int64_t deadline_ms, bool *ret_swapped, struct gp_diag *diag)
{
	struct change proto = {.ttl_s = ttl_s, .has_old = old, .has_new = new};
	int r;

	change_init(&proto, 'r', table, key);
	proto.work.run = swap_run;
	if (old)
		proto.old = *old;
	if (new)
		proto.new = *new;
	r = change_write(st, table, &proto, deadline_ms, diag);
	if (r == GP_OK)
		*ret_swapped = proto.swapped;
	return r;
}

/* Counters. */

static int counter_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct change *c = (struct change *)work;
	MDB_dbi db = gp_lmdb_db(env, GP_LMDB_RECORDS);
	int64_t until = c->now_s + c->ttl_s;
	struct gp_str have;
	int rc = gp_lmdb_live_get(txn, db, c->key, c->key_len, c->now_s, &until, &have);

	c->value = 0;
	if (rc == 0 && have.len == sizeof(c->value))
		memcpy(&c->value, have.ptr, sizeof(c->value));
	else if (rc == MDB_NOTFOUND)
		until = c->now_s + c->ttl_s;
	else
		return rc == 0 ? MDB_CORRUPTED : rc;
	if (__builtin_add_overflow(c->value, c->delta, &c->value))
		c->value = c->delta < 0 ? INT64_MIN : INT64_MAX;
	rc = gp_lmdb_live_put(txn, db, c->key, c->key_len, until, &c->value, sizeof(c->value));
	return rc != 0 ? rc : gp_lmdb_sweep(txn, db, c->key, c->key_len, c->now_s);
}

int gp_lmdb_counter_add(struct gp_store *st, struct gp_str table, struct gp_str key, int64_t delta,
			int64_t ttl_s, int64_t deadline_ms, int64_t *ret_value,
			struct gp_diag *diag)
{
	struct change proto = {.ttl_s = ttl_s, .delta = delta};
	int r;

	change_init(&proto, 'c', table, key);
	proto.work.run = counter_run;
	r = change_write(st, table, &proto, deadline_ms, diag);
	if (r == GP_OK)
		*ret_value = proto.value;
	return r;
}
