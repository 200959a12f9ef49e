/*
 * The clock by which libclamav bounds the time of a scan.
 */
#ifndef GP_VIRUS_ENGINE_CLOCK_H
#define GP_VIRUS_ENGINE_CLOCK_H

#include <stdint.h>

/* A new scan: the clock is right again.  One thread at a time: workers have one. */
void virus_clock_begin(void);
/* So much of it was spent waiting for an answer: the clock goes behind by it. */
void virus_clock_hold(int64_t us);

#endif
