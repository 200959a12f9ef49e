/*
 * Requests that were counted in memory instead of the store, to be told to it one by one.
 *
 * A request has names (lib/store/store.h), so the store counts it once: also when it has counted it
 * already without answering in time, or does so after this was told; also when the message is asked
 * about again by a process that knows nothing of it.  What does not fit in here is told in sums
 * (fallback.h), without the names.
 *
 * They are in a file too (limit_kept.h), so that the daemon's end does not lose them.
 *
 * Bounded in bytes.  Half of them are kept for requests that the store may have: those need their
 * names, the others only where a restart comes in the middle of a message.
 *
 * Times are gp_clock_mono_ms().  Not for several threads: it lives on the loop.
 */
#ifndef POLICYD_LIMIT_RETELL_H
#define POLICYD_LIMIT_RETELL_H

#include "policyd-ratelimit/limit_kept.h"

/* Some 10,000 requests of two windows. */
#define LIMIT_RETELL_BYTES 16777216
/* Requests that are told together. */
#define LIMIT_RETELL_CALLS 64

struct limit_retell;

/* kept: where they are kept too; outlives it. */
struct limit_retell *limit_retell_new(size_t bytes_max, struct limit_kept *kept)
	__attribute__((returns_nonnull));
/* None is being told.  Clears *q; NULL is fine. */
void limit_retell_free(struct limit_retell **q);

/* Is there room for these takes?  is_unsure: the store may have them. */
bool limit_retell_fits(const struct limit_retell *q, const struct gp_limit_take *takes, size_t n,
		       bool is_unsure);
/* Adds what they count, now; copies them. */
void limit_retell_add(struct limit_retell *q, const struct gp_limit_take *takes, size_t n,
		      int64_t now_ms);

/* The same, fits or not, of what is in the file with this number, or to be put there (0). */
void limit_retell_put(struct limit_retell *q, const struct gp_limit_take *takes, size_t n,
		      int64_t at_ms, uint64_t number);
/* Puts into the file what could not be put there before; how many still are not. */
size_t limit_retell_keep(struct limit_retell *q, int64_t now_ms);

/* Begins to tell the store of the oldest, in the batch; how many calls that are.  _finish follows,
 * when the batch is done or late. */
size_t limit_retell_begin(struct limit_retell *q, struct gp_store *store, struct gp_str table,
			  struct gp_batch *batch, int64_t now_ms);
/* Forgets those that the store has counted.  True: all that were told. */
bool limit_retell_finish(struct limit_retell *q);

/* How many wait. */
size_t limit_retell_len(const struct limit_retell *q);

#endif
