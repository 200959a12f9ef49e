/*
 * Autonomous systems: of whose network the host is that handed the message to us, as lists in
 * the DNS say (asn.routeviews.org, origin.asn.cymru.com …).
 *
 * What Mail::SpamAssassin::Plugin::ASN does, by the same directives, once loadplugin names it: a TXT
 * question for the address below each list's zone, tags of the numbers and routes that are
 * answered, X-ASN for header rules, check_asn.  Not its GeoDB: no file of addresses is read.
 *
 * rule_dns_asn.c asks.
 */
#ifndef GP_SCORE_RULE_ASN_H
#define GP_SCORE_RULE_ASN_H

#include "lib/dns/dns.h"
#include "lib/score/rule_int.h"
#include "lib/score/rule_tag.h"

/* asn_lookup, asn_lookup_ipv6 */
struct gp_asn_lookup {
	struct gp_str zone;
	struct gp_str number_tag, route_tag; /* capitals, without underscores */
	uint8_t family;			     /* of addresses that it is asked for: 4, 6 */
	struct gp_query_zone *asked;
};

/* asn_lookup and its kin; false when it is none of these, or the plugin is not loaded. */
bool gp_rule_asn_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value);
/* When all rules are read: which of them wait for the answers. */
void gp_rule_asn_prepare(struct gp_rule_builder *b);
/* Does some list fill that tag? */
bool gp_asn_has_tag(const struct gp_rule_set *set, struct gp_str tag);

/* What was found out about one message. */
struct gp_asn_found;
struct gp_asn_found *gp_asn_found_new(struct gp_arena *a, struct gp_str prefix);
/* Adds what a list answered: TXT records of any of the forms that the plugin reads; others add
 * nothing. */
void gp_asn_read(struct gp_asn_found *f, const struct gp_asn_lookup *l,
		 const struct gp_dns_record *records, size_t n);
/* Values of a tag; false if it has none. */
bool gp_asn_values(const struct gp_asn_found *f, struct gp_str tag, struct gp_tag_values *ret);
/* X-ASN: the numbers of one list, "15169 36040"; empty: none. */
struct gp_str gp_asn_numbers(const struct gp_asn_found *f);

#endif
