/*
 * From settings to a resolver.  Which one answers, and what stands in front of it, is
 * decided here for all programs and the command.
 */
#include "lib/daemon/resolver.h"

#include "lib/daemon/sandbox.h"
#include "lib/dns/dns_cache.h"
#include "lib/dns/dns_unbound.h"

/* Our part of dns.cache.  libunbound needs more for the same answer, and keeps what
 * leads to answers too: delegations, keys. */
#define FRONT_SHARE 4

int gp_resolver_open(const struct gp_conf_dns *dns, struct gp_loop *loop, struct gp_resolver **ret,
		     struct gp_diag *diag)
{
	int64_t front = dns->cache_size / FRONT_SHARE;
	struct gp_dns_options options = {
		.servers = dns->servers.items,
		.n_servers = dns->servers.len,
		.recursion = dns->recursion,
		.dnssec = dns->dnssec,
		.trust_anchor = *dns->trust_anchor ? dns->trust_anchor : NULL,
		.timeout_ms = dns->timeout_ms,
		.cache_size = dns->cache_size - front,
	};
	struct gp_resolver *inner;
	int r = gp_dns_unbound_open(&options, loop, &inner, diag);

	if (r == GP_OK)
		*ret = gp_dns_cache_new(inner, (size_t)front);
	return r;
}

void gp_resolver_sandbox(const struct gp_conf_dns *dns)
{
	gp_sandbox_read("/etc/resolv.conf");
	gp_sandbox_read("/etc/hosts");
	gp_sandbox_read(dns->trust_anchor);
}
