/*
 * Confinement of a process that unpacks strangers' files with a library that wants a place
 * for them: one folder, no network, no other processes, bounded memory and CPU.
 */
#ifndef GP_DAEMON_SANDBOX_SCANNER_H
#define GP_DAEMON_SANDBOX_SCANNER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct gp_scanner_limits {
	uint64_t address_space; /* bytes that may be added to what is mapped now */
	uint64_t file_size;	/* of one file */
	uint64_t files;		/* open at a time */
	bool is_rooted;		/* gp_sandbox_may_root() said so: the folder becomes "/" */
};

/* Where the kernel has no landlock: may this process, which has one thread, make a folder all that it
 * sees of the file system?  It has a user namespace of its own then.  False: landlock confines it, or
 * nothing but the rights of its user does. */
bool gp_sandbox_may_root(void);

/*
 * What stays: the descriptors that are open, files in `folder` (made, read, removed; also
 * without landlock nothing but plain file calls), memory, the clock, random bytes.  Sockets,
 * processes and programs are refused (EACCES), whatever else is unknown ends the process.  Call
 * when everything that is needed has been read.
 */
int gp_sandbox_enter_scanner(const char *folder, const struct gp_scanner_limits *limits,
			     struct gp_diag *diag) GP_MUST_USE;

/* CPU seconds that may pass from now on, before the process is ended; also when confined. */
void gp_sandbox_cpu_budget(uint32_t seconds);

#endif
