/*
 * The path of a message through mail servers, as its Received lines tell, in
 * the reading that SpamAssassin's rules expect (X-Spam-Relays-…).
 *
 * received.h reads one line in our own way; this one agrees with
 * SpamAssassin's reading, odd as it may be, because rules match its text:
 *
 *	[ ip=192.0.2.1 rdns=a.example helo=b by=mx.example ident= envfrom= intl=0 id=X auth= msa=0 ]
 *
 * Only trusted hops can be believed.  Which these are is either configured or
 * guessed: from the top as long as the client is in a private network or has
 * authenticated itself.
 */
#ifndef GP_MAIL_RELAY_H
#define GP_MAIL_RELAY_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/ip.h"
#include "lib/base/vec.h"
#include "lib/mail/message.h"

struct gp_relay {
	/* White space, brackets, "#" and "|" in them are written "!". */
	struct gp_str ip, rdns, helo, by, ident, id, auth;
	struct gp_str envelope_from; /* ptr NULL: not said */
	bool has_no_rdns;	     /* its name was looked up, and there is none */
	bool is_trusted, is_internal;
};

struct gp_relays {
	GP_VEC(struct gp_relay) items; /* latest first */
	unsigned unparseable;	       /* lines of no known form */
	unsigned trusted_lines, internal_lines; /* lines from the top, of no known form included,
						 * that are within the trusted part */
};

enum gp_relay_group {
	GP_RELAYS_TRUSTED,
	GP_RELAYS_UNTRUSTED,
	GP_RELAYS_INTERNAL,
	GP_RELAYS_EXTERNAL,
};

/* trusted: networks whose lines are believed, internal ones too; NULL or empty: guessed.
 * Everything lives in the arena. */
void gp_relays_parse(struct gp_arena *a, const struct gp_message *m,
		     const struct gp_netset *trusted, struct gp_relays *ret);

/* Appends the text of a group, relays separated by spaces. */
void gp_relays_add_text(const struct gp_relays *r, enum gp_relay_group group, struct gp_buf *out);

bool gp_relay_is_in(const struct gp_relay *r, enum gp_relay_group group);

#endif
