/*
 * What a program serves, as the skeleton (daemon.h) sees it: a row of calls.
 *
 * A milter names gp_milter_service (milter.h); a program with sockets of its own on
 * the event loop gives its own row.  The order of calls: bind, while there are
 * privileges; then privileges are dropped, the sandbox is entered, the program's
 * start hook runs; register_metrics; serve, on a thread of its own; at a stop:
 * stop, drain, the program's stop hook, and the process ends.
 */
#ifndef GP_DAEMON_SERVICE_H
#define GP_DAEMON_SERVICE_H

#include <stdint.h>

#include "lib/base/err.h"

struct gp_daemon;
struct gp_snapshot;

struct gp_service {
	/* Binds the program's sockets.  GP_E… with the diag ends the program. */
	int (*bind)(const struct gp_daemon *d, const struct gp_snapshot *snap,
		    struct gp_diag *diag);
	/* Serves until it cannot, and then returns: what ends it regularly is the process's
	 * end.  NULL for a program that serves from the loop's thread since its start hook. */
	int (*serve)(struct gp_diag *diag);
	/* No new work from now on. */
	void (*stop)(void);
	/* Waits until work under way is answered, or until the deadline (gp_clock_mono_ms);
	 * returns how many messages are left without an answer. */
	int64_t (*drain)(int64_t deadline_ms);
	void (*register_metrics)(void); /* may be NULL */
};

#endif
