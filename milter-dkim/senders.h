/*
 * Who may use which domain: the map sign.senders.
 *
 *	joe@example.org    example.org *.example.org
 *	newsletter         news@example.org
 *	@example.net       %d		(the accounts of a domain: any address of it)
 *	192.0.2.0/24       example.org	(mail from there that has no account)
 *	*                  %a		(every other account: its own name as address)
 *
 * A word is a domain (any address of it) or a glob: with an @ over the address, else over the
 * domain.  %a is the account, %d its domain.  An account that the map does not have may use
 * nothing.  Mail without an account comes from networks.own, where there is nobody to ask for a
 * password: it is held to the map only if the map has the client's network.
 */
#ifndef GP_DKIM_SENDERS_H
#define GP_DKIM_SENDERS_H

#include "lib/base/ip.h"
#include "lib/conf/mapfile.h"

/* account: empty when not authenticated, the client's address counts then.  local and domain:
 * of the address that is to be signed for; the domain in lower case and A-labels.  A NULL map
 * allows everything. */
bool dkim_sender_is_allowed(const struct gp_mapfile *map, struct gp_str account,
			    const struct gp_ip *client, struct gp_str local, struct gp_str domain);
/* Reports lines that allow nothing and words that can't be used. */
void dkim_senders_check(const struct gp_mapfile *map, struct gp_conf_report *report);

#endif
