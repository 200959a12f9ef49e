/*
 * Giving up root.
 */
#ifndef GP_DAEMON_PRIVILEGES_H
#define GP_DAEMON_PRIVILEGES_H

#include "lib/base/err.h"

/* Becomes the user with its groups, for good; does nothing when not root or when
 * the name is "". */
int gp_privileges_drop(const char *user, struct gp_diag *diag) GP_MUST_USE;

#endif
