/*
 * A message on its way into a memory file, as it comes.
 *
 * The front does not read it.  What of it is there counts against held_max of all messages.
 */
#ifndef GP_VIRUS_SPOOL_H
#define GP_VIRUS_SPOOL_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

struct virus_spool {
	struct gp_buf head; /* the beginning, until it is worth a file */
	int fd;		    /* -1: none yet */
	uint64_t size;	    /* of what was added */
	uint64_t kept;	    /* … and is there: size_max at the most */
	uint64_t size_max;
	int err;	    /* GP_OK; GP_ELIMIT: held_max; GP_ESYS: no memory */
};

/* Zeroed by the caller's arena is not enough: begin it. */
void virus_spool_begin(struct virus_spool *s, uint64_t size_max);
void virus_spool_add(struct virus_spool *s, uint64_t held_max, const void *data, size_t len);
/* Writes what waits and seals; the descriptor stays the spool's.  GP_OK or the error. */
int virus_spool_finish(struct virus_spool *s) GP_MUST_USE;
/* Closes and gives the room back; may be called twice, and on one that is all 0 with fd -1. */
void virus_spool_done(struct virus_spool *s);

/* SHA-256 of what a finished one holds.  GP_ESYS with errno. */
int virus_spool_digest(int fd, uint64_t size, unsigned char ret[32]) GP_MUST_USE;
/* A sealed file of a short text; -1 with errno. */
int virus_spool_text(struct gp_str text);

void virus_spool_register_metrics(void);
/* Bytes that all messages hold now. */
int64_t virus_spool_held(void);

#endif
