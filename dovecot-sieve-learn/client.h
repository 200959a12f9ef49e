/*
 * A connection to the learn socket, in Dovecot's loop: frames out and in, nothing waited for.
 *
 * Knows the protocol's frames (lib/proto/learn.h) but not what is taught.
 */
#ifndef GP_SIEVE_LEARN_CLIENT_H
#define GP_SIEVE_LEARN_CLIENT_H

#include <stddef.h>

#include "lib/proto/learn.h"

struct event;
struct ioloop;
struct gp_client;

/* Called from the loop, never from within a call of this module. */
struct gp_client_calls {
	void (*welcome)(void *context, uint32_t message_max, uint32_t window);
	void (*answer)(void *context, const struct gp_learn_frame *answer);
	void (*writable)(void *context); /* what was written has gone out */
	/* The connection is of no use any more; the client is to be closed. */
	void (*broken)(void *context, const char *why);
};

/*
 * Connects and says HELLO.  NULL with a reason (in the data stack) if there is nobody.
 * `calls` and `context` are borrowed and must outlive the client.
 */
struct gp_client *gp_client_open(const char *path, const struct gp_client_calls *calls,
				 void *context, const char **ret_why);
/* Closes and frees; what was not answered is as if never said.  NULL is fine; clears it. */
void gp_client_close(struct gp_client **client);
/* Writes any frame but DATA. */
void gp_client_send(struct gp_client *client, const struct gp_learn_frame *frame);
/* Writes message bytes, 1 … GP_LEARN_DATA_MAX of them. */
void gp_client_send_data(struct gp_client *client, const void *data, size_t len);
/* Bytes written that did not go out yet. */
size_t gp_client_backlog(const struct gp_client *client);
/* Goes over to the current loop. */
void gp_client_switch_ioloop(struct gp_client *client);

#endif
