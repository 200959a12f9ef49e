/*
 * The check "greylist": who is seen for the first time shall come again.
 *
 * For mail from strangers, at RCPT or DATA; both may be attached.  Who tries is told by
 * greylist_who.h, the try is counted in the store; while that does not answer nobody is deferred,
 * as the retry could not be recognised either.
 */
#ifndef POLICYD_GREYLIST_H
#define POLICYD_GREYLIST_H

#include "policyd-ratelimit/ask.h"

/* What is made of the settings: of a snapshot, in its arena. */
struct greylist_setup;

/* NULL: it is off. */
const struct greylist_setup *greylist_configure(struct gp_snapshot *snap);

/* A row of judge.c. */
check_fn greylist_check;

void greylist_register_metrics(void);

#endif
