/*
 * One line of Postfix's log: what it tells of who sent a message, and of what became of it.
 *
 * Understands the prefixes of RFC 3164 ("Nov 21 20:19:42 host postfix/smtp[7]: …", also
 * what Postfix writes into its maillog_file), the same with a time of RFC 3339, and RFC
 * 5424; short and long queue ids; any syslog_name ("postfix/submission/smtpd",
 * "postfix-out/smtp"); the messages of Postfix 3.5 to 3.11.
 *
 * Pure: no clock, no state; the time zone of times without one is the process's.
 */
#ifndef GP_CONTROLLER_MAILLOG_LINE_H
#define GP_CONTROLLER_MAILLOG_LINE_H

#include <stdint.h>

#include "lib/base/str.h"

enum maillog_kind {
	MAILLOG_OTHER,	      /* nothing that is asked for */
	MAILLOG_CLIENT,	      /* smtpd: a message comes: queue_id, client, account, origin_id */
	MAILLOG_SENDER,	      /* qmgr: it is tried: queue_id, sender */
	MAILLOG_BOUNCE,	      /* failed for good (5.x.x): queue_id, recipient */
	MAILLOG_REMOVED,      /* qmgr: it is gone from the queue: queue_id */
	MAILLOG_AUTH_FAILURE, /* smtpd: client, and in newer versions the account that was tried */
};

/* The spans lie in the line; "" where it says nothing. */
struct maillog_line {
	enum maillog_kind kind;
	int64_t time_s;	       /* Unix time, of what is an event (bounce, failure); else 0 */
	struct gp_str tag;     /* "postfix/submission/smtpd" */
	struct gp_str queue_id;
	struct gp_str client;  /* an address; "" for "unknown"; behind a content filter the one
				* that the filter names (XFORWARD) */
	struct gp_str account; /* sasl_username */
	struct gp_str origin_id; /* the id it had before a content filter (orig_queue_id) */
	struct gp_str sender, recipient;
};

/* `line` is without its line end.  now_s: for times without a year, which are taken for the last
 * such time, up to a day ahead of now. */
void maillog_parse(struct gp_str line, int64_t now_s, struct maillog_line *ret);

#endif
