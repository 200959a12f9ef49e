/*
 * The learn socket: clients that speak lib/proto, what they teach and ask.
 */
#ifndef GP_CONTROLLER_LEARN_SOCKET_H
#define GP_CONTROLLER_LEARN_SOCKET_H

#include "controller/learner.h"
#include "lib/base/err.h"

struct learn_socket_options {
	struct gp_loop *loop;
	int fd; /* listening; taken over */
	size_t clients_max;
	struct learner *learner;
	struct journal *journal;
};

/* From any thread but the loop's. */
int learn_socket_start(const struct learn_socket_options *options, struct gp_diag *diag) GP_MUST_USE;
/* No new clients, and nothing more is read from those that are there. */
void learn_socket_stop(void);
/* Messages that were received whole and are not answered, and answers not taken. */
size_t learn_socket_unanswered(void);
/* Closes what is open. */
void learn_socket_close(void);
void learn_socket_register_metrics(void);

#endif
