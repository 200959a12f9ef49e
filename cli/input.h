/*
 * Messages from wherever people keep them: single files, standard input ("-"),
 * directories, Maildirs and mbox files.
 *
 * A directory is walked recursively in name order.  In a Maildir (a directory
 * with cur, new and tmp) only cur and new are read, and its ".Folder"
 * subfolders.  A file that begins with "From " is an mbox: it is read under a
 * lock and its ">From " quoting is undone.
 */
#ifndef GP_CLI_INPUT_H
#define GP_CLI_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

/* One message: the label is its path, with ":N" for the Nth of an mbox.
 * Anything but GP_OK ends the walk and is its result. */
typedef int gp_input_fn(void *arg, const char *label, struct gp_str bytes);
/* A path that could not be read; the walk goes on. */
typedef void gp_input_error_fn(void *arg, const char *text);

struct gp_input {
	gp_input_fn *message;
	gp_input_error_fn *error;
	void *arg;
	bool has_all;	 /* files that are no mail too: hidden ones, those that mail stores keep */
	unsigned errors; /* counted by the walk */
};

/* Walks the paths in order; see gp_input_fn for the result. */
int gp_input_walk(struct gp_input *in, const char *const *paths, size_t n) GP_MUST_USE;

/* Bytes that a walk would read, for progress; standard input counts 0. */
uint64_t gp_input_size(const char *const *paths, size_t n);

#endif
