/*
 * The check "sender": may this account use this envelope sender?
 *
 * Asked in this order, the first that knows decides: the account's own address, the map, the
 * directory.  An account of which nobody knows anything may use nothing.  Mail without an
 * account is only held to the networks of the map.
 */
#ifndef POLICYD_SENDER_H
#define POLICYD_SENDER_H

#include "policyd-ratelimit/ask.h"

/* What is made of the settings: of a snapshot, in its arena. */
struct sender_setup;

/* NULL: there is nothing to check. */
const struct sender_setup *sender_configure(struct gp_snapshot *snap);

/* A row of judge.c. */
check_fn sender_check;

void sender_register_metrics(void);

#endif
