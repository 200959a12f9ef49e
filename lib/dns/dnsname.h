/*
 * Domain names as text: checked, folded, turned around.
 *
 * Names are written in lower case, IDN as A-labels, without the final dot.
 */
#ifndef GP_DNS_DNSNAME_H
#define GP_DNS_DNSNAME_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"

/* Of a name's text without final dot (RFC 1035, 2.3.4: 255 bytes on the wire). */
#define GP_DNS_NAME_MAX 253

/* Checks and folds a name: labels of 1 … 63 bytes, printable ASCII without what the
 * zone file format gives a meaning; U-labels become A-labels.  An IP address is a
 * valid name here.  GP_EINVAL if it is none. */
int gp_dns_name_fold(struct gp_str name, char ret[GP_DNS_NAME_MAX + 1]) GP_MUST_USE;
/* The same, and any other byte written \DDD (but never a dot within a label): what may
 * be asked for.  SPF's macros make such names of local parts (RFC 7208, 7). */
int gp_dns_name_fold_escaped(struct gp_str name, char ret[GP_DNS_NAME_MAX + 1]) GP_MUST_USE;
/* Dots separate labels; every other byte that gp_dns_name_fold refuses is written \DDD. */
struct gp_str gp_dns_name_escape(struct gp_arena *arena, struct gp_str name);

/* Is `name` this domain or below it?  Case is ignored; an empty domain holds nothing. */
bool gp_dns_name_is_within(struct gp_str name, struct gp_str domain);

/* "2.0.192.ZONE", or nibbles for IPv6; zone NULL is in-addr.arpa or ip6.arpa.
 * GP_EINVAL for family 0 or where the zone makes it too long. */
int gp_dns_name_reverse(const struct gp_ip *ip, const char *zone,
			char ret[GP_DNS_NAME_MAX + 1]) GP_MUST_USE;

/* An uncompressed name of the wire at the start of `wire` as text in the arena, bytes
 * that are not plain as \DDD; *ret_len is how many bytes it took.  GP_EINVAL if
 * malformed. */
int gp_dns_name_from_wire(struct gp_arena *arena, struct gp_str wire, struct gp_str *ret,
			  size_t *ret_len) GP_MUST_USE;

#endif
