/*
 * A cache in front of another resolver, answering in the thread that asks.
 *
 *	gp_dns_unbound_open(&options, loop, &resolver, diag);
 *	resolver = gp_dns_cache_new(resolver, size);
 *
 * libunbound has a cache too, but its answers cost two hops between threads; here
 * one costs a lock and a copy.  What is known when gp_dns_begin is called is known
 * when it returns.  Any thread may ask.
 *
 * Kept for its TTL, at the most an hour: data; five minutes: that there are none
 * (NXDOMAIN and no data, RFC 2308); a minute: what failed validation.  A TTL of zero
 * is not kept.  SERVFAIL is kept for a second (RFC 9520, 3.2), so that mail that asks
 * for a broken domain does not hop for each of its questions.  What was late or refused is
 * not kept at all: the answer may be there the next time.
 * Merging equal questions in flight is left to the resolver behind.
 */
#ifndef GP_DNS_DNS_CACHE_H
#define GP_DNS_DNS_CACHE_H

#include "lib/dns/dns.h"

/* Takes the inner resolver, which is closed with it.  size: bytes of all answers and
 * tables together, never exceeded; what was used least lately makes room. */
struct gp_resolver *gp_dns_cache_new(struct gp_resolver *inner, size_t size)
	__attribute__((returns_nonnull));

#endif
