/*
 * Limits while the store is away: counted in memory (fallback.h), and told to the store when it
 * answers again, request by request (limit_retell.h), or in sums when these are too many.
 *
 * The loop's thread only.
 */
#ifndef POLICYD_LIMIT_OUTAGE_H
#define POLICYD_LIMIT_OUTAGE_H

#include "lib/store/store.h"

/* Answers in the store's stead, and sees to it that the store hears of it.  is_unsure: the store was
 * asked, and may have counted it. */
void limit_outage_take(struct gp_limit_take *takes, size_t n, enum gp_limit_mode mode,
		       bool is_unsure);
/* At start: what the last process counted and could not tell is in this file (limit_kept.h), which
 * this one uses from now on.  Empty: none. */
void limit_outage_start(const char *path);
/* At stop: what the store has not heard of is kept in the file; if that fails it is lost, and
 * logged. */
void limit_outage_done(void);
void limit_outage_register_metrics(void);

#endif
