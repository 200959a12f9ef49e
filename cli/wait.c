/*
 * Waiting with an end; see the header.
 */
#include "cli/wait.h"

#include <errno.h>
#include <poll.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"

#define SLICE_MS 100 /* between two looks at is_stopped, and two ticks */

static int check(const struct cli_wait *w, int64_t now_ms, struct gp_diag *diag)
{
	if (w->is_stopped && *w->is_stopped) {
		gp_diag_set(diag, "interrupted");
		return GP_ETEMP;
	}
	if (now_ms >= w->deadline_ms) {
		gp_diag_set(diag, "no answer in time");
		return GP_ETEMP;
	}
	if (w->tick)
		w->tick(w->arg);
	return GP_OK;
}

int cli_wait_fd(const struct cli_wait *w, int fd, short events, short *ret_events,
		struct gp_diag *diag)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int n = poll(&p, 1, w ? SLICE_MS : -1);
		int r;

		if (n > 0) {
			*ret_events = p.revents;
			return GP_OK;
		}
		if (n < 0 && errno != EINTR)
			return gp_diag_errno(diag, "poll");
		r = w ? check(w, gp_clock_mono_ms(), diag) : GP_OK;
		if (r < 0)
			return r;
	}
}

int cli_wait_ms(const struct cli_wait *w, int64_t ms, struct gp_diag *diag)
{
	int64_t until_ms = gp_clock_mono_ms() + ms;

	for (;;) {
		int64_t now_ms = gp_clock_mono_ms();
		int r = check(w, now_ms, diag);

		if (r < 0 || now_ms >= until_ms)
			return r;
		(void)poll(NULL, 0, (int)GP_MIN(until_ms - now_ms, SLICE_MS));
	}
}
