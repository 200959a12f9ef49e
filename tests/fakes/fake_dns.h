/*
 * A resolver that answers from a script, for tests.
 *
 *	r = gp_fake_dns_open("a.example  A    192.0.2.1\n"
 *			     "a.example  MX   10 mx.example\n"
 *			     "t.example  TXT  any text up to the line's end\n"
 *			     "u.example  TXT  \"its strings, \" \"any \\\\ \\\" \\255 byte\"\n"
 *			     "w.example  CNAME a.example\n"
 *			     "s.example  *    !servfail\n", loop);
 *
 * A line is NAME TYPE DATA; '#' begins a comment line.  Names hold odd bytes as \DDD,
 * the way gp_dns_begin takes them.  A name that is in no line
 * does not exist; one without the type asked for has no data.  Data that begin
 * with '!' are orders for questions of that type (any with '*'):
 *	!servfail, !refused	GP_ETEMP
 *	!timeout		never answers (until the resolver is closed)
 *	!nxdomain		overrides other lines
 *	!bogus, !secure		DNSSEC status
 *	!ttl N			seconds; 300 without it
 *	!delay MS		answers that much later (needs a loop)
 *	!fail N			GP_ETEMP the first N times
 * The same from any thread; without orders it answers before gp_dns_begin returns.
 */
#ifndef GP_FAKE_DNS_H
#define GP_FAKE_DNS_H

#include "lib/dns/dns.h"

/* loop: only for !delay, may be NULL.  A malformed line aborts. */
struct gp_resolver *gp_fake_dns_open(const char *zone, struct gp_loop *loop);
/* How often that name was asked for, whatever the type. */
unsigned gp_fake_dns_asked(struct gp_resolver *r, const char *name);

#endif
