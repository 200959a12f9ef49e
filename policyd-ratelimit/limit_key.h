/*
 * By what a limit counts: attributes of a request or event, made comparable.
 *
 * A limit names one attribute or several ("by"); what they say together is its key.  Case is
 * ignored, domains are compared in ASCII (IDNA), client addresses as networks, IPv4 in IPv6
 * as IPv4.  Where one of the attributes says nothing (no account, the empty sender of a
 * bounce) the limit does not apply.
 *
 * The text of a key holds no control characters: parts are separated by "|", and "%", "|" and
 * control characters in them are written %XX.
 */
#ifndef POLICYD_LIMIT_KEY_H
#define POLICYD_LIMIT_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/conf/schema.h"
#include "lib/dns/dnsname.h"

enum limit_attribute {
	LIMIT_SASL_USERNAME,
	LIMIT_SENDER,
	LIMIT_SENDER_DOMAIN,
	LIMIT_CLIENT_ADDRESS, /* "client_address", "client_address/24/64": bits for IPv4 and IPv6 */
	LIMIT_HELO_NAME,
	LIMIT_RECIPIENT,
	LIMIT_RECIPIENT_DOMAIN,
	LIMIT_LDAP_GROUP, /* of the account; one key for each group */
	LIMIT_ATTRIBUTES
};

/* Their names; NULL behind the last. */
extern const struct gp_conf_enum limit_attribute_names[];

#define LIMIT_BY_MAX 4
/* Without a prefix in "by": a host; in IPv6 a host has a /64. */
#define LIMIT_BITS4 32
#define LIMIT_BITS6 64

struct limit_by {
	size_t len; /* 0: one count for all */
	enum limit_attribute parts[LIMIT_BY_MAX];
	uint8_t bits4, bits6; /* of a client address */
};

/* GP_EINVAL, with what is wrong (and what was meant, perhaps) in the diag. */
int limit_by_parse(const struct gp_conf_list *words, struct limit_by *ret,
		   struct gp_diag *diag) GP_MUST_USE;
bool limit_by_has(const struct limit_by *by, enum limit_attribute attribute);

/* Whom a request or an event is about.  What is asked for is made comparable when it is asked
 * for first. */
struct limit_subject {
	struct gp_arena *arena;
	struct gp_str account, sender, helo, recipient; /* as they came */
	struct gp_ip client;
	const struct gp_str *groups; /* of the account */
	size_t n_groups;
	/* The module's. */
	unsigned known; /* a bit for each attribute that is in texts */
	struct gp_str texts[LIMIT_ATTRIBUTES];
};

/* One attribute, comparable; empty: it says nothing.  Not for LIMIT_CLIENT_ADDRESS (whose text
 * is the limit's affair) nor LIMIT_LDAP_GROUP. */
struct gp_str limit_subject_get(struct limit_subject *subject, enum limit_attribute attribute);

/* How many keys the subject has: 0 where an attribute says nothing, more than 1 for groups. */
size_t limit_key_count(const struct limit_by *by, struct limit_subject *subject);
/* Could it have one, as far as the attributes go that are known by now?  unknown: a bit for each
 * that a later request tells, or an earlier one told. */
bool limit_key_is_possible(const struct limit_by *by, struct limit_subject *subject,
			   unsigned unknown);
/* The text of the i-th, in the subject's arena. */
struct gp_str limit_key_get(const struct limit_by *by, struct limit_subject *subject, size_t i);
/* The text that a single attribute's value has as a key: what a person types to look it up. */
struct gp_str limit_key_of(const struct limit_by *by, struct gp_str value, struct gp_arena *arena);

/* Keys in the store: "LIMIT", TAB, "WINDOW", TAB, KEY.  `format` is in the arena. */
struct gp_str limit_state_key(struct gp_arena *arena, struct gp_str limit, struct gp_str window,
			      struct gp_str key);
bool limit_state_key_parse(struct gp_str state_key, struct gp_str *ret_limit,
			   struct gp_str *ret_window, struct gp_str *ret_key);

/* Of a key or pattern that a person wrote: is its domain (what stands behind @, or all of it) in
 * another script, so that it is never met?  ret_form: its ASCII form then, "" if there is none. */
bool limit_key_is_foreign(struct gp_str text, bool is_domain, char ret_form[GP_DNS_NAME_MAX + 1]);

#endif
