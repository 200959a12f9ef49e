/*
 * The alerter: a small process that runs the alert command and sends the alert mail, because
 * the daemon may not execute programs, and may not wait for a mail server.
 *
 * It is forked while the daemon has one thread and is not confined yet.  An order is a datagram of
 * lines "name=value": id, parts, name, and the value of a contained entry (contained.h); the
 * answer is one too: id, failed (parts) and why.  One order at a time.
 */
#ifndef POLICYD_ALERTER_H
#define POLICYD_ALERTER_H

#include "lib/base/err.h"
#include "policyd-ratelimit/contain_options.h"

enum alert_part { ALERT_COMMAND = 1, ALERT_MAIL = 2 };

#define ALERT_PART_MS 30000 /* for the command, and as long for the mail */
#define ALERT_ORDER_MAX 2048

/* The parts that the settings ask for. */
unsigned alerter_parts(const struct contain_conf *conf);
/* Forks it; the descriptor is the daemon's end, at whose closing it ends.  `user`: to become when
 * started as root. */
int alerter_start(const struct contain_conf *conf, const char *user, int *ret_fd,
		  struct gp_diag *diag) GP_MUST_USE;

#endif
