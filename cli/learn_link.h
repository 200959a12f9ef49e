/*
 * A connection to the controller's learn socket, for commands: blocking, one thread.
 */
#ifndef GP_CLI_LEARN_LINK_H
#define GP_CLI_LEARN_LINK_H

#include "cli/context.h"
#include "cli/wait.h"
#include "lib/base/buf.h"
#include "lib/proto/learn.h"

struct learn_link {
	int fd;
	const struct cli_wait *wait; /* the caller's; NULL: answers are waited for without end */
	struct gp_buf in, out; /* out: not sent yet */
	size_t taken;	       /* bytes of `in` that the last frame took */
	uint32_t window, message_max;
	uint32_t next_id;
};

/* Connects to controller.socket.  GP_ENOENT: no controller listens there; otherwise the diag says
 * what is wrong. */
int learn_link_open(const struct gp_snapshot *snap, const struct cli_wait *wait,
		    struct learn_link *l, struct gp_diag *diag) GP_MUST_USE;
void learn_link_close(struct learn_link *l);

/* Puts frames into `out`. */
void learn_link_message(struct learn_link *l, uint32_t id, char class, uint8_t flags,
			struct gp_str user, struct gp_str origin, struct gp_str message);
void learn_link_query(struct learn_link *l, uint32_t id, enum gp_learn_verb verb, struct gp_str user,
		      int64_t since, uint32_t max);
/* Sends what is in `out` and waits for the next frame, whose spans are good until the next call.
 * GP_ESYS when the controller has gone, GP_EINVAL when it speaks otherwise, GP_ETEMP
 * as of `wait`. */
int learn_link_next(struct learn_link *l, struct gp_learn_frame *ret, struct gp_diag *diag)
	GP_MUST_USE;
/* Asks, and calls row(arg, JSON) for each row.  The exit status: what went wrong is printed. */
int learn_link_ask(const struct gp_snapshot *snap, enum gp_learn_verb verb, const char *user,
		   int64_t since, uint32_t max, void (*row)(void *arg, struct gp_str json), void *arg);

#endif
