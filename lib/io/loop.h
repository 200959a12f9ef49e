/*
 * Event loop: file descriptors, timers and calls from other threads, on one
 * thread of its own.
 *
 *	struct gp_loop *loop;
 *	if (gp_loop_open(&loop, &diag) < 0) …
 *	… sessions ask (lib/io/job.h), lookups answer …
 *	gp_loop_close(&loop);
 *
 * A program has one loop and so one I/O thread; the store and the resolver are
 * guests on it.  Everything below marked "loop thread" may be called only from
 * callbacks, which all run there, so guests need no locks among themselves.
 * Callbacks never block.
 */
#ifndef GP_IO_LOOP_H
#define GP_IO_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct gp_loop;
struct gp_watch;

/* Makes the loop and starts its thread, with all signals blocked there. */
int gp_loop_open(struct gp_loop **ret, struct gp_diag *diag) GP_MUST_USE;
/* Runs the calls already posted, stops the thread, waits for it, frees; clears
 * *loop.  Guests are closed before.  NULL is fine. */
void gp_loop_close(struct gp_loop **loop);
/* Is this the loop's own thread? */
bool gp_loop_is_inside(const struct gp_loop *loop);

/* Calls. */

typedef void gp_call_fn(void *arg);

/* Embedded in the caller's object; one posting at a time. */
struct gp_call {
	gp_call_fn *fn;
	void *arg;
	struct gp_call *next; /* the loop's */
};

/* From any thread: has call->fn(call->arg) run on the loop thread, in order of
 * posting.  The object must live until then; fn may free it. */
void gp_loop_post(struct gp_loop *loop, struct gp_call *call);
/* From any other thread: posts and waits until fn has run. */
void gp_loop_run_in(struct gp_loop *loop, gp_call_fn *fn, void *arg);

/* File descriptors (loop thread). */

enum { GP_IO_READ = 1, GP_IO_WRITE = 2, GP_IO_ERROR = 4 };

/* `events`: what happened, of GP_IO_…; ERROR comes with READ and WRITE set too,
 * so that the following read or write shows the reason. */
typedef void gp_watch_fn(void *arg, unsigned events);

/* Watches fd (level-triggered) for `events` (READ, WRITE or both, or 0 to
 * pause).  NULL with errno when the kernel refuses.  The fd stays the caller's. */
struct gp_watch *gp_loop_watch_fd(struct gp_loop *loop, int fd, unsigned events, gp_watch_fn *fn,
				  void *arg);
void gp_watch_set(struct gp_watch *w, unsigned events);
/* Ends the watch, before the fd is closed; clears *w.  May be called from any
 * callback, also the watch's own; NULL is fine. */
void gp_watch_free(struct gp_watch **w);

/* Timers (loop thread). */

/* Embedded in the caller's object, which outlives it or clears it. */
struct gp_timer {
	gp_call_fn *fn;
	void *arg;
	int64_t at_ms; /* gp_clock_mono_ms() */
	size_t pos;    /* the loop's: place in the heap + 1, 0 = not set */
};

/* Fires once at or after at_ms; setting a set timer moves it. */
void gp_timer_set(struct gp_loop *loop, struct gp_timer *t, int64_t at_ms);
/* Not set: does nothing. */
void gp_timer_clear(struct gp_loop *loop, struct gp_timer *t);

#endif
