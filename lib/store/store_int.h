/*
 * What an implementation of the store provides.  For lib/store and the fake in
 * tests/fakes; nobody else includes it.
 *
 * store.c stands before the operations: it checks arguments, shortens the
 * deadline, asks the breaker, measures, and reports.  So an operation gets only
 * valid arguments, and only says what happened.
 */
#ifndef GP_STORE_STORE_INT_H
#define GP_STORE_STORE_INT_H

#include <pthread.h>

#include "lib/io/breaker.h"
#include "lib/store/expiry.h"
#include "lib/store/keys.h"
#include "lib/store/store.h"

/* Reads fail independently of writes (full disk, maxmemory, a held lock). */
enum gp_store_side { GP_STORE_READS, GP_STORE_WRITES, GP_STORE_SIDES };

/* ADD is PUT if there is none. */
enum gp_entry_change_kind { GP_ENTRY_PUT, GP_ENTRY_ADD, GP_ENTRY_DROP };

struct gp_entry_change {
	enum gp_entry_change_kind kind;
	struct gp_str name, value;
	int64_t ttl_s;
};

struct gp_store_ops {
	const char *kind;
	void (*close)(struct gp_store *st); /* frees st as well */
	int (*ping)(struct gp_store *st, int64_t deadline_ms, struct gp_diag *diag);
	/* Answers now or later with gp_store_lookup_done(). */
	void (*bayes_start)(struct gp_store *st, struct gp_bayes_lookup *l);
	int (*bayes_learn)(struct gp_store *st, struct gp_str scope, struct gp_bayes_message *messages,
			   size_t n, int64_t deadline_ms, struct gp_diag *diag);
	int (*bayes_seen)(struct gp_store *st, struct gp_str scope, const unsigned char *digest,
			  int64_t deadline_ms, enum gp_bayes_class *ret, struct gp_diag *diag);
	int (*bayes_expire)(struct gp_store *st, struct gp_str scope,
			    const struct gp_expiry_step *step, int64_t deadline_ms,
			    uint64_t *ret_forgotten, struct gp_diag *diag);
	int (*bayes_scopes)(struct gp_store *st, int64_t deadline_ms, gp_store_item_fn *fn,
			    void *arg, struct gp_diag *diag);
	int (*record_get)(struct gp_store *st, struct gp_str table, struct gp_str key,
			  int64_t deadline_ms, struct gp_record *ret, struct gp_diag *diag);
	int (*record_swap)(struct gp_store *st, struct gp_str table, struct gp_str key,
			   const struct gp_record *old, const struct gp_record *new, int64_t ttl_s,
			   int64_t deadline_ms, bool *ret_swapped, struct gp_diag *diag);
	int (*counter_add)(struct gp_store *st, struct gp_str table, struct gp_str key,
			   int64_t delta, int64_t ttl_s, int64_t deadline_ms, int64_t *ret_value,
			   struct gp_diag *diag);
	int (*ring_add)(struct gp_store *st, struct gp_str table, const struct gp_str *items,
			size_t n, size_t items_max, int64_t deadline_ms, struct gp_diag *diag);
	int (*ring_drop)(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			 struct gp_diag *diag);
	int (*ring_read)(struct gp_store *st, struct gp_str table, size_t n, int64_t deadline_ms,
			 gp_store_item_fn *fn, void *arg, struct gp_diag *diag);
	int (*tally_add)(struct gp_store *st, struct gp_str table, const struct gp_tally *items,
			 size_t n, int64_t deadline_ms, struct gp_diag *diag);
	int (*tally_read)(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			  gp_store_tally_fn *fn, void *arg, int64_t *ret_since_s,
			  struct gp_diag *diag);
	/* Answers now or later with gp_store_greylist_done(). */
	void (*greylist_start)(struct gp_store *st, struct gp_greylist_call *call);
	/* Answers now or later with gp_store_limit_done(). */
	void (*limit_start)(struct gp_store *st, struct gp_limit_call *call);
	/* Calls fn with each row (limit_row.h) that has not expired, and the store's clock. */
	int (*limit_each)(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			  bool (*fn)(void *arg, struct gp_str row, int64_t now_ms), void *arg,
			  struct gp_diag *diag);
	int (*limit_reset)(struct gp_store *st, struct gp_str table,
			   const unsigned char (*hashes)[GP_KEYS_HASH], size_t n,
			   int64_t deadline_ms, size_t *ret_n, struct gp_diag *diag);
	/* *ret_done: whether there was anything to do; GP_ELIMIT when the table is full. */
	int (*entry_change)(struct gp_store *st, struct gp_str table,
			    const struct gp_entry_change *change, int64_t deadline_ms,
			    bool *ret_done, struct gp_diag *diag);
	int (*entry_each)(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			  gp_store_entry_fn *fn, void *arg, struct gp_diag *diag);
};

/* The implementation's struct begins with this one. */
struct gp_store {
	const struct gp_store_ops *ops;
	int64_t timeout_ms;
	struct gp_breaker breakers[GP_STORE_SIDES];
	atomic_bool is_up;
	atomic_bool is_full; /* the last learning found no room; the implementation says so */
	pthread_mutex_t lock; /* guards last_error */
	struct gp_diag last_error;
};

/* Initialises the common part from the options (timeouts); and ends it. */
void gp_store_init(struct gp_store *st, const struct gp_store_ops *ops,
		   const struct gp_store_options *options);
void gp_store_done(struct gp_store *st);

/* Bytes for the local cache of token counts; 0: none. */
size_t gp_store_cache_size(const struct gp_store_options *o);

/* One look-up, and its result. */
struct gp_bayes_lookup {
	struct gp_job job;
	struct gp_store *store;
	int64_t deadline_ms, begun_us;
	char scope[GP_STORE_SCOPE_MAX + 1];
	size_t n;
	uint64_t *tokens;	       /* n */
	struct gp_bayes_count *counts; /* n, zeroed */
	struct gp_bayes_totals totals; /* zeroed */
};

/* Reports and finishes the job; `why` (may be NULL) explains a failure. */
void gp_store_lookup_done(struct gp_bayes_lookup *l, int result, const struct gp_diag *why);

/* One try of greylisting; the implementation may keep something of its own in `extra`. */
struct gp_greylist_call {
	struct gp_job job;
	struct gp_store *store;
	int64_t deadline_ms, begun_us, now_s;
	char table[33];
	unsigned char hash[GP_KEYS_HASH]; /* of who and key … */
	unsigned char who[GP_KEYS_HASH];  /* … and of the record of who */
	struct gp_greylist_rule rule;
	struct gp_greylist_state state; /* out */
	void *extra;			/* freed by `free_extra` with the call */
	void (*free_extra)(void *extra);
};

/* A record to be written; ttl_s 0: it stays as it is. */
struct gp_greylist_write {
	struct gp_record record;
	int64_t ttl_s;
};
/* What the try comes to, and the records after it.  `old`, `who`: those of the key and of who
 * tries, as they are; NULL if there is none.  scripts/greylist.lua takes the same steps on the
 * same bytes. */
void gp_greylist_step(struct gp_greylist_call *call, const struct gp_str *old,
		      const struct gp_str *who, struct gp_greylist_write *ret,
		      struct gp_greylist_write *ret_who);
void gp_store_greylist_done(struct gp_greylist_call *call, int result, const struct gp_diag *why);

/* One call of limits; the implementation may keep something of its own in `extra`. */
struct gp_limit_call {
	struct gp_job job;
	struct gp_store *store;
	int64_t deadline_ms, begun_us, now_ms;
	enum gp_limit_mode mode;
	char table[33];
	void *extra; /* freed by `free_extra` with the call */
	void (*free_extra)(void *extra);
	size_t n;
	bool was_asked; /* the implementation's: the store may have it */
	struct gp_limit_take takes[]; /* keys are copied, and cut; the other names are hashed only */
};
/* What a take has by name. */
enum gp_limit_name { GP_LIMIT_KEY, GP_LIMIT_MEMBER, GP_LIMIT_WHOLE, GP_LIMIT_PART, GP_LIMIT_NAMES };
/* Their hashes, of GP_KEYS_HASH bytes; NULL: it has none. */
const unsigned char *gp_limit_call_hash(const struct gp_limit_call *call, size_t i,
					enum gp_limit_name name);
/* Is this one the same as of the take before? */
bool gp_limit_call_is_same(const struct gp_limit_call *call, size_t i, enum gp_limit_name name);
/* What a row of it begins with (limit_row.h). */
struct gp_str gp_limit_call_head(const struct gp_limit_call *call, size_t i);
void gp_store_limit_done(struct gp_limit_call *call, int result, const struct gp_diag *why);

/* Begin and end of a call that somebody else waits for.  False: the breaker is open. */
bool gp_store_async_begin(struct gp_store *st, enum gp_store_side side, int64_t deadline_ms,
			  int64_t *ret_begun_us, int64_t *ret_deadline_ms);
void gp_store_async_end(struct gp_store *st, enum gp_store_side side, int64_t begun_us,
			int64_t deadline_ms, int result, const struct gp_diag *why);
/* [a-z0-9-]{1,32} */
bool gp_store_table_is_valid(struct gp_str table);

/* The implementations. */
int gp_store_lmdb_open(const char *url, const struct gp_store_options *o, struct gp_store **ret,
		       struct gp_diag *diag) GP_MUST_USE;
int gp_store_redis_open(const char *url, const struct gp_store_options *o, struct gp_store **ret,
			struct gp_diag *diag) GP_MUST_USE;

#endif
