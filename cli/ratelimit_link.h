/*
 * What policyd-ratelimit knows, for the commands: asked of the daemon on its control socket, or read
 * from the store when it does not run.
 */
#ifndef GP_CLI_RATELIMIT_LINK_H
#define GP_CLI_RATELIMIT_LINK_H

#include <jansson.h>

#include "cli/context.h"

struct gp_ratelimit_rows {
	GP_VEC(json_t *) items; /* objects, each with "type" */
};

/* Asks the daemon.  frame: lines "name=value" without the empty line.  The exit status: what went
 * wrong is printed.  Rows may be there all the same: what was done although the store is away. */
int gp_ratelimit_order(struct gp_cli *cli, const struct gp_snapshot *snap, struct gp_str frame,
		       struct gp_ratelimit_rows *ret);
/* The same for what only looks: list (key "") or show.  Without a daemon it says so on standard
 * error, and reads the store. */
int gp_ratelimit_look(struct gp_cli *cli, const struct gp_snapshot *snap, const char *key,
		      unsigned max, struct gp_ratelimit_rows *ret);
void gp_ratelimit_rows_done(struct gp_ratelimit_rows *rows);

/* A line for a frame; GP_EINVAL when the value holds what no line can. */
int gp_ratelimit_put(struct gp_buf *frame, const char *name, const char *value) GP_MUST_USE;

#endif
