/*
 * Hands events over to policyd-ratelimit's control socket and waits until they are counted
 * (lib/proto/event.h).  For a thread of its own: it blocks, in poll(), and ends early when
 * `stop_fd` becomes readable.
 */
#ifndef GP_CONTROLLER_MAILLOG_SEND_H
#define GP_CONTROLLER_MAILLOG_SEND_H

#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Events handed over together: answers wait in the socket's buffer meanwhile. */
#define MAILLOG_BATCH 64

struct maillog_sender {
	const char *path; /* of the unix socket; borrowed */
	int stop_fd;
	int fd; /* -1: not connected */
	struct gp_buf in;
};

void maillog_sender_init(struct maillog_sender *s, const char *path, int stop_fd);
void maillog_sender_done(struct maillog_sender *s);

/*
 * Hands over `n` events, whose frames stand one behind the other.  Those that were counted,
 * or refused for good, are taken off the front of `frames` and *n; `ret_refused` is added to
 * for the latter.  GP_OK when none is left; GP_ETEMP: try the rest again later, the diag
 * says why.
 */
int maillog_send(struct maillog_sender *s, struct gp_buf *frames, size_t *n, size_t *ret_refused,
		 struct gp_diag *diag) GP_MUST_USE;

#endif
