/*
 * Messages that are on their way out, by queue id: who sent them, so that a bounce can be
 * told of the account, and not of a queue id that says nothing to anybody.
 *
 * Kept are messages that came with an account or from own networks, from smtpd's line to
 * the queue manager's "removed"; at most so many, those first forgotten that nothing was
 * heard of for the longest time (a message that a milter refused has no last line).  What a
 * content filter sends back under a new id inherits from the old one (XFORWARD IDENT).
 *
 * One thread; no I/O.
 */
#ifndef GP_CONTROLLER_MAILLOG_JOIN_H
#define GP_CONTROLLER_MAILLOG_JOIN_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/maillog_line.h"
#include "lib/base/ip.h"
#include "lib/proto/event.h"

/* Of an account, a sender, cut: an address has no more (RFC 5321: 64 + 1 + 255). */
#define MAILLOG_TEXT_MAX 320

struct maillog_join;

struct maillog_message {
	struct gp_str queue_id, account, client, sender;
};

struct maillog_join *maillog_join_new(size_t messages_max);
/* Clears *j; NULL is fine. */
void maillog_join_free(struct maillog_join **j);

/*
 * Takes what one line told.  True: that is an event; its texts lie in `text`, `parsed` and
 * the join, until the next call.  `text` is the whole line and `place` where it stands in
 * the file: of them the event's id is made, so that it is the same whenever they are read
 * again.  Messages from `own` are kept also without an account.
 */
bool maillog_join_take(struct maillog_join *j, const struct maillog_line *parsed,
		       struct gp_str text, uint64_t place, const struct gp_netset *own,
		       struct gp_event *ret);
/* Bounces so far of messages that are not known: not sent by an account, or forgotten. */
uint64_t maillog_join_unmatched(const struct maillog_join *j);

/* For keeping them on disk: all, from the one longest not heard of on; and back. */
void maillog_join_each(const struct maillog_join *j,
		       void (*fn)(void *arg, const struct maillog_message *m), void *arg);
void maillog_join_put(struct maillog_join *j, const struct maillog_message *m);
size_t maillog_join_len(const struct maillog_join *j);

#endif
