/*
 * The loader: reads the database once, and forks the workers that share what it read.
 */
#ifndef GP_VIRUS_LOADER_H
#define GP_VIRUS_LOADER_H

#include <sys/types.h>

#include "milter-virus/spawner.h"
#include "milter-virus/wire.h"

/* In the new process: reports on `front`, then serves it until its end.  is_confined: its workers. */
GP_NORETURN void virus_loader_run(const struct virus_engine_kind *kind, bool is_confined,
				  const struct virus_wire_load *order, int front);

/* What the spawner and the loaders have in common (spawner.c). */

/* fork() with a descriptor for the child; -1 with errno. */
pid_t virus_fork_child(int *ret_pidfd);
/* Waits for children that end, and for the socket, until order() returns false. */
void virus_await_orders(int control, bool (*order)(void *arg), void (*reap)(void *arg, pid_t pid),
			void *arg);

#endif
