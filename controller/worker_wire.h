/*
 * What the controller and a worker say to each other on their socket.
 *
 * The controller sends a struct worker_request, the parameters after it, and beside it
 * (SCM_RIGHTS) a sealed memory file with the message, and perhaps a socket for questions
 * (ask_wire.h).  The worker answers with two struct worker_reply: one without bytes says
 * that it has the message, and that what follows is its doing; one with as many bytes as it
 * says is the result.  Before all that, one without bytes says that it is ready.
 */
#ifndef GP_CONTROLLER_WORKER_WIRE_H
#define GP_CONTROLLER_WORKER_WIRE_H

#include <stdint.h>

struct worker_request {
	uint32_t params_len;
	uint32_t message_len;
};

struct worker_reply {
	uint32_t len;
};

/* The worker's end of the socket. */
#define WORKER_FD 3

#endif
