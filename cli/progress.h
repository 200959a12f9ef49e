/*
 * A progress line for work that lasts: bar, count, rate, time left.
 *
 * Drawn on standard error, only when that is a terminal, and only once the
 * work has lasted two seconds; gp_progress_done wipes it.
 */
#ifndef GP_CLI_PROGRESS_H
#define GP_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct gp_progress {
	const char *what;    /* "learning" */
	uint64_t total;	     /* in bytes, or whatever unit `done` counts; 0 = unknown */
	uint64_t done;
	uint64_t items;	     /* messages so far, for the rate */
	int64_t started_ms, drawn_ms;
	bool is_terminal, is_drawn;
};

void gp_progress_begin(struct gp_progress *p, const char *what, uint64_t total);
/* Adds one item that covered `units` of the total; draws at most ten times a second. */
void gp_progress_step(struct gp_progress *p, uint64_t units);
void gp_progress_done(struct gp_progress *p);

#endif
