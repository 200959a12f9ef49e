/*
 * Walking through the live entries of `records` that share kind and table.
 */
#include "lib/store/lmdb_int.h"

#define HEAD sizeof(int64_t)

int gp_lmdb_walk_begin(struct gp_store *st, char kind, struct gp_str table, int64_t now_s,
		       struct gp_lmdb_walk *ret, struct gp_diag *diag)
{
	unsigned char zero[GP_KEYS_HASH] = {0};
	int r, rc;

	*ret = (struct gp_lmdb_walk){.env = gp_lmdb_of_table(st, table), .now_s = now_s};
	ret->prefix_len = gp_keys_lmdb_hashed(kind, table, zero, ret->prefix) - GP_KEYS_HASH;
	r = gp_lmdb_read_begin(ret->env, &ret->txn, diag);
	if (r < 0)
		return r;
	rc = mdb_cursor_open(ret->txn, gp_lmdb_db(ret->env, GP_LMDB_RECORDS), &ret->cursor);
	if (rc == 0)
		return GP_OK;
	gp_lmdb_read_end(ret->env, &ret->txn);
	return gp_lmdb_error(ret->env, rc, diag);
}

bool gp_lmdb_walk_next(struct gp_lmdb_walk *w, int64_t *ret_until_s, struct gp_str *ret)
{
	MDB_val k = {.mv_size = w->prefix_len, .mv_data = w->prefix}, v;

	for (;;) {
		w->rc = mdb_cursor_get(w->cursor, &k, &v, w->has_begun ? MDB_NEXT : MDB_SET_RANGE);
		w->has_begun = true;
		if (w->rc != 0 || k.mv_size < w->prefix_len ||
		    memcmp(k.mv_data, w->prefix, w->prefix_len) != 0)
			return false;
		if (v.mv_size < HEAD) {
			w->rc = MDB_CORRUPTED;
			return false;
		}
		memcpy(ret_until_s, v.mv_data, HEAD);
		if (*ret_until_s > w->now_s)
			break;
	}
	*ret = gp_str_n((const char *)v.mv_data + HEAD, v.mv_size - HEAD);
	return true;
}

int gp_lmdb_walk_end(struct gp_lmdb_walk *w, struct gp_diag *diag)
{
	mdb_cursor_close(w->cursor);
	gp_lmdb_read_end(w->env, &w->txn);
	return w->rc == 0 || w->rc == MDB_NOTFOUND ? GP_OK : gp_lmdb_error(w->env, w->rc, diag);
}
