/*
 * Relays: the hand-overs that the Received lines tell of, read and written down as SpamAssassin
 * does, so that rules over X-Spam-Relays-… hit the same mail.
 *
 * lib/mail/received.h reads the same lines for what is most likely true; here it matters what
 * SpamAssassin makes of them, oddities included (Mail::SpamAssassin::Conf, "X-Spam-Relays").
 */
#ifndef GP_MAIL_RELAY_H
#define GP_MAIL_RELAY_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/ip.h"
#include "lib/base/vec.h"
#include "lib/mail/message.h"

struct gp_relay {
	struct gp_str ip; /* as written, without "IPv6:", zone, and ::ffff: */
	struct gp_str rdns, helo, by, ident, id, auth;
	struct gp_str envfrom; /* ptr NULL: not said */
	struct gp_ip address;
	bool has_no_rdns;	/* who wrote the line asks for names, and there was none */
	bool is_private;	/* the address is none of the public internet */
	bool is_internal, is_msa;
	size_t header;		/* index of its Received among the Received headers */
	struct gp_str text;	/* "[ ip=… rdns=… … ]" */
};

enum gp_relay_reading {
	GP_RELAY_READ,
	GP_RELAY_SKIPPED,    /* not a hand-over between hosts */
	GP_RELAY_FETCHED,    /* mail was fetched from a mailbox here */
	GP_RELAY_UNREADABLE,
};

/* Reads one Received value.  *ret lives in the arena; set only for GP_RELAY_READ, but for
 * envfrom, which may be set for GP_RELAY_SKIPPED: it belongs to the next line then. */
enum gp_relay_reading gp_relay_read(struct gp_arena *a, struct gp_str value, struct gp_relay *ret);
/* Writes r->text. */
void gp_relay_format(struct gp_arena *a, struct gp_relay *r);

/* Networks in SpamAssassin's notation: "192.0.2.0/24", "192.0.2.", "!192.0.2.9", "[::1]"; the
 * first that fits decides. */
struct gp_relay_net {
	struct gp_cidr net;
	bool is_excluded;
};

struct gp_relay_nets {
	GP_VEC(struct gp_relay_net) items;
};

/* GP_EINVAL: none of these forms. */
int gp_relay_nets_add(struct gp_arena *a, struct gp_relay_nets *nets, struct gp_str text) GP_MUST_USE;
bool gp_relay_nets_has(const struct gp_relay_nets *nets, const struct gp_ip *ip);

/* Whom to believe.  Loopback addresses are trusted and internal without being named. */
struct gp_relay_trust {
	struct gp_relay_nets trusted, internal, msa;
	bool has_trusted, has_internal; /* configured; where neither is, the path is inferred:
					 * private addresses and authenticated clients are trusted */
	const struct gp_str *origin_headers; /* such as X-Originating-IP: the hop before all */
	size_t n_origin_headers;
};

struct gp_relay_list {
	GP_VEC(struct gp_relay *) items; /* the newest first */
};

enum gp_relay_lists {
	GP_RELAYS_TRUSTED,
	GP_RELAYS_UNTRUSTED,
	GP_RELAYS_INTERNAL,
	GP_RELAYS_EXTERNAL,
	GP_RELAYS_LISTS,
};

struct gp_relay_path {
	struct gp_relay_list lists[GP_RELAYS_LISTS]; /* enum gp_relay_lists */
	struct gp_str text[GP_RELAYS_LISTS];	     /* X-Spam-Relays-…: their texts with spaces between */
	unsigned unreadable;	/* Received lines of no known form */
	long last_trusted, last_internal; /* index of that Received header; -1: none */
	struct gp_str asn; /* X-ASN: autonomous systems of the last external relay, "15169 36040", once
			    * somebody has asked for them; else empty */
};

/* The path of a finished message.  Lives in the arena. */
void gp_relay_path_make(struct gp_arena *a, const struct gp_message *m,
			const struct gp_relay_trust *trust, struct gp_relay_path *ret);

#endif
