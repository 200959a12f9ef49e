/*
 * What `gatepost ratelimit` asks the daemon for, on the control socket (control.h).
 */
#ifndef POLICYD_COMMANDS_H
#define POLICYD_COMMANDS_H

#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/proto/event.h"
#include "policyd-ratelimit/keeper.h"

struct command;

/* On the loop's thread: its rows (frames) and its answer, with a text where it is not OK; LATER:
 * the store is away. */
typedef void command_done_fn(void *arg, struct gp_str rows, enum gp_event_answer answer,
			     const char *text);

/* Reads the frame of a command (request=list, show, reset, block, release) and has it done;
 * `done` is called once, later.  NULL, or what is wrong with it (a literal); then it is not. */
const char *command_begin(struct gp_str frame, uid_t by, command_done_fn *done, void *arg);

#endif
