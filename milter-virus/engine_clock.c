/*
 * libclamav's clock stands still while its worker waits for an answer.
 *
 * The library bounds the time of a scan (CL_ENGINE_MAX_SCANTIME) by gettimeofday() from its
 * beginning, and cannot be told that some of it was spent in our callback, where another worker's
 * verdict may be waited for as long as a scan may take.  So this program has a function of that
 * name in the place of libc's, as engine_faults.c has others.
 */
#include "milter-virus/engine_clock.h"

#include <stddef.h>
#include <sys/time.h>
#include <time.h>

#define SECOND_US 1000000

static int64_t behind_us; /* always 0 but in a worker */

void virus_clock_begin(void)
{
	behind_us = 0;
}

void virus_clock_hold(int64_t us)
{
	behind_us += us;
}

/* The time zone is nobody's business any more. */
int virus_held_gettimeofday(struct timeval *ret, void *zone) __asm__("gettimeofday")
	__attribute__((visibility("default")));

int virus_held_gettimeofday(struct timeval *ret, void *zone)
{
	struct timespec now;
	int64_t us;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -1;
	us = (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000 - behind_us;
	*ret = (struct timeval){.tv_sec = us / SECOND_US, .tv_usec = us % SECOND_US};
	return 0;
}
