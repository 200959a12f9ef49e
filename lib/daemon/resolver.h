/*
 * The resolver that the settings of the group `dns` describe.
 */
#ifndef GP_DAEMON_RESOLVER_H
#define GP_DAEMON_RESOLVER_H

#include "lib/conf/shared.h"
#include "lib/dns/dns.h"

/* libunbound with our cache in front of it, sharing dns.cache; a guest on the loop,
 * closed before it.  Does not wait for any server.  GP_EINVAL, GP_ESYS: what the diag
 * says of servers, trust anchor or /etc/resolv.conf. */
int gp_resolver_open(const struct gp_conf_dns *dns, struct gp_loop *loop, struct gp_resolver **ret,
		     struct gp_diag *diag) GP_MUST_USE;
/* Names what it reads to the sandbox (gp_sandbox_read), before that is entered. */
void gp_resolver_sandbox(const struct gp_conf_dns *dns);

#endif
