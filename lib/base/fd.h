/*
 * File descriptors: closing by scope, whole-file reads with a ceiling, and
 * files that never touch a disk.
 */
#ifndef GP_BASE_FD_H
#define GP_BASE_FD_H

#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Closes *fd if it is not negative and sets it to -1; keeps errno. */
void gp_fd_close(int *fd);
#define GP_FD_AUTO GP_CLEANUP(gp_fd_close) int

/* Writes all of it, through EINTR and short writes.  GP_ESYS with errno set. */
int gp_fd_write_all(int fd, const void *data, size_t len) GP_MUST_USE;
/* Reads to the end of fd and appends; GP_ELIMIT when buf's ceiling is met. */
int gp_fd_read_all(int fd, struct gp_buf *buf) GP_MUST_USE;
/* Opens, reads whole, closes.  The diag names the file and the reason. */
int gp_file_read(const char *path, struct gp_buf *buf, struct gp_diag *diag) GP_MUST_USE;
/* Replaces the file atomically (temporary file beside it, fsync, rename). */
int gp_file_replace(const char *path, const void *data, size_t len, unsigned mode,
		    struct gp_diag *diag) GP_MUST_USE;
/* The same of a file that must not be there yet: GP_EINVAL if it is.  Of several who try at
 * once one wins, and who finds the file finds all of it. */
int gp_file_create(const char *path, const void *data, size_t len, unsigned mode,
		   struct gp_diag *diag) GP_MUST_USE;

int gp_fd_set_nonblocking(int fd) GP_MUST_USE;

/* A memory file (memfd_create); seal makes it immutable.  -1 with errno on failure. */
int gp_memfd_open(const char *name);
int gp_memfd_seal(int fd) GP_MUST_USE;

#endif
