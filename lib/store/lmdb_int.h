/*
 * The LMDB store, as its own files see it.
 */
#ifndef GP_STORE_LMDB_INT_H
#define GP_STORE_LMDB_INT_H

#include "lib/store/cache.h"
#include "lib/store/keys.h"
#include "lib/store/lmdb_env.h"
#include "lib/store/store_int.h"

enum { GP_LMDB_META, GP_LMDB_TOKENS, GP_LMDB_SEEN }; /* databases of bayes/ */
enum { GP_LMDB_RECORDS, GP_LMDB_RINGS };	     /* of spam/, dkim/, limits/, virus/ */

struct gp_store_lmdb {
	struct gp_store store;
	char *bayes_dir, *spam_dir, *dkim_dir, *limits_dir, *virus_dir;
	struct gp_lmdb_env *bayes, *spam, *dkim, *limits, *virus;
	struct gp_cache *cache;
};

static inline struct gp_store_lmdb *gp_lmdb_of(struct gp_store *st)
{
	return (struct gp_store_lmdb *)st;
}

/* The environment that holds a table. */
static inline struct gp_lmdb_env *gp_lmdb_of_table(struct gp_store *st, struct gp_str table)
{
	struct gp_store_lmdb *s = gp_lmdb_of(st);

	switch (gp_keys_part(table)) {
	case GP_STORE_DKIM:
		return s->dkim;
	case GP_STORE_LIMITS:
		return s->limits;
	case GP_STORE_VIRUS:
		return s->virus;
	default:
		return s->spam;
	}
}

/* Entries of `records`, in a transaction: LMDB's codes.  Live are those that have not expired. */

/* The value of a live one; MDB_NOTFOUND if it is absent or over. */
int gp_lmdb_live_get(MDB_txn *txn, MDB_dbi db, unsigned char *key, size_t key_len, int64_t now_s,
		     int64_t *ret_until, struct gp_str *ret);
/* At most GP_LMDB_VALUE_MAX bytes: a row of a limit has up to 962. */
#define GP_LMDB_VALUE_MAX 1040
int gp_lmdb_live_put(MDB_txn *txn, MDB_dbi db, unsigned char *key, size_t key_len, int64_t until,
		     const void *data, size_t len);
/* Examines a few entries after the key and deletes those that are over: once a change. */
int gp_lmdb_sweep(MDB_txn *txn, MDB_dbi db, const unsigned char *key, size_t key_len,
		  int64_t now_s);

/* All live ones of one kind and table, in a reading transaction that ends with walk_end. */
struct gp_lmdb_walk {
	struct gp_lmdb_env *env;
	MDB_txn *txn;
	MDB_cursor *cursor;
	int64_t now_s;
	size_t prefix_len;
	unsigned char prefix[GP_KEYS_LMDB_MAX];
	int rc;
	bool has_begun;
};

/* GP_ENOENT: there is no such environment yet; otherwise, on GP_OK, walk_end follows. */
int gp_lmdb_walk_begin(struct gp_store *st, char kind, struct gp_str table, int64_t now_s,
		       struct gp_lmdb_walk *ret, struct gp_diag *diag) GP_MUST_USE;
/* False: there are no more, or an error that walk_end tells.  The value lives until then. */
bool gp_lmdb_walk_next(struct gp_lmdb_walk *walk, int64_t *ret_until_s, struct gp_str *ret);
int gp_lmdb_walk_end(struct gp_lmdb_walk *walk, struct gp_diag *diag) GP_MUST_USE;

/* After work that found no room (lmdb_env.h) in the environment of this table: removes what
 * is over, and of every ring the oldest quarter.  GP_OK: try again, once. */
int gp_lmdb_make_room(struct gp_store *st, struct gp_str table, int64_t deadline_ms) GP_MUST_USE;

/* For work that was handed over with gp_lmdb_submit(): makes room, then hands it over once more.
 * If that fails, work->done gets the reason. */
void gp_lmdb_make_room_then(struct gp_store *st, struct gp_str table, struct gp_lmdb_work *work);

/* The operations, by file. */
void gp_lmdb_greylist_start(struct gp_store *st, struct gp_greylist_call *call);
void gp_lmdb_limit_start(struct gp_store *st, struct gp_limit_call *call);
int gp_lmdb_limit_each(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			bool (*fn)(void *arg, struct gp_str row, int64_t now_ms), void *arg,
			struct gp_diag *diag);
int gp_lmdb_limit_reset(struct gp_store *st, struct gp_str table,
			 const unsigned char (*hashes)[GP_KEYS_HASH], size_t n, int64_t deadline_ms,
			 size_t *ret_n, struct gp_diag *diag);
int gp_lmdb_entry_change(struct gp_store *st, struct gp_str table,
			  const struct gp_entry_change *change, int64_t deadline_ms, bool *ret_done,
			  struct gp_diag *diag);
int gp_lmdb_entry_each(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			gp_store_entry_fn *fn, void *arg, struct gp_diag *diag);
void gp_lmdb_bayes_start(struct gp_store *st, struct gp_bayes_lookup *l);
int gp_lmdb_bayes_learn(struct gp_store *st, struct gp_str scope,
			struct gp_bayes_message *messages, size_t n, int64_t deadline_ms,
			struct gp_diag *diag);
int gp_lmdb_bayes_seen(struct gp_store *st, struct gp_str scope, const unsigned char *digest,
		       int64_t deadline_ms, enum gp_bayes_class *ret, struct gp_diag *diag);
int gp_lmdb_bayes_expire(struct gp_store *st, struct gp_str scope,
			 const struct gp_expiry_step *step, int64_t deadline_ms,
			 uint64_t *ret_forgotten, struct gp_diag *diag);
int gp_lmdb_bayes_scopes(struct gp_store *st, int64_t deadline_ms, gp_store_item_fn *fn, void *arg,
			 struct gp_diag *diag);
int gp_lmdb_record_get(struct gp_store *st, struct gp_str table, struct gp_str key,
		       int64_t deadline_ms, struct gp_record *ret, struct gp_diag *diag);
int gp_lmdb_record_swap(struct gp_store *st, struct gp_str table, struct gp_str key,
			const struct gp_record *old, const struct gp_record *new, int64_t ttl_s,
			int64_t deadline_ms, bool *ret_swapped, struct gp_diag *diag);
int gp_lmdb_counter_add(struct gp_store *st, struct gp_str table, struct gp_str key, int64_t delta,
			int64_t ttl_s, int64_t deadline_ms, int64_t *ret_value,
			struct gp_diag *diag);
int gp_lmdb_ring_add(struct gp_store *st, struct gp_str table, const struct gp_str *items,
		    size_t n, size_t items_max, int64_t deadline_ms, struct gp_diag *diag);
int gp_lmdb_ring_drop(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
		      struct gp_diag *diag);
int gp_lmdb_ring_read(struct gp_store *st, struct gp_str table, size_t n, int64_t deadline_ms,
		      gp_store_item_fn *fn, void *arg, struct gp_diag *diag);
int gp_lmdb_tally_add(struct gp_store *st, struct gp_str table, const struct gp_tally *items,
		     size_t n, int64_t deadline_ms, struct gp_diag *diag);
int gp_lmdb_tally_read(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
		      gp_store_tally_fn *fn, void *arg, int64_t *ret_since_s,
		      struct gp_diag *diag);

#endif
