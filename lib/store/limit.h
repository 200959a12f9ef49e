/*
 * The arithmetic of limits: how much was used of "N in a window", and may more be.
 *
 * Pure: a state is a few hundred bytes that somebody keeps (lib/store: in LMDB and, by
 * the same steps in scripts/limit.lua, in Redis; policyd-ratelimit: in memory while the
 * store is away).
 *
 * SLIDING: never more than `max` in any window, wherever it begins.  What was counted is
 * kept in slots of a 32nd of the window; a slot is dropped when the newest use in it is a
 * window old.  So room returns up to a 32nd of the window late, never early, and a window
 * after the last use everything is free.
 *
 * GCRA (ITU-T I.371, "virtual scheduling"): max per window as an even rate, of which
 * `burst` may come at once.  In the long run the rate, in one window up to max + burst.
 *
 * A clock that was put back does not lengthen anybody's wait: what lies in the future
 * counts as of now.
 */
#ifndef GP_STORE_LIMIT_H
#define GP_STORE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gp_limit_kind { GP_LIMIT_SLIDING, GP_LIMIT_GCRA };

#define GP_LIMIT_SLOTS 32
/* Bytes of a state: the sum of the slots (7), then time (6) and count (6) of each, and of one more
 * that is half over. */
#define GP_LIMIT_STATE_MAX (7 + (GP_LIMIT_SLOTS + 1) * 12)
/* Beyond these the arithmetic would not be exact in Lua's numbers. */
#define GP_LIMIT_MAX 1000000000000	  /* 10^12: a terabyte */
#define GP_LIMIT_WINDOW_MS_MAX 3196800000 /* 37 days */

struct gp_limit {
	enum gp_limit_kind kind;
	int64_t max;	   /* 1 … GP_LIMIT_MAX */
	int64_t window_ms; /* 1000 … GP_LIMIT_WINDOW_MS_MAX */
	int64_t burst;	   /* GCRA: 1 … max */
};

struct gp_limit_state {
	uint32_t len; /* 0: nothing used */
	unsigned char data[GP_LIMIT_STATE_MAX];
};

struct gp_limit_answer {
	bool passed;	  /* there was room */
	int64_t used;	  /* within the window (GCRA: of the burst), with the amount if it was counted */
	int64_t retry_ms; /* not passed: after so long there is room; -1: the amount is above the limit itself */
};

/* Is there room for `amount` (≥ 0) at now_ms (Unix time)?  Changes nothing. */
void gp_limit_look(const struct gp_limit *limit, const struct gp_limit_state *state,
		   int64_t now_ms, int64_t amount, struct gp_limit_answer *ret);
/* Counts it, room or not (counts saturate); afterwards the state may be dropped when nobody
 * touched it for gp_limit_lifetime_ms(). */
void gp_limit_count(const struct gp_limit *limit, struct gp_limit_state *state, int64_t now_ms,
		    int64_t amount);
/* The same of what was used at at_ms ≤ now_ms and is told late.  What is a window old counts no
 * more; else it counts until a window after at_ms, up to a 32nd of the window longer. */
void gp_limit_count_at(const struct gp_limit *limit, struct gp_limit_state *state, int64_t now_ms,
		       int64_t at_ms, int64_t amount);

/* A state from more than a window ahead, before the clock was put back: makes it one of now, so that
 * it ends a window from now though nothing more is counted.  True: it is changed, and to be kept. */
bool gp_limit_heal(const struct gp_limit *limit, struct gp_limit_state *state, int64_t now_ms);

/* A GCRA that was counted without room owes up to two windows. */
static inline int64_t gp_limit_lifetime_ms(const struct gp_limit *limit)
{
	return limit->kind == GP_LIMIT_GCRA ? 2 * limit->window_ms : limit->window_ms;
}

/* What a sliding state holds: the times of newest uses, the oldest first, and how much was used
 * until each since the one before.  Returns how many. */
struct gp_limit_use {
	int64_t at_ms, amount;
};
size_t gp_limit_uses(const struct gp_limit *limit, const struct gp_limit_state *state,
		     int64_t now_ms, struct gp_limit_use ret[GP_LIMIT_SLOTS + 1]);

#endif
