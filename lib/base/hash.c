/*
 * libxxhash behind two names that say what each hash may be used for.
 */
#include "lib/base/hash.h"

#include <pthread.h>
#include <xxhash.h>

#include "lib/base/rand.h"

static uint64_t table_seed;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void seed_table(void)
{
	gp_rand_bytes(&table_seed, sizeof(table_seed));
}

uint64_t gp_hash64(uint64_t seed, const void *data, size_t len)
{
	return XXH3_64bits_withSeed(data, len, seed);
}

uint64_t gp_hash_table(const void *data, size_t len)
{
	pthread_once(&table_once, seed_table);
	return XXH3_64bits_withSeed(data, len, table_seed);
}
