/*
 * A store that came back older than it was, or empty: a Redis that was killed and begins with its last
 * snapshot, a replica that was behind, a copy put back.  What was counted since is gone.  Nobody
 * can put that back, so it is said: once, by each host that notices.
 *
 * Noticed by a counter that each daemon moves on every few seconds: it never has a value that it had
 * before.  A store that went back less than that is not noticed.
 *
 * What was contained or released is put back from what the hosts know (contain_table.h).
 *
 * The keeper's thread only.
 */
#ifndef POLICYD_STORE_LOSS_H
#define POLICYD_STORE_LOSS_H

#include "policyd-ratelimit/contain_table.h"

#define STORE_LOSS_LOOK_MS 10000

int store_loss_look(void) GP_MUST_USE;
/* So many keys are put back; may be none. */
void store_loss_restored(const struct contain_loss *lost);
void store_loss_register_metrics(void);

#endif
