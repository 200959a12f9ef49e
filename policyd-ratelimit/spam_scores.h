/*
 * Spam scores of own mail, which milter-spam leaves in the store (lib/proto/sent.h): each is told
 * to the limits with count = "spam" (limits_event), which compare it with their score.
 */
#ifndef POLICYD_SPAM_SCORES_H
#define POLICYD_SPAM_SCORES_H

#include "lib/base/err.h"

/* How often they are read: so late an account is contained. */
#define SPAM_SCORES_MS 3000

/* The keeper's chore: reads what is new, and hands it to the loop.  GP_ETEMP: the store is away. */
int spam_scores_read(void) GP_MUST_USE;
/* Waits a moment for those under way: before the store is closed. */
void spam_scores_end(void);

#endif
