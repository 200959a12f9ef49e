/*
 * Verdicts on decoded parts by their digest, for a bounded time.
 *
 * A verdict holds for the generation of the engine that gave it, and as long as the worker that
 * gave it behaves: when that crashes or is killed, its verdicts are forgotten, for it may have been
 * in a stranger's hands: clean ones would let harm in, the others keep others' mail out.  Clean verdicts hold at the depth where they were given or
 * above it.  Any thread.
 */
#ifndef GP_VIRUS_CACHE_H
#define GP_VIRUS_CACHE_H

#include "milter-virus/engine.h"

struct virus_cache;

/* size: parts at the most; 0 gives a cache that remembers nothing. */
struct virus_cache *virus_cache_new(size_t size, int64_t ttl_ms) __attribute__((returns_nonnull));
void virus_cache_free(struct virus_cache **cache);
/* Changes the time that verdicts are kept, for new ones. */
void virus_cache_set_ttl(struct virus_cache *cache, int64_t ttl_ms);
bool virus_cache_is_on(const struct virus_cache *cache);

/* Not counted: virus_cache_count(). */
enum virus_known virus_cache_get(struct virus_cache *cache, uint32_t generation,
				 const struct virus_layer *layer, char ret_name[VIRUS_NAME_MAX]);
/* A question was answered so. */
void virus_cache_count(enum virus_known known);
/* name: of the signature, for an infected layer. */
void virus_cache_put(struct virus_cache *cache, uint32_t generation, uint32_t worker,
		     const struct virus_layer *layer, const char *name);
/* Forgets the verdicts of a worker. */
void virus_cache_forget(struct virus_cache *cache, uint32_t worker);
void virus_cache_register_metrics(void);

#endif
