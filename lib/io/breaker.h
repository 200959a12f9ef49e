/*
 * Circuit breaker: who failed several times in a row is left alone for a while.
 *
 * Closed: every call passes.  After GP_BREAKER_FAILURES failures in a row it is
 * open: calls are refused at once.  After the rest one call passes as a probe
 * (half open); its success closes the breaker, its failure begins a new rest.
 *
 * Thread-safe.  Every call that passed must be reported, else the probe is lost
 * (a probe not reported within two rests is given up).
 */
#ifndef GP_IO_BREAKER_H
#define GP_IO_BREAKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* One failure may be an accident, and a call in flight when a server restarts
 * fails once for each asker; three in a row are no accident. */
#define GP_BREAKER_FAILURES 3

struct gp_breaker {
	pthread_mutex_t lock;
	int64_t rest_ms;
	unsigned failures;	 /* in a row */
	int64_t open_until_ms;	 /* while failures >= GP_BREAKER_FAILURES */
	bool is_probing;
};

enum gp_breaker_report { GP_BREAKER_GOOD, GP_BREAKER_BAD, GP_BREAKER_NEUTRAL };

void gp_breaker_init(struct gp_breaker *b, int64_t rest_ms);
void gp_breaker_done(struct gp_breaker *b);
/* May this call go through?  If so it must be reported. */
bool gp_breaker_pass(struct gp_breaker *b);
/* True if this report opened or closed the breaker. */
bool gp_breaker_report(struct gp_breaker *b, enum gp_breaker_report report);

#endif
