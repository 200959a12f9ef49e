/*
 * The file of what was counted without the store, so that the daemon's end does not lose it.
 *
 *	struct limit_kept *k = limit_kept_new(path);
 *	limit_kept_load(k, take, arg);		(at the start: what the last process left)
 *	…
 *	number = limit_kept_add(k, takes, n, 0);	(counted in memory)
 *	limit_kept_told(k, number);		(the store has it)
 *	limit_kept_clear(k);			(the store has everything)
 *
 * Records are appended as it changes, so a process that is killed leaves them too; they are not
 * synced to the disk, so a machine that loses power may lose them.  A request stands there with its
 * names (lib/store/store.h): told twice it counts once.
 *
 * The file is made when it is first needed, belongs to the daemon's user alone, and is locked while
 * it is open.  What is wrong with it is logged once, and costs no more than what it would have kept.
 * Not for several threads: it lives on the loop.
 */
#ifndef POLICYD_LIMIT_KEPT_H
#define POLICYD_LIMIT_KEPT_H

#include "lib/store/store.h"

/* Some 100,000 requests of two windows: more than are held in memory. */
#define LIMIT_KEPT_BYTES 67108864

struct limit_kept;

/* path: empty: nothing is kept. */
struct limit_kept *limit_kept_new(const char *path) __attribute__((returns_nonnull));
/* Clears *k; NULL is fine.  The file stays. */
void limit_kept_free(struct limit_kept **k);

/* Calls fn for each request that the store was not told of, the oldest first: how long ago it was,
 * and its number.  The texts of the takes live until fn returns.  How many there were. */
typedef void limit_kept_fn(void *arg, struct gp_limit_take *takes, size_t n, int64_t age_ms,
			   uint64_t number);
size_t limit_kept_load(struct limit_kept *k, limit_kept_fn *fn, void *arg);

/* Keeps what the takes count, age_ms ago; their own ages do not matter.  Its number; 0: it could not
 * be kept. */
uint64_t limit_kept_add(struct limit_kept *k, const struct gp_limit_take *takes, size_t n,
			int64_t age_ms);
/* The store has this one; 0 is fine. */
void limit_kept_told(struct limit_kept *k, uint64_t number);
/* The store has them all. */
void limit_kept_clear(struct limit_kept *k);

#endif
