/*
 * The verdict cache; see the header.
 *
 * Sets of eight places: a digest's first bytes choose the set, and a new verdict takes the place
 * of an old one of its own set: one that no longer holds, else the one that ends first.  So no
 * list is kept, and a stranger who fills the cache displaces others' verdicts at random, which
 * costs a scan and nothing else.  Names of signatures are kept once each.
 */
#include "milter-virus/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"

#define WAYS 8
#define LOCKS 64
#define NAMES_MAX 4096 /* different signatures; what finds no place is scanned again */

struct entry {
	unsigned char digest[GP_SHA256_SIZE];
	int64_t until_ms; /* 0: empty */
	uint32_t generation, worker;
	uint16_t level;
	uint16_t name; /* index + 1 of the signature's; 0: clean */
};

struct virus_cache {
	struct entry *entries;
	size_t n_sets;
	_Atomic int64_t ttl_ms;
	pthread_mutex_t locks[LOCKS]; /* of a set: its number modulo LOCKS */
	pthread_mutex_t names_lock;
	size_t n_names;
	char (*names)[VIRUS_NAME_MAX];
};

static struct gp_metric hits = GP_COUNTER("gatepost_virus_cache_hits_total",
					  "Decoded parts whose verdict was remembered.");
static struct gp_metric misses = GP_COUNTER("gatepost_virus_cache_misses_total",
					    "Decoded parts that were asked about and not known.");

struct virus_cache *virus_cache_new(size_t size, int64_t ttl_ms)
{
	struct virus_cache *c = gp_xcalloc(1, sizeof(*c));

	c->n_sets = (size + WAYS - 1) / WAYS;
	c->ttl_ms = ttl_ms;
	if (c->n_sets > 0) {
		c->entries = gp_xcalloc(c->n_sets * WAYS, sizeof(*c->entries));
		c->names = gp_xcalloc(NAMES_MAX, sizeof(*c->names));
	}
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&c->locks[i], NULL);
	pthread_mutex_init(&c->names_lock, NULL);
	return c;
}

void virus_cache_free(struct virus_cache **cache)
{
	struct virus_cache *c = *cache;

	if (!c)
		return;
	*cache = NULL;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&c->locks[i]);
	pthread_mutex_destroy(&c->names_lock);
	free(c->entries);
	free(c->names);
	free(c);
}

void virus_cache_set_ttl(struct virus_cache *c, int64_t ttl_ms)
{
	c->ttl_ms = ttl_ms;
}

bool virus_cache_is_on(const struct virus_cache *c)
{
	return c->n_sets > 0;
}

static struct entry *set_of(struct virus_cache *c, const unsigned char *digest,
			    pthread_mutex_t **ret_lock)
{
	uint64_t number;
	size_t set;

	memcpy(&number, digest, sizeof(number));
	set = (size_t)(number % c->n_sets);
	*ret_lock = &c->locks[set % LOCKS];
	return &c->entries[set * WAYS];
}

static bool is_same(const struct entry *e, uint32_t generation, const unsigned char *digest)
{
	return e->until_ms && e->generation == generation &&
	       memcmp(e->digest, digest, GP_SHA256_SIZE) == 0;
}

enum virus_known virus_cache_get(struct virus_cache *c, uint32_t generation,
				 const struct virus_layer *layer, char ret_name[VIRUS_NAME_MAX])
{
	enum virus_known known = VIRUS_UNKNOWN;
	int64_t now_ms = gp_clock_mono_ms();
	pthread_mutex_t *lock;
	struct entry *set;

	if (!c->n_sets)
		return known;
	set = set_of(c, layer->digest, &lock);
	pthread_mutex_lock(lock);
	for (size_t i = 0; i < WAYS; i++) {
		const struct entry *e = &set[i];

		if (!is_same(e, generation, layer->digest) || e->until_ms <= now_ms)
			continue;
		if (e->name) {
			known = VIRUS_KNOWN_INFECTED;
			memcpy(ret_name, c->names[e->name - 1], VIRUS_NAME_MAX);
		} else if (layer->level <= e->level) {
			known = VIRUS_KNOWN_CLEAN;
		}
		break;
	}
	pthread_mutex_unlock(lock);
	return known;
}

void virus_cache_count(enum virus_known known)
{
	gp_metric_add(known == VIRUS_UNKNOWN ? &misses : &hits, 1);
}

/* The name's number; 0: there is no place for it. */
static uint16_t name_number(struct virus_cache *c, const char *name)
{
	size_t i;

	pthread_mutex_lock(&c->names_lock);
	for (i = 0; i < c->n_names && strcmp(c->names[i], name) != 0; i++)
		;
	if (i == c->n_names && i < NAMES_MAX) {
		virus_name_copy(c->names[i], name, strlen(name));
		c->n_names++;
	}
	pthread_mutex_unlock(&c->names_lock);
	return i < NAMES_MAX ? (uint16_t)(i + 1) : 0;
}

void virus_cache_put(struct virus_cache *c, uint32_t generation, uint32_t worker,
		     const struct virus_layer *layer, const char *name)
{
	uint16_t number = 0;
	pthread_mutex_t *lock;
	struct entry *set, *place;

	if (!c->n_sets || (layer->is_infected && !(number = name_number(c, name))))
		return;
	set = place = set_of(c, layer->digest, &lock);
	pthread_mutex_lock(lock);
	for (size_t i = 0; i < WAYS; i++) {
		if (is_same(&set[i], generation, layer->digest)) {
			place = &set[i];
			break;
		}
		if (set[i].until_ms < place->until_ms)
			place = &set[i];
	}
	*place = (struct entry){.until_ms = gp_clock_mono_ms() + c->ttl_ms,
				.generation = generation,
				.worker = worker,
				.level = layer->level,
				.name = number};
	memcpy(place->digest, layer->digest, GP_SHA256_SIZE);
	pthread_mutex_unlock(lock);
}

void virus_cache_forget(struct virus_cache *c, uint32_t worker)
{
	for (size_t set = 0; set < c->n_sets; set++) {
		struct entry *e = &c->entries[set * WAYS];

		pthread_mutex_lock(&c->locks[set % LOCKS]);
		for (size_t i = 0; i < WAYS; i++)
			if (e[i].worker == worker)
				e[i].until_ms = 0;
		pthread_mutex_unlock(&c->locks[set % LOCKS]);
	}
}

void virus_cache_register_metrics(void)
{
	gp_metric_register(&hits);
	gp_metric_register(&misses);
}
