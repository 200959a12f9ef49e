/*
 * The forms in which mail programs write Received lines, as patterns over one line whose white
 * space is folded, without its leading "from ".
 *
 * A pattern is text that must stand there, with
 *
 *	%h %r %b %d %f %u	a word: HELO, name by DNS, who writes, ident, sender, id
 *	%v			as %r, with a dot in it
 *	%H %D			as %h and %d, may be empty
 *	%k %p			HELO without space and parentheses / up to a parenthesis; may be empty
 *	%w %W			a word that nobody needs / may be empty
 *	%i %I %z		an address / one that nobody needs / perhaps "%zone"
 *	%s %m			as little text as will do / any but ")", with helo= and ident= in it
 *	%t %g %c %y		as little text as will do / as much / any but ")" / 10 to 80 bytes
 *	%n			digits
 *	%l			a name or address of the host itself
 *	%x %e			here does not follow " id " / here is the end
 *	{a|b|}			one of these, without braces within
 *
 * Tried from the left, with going back; the steps are limited, since the line is a stranger's.
 */
#ifndef GP_MAIL_RELAY_FORM_H
#define GP_MAIL_RELAY_FORM_H

#include <stdbool.h>

#include "lib/base/str.h"

enum gp_relay_field {
	GP_RELAY_IP,
	GP_RELAY_RDNS,
	GP_RELAY_HELO,
	GP_RELAY_BY,
	GP_RELAY_IDENT,
	GP_RELAY_ENVFROM,
	GP_RELAY_ID,
	GP_RELAY_SUB, /* of %s */
	GP_RELAY_FIELDS,
};

enum gp_relay_form_flags {
	GP_RELAY_LOOKED_UP = 1 << 0, /* who writes this asks for the name: none given means none */
	GP_RELAY_IS_SKIPPED = 1 << 1, /* no hand-over between hosts */
	GP_RELAY_IS_FETCH = 1 << 2,  /* fetched from a mailbox: what is above is not how it came */
	GP_RELAY_IS_SCANNER = 1 << 3, /* a skipped line whose sender belongs to the next one */
	GP_RELAY_HELO_IS_RDNS = 1 << 4, /* HELO is left out when it equals the name */
	GP_RELAY_NO_ID = 1 << 5,
	GP_RELAY_QMAIL = 1 << 6, /* looked up unless it says "unknown" */
	GP_RELAY_SPLIT_IDENT = 1 << 7, /* ident@name */
	GP_RELAY_NOT_QMAIL = 1 << 8, /* not a line of qmail-ldap */
};

struct gp_relay_match {
	struct gp_str fields[GP_RELAY_FIELDS]; /* ptr NULL: the form has none */
	unsigned flags;
};

enum gp_relay_case {
	GP_RELAY_FROM,	    /* behind "from " */
	GP_RELAY_FROM_UPPER, /* behind "FROM " */
	GP_RELAY_FROM_PAREN, /* behind "(from " */
	GP_RELAY_CASES,
};

/* Steps that one line may take; ordinary ones need some hundred. */
#define GP_RELAY_STEPS_MAX 50000

/* The first form that fits; false when none does. */
bool gp_relay_form_find(struct gp_str line, enum gp_relay_case which, struct gp_relay_match *ret);
/* One pattern. */
bool gp_relay_form_match(struct gp_str line, const char *pattern, struct gp_relay_match *ret);
/* Length of the IP address that begins at s[at], also "IPv6:…"; 0 if none does. */
size_t gp_relay_ip_len(struct gp_str s, size_t at);

#endif
