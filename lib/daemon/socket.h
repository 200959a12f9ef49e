/*
 * Listening sockets by their configured text ("unix:/path", "inet:port@address").
 */
#ifndef GP_DAEMON_SOCKET_H
#define GP_DAEMON_SOCKET_H

#include "lib/base/err.h"

/* Removes a unix socket that nobody listens on; GP_EACCES if somebody does, GP_OK
 * if there is nothing or the address is none of a unix socket. */
int gp_socket_clear_stale(const char *address, struct gp_diag *diag) GP_MUST_USE;

/* Sets mode and group of a unix socket's file; "" leaves the group. */
int gp_socket_set_access(const char *address, unsigned mode, const char *group,
			 struct gp_diag *diag) GP_MUST_USE;

/* A listening, close-on-exec socket; stale unix sockets are replaced. */
int gp_socket_listen(const char *address, unsigned mode, int *ret_fd, struct gp_diag *diag)
	GP_MUST_USE;

/* Removes a unix socket's file; nothing for others. */
void gp_socket_unlink(const char *address);

/* Shuts down, for reading, every connection that was accepted on this address:
 * what the peers have written stays readable, what they write from now on fails
 * on their side (unix sockets), and the reader sees the end. */
void gp_socket_cut(const char *address);

#endif
