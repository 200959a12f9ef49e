/*
 * Was an environment that is not synced at each commit left by a crash of the host?
 *
 * While such an environment is open a file `boot` beside it names the running
 * kernel's boot id; a clean close removes it.  A crash of the process leaves the
 * file, but what was committed is in the kernel's hands and intact.  A file of
 * another boot means that the disk may hold half of it, which LMDB cannot tell:
 * the environment is put aside (data.mdb.unclean) and a new one begun.
 */
#ifndef GP_STORE_LMDB_MARK_H
#define GP_STORE_LMDB_MARK_H

#include "lib/base/err.h"

/* Before opening `dir` for writing. */
int gp_lmdb_mark_open(const char *dir, struct gp_diag *diag) GP_MUST_USE;
/* After the last sync. */
void gp_lmdb_mark_closed(const char *dir);

#endif
