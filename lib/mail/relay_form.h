/*
 * The forms in which mail servers write Received lines, as a table, and the
 * matcher for it.  Used by relay_line.c only.
 *
 * A form is the text that follows "from ", with letters for what varies:
 *
 *	%i an IP address		%I one that says nothing new
 *	%b "by" whom			%q the queue id
 *	%h HELO, a word			%H the same, may be empty
 *	%n HELO without parentheses	%k HELO up to ")"
 *	%r reverse name, a word		%x reverse name, and HELO unless it is given too
 *	%t ident, a word, may be empty	%s "helo=… ident=…" up to ")"
 *	%w a word			%W the same, may be empty
 *	%d digits			%) anything but ")"
 *	%* anything, as much as fits	%~ anything, as little as fits
 *	%E HELO or EHLO			%L a name or address of this host
 *	%Q SMTP or QMQP, no queue id
 *	{…} may be missing		$ at the end: nothing follows
 *
 * A word is whatever has no space in it.  The form must match from the start of
 * the line; what follows its end is of no interest.
 */
#ifndef GP_MAIL_RELAY_FORM_H
#define GP_MAIL_RELAY_FORM_H

#include <stdbool.h>

#include "lib/base/str.h"

enum gp_relay_form_flags {
	GP_FORM_RDNS = 1 << 0,	/* this server looks reverse names up: no name means there is none */
	GP_FORM_SKIP = 1 << 1,	/* no hand-over between hosts, or one that says too little */
	GP_FORM_FETCH = 1 << 2,	/* fetched from a mailbox: the path begins again here */
	GP_FORM_SCANNER = 1 << 3, /* qmail-scanner: the next line's envelope sender stands here */
	GP_FORM_NO_ID = 1 << 4,	/* what looks like a queue id is a version */
	GP_FORM_PARTS = 1 << 5,	/* no order in it: take what is recognised */
	GP_FORM_IDENT = 1 << 6,	/* "user@" may stand before the reverse name */
	GP_FORM_LAST_WORD = 1 << 7, /* "by" ends at its last letter or digit */
};

enum gp_relay_start { GP_START_FROM, GP_START_UPPER, GP_START_PAREN }; /* "from ", "FROM ", "(from " */

struct gp_relay_form {
	const char *text;
	const char *gate;   /* must stand somewhere in the line, or NULL */
	const char *unless; /* must not, or NULL */
	unsigned flags;
	enum gp_relay_start start;
};

/* In the order in which they are to be tried; ends with text NULL. */
extern const struct gp_relay_form gp_relay_forms[];

struct gp_relay_fields {
	struct gp_str ip, rdns, helo, by, ident, id;
};

/* Matches; *fields gets what the form names and is otherwise left alone.  False, with *fields
 * untouched, when it does not match, or not within a bounded number of steps. */
bool gp_relay_form_match(const char *form, struct gp_str line, struct gp_relay_fields *fields);

/* Bytes of the IP address that begins at s[at], 0 if none does; *ret is its text without prefix
 * and zone. */
size_t gp_relay_ip(struct gp_str s, size_t at, struct gp_str *ret);
/* "localhost", 127.0.0.1, ::1 … at s[at]: its length, or 0. */
size_t gp_relay_localhost(struct gp_str s, size_t at);

#endif
