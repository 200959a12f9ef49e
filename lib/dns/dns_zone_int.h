/*
 * Between the reader of zone files (dns_zone_file.c) and what answers (dns_zone.c).
 */
#ifndef GP_DNS_DNS_ZONE_INT_H
#define GP_DNS_DNS_ZONE_INT_H

#include "lib/base/map.h"
#include "lib/dns/dns_zone.h"

struct gp_zone_record {
	struct gp_zone_record *next;
	enum gp_dns_type type;
	uint32_t ttl_s;
	struct gp_str wire;
	struct gp_str target; /* of a CNAME */
};

/* A name with its records, in their order; without any if only something is below it. */
struct gp_zone_node {
	struct gp_zone_record *records, *last;
};

struct gp_zone {
	struct gp_resolver base;
	struct gp_arena *arena;
	struct gp_map nodes; /* by name as gp_dns_name_from_wire writes it */
	struct gp_str notes;
};

/* Empty, with its arena. */
struct gp_zone *gp_zone_new(void) __attribute__((returns_nonnull));
/* The name's node, made if need be, and those of the names above it. */
struct gp_zone_node *gp_zone_node(struct gp_zone *z, struct gp_str name)
	__attribute__((returns_nonnull));
/* Adds a record unless it is there already.  GP_EINVAL: a CNAME beside other data. */
int gp_zone_add(struct gp_zone *z, struct gp_zone_node *node, enum gp_dns_type type,
		uint32_t ttl_s, struct gp_str wire, struct gp_diag *diag) GP_MUST_USE;

#endif
