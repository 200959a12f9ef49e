/*
 * Rows of scopes; the header says the rest.
 */
#include "lib/store/lmdb_scope.h"

#include <stdio.h>

#define META_KEY_MAX (1 + GP_STORE_SCOPE_MAX)

static MDB_val meta_key(const char *scope, char buf[META_KEY_MAX + 1])
{
	int len = snprintf(buf, META_KEY_MAX + 1, "s%s", scope);

	return (MDB_val){.mv_size = (size_t)len, .mv_data = buf};
}

int gp_lmdb_scope_get(struct gp_lmdb_env *env, MDB_txn *txn, const char *scope,
		      struct gp_lmdb_scope *ret)
{
	char buf[META_KEY_MAX + 1];
	MDB_val key = meta_key(scope, buf), value;
	int rc = mdb_get(txn, gp_lmdb_db(env, GP_LMDB_META), &key, &value);

	if (rc != 0)
		return rc;
	if (value.mv_size != sizeof(*ret))
		return MDB_CORRUPTED;
	memcpy(ret, value.mv_data, sizeof(*ret));
	return 0;
}

int gp_lmdb_scope_put(struct gp_lmdb_env *env, MDB_txn *txn, const char *scope,
		      const struct gp_lmdb_scope *row)
{
	char buf[META_KEY_MAX + 1];
	struct gp_lmdb_scope copy = *row;
	MDB_val key = meta_key(scope, buf), value = {.mv_size = sizeof(copy), .mv_data = &copy};

	return mdb_put(txn, gp_lmdb_db(env, GP_LMDB_META), &key, &value, 0);
}

/* Ids count up from 1: as many as there are scopes. */
int gp_lmdb_scope_open(struct gp_lmdb_env *env, MDB_txn *txn, const char *scope,
		       struct gp_lmdb_scope *ret)
{
	MDB_stat stat;
	int rc = gp_lmdb_scope_get(env, txn, scope, ret);

	if (rc != MDB_NOTFOUND)
		return rc;
	rc = mdb_stat(txn, gp_lmdb_db(env, GP_LMDB_META), &stat);
	*ret = (struct gp_lmdb_scope){.id = stat.ms_entries + 1};
	return rc != 0 ? rc : gp_lmdb_scope_put(env, txn, scope, ret);
}

int gp_lmdb_bucket_put(MDB_txn *txn, MDB_dbi db, MDB_val *key, const struct gp_buf *content)
{
	MDB_val value = {.mv_size = content->len, .mv_data = content->data};
	int rc;

	if (content->len > 0)
		return mdb_put(txn, db, key, &value, 0);
	rc = mdb_del(txn, db, key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

MDB_val gp_lmdb_seen_key(uint64_t id, const unsigned char *digest,
			 unsigned char buf[GP_LMDB_SEEN_KEY])
{
	for (int i = 0; i < 4; i++)
		buf[i] = (unsigned char)(id >> (24 - 8 * i));
	memcpy(buf + 4, digest, GP_SHA256_SIZE);
	return (MDB_val){.mv_size = GP_LMDB_SEEN_KEY, .mv_data = buf};
}

void gp_lmdb_seen_value(unsigned char class, uint16_t day, unsigned char ret[GP_LMDB_SEEN_SIZE])
{
	ret[0] = class;
	ret[1] = (unsigned char)day;
	ret[2] = (unsigned char)(day >> 8);
}

bool gp_lmdb_seen_day(const MDB_val *value, uint16_t *ret)
{
	const unsigned char *p = value->mv_data;

	if (value->mv_size != GP_LMDB_SEEN_SIZE)
		return false;
	*ret = (uint16_t)(p[1] | p[2] << 8);
	return true;
}
