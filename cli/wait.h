/*
 * Waiting for a peer, with an end: until a descriptor is ready, a time has passed, or the
 * user has had enough (Ctrl-C).
 */
#ifndef GP_CLI_WAIT_H
#define GP_CLI_WAIT_H

#include <signal.h>
#include <stdint.h>

#include "lib/base/err.h"

struct cli_wait {
	int64_t deadline_ms; /* by gp_clock_mono_ms() */
	const volatile sig_atomic_t *is_stopped;
	void (*tick)(void *arg); /* called several times a second meanwhile; may be NULL */
	void *arg;
};

/* Until poll(2) says one of `events` (or an error, which the next call on fd will tell).  GP_ETEMP
 * with a diag when the time is up or the user stops it.  NULL: waits for ever. */
int cli_wait_fd(const struct cli_wait *w, int fd, short events, short *ret_events,
		struct gp_diag *diag) GP_MUST_USE;
/* For so long; likewise. */
int cli_wait_ms(const struct cli_wait *w, int64_t ms, struct gp_diag *diag) GP_MUST_USE;

#endif
