/*
 * A worker's own side: the process that reads mail.
 *
 * main() calls worker_child_main() when the program was started as a worker; it prepares
 * what its kind needs, gives up everything else, and serves until its socket ends.
 */
#ifndef GP_CONTROLLER_WORKER_CHILD_H
#define GP_CONTROLLER_WORKER_CHILD_H

#include "controller/worker.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

/* The hidden argument, followed by kind, memory limit in bytes and configuration file
 * ("" for none): a number, a number, a path. */
#define WORKER_ARGUMENT "--worker"

/* A kind of worker. */
struct worker_trade {
	/* Before it is confined: reads what it will need.  `file` is the configuration, or NULL.
	 * May be NULL. */
	int (*prepare)(const char *file, struct gp_diag *diag);
	/* One message; appends the reply, whose ceiling is WORKER_REPLY_MAX.  An error ends the
	 * worker, which is how it is told that this message cannot be worked on.  channel: a socket
	 * for questions, taken over; or -1. */
	int (*work)(struct gp_str params, struct gp_str message, int channel, struct gp_buf *reply);
};

/* The exit status. */
int worker_child_main(int argc, char **argv);

#endif
