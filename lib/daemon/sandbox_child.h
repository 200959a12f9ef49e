/*
 * What the confinements of sandbox_worker.h and sandbox_scanner.h have in common; for those two.
 */
#ifndef GP_DAEMON_SANDBOX_CHILD_H
#define GP_DAEMON_SANDBOX_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "lib/base/err.h"

/* System calls by number. */
struct gp_sandbox_calls {
	const int *allowed;
	size_t n_allowed;
	const int *refused; /* EACCES: a library goes on without; what is in neither ends the process */
	size_t n_refused;
	bool has_fcntl; /* allowed, but who gets signals of a descriptor cannot be said */
};

/* No new privileges, and nobody of the same user may look into it.  GP_ESYS. */
int gp_sandbox_close_up(struct gp_diag *diag) GP_MUST_USE;

/* Soft and hard; one that cannot be set is a line in the log. */
void gp_sandbox_limit(__rlimit_resource_t what, uint64_t value);

bool gp_sandbox_has_landlock(void);

/* No path but those beneath folder (NULL: none at all).  A kernel without landlock leaves this to
 * the filter and to file permissions. */
void gp_sandbox_confine_files(const char *folder);

/* The last step.  Besides the lists: signals (tgkill) to the process itself, and its own limits
 * (prlimit64), as both would also reach others of its user.  Threads that were made before are
 * filtered too.  GP_ESYS. */
int gp_sandbox_filter(const struct gp_sandbox_calls *calls, struct gp_diag *diag) GP_MUST_USE;

#endif
