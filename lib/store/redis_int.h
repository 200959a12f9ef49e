/*
 * The Redis store, as its own files see it.
 */
#ifndef GP_STORE_REDIS_INT_H
#define GP_STORE_REDIS_INT_H

#include "lib/store/cache.h"
#include "lib/store/redis_conn.h"
#include "lib/store/store_int.h"

#define GP_REDIS_COMMAND_MAX (64u << 20)

struct gp_store_redis {
	struct gp_store store;
	struct gp_loop *loop, *own_loop;
	struct gp_redis_conn *conn;
	struct gp_cache *cache;
	struct gp_tls_context *tls;
	/* What the connection's config points to. */
	char *path, *host, *port, *tls_name, *username, *password;
	size_t password_len;
	int64_t db;
};

static inline struct gp_store_redis *gp_redis_of(struct gp_store *st)
{
	return (struct gp_store_redis *)st;
}

/* A call that waits for its answer.
 *
 *	c = gp_redis_call_new(NULL, 2);  gp_redis_arg(&c->req.command, …); …
 *	r = gp_redis_call_wait(st, c, deadline, &batch, diag);
 *	… read c's fields if r is GP_OK …
 *	gp_batch_free(&batch);
 */
struct gp_redis_call {
	struct gp_job job;
	struct gp_redis_request req;
	struct gp_diag diag;
	enum gp_reply_type type;
	int64_t integer;
	struct gp_buf text;  /* of a string; of all items of an array, one after the other */
	size_t *lens, n;     /* of the items (strings only; others are empty) */
};

/* With a script, `args` counts what follows the script: the number of keys, keys, values. */
struct gp_redis_call *gp_redis_call_new(const struct gp_script *script, size_t args)
	__attribute__((returns_nonnull));
int gp_redis_call_wait(struct gp_store *st, struct gp_redis_call *c, int64_t deadline_ms,
		       struct gp_batch **ret_batch, struct gp_diag *diag) GP_MUST_USE;

/* Hex digits of a bucket's name in a scope of so many bits. */
unsigned gp_redis_digits(unsigned bits);

/* The operations, by file. */
void gp_redis_greylist_start(struct gp_store *st, struct gp_greylist_call *call);
void gp_redis_limit_start(struct gp_store *st, struct gp_limit_call *call);
int gp_redis_limit_each(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			bool (*fn)(void *arg, struct gp_str row, int64_t now_ms), void *arg,
			struct gp_diag *diag);
int gp_redis_limit_reset(struct gp_store *st, struct gp_str table,
			 const unsigned char (*hashes)[GP_KEYS_HASH], size_t n, int64_t deadline_ms,
			 size_t *ret_n, struct gp_diag *diag);
int gp_redis_entry_change(struct gp_store *st, struct gp_str table,
			  const struct gp_entry_change *change, int64_t deadline_ms, bool *ret_done,
			  struct gp_diag *diag);
int gp_redis_entry_each(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			gp_store_entry_fn *fn, void *arg, struct gp_diag *diag);
void gp_redis_bayes_start(struct gp_store *st, struct gp_bayes_lookup *l);
int gp_redis_bayes_learn(struct gp_store *st, struct gp_str scope,
			 struct gp_bayes_message *messages, size_t n, int64_t deadline_ms,
			 struct gp_diag *diag);
int gp_redis_bayes_seen(struct gp_store *st, struct gp_str scope, const unsigned char *digest,
			int64_t deadline_ms, enum gp_bayes_class *ret, struct gp_diag *diag);
int gp_redis_bayes_expire(struct gp_store *st, struct gp_str scope,
			 const struct gp_expiry_step *step, int64_t deadline_ms,
			 uint64_t *ret_forgotten, struct gp_diag *diag);
int gp_redis_bayes_scopes(struct gp_store *st, int64_t deadline_ms, gp_store_item_fn *fn, void *arg,
			 struct gp_diag *diag);
int gp_redis_record_get(struct gp_store *st, struct gp_str table, struct gp_str key,
			int64_t deadline_ms, struct gp_record *ret, struct gp_diag *diag);
int gp_redis_record_swap(struct gp_store *st, struct gp_str table, struct gp_str key,
			 const struct gp_record *old, const struct gp_record *new, int64_t ttl_s,
			 int64_t deadline_ms, bool *ret_swapped, struct gp_diag *diag);
int gp_redis_counter_add(struct gp_store *st, struct gp_str table, struct gp_str key,
			 int64_t delta, int64_t ttl_s, int64_t deadline_ms, int64_t *ret_value,
			 struct gp_diag *diag);
int gp_redis_ring_add(struct gp_store *st, struct gp_str table, const struct gp_str *items,
		    size_t n, size_t items_max, int64_t deadline_ms, struct gp_diag *diag);
int gp_redis_ring_drop(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
		       struct gp_diag *diag);
int gp_redis_ring_read(struct gp_store *st, struct gp_str table, size_t n, int64_t deadline_ms,
		       gp_store_item_fn *fn, void *arg, struct gp_diag *diag);
int gp_redis_tally_add(struct gp_store *st, struct gp_str table, const struct gp_tally *items,
		     size_t n, int64_t deadline_ms, struct gp_diag *diag);
int gp_redis_tally_read(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
		      gp_store_tally_fn *fn, void *arg, int64_t *ret_since_s,
		      struct gp_diag *diag);

#endif
