/*
 * The folder of signatures, as seen from outside: has it changed, how old is it.
 */
#ifndef GP_VIRUS_DATABASE_H
#define GP_VIRUS_DATABASE_H

#include <stdint.h>

#include "lib/base/err.h"

struct virus_database {
	uint64_t fingerprint; /* of names, sizes and times; another one: something changed */
	int64_t newest_s;     /* when the newest file was changed; 0: there is none */
	unsigned files;	      /* that an engine would read */
};

/* Looks at a folder, or a single file.  GP_ENOENT, with *ret all 0, when it is not there. */
int virus_database_look(const char *path, struct virus_database *ret, struct gp_diag *diag) GP_MUST_USE;

/* Copies the files that an engine reads into the folder VIRUS_DATABASE_GOOD of the folder `to`, in
 * the place of what was in it, all at once.  Does nothing, with GP_ETEMP, when they are not those of
 * the fingerprint (any more).  Waits while another process copies there: that of a program that is
 * just ending. */
#define VIRUS_DATABASE_GOOD "good"
int virus_database_copy(const char *from, const char *to, uint64_t fingerprint, struct gp_diag *diag)
	GP_MUST_USE;

#endif
