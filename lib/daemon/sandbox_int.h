/*
 * Between those who name paths to the sandbox and the one who encloses them.
 */
#ifndef GP_DAEMON_SANDBOX_INT_H
#define GP_DAEMON_SANDBOX_INT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/daemon/sandbox.h"

struct gp_sandbox_path {
	char *path;
	bool is_written;
};

/* All that were named so far; the array lives as long as the process. */
size_t gp_sandbox_paths(const struct gp_sandbox_path **ret);

#endif
