/*
 * Archives that an engine does not look into, or not into all of, and says nothing of it.
 *
 * libclamav 1.4 passes over members of ZIP files that are packed by a method that it has not, over
 * a ZIP file whose directory is missing or damaged, and over RAR files where libclamunrar is not
 * installed: what is not seen is called clean.
 */
#ifndef GP_VIRUS_ARCHIVE_H
#define GP_VIRUS_ARCHIVE_H

#include <stdbool.h>

#include "lib/base/str.h"

enum virus_archive {
	VIRUS_ARCHIVE_SOUND,	   /* or no archive that is known here */
	VIRUS_ARCHIVE_BROKEN,	   /* cut off, or its directory leads nowhere */
	VIRUS_ARCHIVE_UNSUPPORTED, /* a member's method is one that the engine has not */
};

/* Looks at a file that begins as a ZIP file does.  Encrypted members count as sound: the engine
 * tells of them where that is wanted. */
enum virus_archive virus_archive_look(struct gp_str file);
/* Is it a RAR file?  The engine looks into all or nothing of it. */
bool virus_archive_is_rar(struct gp_str file);

#endif
