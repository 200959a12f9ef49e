/*
 * A job on its way to a worker: the memory file with the message, and the request.
 */
#ifndef GP_CONTROLLER_WORKER_SEND_H
#define GP_CONTROLLER_WORKER_SEND_H

#include "controller/worker.h"

/* A memory file with the message, sealed so that the worker can rely on its size; -1 with errno. */
int worker_file(struct gp_str message) GP_MUST_USE;
/* To an idle worker; channel -1: it may ask nothing.  The descriptors stay the caller's.  False:
 * it was not sent, and the worker is of no use any more. */
bool worker_send(int worker, const struct worker_job *job, int file, int channel) GP_MUST_USE;

#endif
