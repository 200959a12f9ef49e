/*
 * Answers by question, in shards with a lock each.
 *
 * An entry is one allocation: the answer, its records, the texts, the question's
 * name.  A shard is a hash table with chains and a list by last use.  Copying out
 * happens under the shard's lock: an answer has a few hundred bytes, and counting
 * references would cost more than it saves.
 *
 * A question that is not known is handed on as it is, with the cache as its front:
 * the answer is kept on the answerer's thread, before the asker is told.
 */
#include "lib/dns/dns_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"

/* More threads than that do not answer at once. */
#define SHARDS_MAX 16
/* A smaller shard would have no room for the answers of a busy domain. */
#define SHARD_SIZE_MIN (64 << 10)
/* One answer may take this part of a shard: a few of 64 KB must not be all there is. */
#define ENTRY_SHARE 4
/* What an entry takes, about, to choose the number of buckets. */
#define ENTRY_SIZE_TYPICAL 512
/* malloc's own, about. */
#define MALLOC_OVERHEAD 16

/* A key that was replaced, a policy that was withdrawn: seen after an hour. */
#define TTL_MAX_S 3600
#define TTL_NEGATIVE_MAX_S 300
#define TTL_BOGUS_MAX_S 60
#define TTL_FAILED_S 1

struct entry {
	struct entry *next;	     /* of the bucket */
	struct entry *newer, *older; /* by last use */
	uint64_t hash;
	int64_t until_ms;
	size_t size;
	int result; /* GP_OK, or GP_ETEMP of a SERVFAIL */
	enum gp_dns_type type;
	struct gp_str question;
	struct gp_dns_answer answer;
	struct gp_dns_record records[]; /* and behind them the texts */
};

struct shard {
	pthread_mutex_t lock; /* guards what follows */
	struct entry **buckets;
	struct entry *newest, *oldest;
	size_t used; /* bytes */
};

struct cache {
	struct gp_resolver base;
	struct gp_resolver *inner;
	size_t n_shards, n_buckets; /* powers of two */
	size_t shard_size;
	struct shard shards[SHARDS_MAX];
};

static struct gp_metric hits =
	GP_COUNTER("gatepost_dns_cache_hits_total", "Questions answered from our cache.");
static struct gp_metric misses =
	GP_COUNTER("gatepost_dns_cache_misses_total", "Questions passed on to the resolver.");
static struct gp_metric evictions =
	GP_COUNTER("gatepost_dns_cache_evictions_total", "Answers dropped to make room.");
static struct gp_metric bytes =
	GP_GAUGE("gatepost_dns_cache_bytes", "Memory of the answers in our cache.");

static uint64_t hash_of(const struct gp_dns_question *q)
{
	return gp_hash_table(q->name, strlen(q->name)) ^ (uint64_t)q->type << 32;
}

static struct shard *shard_of(struct cache *c, uint64_t hash)
{
	return &c->shards[hash & (c->n_shards - 1)];
}

/* The shard's number took the lowest bits. */
static struct entry **bucket_of(struct cache *c, struct shard *s, uint64_t hash)
{
	return &s->buckets[(hash >> 8) & (c->n_buckets - 1)];
}

static struct entry *find(struct cache *c, struct shard *s, uint64_t hash,
			  const struct gp_dns_question *q)
{
	struct entry *e = *bucket_of(c, s, hash);

	while (e && !(e->hash == hash && e->type == q->type &&
		      gp_str_eq(e->question, gp_str(q->name))))
		e = e->next;
	return e;
}

static void list_remove(struct shard *s, struct entry *e)
{
	*(e->newer ? &e->newer->older : &s->newest) = e->older;
	*(e->older ? &e->older->newer : &s->oldest) = e->newer;
}

static void list_add(struct shard *s, struct entry *e)
{
	e->newer = NULL;
	e->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = e;
	s->newest = e;
}

static void drop(struct cache *c, struct shard *s, struct entry *e)
{
	struct entry **at = bucket_of(c, s, e->hash);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	list_remove(s, e);
	s->used -= e->size;
	gp_metric_add(&bytes, -(int64_t)e->size);
	free(e);
}

/* Under the lock.  False: not known. */
static bool recall(struct cache *c, struct shard *s, uint64_t hash, struct gp_dns_question *q,
		   int *ret_result)
{
	struct entry *e = find(c, s, hash, q);
	int64_t left_ms;

	if (!e)
		return false;
	left_ms = e->until_ms - gp_clock_mono_ms();
	if (left_ms <= 0) {
		drop(c, s, e);
		return false;
	}
	gp_dns_answer_copy(q->arena, &e->answer, &q->answer);
	q->answer.ttl_s = (uint32_t)((left_ms + 999) / 1000);
	list_remove(s, e);
	list_add(s, e);
	*ret_result = e->result;
	return true;
}

static void ask(struct gp_resolver *r, struct gp_dns_question *q)
{
	struct cache *c = (struct cache *)r;
	uint64_t hash = hash_of(q);
	struct shard *s = shard_of(c, hash);
	bool is_known;
	int result;

	pthread_mutex_lock(&s->lock);
	is_known = recall(c, s, hash, q, &result);
	pthread_mutex_unlock(&s->lock);
	gp_metric_add(is_known ? &hits : &misses, 1);
	if (is_known) {
		gp_dns_answered(q, result);
		return;
	}
	q->resolver = c->inner;
	q->front = r;
	c->inner->ops->ask(c->inner, q);
}

static uint32_t ttl_kept(const struct gp_dns_answer *a, int result)
{
	uint32_t max;

	if (result)
		return result == GP_ETEMP && a->rcode == GP_DNS_SERVFAIL ? TTL_FAILED_S : 0;
	max = a->security == GP_DNS_BOGUS ? TTL_BOGUS_MAX_S
	      : a->n_records		  ? TTL_MAX_S
					  : TTL_NEGATIVE_MAX_S;

	return GP_MIN(a->ttl_s, max);
}

static size_t size_of(const struct gp_dns_question *q)
{
	const struct gp_dns_answer *a = &q->answer;
	size_t size = sizeof(struct entry) + a->n_records * sizeof(*a->records) + a->name.len +
		      strlen(q->name) + MALLOC_OVERHEAD;

	for (size_t i = 0; i < a->n_records; i++)
		size += a->records[i].text.len + a->records[i].strings.len;
	return size;
}

static struct gp_str put(char **at, struct gp_str s)
{
	struct gp_str copy = gp_str_n(*at, s.len);

	if (s.len)
		memcpy(*at, s.ptr, s.len);
	*at += s.len;
	return copy;
}

static struct entry *entry_new(const struct gp_dns_question *q, int result, size_t size)
{
	const struct gp_dns_answer *a = &q->answer;
	struct entry *e = gp_xmalloc(size - MALLOC_OVERHEAD);
	char *at = (char *)&e->records[a->n_records];

	*e = (struct entry){
		.hash = hash_of(q),
		.until_ms = gp_clock_mono_ms() + ttl_kept(a, result) * INT64_C(1000),
		.size = size,
		.result = result,
		.type = q->type,
		.question = put(&at, gp_str(q->name)),
		.answer = *a,
	};
	e->answer.name = put(&at, a->name);
	e->answer.records = e->records;
	for (size_t i = 0; i < a->n_records; i++) {
		e->records[i] = a->records[i];
		e->records[i].text = put(&at, a->records[i].text);
		e->records[i].strings = put(&at, a->records[i].strings);
	}
	return e;
}

/* Under the lock: in the place of an older answer, and of the least used ones. */
static void keep(struct cache *c, struct shard *s, const struct gp_dns_question *q,
		 struct entry *e)
{
	struct entry *old = find(c, s, e->hash, q), **bucket;

	if (old)
		drop(c, s, old);
	while (s->oldest && s->used + e->size > c->shard_size) {
		drop(c, s, s->oldest);
		gp_metric_add(&evictions, 1);
	}
	bucket = bucket_of(c, s, e->hash);
	e->next = *bucket;
	*bucket = e;
	list_add(s, e);
	s->used += e->size;
	gp_metric_add(&bytes, (int64_t)e->size);
}

static void hear(struct gp_resolver *r, const struct gp_dns_question *q, int result)
{
	struct cache *c = (struct cache *)r;
	size_t size;
	struct entry *e;
	struct shard *s;

	if (ttl_kept(&q->answer, result) == 0)
		return;
	size = size_of(q);
	if (size > c->shard_size / ENTRY_SHARE)
		return;
	e = entry_new(q, result, size);
	s = shard_of(c, e->hash);
	pthread_mutex_lock(&s->lock);
	keep(c, s, q, e);
	pthread_mutex_unlock(&s->lock);
}

static void close_cache(struct gp_resolver *r)
{
	struct cache *c = (struct cache *)r;

	gp_resolver_close(&c->inner); /* nobody is heard from after that */
	for (size_t i = 0; i < c->n_shards; i++) {
		struct shard *s = &c->shards[i];

		while (s->oldest)
			drop(c, s, s->oldest);
		free(s->buckets);
		pthread_mutex_destroy(&s->lock);
	}
	free(c);
}

/* The largest power of two that is not above n, 1 at the least. */
static size_t power_below(size_t n)
{
	size_t power = 1;

	while (power <= n / 2)
		power *= 2;
	return power;
}

struct gp_resolver *gp_dns_cache_new(struct gp_resolver *inner, size_t size)
{
	static const struct gp_resolver_ops OPS = {.ask = ask, .hear = hear, .close = close_cache};
	struct cache *c = gp_xcalloc(1, sizeof(*c));

	gp_metric_register(&hits);
	gp_metric_register(&misses);
	gp_metric_register(&evictions);
	gp_metric_register(&bytes);
	c->base.ops = &OPS;
	c->inner = inner;
	c->n_shards = GP_MIN(power_below(size / SHARD_SIZE_MIN), (size_t)SHARDS_MAX);
	c->shard_size = size / c->n_shards;
	c->n_buckets = power_below(c->shard_size / ENTRY_SIZE_TYPICAL);
	for (size_t i = 0; i < c->n_shards; i++) {
		struct shard *s = &c->shards[i];

		pthread_mutex_init(&s->lock, NULL);
		s->buckets = gp_xcalloc(c->n_buckets, sizeof(struct entry *));
		s->used = c->n_buckets * sizeof(struct entry *);
	}
	return &c->base;
}
