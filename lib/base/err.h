/*
 * The one vocabulary of failure, and the text that goes with it.
 *
 * A function that can fail returns int: GP_OK or one of the negative words
 * below, and carries GP_MUST_USE.  The words answer what a mail program asks
 * of a failure: again later, never, or let it through?  Protocol outcomes (a
 * message is spam, a token is unknown) are not errors.
 *
 * Detail for people goes into a struct gp_diag that the caller owns; every
 * function that takes one accepts NULL.
 */
#ifndef GP_BASE_ERR_H
#define GP_BASE_ERR_H

#include "lib/base/attr.h"

enum {
	GP_OK = 0,
	GP_ETEMP = -1,	/* try again: peer down, deadline passed, breaker open */
	GP_EINVAL = -2, /* malformed input or a broken contract */
	GP_ELIMIT = -3, /* a cap was met */
	GP_ENOENT = -4, /* there is no such thing */
	GP_EACCES = -5, /* not allowed */
	GP_ESYS = -6,	/* the operating system said no; see the diag */
};

/* Room for one sentence that names file, line and remedy. */
struct gp_diag {
	char text[1024];
};

/* A short English name of a GP_E… word ("temporary failure"); never NULL. */
const char *gp_err_name(int err);

/* Replaces the text; longer ones are cut.  NULL diag: does nothing. */
void gp_diag_set(struct gp_diag *diag, const char *fmt, ...) GP_PRINTF(2, 3);

/* Puts "PREFIX: " before the text that is there. */
void gp_diag_prepend(struct gp_diag *diag, const char *fmt, ...) GP_PRINTF(2, 3);

/* Sets "TEXT: strerror(errno)" and returns GP_ESYS, for `return gp_diag_errno(…)`. */
int gp_diag_errno(struct gp_diag *diag, const char *fmt, ...) GP_PRINTF(2, 3);

#endif
