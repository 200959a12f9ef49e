/*
 * The files that a log was rotated into: beside it, with its name and a number or date
 * ("mail.log.1", "mail.log-20261121", "mail-20261121.log"), not packed.
 */
#ifndef GP_CONTROLLER_MAILLOG_ROTATED_H
#define GP_CONTROLLER_MAILLOG_ROTATED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "controller/maillog_file.h"

#define MAILLOG_MARK_MAX 256 /* bytes: a line, whose time no other file begins with */

/* Is `name` what a log called `log` was rotated into?  Names without folders.  Pure. */
bool maillog_is_rotated(struct gp_str log, struct gp_str name);
/* The hash of a file's first bytes; false: it has fewer. */
bool maillog_mark(int fd, uint32_t len, uint64_t *ret);
/* Opens a regular file for reading; -1 with errno. */
int maillog_open(const char *path, struct stat *ret_stat);

/* The file, the log itself or a rotated one, that the position is in: the mark is the same, and
 * it is long enough; the inode decides between two.  -1: there is none. */
int maillog_find(const char *path, const struct maillog_position *position);
/* The file that follows one: the oldest of those last written after it, else the log.  -1: none
 * has anything in it. */
int maillog_successor(const char *path, const struct stat *of);

#endif
