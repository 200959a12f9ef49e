/*
 * A scope of Bayes in LMDB: its row in `meta`, and the forms of what belongs to it.
 */
#ifndef GP_STORE_LMDB_SCOPE_H
#define GP_STORE_LMDB_SCOPE_H

#include "lib/store/lmdb_int.h"

struct gp_lmdb_scope {
	uint64_t id, spam, ham, tokens;
};

/* The functions answer LMDB's codes.  MDB_NOTFOUND: nothing was learned there. */
int gp_lmdb_scope_get(struct gp_lmdb_env *env, MDB_txn *txn, const char *scope,
		      struct gp_lmdb_scope *ret);
int gp_lmdb_scope_put(struct gp_lmdb_env *env, MDB_txn *txn, const char *scope,
		      const struct gp_lmdb_scope *row);
/* As get, but makes it. */
int gp_lmdb_scope_open(struct gp_lmdb_env *env, MDB_txn *txn, const char *scope,
		       struct gp_lmdb_scope *ret);
/* Puts back what became of a bucket; empty ones go. */
int gp_lmdb_bucket_put(MDB_txn *txn, MDB_dbi db, MDB_val *key, const struct gp_buf *content);

/* A message that is known: the key, and its class with the day it was learned. */
#define GP_LMDB_SEEN_KEY (4 + GP_SHA256_SIZE)
#define GP_LMDB_SEEN_SIZE 3
MDB_val gp_lmdb_seen_key(uint64_t id, const unsigned char *digest,
			 unsigned char buf[GP_LMDB_SEEN_KEY]);
void gp_lmdb_seen_value(unsigned char class, uint16_t day, unsigned char ret[GP_LMDB_SEEN_SIZE]);
/* The day; false if it was stored before days were. */
bool gp_lmdb_seen_day(const MDB_val *value, uint16_t *ret);

#endif
