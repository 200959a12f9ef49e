/*
 * One Received line as SpamAssassin reads it.  Private to relay*.c.
 */
#ifndef GP_MAIL_RELAY_LINE_H
#define GP_MAIL_RELAY_LINE_H

#include "lib/mail/relay.h"

enum gp_relay_outcome {
	GP_RELAY_UNPARSEABLE, /* no known form */
	GP_RELAY_SKIPPED,     /* says nothing about a hand-over between hosts */
	GP_RELAY_FETCHED,     /* a program took the mail from a mailbox: the path begins again */
	GP_RELAY_SCANNER,     /* skipped; its envelope sender is that of the next line */
	GP_RELAY_FOUND,
};

/* *ret is complete with GP_RELAY_FOUND, has the envelope sender with GP_RELAY_SCANNER. */
enum gp_relay_outcome gp_relay_read_line(struct gp_arena *a, struct gp_str text,
					 struct gp_relay *ret);

/* By what the client authenticated itself, empty if it did not; `line` with white space folded. */
struct gp_str gp_relay_auth(struct gp_arena *a, struct gp_str line);

/* What stands behind `key` up to a space; empty if it is not there. */
struct gp_str gp_relay_word_after(struct gp_str s, const char *key);

#endif
