/*
 * Folders for what workers unpack: made, and removed with all that a worker left in them.
 *
 * A loader has one, locked (flock) by it and by every worker that it forked; one that nobody has
 * locked was left behind by a crash, and goes when the next loader starts.
 */
#ifndef GP_VIRUS_FOLDER_H
#define GP_VIRUS_FOLDER_H

#include "lib/base/err.h"
#include "milter-virus/engine.h"

#define VIRUS_FOLDER_MAX (VIRUS_PATH_MAX + 64)

/* Makes one below `temporary` and locks it by a descriptor that stays open, also in children. */
int virus_folder_make(const char *temporary, char ret[VIRUS_FOLDER_MAX], struct gp_diag *diag)
	GP_MUST_USE;
/* Makes that of a worker within it. */
int virus_folder_make_worker(const char *folder, unsigned serial, char ret[VIRUS_FOLDER_MAX],
			     struct gp_diag *diag) GP_MUST_USE;
/* Removes it with everything in it, as far as that can be done. */
void virus_folder_remove(const char *folder);
/* Removes what crashed loaders left below `temporary`. */
void virus_folder_clean(const char *temporary);

#endif
