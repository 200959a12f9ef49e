/*
 * Accepting connections on the loop.
 *
 *	l = gp_listener_new(loop, fd, max, accepted, arg);
 *	… accepted(arg, fd, &peer): gp_sock_adopt(…) …
 *	gp_listener_gone(l);		(each time that one of them has ended)
 *	gp_listener_free(&l);
 *
 * At most `max` connections are open at a time: further ones wait in the kernel's queue,
 * as do all when the process runs out of descriptors.  Everything here belongs to the
 * loop's thread.
 */
#ifndef GP_IO_LISTENER_H
#define GP_IO_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/io/loop.h"

struct gp_listener;

/* Who connected, as the kernel knows it (SO_PEERCRED): on unix sockets only. */
struct gp_peer {
	bool is_known;
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

/* The descriptor is the callee's. */
typedef void gp_accepted_fn(void *arg, int fd, const struct gp_peer *peer);

/* Takes over a listening descriptor.  NULL with errno when it cannot be watched; the
 * descriptor is closed then. */
struct gp_listener *gp_listener_new(struct gp_loop *loop, int fd, size_t max, gp_accepted_fn *fn,
				    void *arg);
/* A connection that was accepted is closed now. */
void gp_listener_gone(struct gp_listener *l);
/* Closes the descriptor; connections stay.  Clears *l, NULL is fine. */
void gp_listener_free(struct gp_listener **l);

#endif
