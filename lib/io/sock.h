/*
 * A connection on the loop: an outgoing one, unix or TCP, with TLS if wanted; or one
 * that a listener (listener.h) accepted.
 *
 *	s = gp_sock_open(loop, &endpoint, &events, arg);
 *	gp_sock_write(s, data, len);	(may be called before it is open)
 *	gp_sock_close(&s);
 *
 * A server holds back a peer that sends faster than it is served, or does not read its
 * answers: gp_sock_pause() while there is too much, by gp_sock_unsent() and its own count.
 *
 * Everything here belongs to the loop thread.  Names are resolved on a thread
 * of its own, because getaddrinfo blocks; the addresses are tried in turn.
 * There is no timeout inside: who waits has the deadline, and closes.
 */
#ifndef GP_IO_SOCK_H
#define GP_IO_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/io/loop.h"
#include "lib/io/tls.h"

struct gp_sock;

/* The strings and the context must outlive the connections. */
struct gp_endpoint {
	const char *path;	    /* of a unix socket, or NULL */
	const char *host, *port;    /* name or address; decimal */
	struct gp_tls_context *tls; /* NULL: in the clear */
	const char *tls_name;
};

/* A callback may close the connection.  `closed` is the last one; the socket is
 * gone when it returns (gp_sock_close is not called then, nor allowed). */
struct gp_sock_events {
	void (*opened)(void *arg);
	void (*data)(void *arg, const char *data, size_t len);
	void (*closed)(void *arg, const struct gp_diag *why);
	void (*sent)(void *arg); /* all that had to wait is on its way; may be NULL */
};

struct gp_sock *gp_sock_open(struct gp_loop *loop, const struct gp_endpoint *endpoint,
			     const struct gp_sock_events *events, void *arg)
	__attribute__((returns_nonnull));
/* Takes over a connected socket, in the clear; `opened` is not called.  NULL with errno when the
 * loop cannot watch it; the descriptor is closed then. */
struct gp_sock *gp_sock_adopt(struct gp_loop *loop, int fd, const struct gp_sock_events *events,
			      void *arg);
/* Reads no more from an open one, or goes on; may be called from `data`, which is not called
 * again then.  A peer that goes away altogether while it is held back is `closed`. */
void gp_sock_pause(struct gp_sock *s, bool is_paused);
/* Bytes that the peer has not taken yet. */
size_t gp_sock_unsent(const struct gp_sock *s);
/* Copies what cannot be sent at once. */
void gp_sock_write(struct gp_sock *s, const void *data, size_t len);
/* No callback follows; clears *s.  NULL is fine. */
void gp_sock_close(struct gp_sock **s);

#endif
