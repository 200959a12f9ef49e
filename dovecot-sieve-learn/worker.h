/*
 * Hands over, in the background of a session, what stands in the user's file of references.
 *
 * Works in slices of a few milliseconds between which the session's own work goes on.
 * Of several processes of one user only one works at a time.  Whatever fails, the
 * references stay, and it tries again later; nothing is waited for.
 */
#ifndef GP_SIEVE_LEARN_WORKER_H
#define GP_SIEVE_LEARN_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "dovecot-sieve-learn/refs.h"

struct mail_user;
struct mailbox;
struct gp_learn_settings;
struct gp_worker;

/* What became of references, since the worker began. */
struct gp_worker_counts {
	unsigned int spam, ham, unlearned; /* kept by the controller */
	unsigned int refused;		   /* the controller does not want them */
	unsigned int gone;		   /* expunged before they were read */
	unsigned int too_large;
	unsigned int expired; /* could not be read for days */
	unsigned int dropped; /* there was no room for the reference */
};

/*
 * A worker for a user, NULL if the user has no folder for index files.  Everything given
 * is borrowed and outlives it.  Does nothing until it is told to.
 */
struct gp_worker *gp_worker_new(struct mail_user *user, const struct gp_learn_settings *set);
/* Stops at once; what is under way stays in the file. */
void gp_worker_free(struct gp_worker **worker);
/*
 * Remembers what was taught, on disk, and starts to hand it over soon.  Never fails for
 * the caller: what has no room is counted and logged.
 */
void gp_worker_add(struct gp_worker *worker, const struct gp_ref_move *moves, size_t count);
/* A folder that references will name. */
void gp_worker_hint(struct gp_worker *worker, struct mailbox *box,
		    const unsigned char guid[GP_REFS_GUID_SIZE]);
/* Whether something waits in the file. */
bool gp_worker_has_work(const struct gp_worker *worker);
/* Starts if there is something to hand over. */
void gp_worker_start(struct gp_worker *worker, unsigned int after_ms);
/*
 * Hands over until nothing is left, it cannot go on, or the time is up; runs a loop of
 * its own meanwhile.  Returns whether nothing is left.
 */
bool gp_worker_finish(struct gp_worker *worker, unsigned int max_ms);
const struct gp_worker_counts *gp_worker_counts(const struct gp_worker *worker);

#endif
