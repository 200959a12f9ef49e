/*
 * Limits counted in this process while the store is away, and told to it afterwards.
 *
 *	fallback_limit(f, takes, n, GP_LIMIT_TAKE, true, gp_clock_mono_ms());	(instead of the store)
 *	…
 *	while ((n = fallback_merge_begin(f, gp_clock_mono_ms(), takes, GP_ARRAY_SIZE(takes))) > 0) {
 *		r = … gp_store_limit_begin(store, batch, table, takes, n, GP_LIMIT_COUNT, 0) …
 *		fallback_merge_finish(f, r == GP_OK);	(not before: stop, and try again later)
 *	}
 *
 * Each use reaches the store once: what is told again because the answer was lost carries the
 * same name, and the store knows it (the member of a take).  It counts from when it was, by an
 * age, so neither this host's nor the store's clock matters: times here are monotonic.
 *
 * What was asked of the store and not answered may have been counted there: the caller tells the
 * store of those under the names that they were asked with (limit_retell.h), and this module counts
 * them for its own answers only.
 *
 * Here only what this process counted is known, so a host lets through at most its own max more
 * than the store would have.  What was told is remembered for decisions until a window after,
 * in case the store goes away again.
 *
 * The number of keys and members is bounded.  When it is reached, those that have nothing in
 * their window go first, then of those idle longest the one that used least; what it still
 * had to tell is lost, and counted.  Not for several threads: it lives on the loop.
 */
#ifndef POLICYD_FALLBACK_H
#define POLICYD_FALLBACK_H

#include <stdint.h>

#include "lib/store/store.h"

/* Keys and members: of 1 KiB each at the most.  Accounts that send within an outage. */
#define FALLBACK_KEYS_MAX 20000

struct fallback;

struct fallback *fallback_new(size_t keys_max) __attribute__((returns_nonnull));
/* Clears *f; NULL is fine. */
void fallback_free(struct fallback **f);

/* As gp_store_limit(), which it answers for: the same takes, answered the same (but of names nothing
 * is known here).  True: it counted them.  Keys and members are copied; one that has more than 1,024
 * bytes with its member is not held, but counted as lost.  owes: the store is to be told.
 * now_ms: gp_clock_mono_ms(). */
bool fallback_limit(struct fallback *f, struct gp_limit_take *takes, size_t n,
		    enum gp_limit_mode mode, bool owes, int64_t now_ms);

/* Up to max (1 … GP_LIMIT_TAKES_MAX) takes for one call with GP_LIMIT_COUNT by the store's clock, of
 * what the store does not know yet; how many, 0 if it knows everything.  Their texts live until
 * the next call of this module.  _finish follows, before the next one. */
size_t fallback_merge_begin(struct fallback *f, int64_t now_ms, struct gp_limit_take *ret, size_t max);
/* Did the store count them?  If not (or nobody knows), they are told again. */
void fallback_merge_finish(struct fallback *f, bool is_counted);

/* Anything to tell? */
bool fallback_is_owing(const struct fallback *f);
/* Drops what has nothing in its window any more: once in a while. */
void fallback_sweep(struct fallback *f, int64_t now_ms);

struct fallback_stats {
	size_t keys;   /* held, members too */
	uint64_t lost; /* amounts that were never told, since the beginning */
};
void fallback_get_stats(const struct fallback *f, struct fallback_stats *ret);

#endif
