/*
 * A resolver over a zone file (RFC 1035, 5.1): its only source of answers, for trying
 * records before they are published and for tests.
 *
 *	r = gp_dns_zone_open("example.zone", &resolver, &diag);
 *
 * It knows $ORIGIN and $TTL, parentheses, comments, quoted and joined strings, escapes,
 * "@", relative names (below the root until an $ORIGIN), a blank owner, class and TTL in
 * any order, units in TTLs, wildcards (RFC 4592), CNAMEs that lead to names of the file.
 * Every name that is not in the file does not exist; that of a name below it has no data.
 * NS are data as any other (nothing is delegated away); SOA is passed over, and so is the
 * type SPF (RFC 7208, 3.1); types that nobody here asks for are ignored with a note.  No $INCLUDE.
 */
#ifndef GP_DNS_DNS_ZONE_H
#define GP_DNS_DNS_ZONE_H

#include "lib/dns/dns.h"

/* GP_EINVAL: what is wrong with the file, as "FILE:LINE: …" with a remedy; else as
 * gp_file_read. */
int gp_dns_zone_open(const char *path, struct gp_resolver **ret, struct gp_diag *diag) GP_MUST_USE;
/* The same from text that is borrowed for the call; file is its name in errors. */
int gp_dns_zone_parse(struct gp_str text, const char *file, struct gp_resolver **ret,
		      struct gp_diag *diag) GP_MUST_USE;

/* Of a resolver of this kind: which types are ignored, "FILE:LINE: SRV is ignored" a
 * line; "" if none.  Lives as long as the resolver. */
struct gp_str gp_dns_zone_notes(const struct gp_resolver *r);

#endif
