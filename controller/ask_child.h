/*
 * A store and a resolver for a process that has neither: they ask the controller
 * (ask_wire.h).
 *
 * The store answers look-ups of token counts, and refuses everything else: a worker
 * changes nothing.  A thread reads the answers; any thread may ask.
 */
#ifndef GP_CONTROLLER_ASK_CHILD_H
#define GP_CONTROLLER_ASK_CHILD_H

#include "lib/dns/dns.h"
#include "lib/store/store.h"

/* Starts the thread, before the process is confined.  Once in a process; both live as long as it
 * does. */
int ask_child_open(struct gp_store **ret_store, struct gp_resolver **ret_resolver,
		   struct gp_diag *diag) GP_MUST_USE;
/* A message begins, and this is its socket, taken over.  When that ends before the message does,
 * or says what is no answer, the process ends. */
void ask_child_begin(int fd);
/* It is judged: what is not answered yet never will be. */
void ask_child_end(void);

#endif
