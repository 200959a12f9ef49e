/*
 * Circuit breaker; see the header.
 */
#include "lib/io/breaker.h"

#include "lib/base/clock.h"

void gp_breaker_init(struct gp_breaker *b, int64_t rest_ms)
{
	*b = (struct gp_breaker){.rest_ms = rest_ms};
	pthread_mutex_init(&b->lock, NULL);
}

void gp_breaker_done(struct gp_breaker *b)
{
	pthread_mutex_destroy(&b->lock);
}

bool gp_breaker_pass(struct gp_breaker *b)
{
	int64_t now = gp_clock_mono_ms();
	bool pass = true;

	pthread_mutex_lock(&b->lock);
	if (b->failures >= GP_BREAKER_FAILURES) {
		pass = now >= b->open_until_ms &&
		       (!b->is_probing || now >= b->open_until_ms + b->rest_ms);
		if (pass) {
			b->is_probing = true;
			b->open_until_ms = now;
		}
	}
	pthread_mutex_unlock(&b->lock);
	return pass;
}

bool gp_breaker_report(struct gp_breaker *b, enum gp_breaker_report report)
{
	bool was_open, is_open;

	pthread_mutex_lock(&b->lock);
	was_open = b->failures >= GP_BREAKER_FAILURES;
	if (report == GP_BREAKER_GOOD)
		b->failures = 0;
	else if (report == GP_BREAKER_BAD && b->failures < GP_BREAKER_FAILURES)
		b->failures++;
	is_open = b->failures >= GP_BREAKER_FAILURES;
	/* A straggler that failed while the breaker rests does not prolong the rest. */
	if (is_open && report == GP_BREAKER_BAD && (!was_open || b->is_probing))
		b->open_until_ms = gp_clock_mono_ms() + b->rest_ms;
	b->is_probing = false;
	pthread_mutex_unlock(&b->lock);
	return was_open != is_open;
}
