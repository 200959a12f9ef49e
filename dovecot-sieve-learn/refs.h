/*
 * The file of references: what a user taught that the controller does not have yet.
 *
 * It stands in the user's index directory and names messages by mailbox GUID,
 * UIDVALIDITY and UID; it never holds text of a mail.  Several processes of one user
 * share it.  Each may add to it, under a short lock on the file itself; only one at a
 * time hands messages over and shrinks the file: the one that holds gp_refs_claim.
 *
 * A file is a row of records of GP_REFS_RECORD bytes, one a line, so that a person can
 * read it:
 *
 *	+s0 0123456789abcdef0123456789abcdef 655c1a2b 00000012 655c1a30
 *	|||  mailbox GUID                     UIDVALIDITY UID  time
 *	||flags
 *	|class: s, h or u, as in lib/proto/learn.h
 *	state: + waits, - is done
 *
 * Needs nothing but the C library.  Never blocks longer than GP_REFS_LOCK_MS.
 */
#ifndef GP_SIEVE_LEARN_REFS_H
#define GP_SIEVE_LEARN_REFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define GP_REFS_RECORD 64u
#define GP_REFS_GUID_SIZE 16u
/* A lock is held while a few hundred KB are written; who waits longer than this is behind a
 * stopped process, and the user must not wait for it. */
#define GP_REFS_LOCK_MS 50u
/* Most references a file may be allowed to hold: 6.4 MB. */
#define GP_REFS_MAX 100000u

/* Where a message is. */
struct gp_ref_place {
	unsigned char guid[GP_REFS_GUID_SIZE]; /* of the mailbox */
	uint32_t uid;
};

/* A message that is to be taught. */
struct gp_ref {
	struct gp_ref_place place;
	uint32_t uidvalidity;
	uint32_t time;	    /* when the user taught it, Unix time */
	char class_code;    /* enum gp_learn_class; 0: not taught by itself, see gp_refs_add */
	unsigned char flags; /* enum gp_learn_flags, 0 … 15 */
	off_t at;	    /* of its record in the file, when it was read from there */
};

/* A message that was copied: where it was, and what that teaches. */
struct gp_ref_move {
	struct gp_ref to;
	struct gp_ref_place from; /* uid 0: not known */
};

struct gp_refs_added {
	unsigned int added;
	unsigned int replaced; /* records whose message went on before they were handed over */
	unsigned int dropped;  /* there was no room */
};

/*
 * Adds what `moves` taught.  A waiting record of a message that moved on (a move's
 * `from`) is done: the new place takes over, with the move's class, or, where that is 0,
 * with the class of the record.  Moves of class 0 without such a record add nothing.
 * `max` bounds the file's records.  Returns 0, or a negative errno; the file is then as
 * it was: -EAGAIN if others hold the lock, -ENOSPC and -EDQUOT if the disk is full.
 */
int gp_refs_add(const char *path, mode_t mode, const struct gp_ref_move *moves, size_t count,
		unsigned int max, struct gp_refs_added *ret_added);
/* Whether there is anything in the file at all. */
bool gp_refs_exist(const char *path);
/*
 * Reads up to `max` waiting records from offset `from` on, in the order in which they
 * were added.  Returns their number and where to go on, or a negative errno.  Records
 * that cannot be read are passed over.
 */
int gp_refs_read(const char *path, off_t from, struct gp_ref *refs, size_t max, off_t *ret_next);
/* Marks the record at an offset as done.  Only for who holds the claim.  0 or -errno. */
int gp_refs_done(const char *path, off_t at);
/*
 * Drops the done records, and empties the file if none waits.  Only for who holds the
 * claim, as offsets change.  0 or a negative errno.
 */
int gp_refs_trim(const char *path);
/* Takes the right to hand over: a descriptor to be closed, or -EAGAIN if another has it. */
int gp_refs_claim(const char *lock_path, mode_t mode);

#endif
