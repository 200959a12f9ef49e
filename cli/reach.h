/*
 * Whether Postfix's services meet the sockets of our programs: `gatepost check --postfix`.
 */
#ifndef GP_CLI_REACH_H
#define GP_CLI_REACH_H

#include "cli/postfix.h"

struct gp_reach {
	const struct gp_postfix *postfix;
	const char *program;
	const char *socket;  /* as in its configuration: "unix:/path", "inet:port@host" */
	struct gp_str queue; /* queue_directory */
	unsigned used, problems;
};

/* Begins with another program. */
void gp_reach_begin(struct gp_reach *r, const char *program, const char *socket);
/* Is the address in this parameter of this service the program's socket?  False if another's.
 * Says so, or what hides it, and counts.  `table` is the one that names it, or "". */
bool gp_reach_look(struct gp_reach *r, const struct gp_postfix_service *service,
		   const char *parameter, struct gp_str table, struct gp_str address);
/* Is it one that no chroot can hide? */
bool gp_reach_is_inet(const struct gp_reach *r);

#endif
