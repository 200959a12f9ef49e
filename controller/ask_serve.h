/*
 * Answers what a worker that scans asks (ask_wire.h): the controller's side.
 *
 * One for each try of a message, all on the loop's thread.  What a worker may ask is
 * bounded by the deadline and a number of questions; one that asks more, or talks
 * nonsense, loses its socket, and ends.
 */
#ifndef GP_CONTROLLER_ASK_SERVE_H
#define GP_CONTROLLER_ASK_SERVE_H

#include "lib/dns/dns.h"
#include "lib/io/loop.h"
#include "lib/store/store.h"

struct ask_server;

/* Whom it asks.  resolver may be NULL: names have no answer then. */
struct ask_sources {
	struct gp_loop *loop;
	struct gp_store *store;
	struct gp_resolver *resolver;
};

/* The worker's end of the socket in *ret_fd, the caller's. */
int ask_serve_open(const struct ask_sources *sources, int64_t deadline_ms, struct ask_server **ret,
		   int *ret_fd) GP_MUST_USE;
/* Clears *s; NULL is fine. */
void ask_serve_close(struct ask_server **s);

#endif
