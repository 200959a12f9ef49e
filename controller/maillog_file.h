/*
 * Follows a log file line by line, as `tail -F` does, and over a restart too.
 *
 *	f = maillog_file_new(path);
 *	maillog_file_start(f, &position);
 *	while (maillog_file_next(f, &line, &place, &diag) == GP_OK) …
 *	maillog_file_position(f, &position);	(behind the line that was returned last)
 *
 * What happens to a log: it is renamed and a new one made (the old one is read to its end
 * first: until something is in the new one the writer may still be at the old one); it is
 * copied and truncated (the rest is read in the copy, if that can be found; what was
 * written in between is lost by the copying); it is not there yet, or not readable yet.
 * If it was rotated several times meanwhile, all that is not packed is read in order.
 *
 * A file is known by its inode and by a mark, a hash of its first bytes: inodes are used
 * again, and a copy has another one.  One thread; only reads.
 */
#ifndef GP_CONTROLLER_MAILLOG_FILE_H
#define GP_CONTROLLER_MAILLOG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/maillog_position.h"
#include "controller/maillog_source.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

/* A longer line is passed over: syslog daemons cut at 8 KiB, Postfix before that. */
#define MAILLOG_LINE_MAX 16384

struct maillog_file;

struct maillog_file *maillog_file_new(const char *path);
/* Clears *f; NULL is fine. */
void maillog_file_free(struct maillog_file **f);

/* Where to begin, or to go on: at the position, in whatever file that is now; if that is gone
 * (losses.gone), or without one (NULL, or inode 0), at the log's beginning. */
void maillog_file_start(struct maillog_file *f, const struct maillog_position *from);
/* The next line, without its end, valid until the next call; `place` is where it ends in its file.
 * GP_ENOENT: none is there for now; GP_ESYS: the log cannot be read, see the diag. */
int maillog_file_next(struct maillog_file *f, struct gp_str *ret_line, uint64_t *ret_place,
		      struct gp_diag *diag) GP_MUST_USE;
/* False: no file has been opened yet. */
bool maillog_file_position(const struct maillog_file *f, struct maillog_position *ret);

void maillog_file_losses(struct maillog_file *f, struct maillog_losses *ret);
/* Bytes that are there and not read, in this file and in the log if that is another one. */
uint64_t maillog_file_lag(const struct maillog_file *f);

#endif
