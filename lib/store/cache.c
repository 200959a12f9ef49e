/*
 * The local cache of buckets; see the header.
 *
 * A scope is an array of pointers, one per bucket, into an arena.  A held bucket
 * has its names apart from its counts: a look-up touches two cache lines of it
 * instead of five, and fetches them for all tokens before it searches the first.
 */
#include "lib/store/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/bucket.h"
#include "lib/store/keys.h"

struct held {
	uint32_t n;
	uint32_t names[]; /* n; then n times spam, ham (struct gp_bayes_count) */
};

struct scope {
	char name[GP_STORE_SCOPE_MAX + 1];
	struct gp_arena *arena;
	const struct held **buckets; /* 1 << bits; NULL: not held */
	unsigned bits;
	uint64_t generation;
	struct gp_bayes_totals totals;
	_Atomic int64_t compared_ms;
	_Atomic uint64_t used; /* the cache's clock at the last use */
};

struct gp_cache {
	pthread_rwlock_t lock;
	size_t size;
	struct scope scopes[GP_CACHE_SCOPES];
	size_t n_scopes;
	_Atomic uint64_t clock;
	struct scope *filling; /* between begin and finish */
};

static const struct held empty;

static const struct gp_bayes_count *counts_of(const struct held *h)
{
	return (const struct gp_bayes_count *)(h->names + h->n);
}

struct gp_cache *gp_cache_new(size_t size)
{
	struct gp_cache *c = gp_xcalloc(1, sizeof(*c));

	c->size = size;
	pthread_rwlock_init(&c->lock, NULL);
	return c;
}

/* The arena holds the array of pointers too; 256 KiB at a time. */
static void scope_clear(struct scope *s)
{
	gp_arena_freep(&s->arena);
	s->buckets = NULL;
	s->generation = 0;
}

static void scope_open(struct scope *s)
{
	s->arena = gp_arena_new(256 << 10);
	s->buckets = gp_arena_zalloc_n(s->arena, (size_t)1 << s->bits, sizeof(*s->buckets));
}

void gp_cache_free(struct gp_cache **cache)
{
	struct gp_cache *c = *cache;

	*cache = NULL;
	if (!c)
		return;
	for (size_t i = 0; i < c->n_scopes; i++)
		scope_clear(&c->scopes[i]);
	pthread_rwlock_destroy(&c->lock);
	free(c);
}

static struct scope *scope_find(struct gp_cache *c, struct gp_str name)
{
	for (size_t i = 0; i < c->n_scopes; i++) {
		struct scope *s = &c->scopes[i];

		if (gp_str_eq(gp_str(s->name), name)) {
			atomic_store(&s->used, atomic_fetch_add(&c->clock, 1));
			return s;
		}
	}
	return NULL;
}

static struct scope *scope_oldest(struct gp_cache *c, const struct scope *but)
{
	struct scope *oldest = NULL;

	for (size_t i = 0; i < c->n_scopes; i++) {
		struct scope *s = &c->scopes[i];

		if (s != but && s->arena &&
		    (!oldest || atomic_load(&s->used) < atomic_load(&oldest->used)))
			oldest = s;
	}
	return oldest;
}

static size_t memory(const struct gp_cache *c)
{
	size_t sum = 0;

	for (size_t i = 0; i < c->n_scopes; i++)
		sum += c->scopes[i].arena ? gp_arena_size(c->scopes[i].arena) : 0;
	return sum;
}

/* Finding. */

#define AHEAD 64 /* tokens whose memory is on its way while others are searched */

static void count_one(const struct held *h, uint32_t name, struct gp_bayes_count *ret)
{
	for (uint32_t i = 0; i < h->n; i++)
		if (h->names[i] == name) {
			*ret = counts_of(h)[i];
			return;
		}
	*ret = (struct gp_bayes_count){0};
}

static size_t find_all(const struct scope *s, const uint64_t *tokens, size_t n,
		       struct gp_bayes_count *counts, uint32_t *missing)
{
	const struct held *near[AHEAD];
	size_t n_missing = 0;

	for (size_t from = 0; from < n; from += AHEAD) {
		size_t m = GP_MIN((size_t)AHEAD, n - from);

		for (size_t i = 0; i < m; i++)
			__builtin_prefetch(&s->buckets[gp_keys_bucket(tokens[from + i], s->bits)]);
		for (size_t i = 0; i < m; i++) {
			near[i] = s->buckets[gp_keys_bucket(tokens[from + i], s->bits)];
			__builtin_prefetch(near[i]);
		}
		for (size_t i = 0; i < m; i++) {
			if (near[i])
				count_one(near[i], gp_keys_name(tokens[from + i]), &counts[from + i]);
			else
				missing[n_missing++] = (uint32_t)(from + i);
		}
	}
	return n_missing;
}

struct gp_cache_hits gp_cache_find(struct gp_cache *c, struct gp_str scope, const uint64_t *tokens,
				   size_t n, struct gp_bayes_count *counts,
				   struct gp_bayes_totals *totals, uint32_t *ret_missing)
{
	struct gp_cache_hits hits = {.n_missing = n};
	struct scope *s;

	pthread_rwlock_rdlock(&c->lock);
	s = scope_find(c, scope);
	if (s && s->generation != 0) {
		hits.generation = s->generation;
		hits.is_fresh = gp_clock_mono_ms() - atomic_load(&s->compared_ms) < GP_CACHE_TTL_MS;
		hits.n_missing = find_all(s, tokens, n, counts, ret_missing);
		*totals = s->totals;
	}
	pthread_rwlock_unlock(&c->lock);
	if (hits.generation == 0)
		for (size_t i = 0; i < n; i++)
			ret_missing[i] = (uint32_t)i;
	return hits;
}

/* Filling. */

static struct scope *scope_new(struct gp_cache *c, struct gp_str name)
{
	struct scope *s;

	if (c->n_scopes < GP_CACHE_SCOPES) {
		s = &c->scopes[c->n_scopes++];
	} else {
		s = scope_oldest(c, NULL);
		if (!s)
			s = &c->scopes[0];
	}
	scope_clear(s);
	(void)gp_str_copy(s->name, sizeof(s->name), name);
	s->bits = gp_keys_bits(name);
	return s;
}

void gp_cache_begin(struct gp_cache *c, struct gp_str scope, uint64_t generation,
		    const struct gp_bayes_totals *totals)
{
	struct scope *s, *old;

	pthread_rwlock_wrlock(&c->lock);
	c->filling = NULL;
	if (c->size == 0 || generation == 0)
		return;
	s = scope_find(c, scope);
	if (!s)
		s = scope_new(c, scope);
	if (s->generation != generation)
		scope_clear(s);
	while (memory(c) > c->size) {
		old = scope_oldest(c, s);
		scope_clear(old ? old : s);
		if (!old)
			break;
	}
	if (!s->arena)
		scope_open(s);
	s->generation = generation;
	s->totals = *totals;
	atomic_store(&s->compared_ms, gp_clock_mono_ms());
	c->filling = s;
}

void gp_cache_put(struct gp_cache *c, uint32_t bucket, struct gp_str content)
{
	struct scope *s = c->filling;
	uint32_t n = (uint32_t)(content.len / GP_BUCKET_RECORD);
	struct gp_bayes_count *counts;
	struct held *h;

	if (!s || s->buckets[bucket])
		return;
	if (n == 0) {
		s->buckets[bucket] = &empty;
		return;
	}
	h = gp_arena_alloc(s->arena, sizeof(*h) + n * (sizeof(h->names[0]) + sizeof(*counts)));
	h->n = n;
	counts = (struct gp_bayes_count *)(h->names + n);
	for (uint32_t i = 0; i < n; i++)
		gp_bucket_record(content, i, &h->names[i], &counts[i]);
	s->buckets[bucket] = h;
}

void gp_cache_finish(struct gp_cache *c)
{
	pthread_rwlock_unlock(&c->lock);
}

void gp_cache_touch(struct gp_cache *c, struct gp_str scope)
{
	struct scope *s;

	pthread_rwlock_rdlock(&c->lock);
	s = scope_find(c, scope);
	if (s)
		atomic_store(&s->compared_ms, INT64_MIN / 2);
	pthread_rwlock_unlock(&c->lock);
}
