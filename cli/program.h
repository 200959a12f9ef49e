/*
 * Running another program to its end: what it is given, what it says.
 */
#ifndef GP_CLI_PROGRAM_H
#define GP_CLI_PROGRAM_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Runs argv[0] (looked for in PATH and in the folders where system programs are) with `input` as its
 * standard input, and appends its standard output to `out` (NULL: it goes to ours); its complaints go
 * to ours.  GP_OK: it ended with status 0; GP_ENOENT: there is no such program; GP_ESYS otherwise, with
 * the diag.  Waits for as long as it takes. */
int gp_program_run(const char *const *argv, struct gp_str input, struct gp_buf *out,
		   struct gp_diag *diag) GP_MUST_USE;

#endif
