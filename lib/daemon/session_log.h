/*
 * A message's envelope in the log line of a milter: the same words in the same order in all
 * of them, so that one search finds a message in every log.
 */
#ifndef GP_DAEMON_SESSION_LOG_H
#define GP_DAEMON_SESSION_LOG_H

#include "lib/base/log.h"
#include "lib/daemon/session.h"

/* Adds qid (or "-"), from, rcpts and to (the first one; both only when recipients were seen), client
 * (or "local"), helo and user (when authenticated).  Addresses stand in angle brackets as Postfix
 * writes them, and are cut to the length of a log value. */
void gp_session_log(struct gp_logline *l, const struct gp_session *s);

#endif
