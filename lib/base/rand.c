/*
 * getrandom(2), looped.
 */
#include "lib/base/rand.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>

void gp_rand_bytes(void *buf, size_t len)
{
	unsigned char *p = buf;

	while (len) {
		ssize_t n = getrandom(p, len, 0);

		assert(n > 0 || errno == EINTR);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}
