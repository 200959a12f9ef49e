/*
 * What `gatepost ratelimit` asks the daemon for, on the control socket (control.h).
 */
#ifndef POLICYD_COMMANDS_H
#define POLICYD_COMMANDS_H

#include <sys/types.h>

#include "lib/base/buf.h"
#include "policyd-ratelimit/keeper.h"

struct command;

/* On the loop's thread: its rows (frames) and its answer, "" or why it failed. */
typedef void command_done_fn(void *arg, struct gp_str rows, const char *error);

/* Reads the frame of a command (request=list, show, reset, block, release) and has it done;
 * `done` is called once, later.  NULL, or what is wrong with it (a literal); then it is not. */
const char *command_begin(struct gp_str frame, uid_t by, command_done_fn *done, void *arg);

#endif
