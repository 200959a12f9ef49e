/*
 * Entries on LMDB: records that hold their name too, so that they can be listed.
 */
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/lmdb_int.h"

/* A value, behind when it expires: length of the name, name, value. */
#define LENGTH sizeof(uint16_t)

struct change {
	struct gp_lmdb_work work;
	enum gp_entry_change_kind kind;
	bool is_done, is_crowded; /* out */
	int64_t ttl_s;
	size_t key_len, prefix_len, len;
	unsigned char key[GP_KEYS_LMDB_MAX];
	char data[LENGTH + GP_ENTRY_NAME_MAX + GP_RECORD_MAX];
};

static struct change *change_new(struct gp_str table, const struct gp_entry_change *change)
{
	struct change *c = gp_xcalloc(1, sizeof(*c));
	uint16_t len = (uint16_t)change->name.len;

	c->kind = change->kind;
	c->ttl_s = change->ttl_s;
	c->key_len = gp_keys_lmdb('e', table, change->name, c->key);
	c->prefix_len = c->key_len - GP_KEYS_HASH;
	c->len = LENGTH + change->name.len + change->value.len;
	memcpy(c->data, &len, LENGTH);
	memcpy(c->data + LENGTH, change->name.ptr, len);
	if (change->value.len > 0)
		memcpy(c->data + LENGTH + len, change->value.ptr, change->value.len);
	return c;
}

/* Counts the table's entries, and removes those that are over. */
static int count(const struct change *c, MDB_txn *txn, MDB_dbi db, int64_t now_s, size_t *ret_n)
{
	unsigned char from[GP_KEYS_LMDB_MAX];
	MDB_val k = {.mv_size = c->prefix_len, .mv_data = from}, v;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, db, &cursor);

	if (rc != 0)
		return rc;
	*ret_n = 0;
	memcpy(from, c->key, c->prefix_len);
	for (rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE); rc == 0;
	     rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		int64_t until_s;

		if (k.mv_size < c->prefix_len || memcmp(k.mv_data, c->key, c->prefix_len) != 0)
			break;
		memcpy(&until_s, v.mv_data, sizeof(until_s));
		*ret_n += until_s > now_s;
		if (until_s <= now_s)
			rc = mdb_cursor_del(cursor, 0);
		if (rc != 0)
			break;
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int put(struct change *c, MDB_txn *txn, MDB_dbi db, int64_t now_s, bool is_new)
{
	size_t n = 0;
	int rc = is_new ? count(c, txn, db, now_s, &n) : 0;

	c->is_crowded = n >= GP_ENTRIES_MAX;
	if (rc != 0 || c->is_crowded)
		return rc;
	c->is_done = true;
	rc = gp_lmdb_live_put(txn, db, c->key, c->key_len, now_s + c->ttl_s, c->data, c->len);
	return rc != 0 ? rc : gp_lmdb_sweep(txn, db, c->key, c->key_len, now_s);
}

static int change_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct change *c = (struct change *)work;
	MDB_dbi db = gp_lmdb_db(env, GP_LMDB_RECORDS);
	MDB_val k = {.mv_size = c->key_len, .mv_data = c->key};
	int64_t now_s = gp_clock_real_s(), until_s;
	struct gp_str have;
	int rc = gp_lmdb_live_get(txn, db, c->key, c->key_len, now_s, &until_s, &have);

	c->is_done = c->is_crowded = false;
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	if (c->kind != GP_ENTRY_DROP)
		return rc == 0 && c->kind == GP_ENTRY_ADD ? 0 : put(c, txn, db, now_s, rc != 0);
	c->is_done = rc == 0;
	return rc == 0 ? mdb_del(txn, db, &k, NULL) : 0;
}

int gp_lmdb_entry_change(struct gp_store *st, struct gp_str table,
			 const struct gp_entry_change *change, int64_t deadline_ms, bool *ret_done,
			 struct gp_diag *diag)
{
	bool is_full = true;
	int r = GP_ETEMP;

	for (int tries = 0; is_full && tries < 2; tries++) {
		struct gp_batch *batch;
		struct change *c;

		if (tries > 0 && gp_lmdb_make_room(st, table, deadline_ms) < 0)
			break;
		c = change_new(table, change);
		c->work.run = change_run;
		c->work.is_freeing = c->kind == GP_ENTRY_DROP;
		r = gp_lmdb_write(gp_lmdb_of_table(st, table), &c->work, gp_lmdb_work_free, deadline_ms,
				  &batch, diag);
		is_full = gp_job_is_done(&c->work.job) && c->work.is_full;
		if (r == GP_OK) {
			*ret_done = c->is_done;
			r = c->is_crowded ? GP_ELIMIT : GP_OK;
		}
		gp_batch_free(&batch);
	}
	return r;
}

static bool parse(struct gp_str data, struct gp_entry *ret)
{
	uint16_t len;

	if (data.len < LENGTH)
		return false;
	memcpy(&len, data.ptr, LENGTH);
	if (data.len - LENGTH < len)
		return false;
	ret->name = gp_str_sub(data, LENGTH, len);
	ret->value = gp_str_sub(data, LENGTH + len, data.len);
	return true;
}

int gp_lmdb_entry_each(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
		       gp_store_entry_fn *fn, void *arg, struct gp_diag *diag)
{
	struct gp_lmdb_walk walk;
	struct gp_entry entry;
	struct gp_str data;
	int64_t now_s = gp_clock_real_s(), until_s;
	int r = gp_lmdb_walk_begin(st, 'e', table, now_s, &walk, diag);

	if (r < 0)
		return r == GP_ENOENT ? GP_OK : r;
	while (gp_lmdb_walk_next(&walk, &until_s, &data)) {
		entry.left_s = until_s - now_s;
		if (parse(data, &entry) && !fn(arg, &entry))
			break;
	}
	return gp_lmdb_walk_end(&walk, diag);
}
