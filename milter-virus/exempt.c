/*
 * Exemptions; see the header.
 */
#include "milter-virus/exempt.h"

#include "lib/conf/mapfile.h"

bool virus_is_exempt(const struct virus_conf *conf, const struct gp_session *s)
{
	struct gp_map_hit hit;

	return gp_netset_has(&conf->exempt_clients, &s->client) ||
	       (s->msg.auth_user.len &&
		gp_mapfile_find_address(conf->exempt_accounts, s->msg.auth_user, &hit)) ||
	       gp_mapfile_find_address(conf->exempt_senders, s->msg.from, &hit);
}

bool virus_are_rcpts_exempt(const struct virus_conf *conf, const struct gp_session *s)
{
	struct gp_map_hit hit;

	if (!conf->exempt_recipients || s->msg.rcpts.len == 0 ||
	    s->msg.rcpts.len < s->msg.n_rcpts_seen)
		return false;
	for (size_t i = 0; i < s->msg.rcpts.len; i++)
		if (!gp_mapfile_find_address(conf->exempt_recipients, s->msg.rcpts.items[i].address, &hit))
			return false;
	return true;
}
