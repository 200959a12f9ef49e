/*
 * The spawner: a small process that starts loaders, each with an engine of its own generation.
 *
 * It is started while milter-virus has one thread and no confinement, reads nothing but orders of
 * the front (wire.h), and is never busy: who needs a worker killed finds it ready.  A loader reads
 * the database, reports, and forks workers when told to, so that they share the engine's pages.
 *
 * It is a program of its own, virus-scanner: what a worker has in its memory may come to a stranger's
 * knowledge, and is to be the engine and nothing of the front, no setting, no password that the
 * environment has, nor where in memory the front lies.
 */
#ifndef GP_VIRUS_SPAWNER_H
#define GP_VIRUS_SPAWNER_H

#include "lib/base/err.h"
#include "lib/conf/shared.h"
#include "milter-virus/engine.h"

struct virus_spawner_options {
	const char *program; /* whose main calls virus_spawner_main */
	const char *user; /* to become when started as root; "" stays */
	bool is_confined; /* workers enter the sandbox */
	const struct gp_conf_log *log; /* a file is the front's: it logs to standard error then */
};

/* Starts it; the descriptor is the front's end.  Call while there is one thread.  GP_ESYS: the
 * program cannot be executed. */
int virus_spawner_start(const struct virus_spawner_options *options, int *ret_fd,
			struct gp_diag *diag) GP_MUST_USE;

/* To be called first by that program's main: where it was executed as the spawner it is that, and
 * ends in here; else nothing happens. */
void virus_spawner_main(const struct virus_engine_kind *engine, int argc, char **argv);

#endif
