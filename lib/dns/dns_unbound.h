/*
 * The resolver by libunbound: asynchronous, caching, validating.
 *
 * It is a guest on the event loop; libunbound runs one thread of its own.  Answers
 * (negative ones too) are cached within cache_size, equal questions in flight are
 * merged.  When the servers do not answer at all for a while, only the cache is
 * waited for (a tenth of a second) until an answer gets through again.
 */
#ifndef GP_DNS_DNS_UNBOUND_H
#define GP_DNS_DNS_UNBOUND_H

#include "lib/dns/dns.h"

struct gp_dns_options {
	const char *const *servers; /* forwarders, "ADDRESS" or "ADDRESS@PORT"; n 0: the system's */
	size_t n_servers;
	bool recursion;		  /* resolve from the root down; servers are ignored */
	bool dnssec;		  /* validate; needs trust_anchor */
	const char *trust_anchor; /* file with DS or DNSKEY of the root, zone format */
	const char *root_hints;	  /* file; NULL: those built in */
	const char *resolv_conf;  /* NULL: /etc/resolv.conf */
	const char *hosts;	  /* NULL: /etc/hosts; read when asking the system's servers */
	int64_t timeout_ms;	  /* of one question at the most; 0: 5 s */
	int64_t cache_size;	  /* bytes; 0: 16 MiB */
};

/* Does not wait for any server.  GP_EINVAL: a server's address or a file is
 * malformed; GP_ESYS: a file cannot be read, a thread not be made. */
int gp_dns_unbound_open(const struct gp_dns_options *options, struct gp_loop *loop,
			struct gp_resolver **ret, struct gp_diag *diag) GP_MUST_USE;

#endif
