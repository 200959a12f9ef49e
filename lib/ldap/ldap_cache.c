/*
 * Answers that are kept: a table of sets of a few places each.  A key has its set; what
 * expires first in the set makes room.  The number of entries is fixed at birth and an
 * answer that is kept has a maximum, so memory is bounded whatever is asked.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/mem.h"
#include "lib/ldap/ldap_int.h"

#define WAYS 8
/* The members of a large group are asked for anew rather than kept. */
#define KEPT_MAX 16384

struct kept {
	char *bytes; /* key, then answer; NULL: an empty place */
	size_t key_len, answer_len;
	int64_t until_ms;
	int result;
};

struct ldap_cache {
	pthread_mutex_t lock;
	size_t n_sets;
	int64_t ttl_ms, negative_ttl_ms;
	struct kept *places; /* n_sets × WAYS */
};

struct ldap_cache *ldap_cache_new(size_t entries, int64_t ttl_s, int64_t negative_ttl_s)
{
	struct ldap_cache *c;

	if (entries == 0)
		return NULL;
	c = gp_xcalloc(1, sizeof(*c));
	pthread_mutex_init(&c->lock, NULL);
	c->n_sets = (entries + WAYS - 1) / WAYS;
	c->ttl_ms = ttl_s * 1000;
	c->negative_ttl_ms = negative_ttl_s * 1000;
	c->places = gp_xcalloc(c->n_sets * WAYS, sizeof(*c->places));
	return c;
}

static void forget(struct kept *k)
{
	free(k->bytes);
	*k = (struct kept){0};
}

void ldap_cache_flush(struct ldap_cache *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n_sets * WAYS; i++)
		forget(&c->places[i]);
	pthread_mutex_unlock(&c->lock);
}

void ldap_cache_free(struct ldap_cache *c)
{
	if (!c)
		return;
	ldap_cache_flush(c);
	pthread_mutex_destroy(&c->lock);
	free(c->places);
	free(c);
}

static struct kept *set_of(struct ldap_cache *c, struct gp_str key)
{
	return &c->places[gp_hash_table(key.ptr, key.len) % c->n_sets * WAYS];
}

static struct kept *find(struct kept *set, struct gp_str key)
{
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].bytes && gp_str_eq(gp_str_n(set[i].bytes, set[i].key_len), key))
			return &set[i];
	return NULL;
}

bool ldap_cache_get(struct ldap_cache *c, struct gp_str key, int *ret_result, struct gp_buf *out)
{
	struct kept *k;
	bool is_known;

	if (!c)
		return false;
	pthread_mutex_lock(&c->lock);
	k = find(set_of(c, key), key);
	is_known = k && k->until_ms > gp_clock_mono_ms();
	if (is_known) {
		*ret_result = k->result;
		gp_buf_add(out, k->bytes + k->key_len, k->answer_len);
	}
	pthread_mutex_unlock(&c->lock);
	return is_known;
}

/* Its own place, an empty one, or that of the one that expires first. */
static struct kept *place_for(struct kept *set, struct gp_str key)
{
	struct kept *best = find(set, key);

	if (best)
		return best;
	best = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (!set[i].bytes)
			return &set[i];
		if (set[i].until_ms < best->until_ms)
			best = &set[i];
	}
	return best;
}

void ldap_cache_put(struct ldap_cache *c, struct gp_str key, int result, struct gp_str answer)
{
	int64_t ttl_ms;
	struct kept *k;

	if (!c)
		return;
	ttl_ms = result == GP_OK ? c->ttl_ms : result == GP_ENOENT ? c->negative_ttl_ms : 0;
	pthread_mutex_lock(&c->lock);
	k = place_for(set_of(c, key), key);
	if (ttl_ms > 0 && key.len + answer.len <= KEPT_MAX) {
		forget(k);
		k->bytes = gp_xmalloc(key.len + answer.len + 1);
		memcpy(k->bytes, key.ptr, key.len);
		if (answer.len > 0)
			memcpy(k->bytes + key.len, answer.ptr, answer.len);
		k->key_len = key.len;
		k->answer_len = answer.len;
		k->until_ms = gp_clock_mono_ms() + ttl_ms;
		k->result = result;
	}
	pthread_mutex_unlock(&c->lock);
}
