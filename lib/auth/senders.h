/*
 * Who may use which address: maps and words of permission.
 *
 *	joe@example.org    example.org *.example.org
 *	newsletter         news@example.org
 *	@example.net       %d		(the accounts of a domain: any address of it)
 *	192.0.2.0/24       example.org	(mail from there that has no account)
 *	*                  %a		(every other account: its own name as address)
 *
 * A word is a domain (any address of it) or a glob: with an @ over the address, else over the
 * domain.  %a is the account, %d its domain.  The words of a directory mean the same.
 */
#ifndef GP_AUTH_SENDERS_H
#define GP_AUTH_SENDERS_H

#include "lib/base/ip.h"
#include "lib/conf/mapfile.h"

/* An address that somebody wants to use: the domain in lower case and A-labels. */
struct gp_sender_claim {
	struct gp_str account;	     /* empty when not authenticated … */
	const struct gp_ip *client;  /* … the client's address counts then */
	struct gp_str local, domain; /* of the address */
};

enum gp_sender_right {
	GP_SENDER_UNKNOWN, /* the map has nothing about the account or the client */
	GP_SENDER_ALLOWED,
	GP_SENDER_REFUSED,
};

/* What the map says; a NULL map says nothing. */
enum gp_sender_right gp_senders_find(const struct gp_mapfile *map,
				     const struct gp_sender_claim *claim);
/* Does one of the words, which blanks separate, allow it? */
bool gp_sender_words_allow(struct gp_str words, const struct gp_sender_claim *claim);
/* Reports lines that allow nothing and words that can't be used; a NULL map has none. */
void gp_senders_check(const struct gp_mapfile *map, struct gp_conf_report *report);

#endif
