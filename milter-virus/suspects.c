/*
 * Messages that cost workers; see the header.  A crash is rare, so a short list will do.
 */
#include "milter-virus/suspects.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/clock.h"

struct suspect {
	unsigned char digest[GP_SHA256_SIZE];
	int64_t until_ms; /* 0: empty */
	unsigned count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct suspect suspects[VIRUS_SUSPECTS_MAX];
static atomic_bool is_any;

/* Its place, or NULL.  Under the lock. */
static struct suspect *find(const unsigned char *digest)
{
	int64_t now_ms = gp_clock_mono_ms();

	for (size_t i = 0; i < VIRUS_SUSPECTS_MAX; i++)
		if (suspects[i].until_ms > now_ms &&
		    memcmp(suspects[i].digest, digest, GP_SHA256_SIZE) == 0)
			return &suspects[i];
	return NULL;
}

bool virus_suspects_any(void)
{
	return atomic_load(&is_any);
}

unsigned virus_suspects_count(const unsigned char digest[GP_SHA256_SIZE])
{
	const struct suspect *s;
	unsigned count;

	pthread_mutex_lock(&lock);
	s = find(digest);
	count = s ? s->count : 0;
	pthread_mutex_unlock(&lock);
	return count;
}

unsigned virus_suspects_add(const unsigned char digest[GP_SHA256_SIZE])
{
	struct suspect *s;
	unsigned count;

	pthread_mutex_lock(&lock);
	s = find(digest);
	if (!s) {
		s = &suspects[0];
		for (size_t i = 1; i < VIRUS_SUSPECTS_MAX; i++)
			if (suspects[i].until_ms < s->until_ms)
				s = &suspects[i];
		memcpy(s->digest, digest, GP_SHA256_SIZE);
		s->count = 0;
	}
	s->until_ms = gp_clock_mono_ms() + VIRUS_SUSPECT_MS;
	count = ++s->count;
	atomic_store(&is_any, true);
	pthread_mutex_unlock(&lock);
	return count;
}
