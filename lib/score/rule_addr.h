/*
 * Addresses and names as header rules (:addr, :name) and eval functions are to see them:
 * those that SpamAssassin finds in a header, which differ from what lib/mail/addr.h finds
 * where a header is malformed.  Rules are written and scored with SpamAssassin's reading;
 * for everything else ("who wrote this?") take gp_addr_parse.
 */
#ifndef GP_SCORE_RULE_ADDR_H
#define GP_SCORE_RULE_ADDR_H

#include <stdbool.h>

#include "lib/base/arena.h"

struct gp_rule_addr {
	struct gp_str name; /* without quotes and comments, encoded words in place; ptr NULL: none */
	struct gp_str addr; /* as written; ptr NULL: none */
};

struct gp_rule_addrs {
	struct gp_rule_addr *items;
	size_t len; /* at most GP_MAX_ADDRESSES, the others are left out */
};

/* Reads a header's raw value.  Everything in *ret lives in the arena or borrows from raw. */
void gp_rule_addr_parse(struct gp_arena *a, struct gp_str raw, struct gp_rule_addrs *ret);

/* A name with its encoded words decoded and its white space in order. */
struct gp_str gp_rule_addr_decode(struct gp_arena *a, struct gp_str name);

#endif
