/*
 * Address lists: From, To, Cc, Reply-To and their kin.
 *
 * RFC 5322 §3.4 and RFC 6532 as mail programs read them: display names with or
 * without quotes, comments, groups, routes, Outlook's semicolons, unclosed
 * quotes and angles.  Nothing is rejected; what looks like no address at all is
 * an entry whose domain is empty.
 */
#ifndef GP_MAIL_ADDR_H
#define GP_MAIL_ADDR_H

#include <stdbool.h>

#include "lib/base/arena.h"

struct gp_addr {
	struct gp_str name;   /* display name, or the comment where there is none: decoded, UTF-8 */
	struct gp_str raw_name; /* the same, encoded words and stray bytes as they are */
	struct gp_str addr;   /* local@domain without quotes, comments and route; may be empty */
	struct gp_str local;  /* unquoted, case as written */
	struct gp_str domain; /* lower case (ASCII), no final dot; U-labels as they are */
};

struct gp_addr_list {
	struct gp_addr *items;
	size_t len;
	bool is_cut; /* there were more than GP_MAX_ADDRESSES */
};

/* Parses a header's raw value (encoded words in place, folds and all: decoding
 * first would let an encoded comma split a name).  Everything in *ret lives in
 * the arena or borrows from raw. */
void gp_addr_parse(struct gp_arena *a, struct gp_str raw, struct gp_addr_list *ret);

/* The first address of the list; false if there is none (ret zeroed then). */
bool gp_addr_first(struct gp_arena *a, struct gp_str raw, struct gp_addr *ret);

#endif
