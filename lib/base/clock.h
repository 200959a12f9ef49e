/*
 * Time.  Everything asks here, so that tests can set it.
 */
#ifndef GP_BASE_CLOCK_H
#define GP_BASE_CLOCK_H

#include <stdint.h>

/* Monotonic milliseconds / microseconds, for deadlines and durations. */
int64_t gp_clock_mono_ms(void);
int64_t gp_clock_mono_us(void);
/* Seconds since 1970, for what is stored and for Date: headers. */
int64_t gp_clock_real_s(void);
/* The same in milliseconds; a clock that a test set stands on the whole second. */
int64_t gp_clock_real_ms(void);
/* As gp_clock_mono_us, but what tests set does not stop it: for measuring what work takes. */
int64_t gp_clock_passing_us(void);
/* CPU time of this thread in microseconds. */
int64_t gp_clock_cpu_us(void);

/* For tests: fixes the monotonic and the real clock; real_s < 0 gives the
 * system's back.  The two then stand still until set again. */
void gp_clock_set(int64_t mono_ms, int64_t real_s);

#endif
