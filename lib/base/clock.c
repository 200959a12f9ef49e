/*
 * clock_gettime, with a hook for tests.
 */
#include "lib/base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t fixed_mono_ms;
static _Atomic int64_t fixed_real_s = -1;

static int64_t now_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t gp_clock_mono_ms(void)
{
	return gp_clock_mono_us() / 1000;
}

int64_t gp_clock_mono_us(void)
{
	if (fixed_real_s >= 0)
		return fixed_mono_ms * 1000;
	return now_us(CLOCK_MONOTONIC);
}

int64_t gp_clock_real_s(void)
{
	if (fixed_real_s >= 0)
		return fixed_real_s;
	return now_us(CLOCK_REALTIME) / 1000000;
}

int64_t gp_clock_real_ms(void)
{
	if (fixed_real_s >= 0)
		return fixed_real_s * 1000;
	return now_us(CLOCK_REALTIME) / 1000;
}

int64_t gp_clock_passing_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

int64_t gp_clock_cpu_us(void)
{
	return now_us(CLOCK_THREAD_CPUTIME_ID);
}

void gp_clock_set(int64_t mono_ms, int64_t real_s)
{
	fixed_mono_ms = mono_ms;
	fixed_real_s = real_s;
}
