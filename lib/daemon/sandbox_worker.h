/*
 * Confinement of a process that reads strangers' bytes and does nothing else: no
 * files, no network, no other processes, bounded memory.
 */
#ifndef GP_DAEMON_SANDBOX_WORKER_H
#define GP_DAEMON_SANDBOX_WORKER_H

#include <stdint.h>

#include "lib/base/err.h"

/*
 * What stays: the descriptors that are open, memory up to memory_max bytes, the clock,
 * random bytes, threads' means of waiting.  Opening anything, sockets and programs are
 * refused (EACCES), whatever else is unknown ends the process.  Call when everything that
 * is needed has been read.
 */
int gp_sandbox_enter_worker(uint64_t memory_max, struct gp_diag *diag) GP_MUST_USE;

#endif
