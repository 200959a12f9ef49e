/*
 * Confinement of the process after start: no new privileges, a seccomp filter,
 * landlock for files.  Where the kernel lacks one of them it is left out and a
 * debug line says so.
 */
#ifndef GP_DAEMON_SANDBOX_H
#define GP_DAEMON_SANDBOX_H

#include "lib/base/err.h"

/* Paths that stay reachable, collected before gp_sandbox_enter(): a file, or a
 * directory with all below it.  "" is skipped, and what cannot be read; for writing,
 * the nearest existing folder stands in for a path that is still to be made. */
void gp_sandbox_read(const char *path);
void gp_sandbox_write(const char *path);
/* The folder that a file lies in. */
void gp_sandbox_read_folder_of(const char *path);
void gp_sandbox_write_folder_of(const char *path);

/* Confines all threads made from now on; call while there is one only. */
int gp_sandbox_enter(struct gp_diag *diag) GP_MUST_USE;

#endif
