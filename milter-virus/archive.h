/*
 * Archives that an engine does not look into, or not into all of, and says nothing of it; and office
 * documents with a password, which are such archives.
 *
 * libclamav 1.4 takes what it gets out of an archive that is damaged or cut off, passes over what it
 * has no method for, and calls what is not seen clean.  So the frame of an archive is looked at here:
 * headers with their checksums, what they say of sizes against what is there, the mark at the end.
 * Nothing is unpacked, but gzip files, which say nothing in front of what they hold.
 *
 * No alarm is better than a false one: what only may be wrong counts as sound, and so does what stands
 * behind the end.  A volume of an archive in several files counts as broken: without the others it
 * cannot be unpacked.  Those that have no beginning of their own (.7z.002, .z02) are not known as
 * anything.
 */
#ifndef GP_VIRUS_ARCHIVE_H
#define GP_VIRUS_ARCHIVE_H

#include <stdint.h>

#include "lib/base/str.h"

/* What is to be said of a file, as bits; 0: it is sound, or no archive that is known here. */
enum {
	VIRUS_ARCHIVE_BROKEN = 1 << 0,	    /* damaged, cut off, or one of several files */
	VIRUS_ARCHIVE_UNSUPPORTED = 1 << 1, /* the engine has not its method, or not for all of it */
	VIRUS_ARCHIVE_ENCRYPTED = 1 << 2,   /* with a password, of which the engine may say nothing */
	VIRUS_ARCHIVE_SHUT = 1 << 3,	    /* it has content: the engine must show something of it */
	VIRUS_ARCHIVE_DOCUMENT = 1 << 4,    /* what has the password is a document */
};

/* A smaller file than this, libclamav passes over: it is not missed. */
#define VIRUS_ARCHIVE_TINY 6u

/* Looks at a file.  *room is how many bytes may be unpacked for that, and is lowered by what they
 * were; 0: none, gzip files are taken for sound. */
unsigned virus_archive_look(struct gp_str file, uint64_t *room);

#endif
