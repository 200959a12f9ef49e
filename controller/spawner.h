/*
 * The spawner: a small process that starts the workers, see worker.h for why it is one.
 *
 * It is forked while the controller has one thread and may still execute programs.  An
 * order is a datagram with the kind of worker; the answer is the same datagram with the
 * worker's socket and its pidfd (SCM_RIGHTS), or with none when it could not be started.
 */
#ifndef GP_CONTROLLER_SPAWNER_H
#define GP_CONTROLLER_SPAWNER_H

#include <stdint.h>

#include "lib/base/err.h"

struct spawner_order {
	uint32_t kind; /* enum worker_kind */
	int32_t err;   /* in an answer: errno of a failure, or 0 */
};

struct spawner_options {
	const char *user; /* to become when started as root */
	const char *file; /* configuration for the workers, or NULL */
	int64_t memory;	  /* bytes for each */
};

/* Forks it; the descriptor is the controller's end.  Call while there is one thread. */
int spawner_start(const struct spawner_options *options, int *ret_fd, struct gp_diag *diag)
	GP_MUST_USE;
/* Sends an order; GP_ESYS with errno. */
int spawner_order(int fd, uint32_t kind) GP_MUST_USE;
/* Takes an answer: GP_OK, GP_ENOENT when there is none yet, GP_ESYS when the spawner is
 * gone.  The descriptors are -1 when ret->err is set. */
int spawner_answer(int fd, struct spawner_order *ret, int *ret_socket, int *ret_pidfd) GP_MUST_USE;

#endif
