/*
 * One question to a running milter-virus on its control socket (milter-virus/control.h).
 */
#ifndef GP_CLI_VIRUS_LINK_H
#define GP_CLI_VIRUS_LINK_H

#include <jansson.h>

#include "cli/context.h"

/* `request` is the line without its end, `body` what follows it (scan), or empty.  0 with *ret,
 * the caller's, an answer that is no error; else an exit status, and the error is printed. */
int gp_virus_ask(const struct gp_snapshot *snap, const char *request, struct gp_str body,
		 json_t **ret);

#endif
