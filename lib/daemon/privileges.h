/*
 * Giving up root.
 */
#ifndef GP_DAEMON_PRIVILEGES_H
#define GP_DAEMON_PRIVILEGES_H

#include "lib/base/err.h"

/* Gives a file that root opened to the user, who will have to open it again; as
 * gp_privileges_drop does nothing when not root. */
int gp_privileges_give_file(const char *path, const char *user, struct gp_diag *diag) GP_MUST_USE;

/* Becomes the user with its groups, for good; does nothing when not root or when
 * the name is "". */
int gp_privileges_drop(const char *user, struct gp_diag *diag) GP_MUST_USE;

#endif
