/*
 * Tallies on LMDB: records that never expire.  The key is 't', TABLE, NUL, the name; the empty
 * name holds since when is counted.
 */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/keys.h"
#include "lib/store/lmdb_int.h"

/* What is added, copied: the asker may leave before the writer. */
struct change {
	struct gp_lmdb_work work;
	char table[33];
	size_t n;
	struct gp_tally *tallies; /* n, their names follow */
	int64_t now_s;
};

static void change_destroy(struct gp_job *job)
{
	struct change *c = (struct change *)job;

	free(c->tallies);
	free(c);
}

struct tally {
	int64_t until_s; /* where a record has its end: never */
	int64_t count, sum;
};

#define TALLY_KEY_MAX (1 + 32 + 1 + GP_TALLY_NAME_MAX)

static MDB_val tally_key(struct gp_str table, struct gp_str name, unsigned char buf[TALLY_KEY_MAX])
{
	buf[0] = 't';
	memcpy(buf + 1, table.ptr, table.len);
	buf[1 + table.len] = '\0';
	if (name.len > 0)
		memcpy(buf + 1 + table.len + 1, name.ptr, name.len);
	return (MDB_val){.mv_size = 1 + table.len + 1 + name.len, .mv_data = buf};
}

/* Zero if there is none. */
static int tally_get(MDB_txn *txn, MDB_dbi db, MDB_val *key, struct tally *ret)
{
	MDB_val v;
	int rc = mdb_get(txn, db, key, &v);

	*ret = (struct tally){.until_s = INT64_MAX};
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc == 0 && v.mv_size != sizeof(*ret))
		return MDB_CORRUPTED;
	if (rc == 0)
		memcpy(ret, v.mv_data, sizeof(*ret));
	return rc;
}

static int tally_put(MDB_txn *txn, MDB_dbi db, MDB_val *key, struct tally *tally)
{
	MDB_val v = {.mv_size = sizeof(*tally), .mv_data = tally};

	return mdb_put(txn, db, key, &v, 0);
}

static int tally_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct change *c = (struct change *)work;
	MDB_dbi db = gp_lmdb_db(env, GP_LMDB_RECORDS);
	unsigned char buf[TALLY_KEY_MAX];
	MDB_val key = tally_key(gp_str(c->table), GP_STR(""), buf);
	struct tally tally;
	int rc = tally_get(txn, db, &key, &tally);

	if (rc == 0 && tally.count == 0) {
		tally.count = c->now_s;
		rc = tally_put(txn, db, &key, &tally);
	}
	for (size_t i = 0; rc == 0 && i < c->n; i++) {
		key = tally_key(gp_str(c->table), c->tallies[i].name, buf);
		rc = tally_get(txn, db, &key, &tally);
		tally.count += c->tallies[i].count;
		tally.sum += c->tallies[i].sum;
		if (rc == 0)
			rc = tally_put(txn, db, &key, &tally);
	}
	return rc;
}

int gp_lmdb_tally_add(struct gp_store *st, struct gp_str table, const struct gp_tally *items,
		      size_t n, int64_t deadline_ms, struct gp_diag *diag)
{
	struct change *c = gp_xcalloc(1, sizeof(*c));
	struct gp_batch *batch;
	size_t total = 0;
	char *at;
	int r;

	for (size_t i = 0; i < n; i++)
		total += items[i].name.len;
	(void)gp_str_copy(c->table, sizeof(c->table), table);
	c->work.run = tally_run;
	c->now_s = gp_clock_real_s();
	c->n = n;
	c->tallies = gp_xmalloc(n * sizeof(*items) + total);
	at = (char *)(c->tallies + n);
	for (size_t i = 0; i < n; i++) {
		c->tallies[i] = items[i];
		c->tallies[i].name = gp_str_n(at, items[i].name.len);
		memcpy(at, items[i].name.ptr, items[i].name.len);
		at += items[i].name.len;
	}
	r = gp_lmdb_write(gp_lmdb_of_table(st, table), &c->work, change_destroy, deadline_ms, &batch,
			  diag);
	gp_batch_free(&batch);
	return r;
}

/* The tallies after the key of the table's empty name. */
static int tally_walk(MDB_cursor *cursor, MDB_val *k, MDB_val *v, gp_store_tally_fn *fn, void *arg,
		      int64_t *ret_since_s)
{
	unsigned char first[TALLY_KEY_MAX];
	size_t len = k->mv_size;
	int rc;

	memcpy(first, k->mv_data, len);
	for (rc = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE); rc == 0;
	     rc = mdb_cursor_get(cursor, k, v, MDB_NEXT)) {
		struct gp_tally item = {0};
		struct tally tally;

		if (k->mv_size < len || memcmp(k->mv_data, first, len) != 0)
			break;
		if (v->mv_size != sizeof(tally))
			return MDB_CORRUPTED;
		memcpy(&tally, v->mv_data, sizeof(tally));
		item.name = gp_str_n((const char *)k->mv_data + len, k->mv_size - len);
		item.count = tally.count;
		item.sum = tally.sum;
		if (item.name.len == 0)
			*ret_since_s = tally.count;
		else if (!fn(arg, &item))
			break;
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int gp_lmdb_tally_read(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
		       gp_store_tally_fn *fn, void *arg, int64_t *ret_since_s,
		       struct gp_diag *diag)
{
	struct gp_lmdb_env *env = gp_lmdb_of_table(st, table);
	unsigned char buf[TALLY_KEY_MAX];
	MDB_val k = tally_key(table, GP_STR(""), buf), v;
	MDB_cursor *cursor;
	MDB_txn *txn;
	int rc, r = gp_lmdb_read_begin(env, &txn, diag);

	if (r < 0)
		return r == GP_ENOENT ? GP_OK : r;
	rc = mdb_cursor_open(txn, gp_lmdb_db(env, GP_LMDB_RECORDS), &cursor);
	if (rc == 0) {
		rc = tally_walk(cursor, &k, &v, fn, arg, ret_since_s);
		mdb_cursor_close(cursor);
	}
	gp_lmdb_read_end(env, &txn);
	return gp_lmdb_error(env, rc, diag);
}
