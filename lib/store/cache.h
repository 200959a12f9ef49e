/*
 * Buckets of token counts kept in this process, so that most look-ups ask nobody.
 *
 * Per scope it holds buckets of one generation of the store (Redis' generation
 * number, LMDB's transaction number), so what it answers is always one state of
 * the store and never a mixture.  The generation is compared at most every
 * GP_CACHE_TTL_MS: for that long another process' learning may go unnoticed.
 * Learning through this process is noticed at once.  A new generation drops the scope.
 *
 * Bounded: a scope that would exceed the whole size is dropped and fills again;
 * for a new scope the one that was used longest ago makes room.
 * Thread-safe.
 */
#ifndef GP_STORE_CACHE_H
#define GP_STORE_CACHE_H

#include "lib/store/store.h"

#define GP_CACHE_TTL_MS 2000
#define GP_CACHE_SCOPES 64

struct gp_cache;

/* size 0: caches nothing. */
struct gp_cache *gp_cache_new(size_t size) __attribute__((returns_nonnull));
void gp_cache_free(struct gp_cache **cache);

struct gp_cache_hits {
	uint64_t generation; /* 0: the scope is not known at all */
	bool is_fresh;	     /* compared with the store recently enough */
	size_t n_missing;    /* tokens whose bucket is not held */
};

/* Fills counts and totals as far as they are held; ret_missing[n] gets the indices of
 * the tokens that are not. */
struct gp_cache_hits gp_cache_find(struct gp_cache *c, struct gp_str scope, const uint64_t *tokens,
				   size_t n, struct gp_bayes_count *counts,
				   struct gp_bayes_totals *totals, uint32_t *ret_missing);

/* What the store answered, in one state of it.  Begin (locks), put each bucket
 * (NULL content: it is empty), finish (unlocks). */
void gp_cache_begin(struct gp_cache *c, struct gp_str scope, uint64_t generation,
		    const struct gp_bayes_totals *totals);
void gp_cache_put(struct gp_cache *c, uint32_t bucket, struct gp_str content);
void gp_cache_finish(struct gp_cache *c);

/* This process changed the scope: compare before the next use. */
void gp_cache_touch(struct gp_cache *c, struct gp_str scope);

#endif
