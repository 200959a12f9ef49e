/*
 * The spawner: a small process that starts loaders, each with an engine of its own generation.
 *
 * It is forked while milter-virus has one thread and no confinement, reads nothing but orders of
 * the front (wire.h), and is never busy: who needs a worker killed finds it ready.  A loader reads
 * the database, reports, and forks workers when told to, so that they share the engine's pages.
 * The controller's spawner executes its workers; these are forked only, because sharing is the
 * point, and nothing of the front is in the memory of the spawner.
 */
#ifndef GP_VIRUS_SPAWNER_H
#define GP_VIRUS_SPAWNER_H

#include "lib/base/err.h"
#include "milter-virus/engine.h"

struct virus_spawner_options {
	const struct virus_engine_kind *engine;
	const char *user; /* to become when started as root; "" stays */
	bool is_confined; /* workers enter the sandbox */
};

/* Forks it; the descriptor is the front's end.  Call while there is one thread. */
int virus_spawner_start(const struct virus_spawner_options *options, int *ret_fd,
			struct gp_diag *diag) GP_MUST_USE;

#endif
